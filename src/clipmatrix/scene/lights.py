"""The learnable light and its variation from view to view; knows nothing of what is lit."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clipmatrix.colour import linear_from_srgb
from clipmatrix.errors import ConfigError
from clipmatrix.plans import LightPlan
from clipmatrix.render.surface import KeyShadow, Lights

_AMBIENT = (0.3, 0.65)
_KEY = (0.4, 0.9)
_TINT = 0.12
_DIRECTION = (0.35, 0.55, 0.76)


class LightRig(nn.Module):
    """An ambient and a key light whose strength and colour stay within what white light could be.

    The bounds are tight on purpose: the exported file carries no light, so that a red lamp must not stand in for a
    red body. Strengths stay in [0.3, 0.65] and [0.4, 0.9], each channel within 12 % of its light's strength.
    """

    start_direction: Tensor

    def __init__(
        self,
        shadow: KeyShadow | None = None,
        start: LightPlan | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self._shadow = shadow
        direction = torch.tensor(_DIRECTION) if start is None else _direction(start)
        self.register_buffer("start_direction", direction.to(device))
        self.strength = nn.Parameter((torch.zeros(2) if start is None else _strength_logits(start)).to(device))
        self.tint = nn.Parameter(torch.zeros(2, 3, device=device))
        self.turn = nn.Parameter(torch.zeros(3, device=device))

    def forward(self) -> Lights:
        """The lights, the same for all views."""
        lowest = self.strength.new_tensor([_AMBIENT[0], _KEY[0]])
        highest = self.strength.new_tensor([_AMBIENT[1], _KEY[1]])
        strength = lowest + (highest - lowest) * torch.sigmoid(self.strength)
        colors = strength[:, None] * (1.0 + _TINT * torch.tanh(self.tint))
        direction = nn.functional.normalize(self.start_direction + torch.tanh(self.turn), dim=0)
        return Lights(colors[:1], direction[None], colors[1:], self._shadow)


def _direction(plan: LightPlan) -> Float[Tensor, "3"]:
    """The unit vector towards the plan's key light."""
    azimuth, elevation = math.radians(plan.azimuth_deg), math.radians(plan.elevation_deg)
    across = math.cos(elevation)
    return torch.tensor([across * math.sin(azimuth), math.sin(elevation), across * math.cos(azimuth)])


def _strength_logits(plan: LightPlan) -> Float[Tensor, "2"]:
    """Where the plan's strengths lie within the bounds.

    Raises:
        ConfigError: they lie outside, or the light is coloured.
    """
    logits = []
    for name, (lowest, highest) in (("ambient", _AMBIENT), ("key", _KEY)):
        value = getattr(plan, name)
        if not lowest < value < highest:
            raise ConfigError(
                f"{name} of the learnt light must be between {lowest:g} and {highest:g}, not {value:g}: "
                f"use for instance {(lowest + highest) / 2:g}"
            )
        logits.append((value - lowest) / (highest - value))
    if plan.color != (1.0, 1.0, 1.0):
        raise ConfigError("color of the learnt light must be white, since no light is exported: leave it out")
    return torch.tensor(logits).log()


def planned_lights(plan: LightPlan, shadow: KeyShadow | None = None, device: torch.device | str = "cpu") -> Lights:
    """The light of a plan, the same for all views."""
    color = linear_from_srgb(torch.tensor(plan.color, device=device))
    return Lights(plan.ambient * color[None], _direction(plan)[None].to(device), plan.key * color[None], shadow)


def plain_lights(shadow: KeyShadow | None = None, device: torch.device | str = "cpu") -> Lights:
    """The light at its start: what untextured views are lit with, so that they teach shape and nothing else."""
    with torch.no_grad():
        return LightRig(shadow, device=device)()


def vary_lights(lights: Lights, num_views: int, turn: float, change: float, generator: torch.Generator) -> Lights:
    """One light per view: turned by up to ``turn`` radians and scaled by a factor in [1 - change, 1 + change].

    Ambient and key vary apart from each other. Gradients reach ``lights``.
    """
    place = generator.device
    factors = torch.rand(2, num_views, 1, generator=generator, device=place).to(lights.ambient)
    factors = 1.0 + change * (2.0 * factors - 1.0)
    axis = torch.randn(num_views, 3, generator=generator, device=place).to(lights.ambient)
    axis = nn.functional.normalize(axis, dim=1)
    angle = turn * torch.rand(num_views, 1, generator=generator, device=place).to(lights.ambient)
    return Lights(
        ambient=lights.ambient * factors[0],
        key_direction=_rotate(lights.key_direction.expand(num_views, 3), axis, angle),
        key_color=lights.key_color * factors[1],
        shadow=lights.shadow,
    )


def _rotate(
    vectors: Float[Tensor, "b 3"], axes: Float[Tensor, "b 3"], angles: Float[Tensor, "b 1"]
) -> Float[Tensor, "b 3"]:
    """Rodrigues' rotation formula; rescaled, since rounding would make the direction longer than one."""
    along = (vectors * axes).sum(dim=1, keepdim=True) * axes
    turned = along + torch.cos(angles) * (vectors - along) + torch.sin(angles) * torch.linalg.cross(axes, vectors)
    return nn.functional.normalize(turned, dim=1)
