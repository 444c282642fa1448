"""The random numbers behind shots, and what settings and plans make of them; knows no bodies and no cameras."""

import math
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from clipmatrix.plans import CameraPlan, Span
from clipmatrix.views.shot_config import ShotConfig

_STEEPEST = math.radians(85)


@dataclass(frozen=True, eq=False)
class Dice:
    """Raw numbers of a batch of shots: evenly from [0, 1), or normal and cut at two deviations."""

    front: Float[Tensor, "b"]
    azimuth: Float[Tensor, "b"]
    elevation: Float[Tensor, "b"]
    roll: Float[Tensor, "b"]
    fov: Float[Tensor, "b"]
    margin: Float[Tensor, "b"]
    shift: Float[Tensor, "b 2"]
    is_close_up: Float[Tensor, "b"]
    close_up: Float[Tensor, "b"]
    pick: Float[Tensor, "b"]


@dataclass(frozen=True, eq=False)
class Draw:
    """A batch of shots in numbers; angles in radians, ``shift`` and ``pick`` in [-1, 1] and [0, 1).

    ``distance`` is in metres, and 0 where the frame decides.
    """

    azimuth: Float[Tensor, "b"]
    elevation: Float[Tensor, "b"]
    roll: Float[Tensor, "b"]
    fov: Float[Tensor, "b"]
    margin: Float[Tensor, "b"]
    shift: Float[Tensor, "b 2"]
    is_close_up: Bool[Tensor, "b"]
    close_up: Float[Tensor, "b"]
    pick: Float[Tensor, "b"]
    distance: Float[Tensor, "b"]
    is_flat: Bool[Tensor, "b"]


def throw(num: int, generator: torch.Generator) -> Dice:
    """All raw numbers, always as many: what one view draws does not depend on another's kind of shot."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(num, *shape, generator=generator, device=generator.device)

    def normal() -> Tensor:
        return torch.randn(num, generator=generator, device=generator.device).clamp(-2.0, 2.0)

    # The order is part of what a seed means.
    return Dice(
        front=uniform(), azimuth=uniform(), elevation=normal(), roll=normal(), fov=uniform(), margin=uniform(),
        shift=uniform(2), is_close_up=uniform(), close_up=uniform(), pick=uniform(),
    )  # fmt: skip


def read(dice: Dice, config: ShotConfig, plan: CameraPlan | None = None) -> Draw:
    """What the raw numbers mean by the settings, and where it says something, by a prompt's own plan."""
    draw = _by_config(dice, config)
    return draw if plan is None else _by_plan(dice, draw, plan)


def narrowed(config: ShotConfig, share: float) -> ShotConfig:
    """The settings with angles and places that vary by no more than that ``share`` of what they may."""
    return ShotConfig(
        **{
            field.name: getattr(config, field.name) * (share if field.name in _WIDTHS else 1)
            for field in fields(config)
        }
    )


_WIDTHS = (
    "azimuth_range_deg", "front_range_deg", "elevation_spread_deg", "look_at_jitter", "roll_spread_deg",
    "close_up_probability",
)  # fmt: skip


def choose(rows: Bool[Tensor, "b"], one: Draw, other: Draw) -> Draw:
    """One draw at the given rows, the other elsewhere."""
    picked = {}
    for field in fields(Draw):
        first, second = getattr(one, field.name), getattr(other, field.name)
        picked[field.name] = torch.where(rows if first.ndim == 1 else rows[:, None], first, second)
    return Draw(**picked)


def _by_config(dice: Dice, config: ShotConfig) -> Draw:
    front = math.radians(min(config.front_range_deg, config.azimuth_range_deg))
    wide = math.radians(config.azimuth_range_deg)
    azimuth = _between(dice.azimuth, -1.0, 1.0) * torch.where(dice.front < config.front_share, front, wide)
    elevation = math.radians(config.elevation_mean_deg) + math.radians(config.elevation_spread_deg) * dice.elevation
    return Draw(
        azimuth=azimuth,
        elevation=elevation.clamp(-_STEEPEST, _STEEPEST),
        roll=math.radians(config.roll_spread_deg) * dice.roll,
        fov=_between(dice.fov, math.radians(config.fov_min_deg), math.radians(config.fov_max_deg)),
        margin=_between(dice.margin, config.margin_min, config.margin_max),
        shift=config.look_at_jitter * _between(dice.shift, -1.0, 1.0),
        is_close_up=dice.is_close_up < config.close_up_probability,
        close_up=_between(dice.close_up, config.close_up_min, config.close_up_max),
        pick=dice.pick,
        distance=torch.zeros_like(azimuth),
        is_flat=torch.full_like(azimuth, config.projection == "orthographic", dtype=torch.bool),
    )


def _by_plan(dice: Dice, draw: Draw, plan: CameraPlan) -> Draw:
    azimuth, elevation, fov, margin, roll = draw.azimuth, draw.elevation, draw.fov, draw.margin, draw.roll
    if plan.azimuth_deg is not None:
        azimuth = _within(dice.azimuth, plan.azimuth_deg, degrees=True)
    if plan.elevation_deg is not None:
        # A normal number's place among all such numbers is an even one.
        share = torch.special.ndtr(dice.elevation)
        elevation = _within(share, plan.elevation_deg, degrees=True)
    if plan.grid is not None:
        columns, rows = plan.grid
        azimuth = _stepped(dice.azimuth, plan.azimuth_deg or (-60.0, 60.0), columns)
        elevation = _stepped(dice.front, plan.elevation_deg or (-15.0, 30.0), rows)
        roll = torch.zeros_like(roll)
    if plan.both_sides:
        azimuth = azimuth + math.pi * (dice.pick < 0.5)
    if plan.fov_deg is not None:
        fov = _within(dice.fov, plan.fov_deg, degrees=True)
    if plan.margin is not None:
        margin = _within(dice.margin, plan.margin)
    if plan.roll_deg is not None:
        roll = _within(torch.special.ndtr(dice.roll), plan.roll_deg, degrees=True)
    close_ups = plan.close_ups if plan.close_ups is not None else (0.0 if _is_placed(plan) else None)
    is_close_up = draw.is_close_up if close_ups is None else dice.is_close_up < close_ups
    distance = draw.distance if plan.distance_m is None else _within(dice.margin, plan.distance_m)
    return Draw(
        azimuth=torch.remainder(azimuth + math.pi, 2 * math.pi) - math.pi,
        elevation=elevation.clamp(-_STEEPEST, _STEEPEST),
        roll=roll,
        fov=fov,
        margin=margin,
        shift=torch.zeros_like(draw.shift) if _is_placed(plan) else draw.shift,
        is_close_up=is_close_up,
        close_up=draw.close_up,
        pick=draw.pick,
        distance=distance,
        is_flat=torch.full_like(draw.is_flat, plan.projection == "orthographic") | draw.is_flat,
    )


def _is_placed(plan: CameraPlan) -> bool:
    """Whether the plan says exactly where its cameras are, so that nothing more should move them."""
    return plan.grid is not None or plan.distance_m is not None


def _between(even: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * even


def _within(even: Tensor, span: Span, degrees: bool = False) -> Tensor:
    low, high = (math.radians(value) for value in span) if degrees else span
    return _between(even, low, high)


def _stepped(even: Tensor, span: Span, number: int) -> Tensor:
    """One of that many even places of the span in degrees, both its ends among them; its middle where there is one."""
    if number == 1:
        return torch.full_like(even, math.radians((span[0] + span[1]) / 2))
    step = (even * number).floor().clamp_max(number - 1)
    return _within(step / (number - 1), span, degrees=True)
