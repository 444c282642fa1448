"""The learnable tangent-space normal map, a pyramid of slopes over a flat start; knows nothing of bodies or light."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clipmatrix.scene.upsample import double

COARSEST = 8
"""The side of the coarsest level in texels: broader bulges are the form's to make."""

FINE_GAIN = 0.8
"""What a level's gain is of that of the next coarser one: the finest texels are seen by few pixels, as noise."""

STEEPEST = 1.0
"""The largest slope along either direction: 45 degrees. Steeper bumps would show their missing depth."""


class NormalMap(nn.Module):
    """m = (-x, -y, 1) at unit length, with slopes x, y = STEEPEST * tanh(a sum of bilinear levels).

    A slope is the rise of the surface over a step along u, or up the picture. All levels begin at zero: a flat map,
    which changes nothing. At 1024x1024 forward and backward take some 30 ms on one thread.

    References: Blinn, Simulation of Wrinkled Surfaces, SIGGRAPH 1978.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        sides = [min(COARSEST, size)]
        while sides[-1] < size:
            sides.append(2 * sides[-1])
        self.slopes = nn.ParameterList([torch.zeros(2, side, side) for side in sides])
        self._gains = [FINE_GAIN ** math.log2(side / sides[0]) for side in sides]

    def slope(self) -> Float[Tensor, "2 nh nw"]:
        """The slopes along u and up the picture, in [-STEEPEST, STEEPEST]."""
        total = self._gains[0] * self.slopes[0]
        for gain, level in zip(self._gains[1:], list(self.slopes)[1:], strict=True):
            total = torch.add(double(total), level, alpha=gain)
        return STEEPEST * torch.tanh(total)

    def forward(self) -> Float[Tensor, "nh nw 3"]:
        """The map as vectors of unit length, as it is rendered."""
        slope = self.slope()
        upright = torch.rsqrt(1.0 + slope.square().sum(0, keepdim=True))
        return torch.cat([-slope * upright, upright]).permute(1, 2, 0)


def bytes_from_normals(normals: Float[Tensor, "nh nw 3"]) -> Tensor:
    """The map in 8 bits as glTF stores it: 0 to 255 stand for -1 to 1."""
    return normals.detach().mul(127.5).add(128.0).clamp(0.0, 255.0).to(torch.uint8)
