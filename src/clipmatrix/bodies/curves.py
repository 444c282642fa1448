"""Curves over the phase of a movement, and tables of angles made of them; knows no movement and no rig."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.anatomy import ANGLE_NAMES
from clipmatrix.bodies.key_poses import angles_deg

FRAMES_PER_SECOND = 30


def phases(seconds: float) -> Float[Tensor, "n"]:
    """The phases of a loop's frames, from 0 to 1, both included."""
    num = round(seconds * FRAMES_PER_SECOND)
    return torch.arange(num + 1) / num


def at_ease(num: int) -> dict[str, Float[Tensor, "n"]]:
    """All angles in degrees at ease, by name, for so many frames."""
    row = angles_deg({})
    return {name: torch.full((num,), value) for name, value in zip(ANGLE_NAMES, row, strict=True)}


def angle_rows(columns: Mapping[str, Float[Tensor, "n"]]) -> Float[Tensor, "n a"]:
    """Angles in radians, in the order of ``ANGLE_NAMES``, out of columns in degrees."""
    return torch.stack([columns[name] for name in ANGLE_NAMES], dim=1) * (math.pi / 180)


def sine(phase: Float[Tensor, "n"], cycles: int = 1, lag: float = 0.0) -> Float[Tensor, "n"]:
    """A sine of so many cycles a loop, ``lag`` cycles late."""
    return torch.sin(2 * math.pi * (cycles * phase - lag))


def periodic(values: tuple[float, ...], phase: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The closed Catmull-Rom spline through evenly spaced values."""
    table = torch.tensor(values, dtype=phase.dtype)
    place = (phase % 1.0) * len(values)
    start = place.floor()
    t = place - start
    a, b, c, d = (table[(start.long() + k) % len(values)] for k in (-1, 0, 1, 2))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def smooth_step(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """0 below 0, 1 above 1, and between them a curve without corners."""
    t = x.clamp(0.0, 1.0)
    return t * t * t * (t * (6 * t - 15) + 10)
