"""Where the cameras of a run may stand, as settings; knows no tensors."""

from dataclasses import dataclass
from typing import Literal

from clipmatrix.errors import ConfigError


@dataclass(frozen=True)
class ShotConfig:
    """Where the cameras may stand.

    Azimuths lie within ``azimuth_range_deg`` of the front, evenly; a share ``front_share`` of the views within
    ``front_range_deg``. Elevations are normal, cut at twice their spread. ``margin_min`` to ``margin_max`` is the
    frame's size over the region's, at least 1. The target moves by up to ``look_at_jitter`` of the region's half
    height. Whole-body prompts take close-ups with ``close_up_probability``, of ``close_up_min`` to ``close_up_max``
    of the body's half height: the only shots that cut the region. ``projection`` may be without perspective.
    """

    azimuth_range_deg: float = 180.0
    front_share: float = 0.35
    front_range_deg: float = 40.0
    elevation_mean_deg: float = 5.0
    elevation_spread_deg: float = 12.0
    margin_min: float = 1.05
    margin_max: float = 1.3
    fov_min_deg: float = 25.0
    fov_max_deg: float = 50.0
    look_at_jitter: float = 0.08
    roll_spread_deg: float = 3.0
    close_up_probability: float = 0.15
    close_up_min: float = 0.25
    close_up_max: float = 0.5
    projection: Literal["perspective", "orthographic"] = "perspective"

    def __post_init__(self) -> None:
        _require_between("azimuth_range_deg", self.azimuth_range_deg, 0.0, 180.0)
        _require_between("front_range_deg", self.front_range_deg, 0.0, 180.0)
        _require_between("elevation_mean_deg", self.elevation_mean_deg, -80.0, 80.0)
        _require_between("elevation_spread_deg", self.elevation_spread_deg, 0.0, 40.0)
        _require_between("roll_spread_deg", self.roll_spread_deg, 0.0, 180.0)
        for name in ("front_share", "close_up_probability", "look_at_jitter"):
            _require_between(name, getattr(self, name), 0.0, 1.0)
        for low, high, least, most in (
            ("margin_min", "margin_max", 1.0, 10.0),
            ("fov_min_deg", "fov_max_deg", 5.0, 120.0),
            ("close_up_min", "close_up_max", 0.05, 1.0),
        ):
            _require_between(low, getattr(self, low), least, most)
            _require_between(high, getattr(self, high), getattr(self, low), most)


def _require_between(name: str, value: float, low: float, high: float) -> None:
    """Raises: ConfigError when the value is outside."""
    if not low <= value <= high:
        raise ConfigError(f"{name} must be from {low:g} to {high:g}, not {value:g}")
