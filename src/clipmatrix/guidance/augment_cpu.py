"""Looks at renders, compiled for the CPU, forward and backward; knows pixels and homographies, not how they are drawn.

The twin in plain torch is ``mix_looks_reference`` in ``augment.py``. One thread, one order: the same bits every time.
"""

import math
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

_HORIZON = 1e-3
"""A homography's denominator from here down is behind the horizon, where the picture would fold over."""

_UNDRAWN = -1.0
_BLOCK = 8


def mix_looks(
    rgb_linear: Float[Tensor, "b h w 3"],
    alpha: Float[Tensor, "b h w 1"],
    source_from_look: Float[Tensor, "n 3 3"],
    backgrounds: Float[Tensor, "n 3 s s"],
    scale: int,
) -> Float[Tensor, "n 3 s s"]:
    """See ``mix_looks_reference``. Differentiable in the renders."""
    return _MixLooks.apply(rgb_linear, alpha, source_from_look, backgrounds, scale)  # pyright: ignore[reportReturnType]


class _MixLooks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rgb: Tensor, alpha: Tensor, matrices: Tensor, backgrounds: Tensor, scale: int) -> Tensor:
        rgb, alpha = rgb.detach().contiguous(), alpha.detach().contiguous()
        matrices = matrices.detach().to(torch.float64).contiguous()
        pictures = backgrounds.detach().contiguous().clone()
        light = torch.full_like(pictures, _UNDRAWN)
        bounds = torch.stack([_bounds(view) for view in alpha[..., 0] > 0])
        _mix(rgb.numpy(), alpha.numpy(), matrices.numpy(), bounds.numpy(), scale, pictures.numpy(), light.numpy())
        ctx.save_for_backward(matrices, backgrounds, pictures, light)
        ctx.scale, ctx.shape = scale, alpha.shape[:3]
        return pictures

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        matrices, backgrounds, pictures, light = ctx.saved_tensors
        total = pictures.new_zeros(*ctx.shape, 4)
        _mix_backward(
            matrices.numpy(), ctx.scale, backgrounds.contiguous().numpy(), pictures.numpy(), light.numpy(),
            gradients[0].contiguous().numpy(), total.numpy(),
        )  # fmt: skip
        return total[..., :3], total[..., 3:], None, None, None


