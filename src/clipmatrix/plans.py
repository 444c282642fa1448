"""How a prompt may be filmed, lit and coloured, as settings; knows no tensors, no prompts and no bodies."""

from dataclasses import dataclass
from typing import Literal

from clipmatrix.errors import ConfigError

Span = tuple[float, float]
"""The smallest and the largest value."""

MAIN = "main"
"""The texture set that every figure has, and that prompts paint which name none."""

_WIDEST = (-360.0, 360.0)


@dataclass(frozen=True)
class CameraPlan:
    """Where the cameras of one prompt stand; what is None is as the run's ``shots`` say.

    Spans are drawn from evenly. ``azimuth_deg`` 0 looks at the figure's front, 90 has the eye at its left hand;
    ``elevation_deg`` is above the horizon. ``margin`` is the frame's size over the region's, at least 1. With a
    ``distance_m`` the eye stays that far from the region's middle, and may cut the region off. A ``grid`` of columns
    and rows puts fixed cameras evenly over the two spans, from end to end; each view takes one of them.
    ``both_sides`` takes half of the views from the opposite side. ``close_ups`` is the share of whole-body views that
    look at some place from near by. ``projection`` may be without perspective.
    """

    azimuth_deg: Span | None = None
    elevation_deg: Span | None = None
    fov_deg: Span | None = None
    margin: Span | None = None
    distance_m: Span | None = None
    roll_deg: Span | None = None
    grid: tuple[int, int] | None = None
    both_sides: bool = False
    close_ups: float | None = None
    projection: Literal["perspective", "orthographic"] = "perspective"

    def __post_init__(self) -> None:
        _require_span("azimuth_deg", self.azimuth_deg, *_WIDEST, "[-180, 180]")
        _require_span("elevation_deg", self.elevation_deg, -85.0, 85.0, "[-15, 15]")
        _require_span("fov_deg", self.fov_deg, 5.0, 120.0, "[25, 50]")
        _require_span("margin", self.margin, 1.0, 10.0, "[1.05, 1.3]")
        _require_span("distance_m", self.distance_m, 0.2, 40.0, "[2, 3]")
        _require_span("roll_deg", self.roll_deg, -180.0, 180.0, "[-3, 3]")
        if self.grid is not None and not all(1 <= number <= 64 for number in self.grid):
            raise ConfigError(f"grid must be 1 to 64 columns and rows, not {list(self.grid)}: use for instance [3, 3]")
        if self.close_ups is not None and not 0.0 <= self.close_ups <= 1.0:
            raise ConfigError(f"close_ups must be from 0 to 1, not {self.close_ups:g}: use for instance 0.15")

    def is_plain(self) -> bool:
        """Whether it asks for nothing."""
        return self == CameraPlan()


@dataclass(frozen=True)
class LightPlan:
    """One light, not learnt: an ambient and a key light of one colour.

    ``ambient`` and ``key`` are strengths: a white matte surface has the linear brightness ``ambient`` in shade, and
    ``ambient + key`` where it faces the key light, which stands at ``azimuth_deg`` (0 is the figure's front, 90 its
    left hand) and ``elevation_deg``. ``color`` is in sRGB.
    """

    ambient: float = 0.475
    key: float = 0.65
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    azimuth_deg: float = 24.7
    elevation_deg: float = 33.3

    def __post_init__(self) -> None:
        _require("ambient", self.ambient, 0.0, 4.0, 0.475)
        _require("key", self.key, 0.0, 4.0, 0.65)
        _require("azimuth_deg", self.azimuth_deg, *_WIDEST, 25.0)
        _require("elevation_deg", self.elevation_deg, -90.0, 90.0, 33.0)
        require_color("color", self.color)


@dataclass(frozen=True)
class MaterialPlan:
    """The plain material that an untextured prompt is shown in: ``color`` in sRGB, and glTF's two factors."""

    color: tuple[float, float, float] = (0.7019, 0.7019, 0.7019)
    roughness: float = 0.6
    metallic: float = 0.0

    def __post_init__(self) -> None:
        require_color("color", self.color)
        _require("roughness", self.roughness, 0.0, 1.0, 0.6)
        _require("metallic", self.metallic, 0.0, 1.0, 0.0)


def require_color(name: str, color: tuple[float, float, float]) -> None:
    """Raises: ConfigError when it is no sRGB colour with red, green and blue from 0 to 1."""
    if len(color) != 3 or not all(0.0 <= channel <= 1.0 for channel in color):
        raise ConfigError(
            f"{name} must be red, green and blue from 0 to 1, not {list(color)}: use for instance [0.7, 0.7, 0.7]"
        )


def _require(name: str, value: float, low: float, high: float, usual: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} must be from {low:g} to {high:g}, not {value:g}: use for instance {usual:g}")


def _require_span(name: str, span: Span | None, low: float, high: float, usual: str) -> None:
    if span is None:
        return
    if not low <= span[0] <= span[1] <= high:
        raise ConfigError(
            f"{name} must be two numbers from {low:g} to {high:g}, the smaller first, not {list(span)}: "
            f"use for instance {usual}"
        )
