"""From the texture's levels to linear RGB in one compiled pass over memory each way; knows only planes of numbers.

The twin in plain torch is ``Texture.logit`` and the curve after it, which other devices run. One thread, one order:
the same bits every time.
"""

from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

_REACH = 12.0
"""Logits beyond this are taken as this: the colour differs by less than 1e-5."""

_DENSITY = 256
"""Entries of the curve's table per unit of logit; with lines between, 5e-7 off at most."""


def _curve() -> tuple[np.ndarray, np.ndarray]:
    """linear_from_srgb(sigmoid(x)) and its slope over the reach, the last entry twice."""
    x = np.arange(-_REACH * _DENSITY, _REACH * _DENSITY + 2) / _DENSITY
    srgb = 1.0 / (1.0 + np.exp(-x))
    is_straight = srgb <= 0.04045
    base = (np.maximum(srgb, 0.04045) + 0.055) / 1.055
    linear = np.where(is_straight, srgb / 12.92, base**2.4)
    slope = np.where(is_straight, 1 / 12.92, 2.4 / 1.055 * base**1.4) * srgb * (1.0 - srgb)
    return linear.astype(np.float32), slope.astype(np.float32)


_LINEAR, _SLOPE = _curve()


def linear_from_levels(
    start_logit: Float[Tensor, "3 s s"],
    coarse: Float[Tensor, "3 h h"],
    luma: Float[Tensor, "1 s s"],
    tint: Float[Tensor, "3"],
    contrast: float,
) -> Float[Tensor, "3 s s"]:
    """linear_from_srgb(sigmoid(start + contrast * (double(coarse) + luma) + tint)), float32 on the CPU.

    Differentiable in ``coarse`` and ``luma``.
    """
    return _FromLevels.apply(start_logit, coarse, luma, tint, contrast)  # pyright: ignore[reportReturnType]


class _FromLevels(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, start_logit: Tensor, coarse: Tensor, luma: Tensor, tint: Tensor, contrast: float
    ) -> Tensor:
        linear, slope = torch.empty_like(start_logit), torch.empty_like(start_logit)
        levels = coarse.contiguous().numpy(), luma.contiguous().numpy()
        planes = linear.numpy(), slope.numpy()
        _forward(start_logit.numpy(), levels[0], levels[1], tint.numpy(), planes[0], planes[1], np.float32(contrast))
        ctx.save_for_backward(slope)
        ctx.contrast = contrast  # type: ignore[attr-defined]
        return linear

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: FunctionCtx, *gradients: Tensor
    ) -> tuple[None, Tensor, Tensor, None, None]:
        (slope,) = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        side = slope.shape[-1]
        coarse, luma = slope.new_zeros(3, side // 2, side // 2), slope.new_zeros(1, side, side)
        contrast = np.float32(ctx.contrast)  # pyright: ignore[reportAttributeAccessIssue]
        _backward(gradients[0].contiguous().numpy(), slope.numpy(), coarse.numpy(), luma.numpy(), contrast)
        return None, coarse, luma, None, None


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _forward(start, coarse, luma, tint, linear, slope, contrast):
    half = coarse.shape[1]
    row, wide = np.empty(half, np.float32), np.empty(2 * half, np.float32)
    near, far, reach, density = np.float32(0.75), np.float32(0.25), np.float32(_REACH), np.float32(_DENSITY)
    for c in range(3):
        for y in range(2 * half):
            i = y >> 1
            other = max(i - 1, 0) if y & 1 == 0 else min(i + 1, half - 1)
            for j in range(half):
                row[j] = near * coarse[c, i, j] + far * coarse[c, other, j]
            wide[0], wide[2 * half - 1] = row[0], row[half - 1]
            for j in range(half - 1):
                wide[2 * j + 1] = near * row[j] + far * row[j + 1]
                wide[2 * j + 2] = near * row[j + 1] + far * row[j]
            first, second, third = linear[c, y], slope[c, y], start[c, y]
            finest, shift = luma[0, y], tint[c]
            for x in range(2 * half):
                value = (wide[x] + finest[x]) * contrast + third[x] + shift
                wide[x] = (min(reach, max(-reach, value)) + reach) * density
            for x in range(2 * half):
                # Unsigned, so that no index can be taken from the end.
                index = np.uint32(wide[x])
                share = wide[x] - np.float32(index)
                first[x] = _LINEAR[index] + share * (_LINEAR[index + np.uint32(1)] - _LINEAR[index])
                second[x] = _SLOPE[index] + share * (_SLOPE[index + np.uint32(1)] - _SLOPE[index])


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _backward(gradient, slope, coarse, luma, contrast):
    half = coarse.shape[1]
    row, wide = np.empty(half, np.float32), np.empty(2 * half, np.float32)
    near, far = np.float32(0.75), np.float32(0.25)
    for c in range(3):
        for y in range(2 * half):
            given, factor, finest = gradient[c, y], slope[c, y], luma[0, y]
            for x in range(2 * half):
                wide[x] = given[x] * factor[x] * contrast
                finest[x] += wide[x]
            for j in range(half):
                row[j] = near * (wide[2 * j] + wide[2 * j + 1])
            row[0] += far * wide[0]
            row[half - 1] += far * wide[2 * half - 1]
            for j in range(half - 1):
                row[j] += far * wide[2 * j + 2]
                row[j + 1] += far * wide[2 * j + 1]
            i = y >> 1
            other = max(i - 1, 0) if y & 1 == 0 else min(i + 1, half - 1)
            for j in range(half):
                coarse[c, i, j] += near * row[j]
                coarse[c, other, j] += far * row[j]
