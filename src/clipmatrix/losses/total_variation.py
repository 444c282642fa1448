"""How busy a texture is; knows nothing of what it is wrapped around."""

from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable


def total_variation_loss(texture: Float[Tensor, "th tw 3"]) -> Float[Tensor, ""]:
    """The mean absolute difference of neighbouring texels, along rows plus along columns; zero for one colour.

    On the CPU value and slope come from one compiled pass; ``total_variation_reference`` is its twin.

    References: Rudin, Osher, Fatemi, "Nonlinear total variation based noise removal algorithms", Physica D 1992,
    anisotropic.
    """
    if texture.device.type != "cpu" or texture.dtype != torch.float32 or min(texture.shape[:2]) < 2:
        return total_variation_reference(texture)
    return _TotalVariation.apply(texture.permute(2, 0, 1))  # pyright: ignore[reportReturnType]


def total_variation_reference(texture: Float[Tensor, "th tw 3"]) -> Float[Tensor, ""]:
    """The same in plain torch."""
    rows = (texture[1:] - texture[:-1]).abs().mean()
    columns = (texture[:, 1:] - texture[:, :-1]).abs().mean()
    return rows + columns


class _TotalVariation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, planes: Tensor) -> Tensor:
        planes = planes.detach().contiguous()
        slope = torch.zeros_like(planes)
        total = _measure(planes.numpy(), slope.numpy())
        ctx.save_for_backward(slope)
        return planes.new_tensor(total)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (slope,) = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        return slope.mul_(gradients[0])


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def _measure(planes, slope):
    """The loss; its slope is added to ``slope``, a difference of zero having none."""
    height, width = planes.shape[1], planes.shape[2]
    by_row = np.float32(1.0 / (3.0 * (height - 1) * width))
    by_column = np.float32(1.0 / (3.0 * height * (width - 1)))
    total = 0.0
    step = np.empty(width, np.float32)
    for c in range(planes.shape[0]):
        for y in range(height):
            here, mine = planes[c, y], slope[c, y]
            part = np.float32(0.0)
            for x in range(width - 1):
                step[x] = here[x + 1] - here[x]
                part += abs(step[x])
            total += part * by_column
            for x in range(width - 1):
                step[x] = by_column if step[x] > 0 else (-by_column if step[x] < 0 else np.float32(0.0))
            for x in range(width - 1):
                mine[x] -= step[x]
            for x in range(width - 1):
                mine[x + 1] += step[x]
            if y + 1 == height:
                continue
            below, theirs = planes[c, y + 1], slope[c, y + 1]
            part = np.float32(0.0)
            for x in range(width):
                difference = below[x] - here[x]
                part += abs(difference)
                sign = by_row if difference > 0 else (-by_row if difference < 0 else np.float32(0.0))
                mine[x] -= sign
                theirs[x] += sign
            total += part * by_row
    return total
