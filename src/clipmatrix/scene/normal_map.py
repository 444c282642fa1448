"""The learnable tangent-space normal map, a pyramid of slopes over a start; knows nothing of bodies or light."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clipmatrix.scene.texture import resize
from clipmatrix.scene.upsample import double

COARSEST = 8
"""The side of the coarsest level in texels: broader bulges are the form's to make."""

FINE_GAIN = 0.8
"""What a level's gain is of that of the next coarser one: the finest texels are seen by few pixels, as noise."""

STEEPEST = 1.0
"""The largest slope along either direction: 45 degrees. Steeper bumps would show their missing depth."""


RELIEF = 30.0
"""Slope per difference of brightness between points 1/512 of the texture apart, at a relief of 1."""


class NormalMap(nn.Module):
    """m = (-x, -y, 1) at unit length, with slopes x, y = STEEPEST * tanh(the start's + a sum of bilinear levels).

    A slope is the rise of the surface over a step along u, or up the picture. All levels begin at zero. Without a
    start, see ``relief_slope``, that is a flat map, which changes nothing. At 1024x1024 forward and backward take some
    30 ms on one thread.

    References: Blinn, Simulation of Wrinkled Surfaces, SIGGRAPH 1978.
    """

    start_slope: Tensor | None

    def __init__(
        self,
        size: int,
        start_slope: Float[Tensor, "2 nh nw"] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self.register_buffer("start_slope", start_slope)
        sides = [min(COARSEST, size)]
        while sides[-1] < size:
            sides.append(2 * sides[-1])
        self.slopes = nn.ParameterList([torch.zeros(2, side, side, device=device) for side in sides])
        self._gains = [FINE_GAIN ** math.log2(side / sides[0]) for side in sides]

    def slope(self) -> Float[Tensor, "2 nh nw"]:
        """The slopes along u and up the picture, in [-STEEPEST, STEEPEST]."""
        total = self._gains[0] * self.slopes[0]
        for gain, level in zip(self._gains[1:], list(self.slopes)[1:], strict=True):
            total = torch.add(double(total), level, alpha=gain)
        return STEEPEST * torch.tanh(total if self.start_slope is None else self.start_slope + total)

    def forward(self) -> Float[Tensor, "nh nw 3"]:
        """The map as vectors of unit length, as it is rendered."""
        slope = self.slope()
        upright = torch.rsqrt(1.0 + slope.square().sum(0, keepdim=True))
        return torch.cat([-slope * upright, upright]).permute(1, 2, 0)


def relief_slope(albedo_srgb: Float[Tensor, "th tw 3"], size: int, relief: float) -> Float[Tensor, "2 nh nw"] | None:
    """Slopes of a surface that is the higher the brighter its texture is; None for a ``relief`` of zero.

    ``relief`` of 1 makes an edge from dark to light up to 40 degrees steep.
    """
    if not relief:
        return None
    height = resize(albedo_srgb, size).mean(2)
    height = nn.functional.avg_pool2d(nn.functional.pad(height[None, None], (1, 1, 1, 1), mode="replicate"), 3, 1)[0, 0]
    wide = nn.functional.pad(height[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    along = (wide[1:-1, 2:] - wide[1:-1, :-2]) / 2
    up = (wide[:-2, 1:-1] - wide[2:, 1:-1]) / 2
    return relief * RELIEF * size / 512 * torch.stack([along, up])


def bytes_from_normals(normals: Float[Tensor, "nh nw 3"]) -> Tensor:
    """The map in 8 bits as glTF stores it: 0 to 255 stand for -1 to 1."""
    return normals.detach().mul(127.5).add(128.0).clamp(0.0, 255.0).to(torch.uint8)
