"""Where a descent begins; knows neither how a start is found nor what is learnt from there."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body


@dataclass(frozen=True, eq=False)
class Start:
    """The look that a scene shows before its first step.

    ``shape`` are the body's coefficients, ``offset`` is added to the bind pose in metres, ``albedo_srgb`` is the
    texture in sRGB in [0, 1] of any size (a scene resizes it), ``roughness`` and ``metallic`` are in [0, 1].
    """

    shape: Float[Tensor, "s"]
    offset: Float[Tensor, "v 3"]
    albedo_srgb: Float[Tensor, "th tw 3"]
    roughness: float
    metallic: float

    def to(self, device: torch.device) -> "Start":
        """The start with its tensors on a device."""
        shape, offset, albedo = (value.to(device) for value in (self.shape, self.offset, self.albedo_srgb))
        return Start(shape, offset, albedo, self.roughness, self.metallic)


def neutral_start(body: Body) -> Start:
    """The paper's start: the body's neutral shape without offsets, in matte middle grey."""
    return Start(
        shape=body.neutral_shape.clone(),
        offset=torch.zeros_like(body.template.vertices),
        albedo_srgb=torch.full((16, 16, 3), 0.5, device=body.template.vertices.device),
        roughness=0.7,
        metallic=0.0,
    )
