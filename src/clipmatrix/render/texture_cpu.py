"""Mip-mapped lookups compiled for the CPU, forward and backward; knows planes of texels, points and levels only.

The twin in plain torch is ``sample_texture_reference`` in ``texture.py``. The gradient is built from the coarsest level
down: what a level got is spread over the four texels below, then that level's own points are added, so that the whole
texture is written once. One thread, one order: the same bits every time. Float32 and float64.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable


def read_trilinear(
    texture: Float[Tensor, "th tw c"], uv: Float[Tensor, "n 2"], level: Float[Tensor, "n"]
) -> Float[Tensor, "n c"]:
    """Each point's blend of the two pyramid levels around its ``level``, from 0 up to that of the single texel.

    Differentiable in ``texture`` and ``uv``. Nothing is copied where the texture lies plane by plane in memory.
    """
    return _ReadTrilinear.apply(texture, uv, level)  # pyright: ignore[reportReturnType]


def _level_sizes(rows: int, columns: int, num_levels: int) -> np.ndarray:
    """Rows, columns and the place in one flat buffer of each level; the finest lies in a buffer of its own."""
    sizes = [(rows, columns, 0)]
    start = 0
    while len(sizes) < num_levels:
        rows, columns = (rows + 1) // 2, (columns + 1) // 2
        sizes.append((rows, columns, start))
        start += rows * columns
    return np.array([*sizes, (0, 0, start)], np.int64)


class _ReadTrilinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, texture: Tensor, uv: Tensor, level: Tensor) -> Tensor:
        planes = texture.detach().permute(2, 0, 1).contiguous()
        uv, level = uv.detach().contiguous(), level.detach().contiguous()
        num_channels, rows, columns = planes.shape
        coarsest = (max(rows, columns) - 1).bit_length()
        num_levels = min(int(level.nan_to_num(0.0).amax()), coarsest - 1) + 2
        sizes = _level_sizes(rows, columns, num_levels)
        coarser = planes.new_empty(num_channels, int(sizes[-1, 2]))
        _build(planes.numpy(), coarser.numpy(), sizes)
        out = uv.new_empty(uv.shape[0], num_channels)
        fine = planes.reshape(num_channels, -1)
        _read(fine.numpy(), coarser.numpy(), sizes, uv.numpy(), level.numpy(), out.numpy())
        ctx.save_for_backward(fine, coarser, uv, level)
        ctx.sizes = sizes
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        fine, coarser, uv, level = ctx.saved_tensors
        sizes = ctx.sizes
        points = uv.numpy(), level.numpy(), gradients[0].contiguous().numpy()
        grad_texture = grad_uv = None
        if ctx.needs_input_grad[0]:
            planes = torch.empty_like(fine)
            _spread(planes.numpy(), torch.empty_like(coarser).numpy(), sizes, *points)
            grad_texture = planes.reshape(-1, int(sizes[0, 0]), int(sizes[0, 1])).permute(1, 2, 0)
        if ctx.needs_input_grad[1]:
            grad_uv = torch.empty_like(uv)
            _slope(fine.numpy(), coarser.numpy(), sizes, *points, grad_uv.numpy())
        return grad_texture, grad_uv, None


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _halve_rows(texture, rows, columns, start, out, out_start, half):
    """The means of 2 x 2 texels of one plane; at an odd side's end of what there is."""
    quarter = texture.dtype.type(0.25)
    pairs = columns // 2
    for y in range((rows + 1) // 2):
        upper = texture[start + 2 * y * columns : start + (2 * y + 1) * columns]
        low = min(2 * y + 1, rows - 1)
        lower = texture[start + low * columns : start + (low + 1) * columns]
        into = out[out_start + y * half : out_start + (y + 1) * half]
        for x in range(pairs):
            into[x] = ((upper[2 * x] + upper[2 * x + 1]) + (lower[2 * x] + lower[2 * x + 1])) * quarter
        if columns % 2 == 1:
            into[half - 1] = (upper[columns - 1] + lower[columns - 1]) * (quarter + quarter)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _build(planes, coarser, sizes):
    """Fill the coarser levels of the pyramid."""
    for c in range(planes.shape[0]):
        flat = planes[c].reshape(-1)
        for k in range(1, sizes.shape[0] - 1):
            rows, columns, start = sizes[k - 1, 0], sizes[k - 1, 1], sizes[k - 1, 2]
            source = flat if k == 1 else coarser[c]
            _halve_rows(source, rows, columns, start, coarser[c], sizes[k, 2], sizes[k, 1])


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _two_levels(level, num_levels):
    """The finer of the two levels to read, and the share of the coarser one."""
    # Written so that what is no number reads the finest.
    if not level > 0.0:
        return 0, 0.0
    fine = int(min(level, num_levels - 2.0))
    return fine, min(level - fine, 1.0)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _two_texels(place, length):
    """The texels beside a place on a line of them, the share of the second, and whether the place is between two."""
    at = np.float64(place) * length - 0.5
    if not at > 0.0:
        return 0, 0, 0.0, False
    if at >= length - 1:
        return length - 1, length - 1, 0.0, False
    first = int(at)
    return first, first + 1, at - first, True


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _read(fine, coarser, sizes, uv, level, out):
    num_levels = sizes.shape[0] - 1
    for n in range(uv.shape[0]):
        first, blend = _two_levels(np.float64(level[n]), num_levels)
        for c in range(out.shape[1]):
            out[n, c] = 0.0
        for step in range(2):
            share = blend if step == 1 else 1.0 - blend
            if share == 0.0:
                continue
            rows, columns, start = sizes[first + step, 0], sizes[first + step, 1], sizes[first + step, 2]
            source = fine if first + step == 0 else coarser
            left, right, across, _ = _two_texels(uv[n, 0], columns)
            upper, lower, down, _ = _two_texels(uv[n, 1], rows)
            upper, lower = start + upper * columns, start + lower * columns
            for c in range(out.shape[1]):
                a, b = source[c, upper + left], source[c, upper + right]
                d, e = source[c, lower + left], source[c, lower + right]
                above = a + across * (b - a)
                out[n, c] += share * (above + down * (d + across * (e - d) - above))


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _slope(fine, coarser, sizes, uv, level, gradient, grad_uv):
    """How the sum of what was read, weighed by ``gradient``, changes with the points' places."""
    num_levels = sizes.shape[0] - 1
    for n in range(uv.shape[0]):
        first, blend = _two_levels(np.float64(level[n]), num_levels)
        by_u = by_v = 0.0
        for step in range(2):
            share = blend if step == 1 else 1.0 - blend
            if share == 0.0:
                continue
            rows, columns, start = sizes[first + step, 0], sizes[first + step, 1], sizes[first + step, 2]
            source = fine if first + step == 0 else coarser
            left, right, across, is_across = _two_texels(uv[n, 0], columns)
            upper, lower, down, is_down = _two_texels(uv[n, 1], rows)
            upper, lower = start + upper * columns, start + lower * columns
            for c in range(gradient.shape[1]):
                a, b = source[c, upper + left], source[c, upper + right]
                d, e = source[c, lower + left], source[c, lower + right]
                weight = share * gradient[n, c]
                if is_across:
                    by_u += weight * columns * ((b - a) + down * ((e - d) - (b - a)))
                if is_down:
                    by_v += weight * rows * ((d - a) + across * ((e - b) - (d - a)))
        grad_uv[n, 0] = by_u
        grad_uv[n, 1] = by_v


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _double_rows(coarse, coarse_start, half, out, start, rows, columns):
    """Hand what 2 x 2 means got on to their texels; the adjoint of ``_halve_rows``."""
    quarter = out.dtype.type(0.25)
    pairs = columns // 2
    for y in range(rows):
        source = coarse[coarse_start + (y // 2) * half : coarse_start + (y // 2 + 1) * half]
        into = out[start + y * columns : start + (y + 1) * columns]
        share = quarter + quarter if rows % 2 == 1 and y == rows - 1 else quarter
        for x in range(pairs):
            value = source[x] * share
            into[2 * x] = value
            into[2 * x + 1] = value
        if columns % 2 == 1:
            into[columns - 1] = source[half - 1] * (share + share)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _add_taps(out, rows, columns, start, points, shares, uv, gradient):
    """Add the gradients of some points to the four texels around each."""
    for i in range(points.shape[0]):
        n, share = points[i], shares[i]
        left, right, across, _ = _two_texels(uv[n, 0], columns)
        upper, lower, down, _ = _two_texels(uv[n, 1], rows)
        upper, lower = start + upper * columns, start + lower * columns
        for c in range(gradient.shape[1]):
            above, below = share * (1.0 - down) * gradient[n, c], share * down * gradient[n, c]
            out[c, upper + left] += (1.0 - across) * above
            out[c, upper + right] += across * above
            out[c, lower + left] += (1.0 - across) * below
            out[c, lower + right] += across * below


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _spread(grad_fine, grad_coarser, sizes, uv, level, gradient):
    """Fill the texture's gradient from the points' ones; all of both buffers is written."""
    num_levels, num_points = sizes.shape[0] - 1, uv.shape[0]
    points, shares = np.empty(num_points, np.int64), np.empty(num_points, np.float64)
    for k in range(num_levels - 1, -1, -1):
        rows, columns, start = sizes[k, 0], sizes[k, 1], sizes[k, 2]
        out = grad_fine if k == 0 else grad_coarser
        for c in range(gradient.shape[1]):
            if k == num_levels - 1:
                out[c, start : start + rows * columns] = 0.0
            else:
                _double_rows(grad_coarser[c], sizes[k + 1, 2], sizes[k + 1, 1], out[c], start, rows, columns)
        count = 0
        for n in range(num_points):
            first, blend = _two_levels(np.float64(level[n]), num_levels)
            share = 1.0 - blend if first == k else (blend if first + 1 == k else 0.0)
            if share > 0.0:
                points[count], shares[count] = n, share
                count += 1
        _add_taps(out, rows, columns, start, points[:count], shares[:count], uv, gradient)
