"""The learnable material factors; knows nothing of texture or light."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

SMALLEST_ROUGHNESS = 0.08
"""Smoother surfaces shrink highlights below a pixel of the training views, where their gradient is noise."""

_MARGIN = 0.02


class Material(nn.Module):
    """glTF's roughness and metallic factors for the whole surface, within their bounds by a sigmoid.

    Both begin at the start's values, moved 0.02 inwards where those lie on a bound.
    """

    start_logits: Tensor

    def __init__(self, roughness: float, metallic: float, device: torch.device | str = "cpu") -> None:
        super().__init__()
        rough = (roughness - SMALLEST_ROUGHNESS) / (1.0 - SMALLEST_ROUGHNESS)
        self.register_buffer("start_logits", torch.tensor([_logit(rough), _logit(metallic)], device=device))
        self.change = nn.Parameter(torch.zeros(2, device=device))

    def forward(self) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Roughness and metallic."""
        rough, metallic = torch.sigmoid(self.start_logits + self.change).unbind()
        return SMALLEST_ROUGHNESS + (1.0 - SMALLEST_ROUGHNESS) * rough, metallic


def _logit(value: float) -> float:
    value = min(max(value, _MARGIN), 1.0 - _MARGIN)
    return math.log(value / (1.0 - value))
