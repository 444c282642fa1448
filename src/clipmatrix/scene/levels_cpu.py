"""The texture's levels added up from the coarsest on, compiled for the CPU; knows only planes of numbers.

The twin in plain torch is ``Texture.coarse_reference``. One thread, one order: the same bits every time.
"""

from collections.abc import Sequence
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable


def sum_levels(
    luma: Sequence[Float[Tensor, "1 _ _"]],
    chroma: Sequence[Float[Tensor, "2 _ _"]],
    gains: Sequence[float],
    part_level: int,
    spread: Float[Tensor, "3 hp wp"] | None,
    basis: Float[Tensor, "3 2"],
) -> Float[Tensor, "3 h w"]:
    """The sum of all levels in red, green and blue, each twice as large as the one before; float32.

    ``gains`` are those of the colours. ``spread``, brightness and colour, is added at ``part_level``, and ``basis``
    takes colour to red, green and blue. Differentiable in the levels and in ``spread``.
    """
    return _SumLevels.apply(list(gains), part_level, basis, spread, *luma, *chroma)  # pyright: ignore[reportReturnType]


class _SumLevels(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, gains: list[float], part_level: int, basis: Tensor, spread: Tensor | None, *levels: Tensor
    ) -> Tensor:
        count = len(gains)
        planes = torch.cat([levels[0], gains[0] * levels[count]])
        for level in range(count):
            bright, color = levels[level].detach().contiguous(), levels[count + level].detach().contiguous()
            if level > 0:
                doubled = planes.new_empty(3, 2 * planes.shape[1], 2 * planes.shape[2])
                _double(planes.numpy(), bright.numpy(), color.numpy(), np.float32(gains[level]), doubled.numpy())
                planes = doubled
            if spread is not None and level == part_level:
                planes = planes + spread
        rgb = torch.empty_like(planes)
        _mix(planes.numpy(), basis.numpy(), rgb.numpy())
        ctx.gains, ctx.part_level, ctx.basis, ctx.has_spread = gains, part_level, basis, spread is not None
        return rgb

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        rgb, count = gradients[0].contiguous(), len(ctx.gains)
        gradient = torch.empty_like(rgb)
        _mix_adjoint(rgb.numpy(), ctx.basis.numpy(), gradient.numpy())
        luma, chroma, spread = [rgb] * count, [rgb] * count, None
        for level in range(count - 1, -1, -1):
            if ctx.has_spread and level == ctx.part_level:
                spread = gradient
            luma[level], chroma[level] = gradient[:1], ctx.gains[level] * gradient[1:]
            if level > 0:
                halved = rgb.new_zeros(3, gradient.shape[1] // 2, gradient.shape[2] // 2)
                _double_adjoint(gradient.numpy(), halved.numpy())
                gradient = halved
        return None, None, None, spread, *luma, *chroma


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _double(planes, luma, chroma, gain, out):
    """The planes at twice the size, bilinear as ``double``, with the next level added."""
    half, width = planes.shape[1], planes.shape[2]
    row = np.empty(width, np.float32)
    near, far = np.float32(0.75), np.float32(0.25)
    for c in range(3):
        weight = np.float32(1.0) if c == 0 else gain
        for y in range(2 * half):
            i = y >> 1
            other = max(i - 1, 0) if y & 1 == 0 else min(i + 1, half - 1)
            here, there, into = planes[c, i], planes[c, other], out[c, y]
            level = luma[0, y] if c == 0 else chroma[c - 1, y]
            for j in range(width):
                row[j] = near * here[j] + far * there[j]
            into[0], into[2 * width - 1] = row[0], row[width - 1]
            for j in range(width - 1):
                into[2 * j + 1] = near * row[j] + far * row[j + 1]
                into[2 * j + 2] = near * row[j + 1] + far * row[j]
            for x in range(2 * width):
                into[x] += weight * level[x]


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _double_adjoint(gradient, total):
    """Add to ``total`` what the doubling hands back; the levels' own gradients are for the caller."""
    half, width = total.shape[1], total.shape[2]
    row = np.empty(width, np.float32)
    near, far = np.float32(0.75), np.float32(0.25)
    for c in range(3):
        for y in range(2 * half):
            wide = gradient[c, y]
            for j in range(width):
                row[j] = near * (wide[2 * j] + wide[2 * j + 1])
            row[0] += far * wide[0]
            row[width - 1] += far * wide[2 * width - 1]
            for j in range(width - 1):
                row[j] += far * wide[2 * j + 2]
            for j in range(width - 1):
                row[j + 1] += far * wide[2 * j + 1]
            i = y >> 1
            other = max(i - 1, 0) if y & 1 == 0 else min(i + 1, half - 1)
            here, there = total[c, i], total[c, other]
            for j in range(width):
                here[j] += near * row[j]
            for j in range(width):
                there[j] += far * row[j]


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _mix(planes, basis, rgb):
    for c in range(3):
        first, second = basis[c, 0], basis[c, 1]
        for y in range(planes.shape[1]):
            bright, one, two, into = planes[0, y], planes[1, y], planes[2, y], rgb[c, y]
            for x in range(planes.shape[2]):
                into[x] = bright[x] + first * one[x] + second * two[x]


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _mix_adjoint(rgb, basis, planes):
    for y in range(rgb.shape[1]):
        red, green, blue = rgb[0, y], rgb[1, y], rgb[2, y]
        for x in range(rgb.shape[2]):
            planes[0, y, x] = red[x] + green[x] + blue[x]
        for k in range(2):
            r, g, b, into = basis[0, k], basis[1, k], basis[2, k], planes[1 + k, y]
            for x in range(rgb.shape[2]):
                into[x] = r * red[x] + g * green[x] + b * blue[x]