def _bounds(is_shown: Tensor) -> Tensor:
    """First and last row and column that show anything of a view; an empty view has none between them."""
    rows, columns = is_shown.any(dim=1).nonzero(), is_shown.any(dim=0).nonzero()
    if not len(rows):
        return torch.tensor([1, 0, 1, 0])
    return torch.cat([rows[0], rows[-1], columns[0], columns[-1]])


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _place(matrix, x, y, height, width):
    """Where a point of a look (NDC, +y down) lies in the render, in pixels; far outside of it beyond the horizon."""
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    if not depth > _HORIZON:
        return -9.0, -9.0
    near = 1.0 / depth
    u = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) * near
    v = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) * near
    return (v + 1.0) * (0.5 * height) - 0.5, (u + 1.0) * (0.5 * width) - 0.5


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _is_block_near(matrix, i, j, size, height, width, bounds):
    """Whether any point of a block of pixels may show something: a homography keeps what is convex so.

    A block that reaches the horizon counts as near.
    """
    low_row = low_column = np.inf
    high_row = high_column = -np.inf
    for corner in range(4):
        y = 2.0 * min(i + _BLOCK * (corner // 2), size) / size - 1.0
        x = 2.0 * min(j + _BLOCK * (corner % 2), size) / size - 1.0
        if not matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] > _HORIZON:
            return True
        row, column = _place(matrix, x, y, height, width)
        low_row, high_row = min(low_row, row), max(high_row, row)
        low_column, high_column = min(low_column, column), max(high_column, column)
    is_beside = high_row <= bounds[0] - 1 or low_row >= bounds[1] + 1
    return not (is_beside or high_column <= bounds[2] - 1 or low_column >= bounds[3] + 1)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _linear(srgb):
    """Linear light of a display value, in float32: the power takes a third of float64's time."""
    if srgb <= 0.04045:
        return srgb / 12.92
    return np.float32((srgb + 0.055) / 1.055) ** np.float32(2.4)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _srgb(linear):
    if linear <= 0.0031308:
        return 12.92 * linear
    return 1.055 * np.float32(linear) ** np.float32(1.0 / 2.4) - 0.055


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _sample(rgb, alpha, view, row, column):
    """Colour and alpha at a place of a render, bilinear, empty outside."""
    red = green = blue = cover = 0.0
    top, left = math.floor(row), math.floor(column)
    down, across = row - top, column - left
    for tap in range(4):
        r, c = top + tap // 2, left + tap % 2
        if r < 0 or c < 0 or r >= alpha.shape[1] or c >= alpha.shape[2]:
            continue
        weight = (down if tap >= 2 else 1.0 - down) * (across if tap % 2 else 1.0 - across)
        red += weight * rgb[view, r, c, 0]
        green += weight * rgb[view, r, c, 1]
        blue += weight * rgb[view, r, c, 2]
        cover += weight * alpha[view, r, c, 0]
    return red, green, blue, cover


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _mix(rgb, alpha, matrices, bounds, scale, pictures, light):
    """Draw the figure over the backgrounds; ``light`` gets the linear values of what was drawn."""
    height, width = alpha.shape[1], alpha.shape[2]
    num, size = pictures.shape[0], pictures.shape[2]
    for n in range(num):
        view = n * alpha.shape[0] // num
        for i in range(0, size, _BLOCK):
            for j in range(0, size, _BLOCK):
                if _is_block_near(matrices[n], i, j, size, height, width, bounds[view]):
                    _mix_block(rgb, alpha, view, matrices[n], bounds[view], scale, i, j, pictures[n], light[n])


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _mix_block(rgb, alpha, view, matrix, bounds, scale, first_row, first_column, picture, light):
    height, width, size = alpha.shape[1], alpha.shape[2], picture.shape[1]
    step, share = 2.0 / (size * scale), 1.0 / (scale * scale)
    for i in range(first_row, min(first_row + _BLOCK, size)):
        for j in range(first_column, min(first_column + _BLOCK, size)):
            red = green = blue = cover = 0.0
            for k in range(scale * scale):
                y = (i * scale + k // scale + 0.5) * step - 1.0
                x = (j * scale + k % scale + 0.5) * step - 1.0
                row, column = _place(matrix, x, y, height, width)
                if not (bounds[0] - 1 < row < bounds[1] + 1 and bounds[2] - 1 < column < bounds[3] + 1):
                    continue
                r, g, b, a = _sample(rgb, alpha, view, row, column)
                red, green, blue, cover = red + r, green + g, blue + b, cover + a
            if cover <= 0.0:
                continue
            clear = 1.0 - cover * share
            for k, seen in enumerate((red, green, blue)):
                mixed = seen * share + (clear * _linear(picture[k, i, j]) if clear != 0.0 else 0.0)
                light[k, i, j] = mixed
                picture[k, i, j] = _srgb(mixed)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _add(total, view, row, column, red, green, blue, cover):
    """Hand a point's gradient to the four pixels around it; the adjoint of ``_sample``."""
    top, left = math.floor(row), math.floor(column)
    down, across = row - top, column - left
    for tap in range(4):
        r, c = top + tap // 2, left + tap % 2
        if r < 0 or c < 0 or r >= total.shape[1] or c >= total.shape[2]:
            continue
        weight = (down if tap >= 2 else 1.0 - down) * (across if tap % 2 else 1.0 - across)
        total[view, r, c, 0] += weight * red
        total[view, r, c, 1] += weight * green
        total[view, r, c, 2] += weight * blue
        total[view, r, c, 3] += weight * cover


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _mix_backward(matrices, scale, backgrounds, pictures, light, gradient, total):
    num_views, height, width = total.shape[0], total.shape[1], total.shape[2]
    num, size = pictures.shape[0], pictures.shape[2]
    step, share = 2.0 / (size * scale), 1.0 / (scale * scale)
    for n in range(num):
        for i in range(size):
            for j in range(size):
                if light[n, 0, i, j] == _UNDRAWN:
                    continue
                red = green = blue = cover = 0.0
                for k in range(3):
                    mixed = light[n, k, i, j]
                    # The power's slope is its value over its argument, times the exponent.
                    slope = 12.92 if mixed <= 0.0031308 else (pictures[n, k, i, j] + 0.055) / (2.4 * mixed)
                    by_light = slope * share * gradient[n, k, i, j]
                    cover -= by_light * _linear(backgrounds[n, k, i, j])
                    red, green, blue = green, blue, by_light
                for k in range(scale * scale):
                    y = (i * scale + k // scale + 0.5) * step - 1.0
                    x = (j * scale + k % scale + 0.5) * step - 1.0
                    row, column = _place(matrices[n], x, y, height, width)
                    if row > -1.0 and column > -1.0 and row < height and column < width:
                        _add(total, n * num_views // num, row, column, red, green, blue, cover)
