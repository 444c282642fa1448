"""What is learnt, held fixed or scheduled, and where it begins; knows nothing of how it is moved."""

import math
from dataclasses import dataclass, field
from typing import Literal

from clipmatrix.errors import ConfigError
from clipmatrix.plans import LightPlan, require_color

NamedValues = tuple[tuple[str, float], ...]
"""Names with their values; in YAML ``{height: 0.7, weight: 0.2}``."""

Mode = Literal["learned", "fixed", "scheduled"]

_LARGEST_RATE = 10.0


@dataclass(frozen=True)
class Learning:
    """Whether a parameter is learnt, and when.

    ``learned`` moves it all the time, ``fixed`` never, ``scheduled`` from the share ``begin`` of the run's steps to the
    share ``end``. ``rate`` is its step size, or as the ``optimiser`` section has it where None.
    """

    mode: Mode = "learned"
    begin: float = 0.0
    end: float = 1.0
    rate: float | None = None

    def __post_init__(self) -> None:
        _require_window(self.begin, self.end)
        if self.rate is not None and not 0.0 <= self.rate <= _LARGEST_RATE:
            raise ConfigError(f"rate must be from 0 to {_LARGEST_RATE:g}, not {self.rate:g}: use for instance 0.02")

    @property
    def window(self) -> tuple[float, float]:
        """From where to where it moves, as shares of the run."""
        return (self.begin, self.end) if self.mode == "scheduled" else (0.0, 1.0)


@dataclass(frozen=True)
class ShapeLearning(Learning):
    """beta. ``start`` names coefficients of the body and where they begin, in place of what was searched."""

    start: NamedValues = ()


@dataclass(frozen=True)
class TextureLearning(Learning):
    """x. It begins as ``start_image``, a picture laid over the whole texture, or in ``start_color`` (sRGB)."""

    start_color: tuple[float, float, float] | None = None
    start_image: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start_color is not None:
            require_color("start_color", self.start_color)
        if self.start_color is not None and self.start_image:
            raise ConfigError("start_color and start_image exclude each other: leave one of them out")


@dataclass(frozen=True)
class MaterialLearning(Learning):
    """m. ``start_roughness`` and ``start_metallic`` are glTF's factors."""

    start_roughness: float | None = None
    start_metallic: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("start_roughness", "start_metallic"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise ConfigError(f"{name} must be from 0 to 1, not {value:g}: use for instance 0.5")


@dataclass(frozen=True)
class LightLearning(Learning):
    """l. It begins at ``start``, whose strengths must be such as a white lamp's, since it is not exported."""

    start: LightPlan | None = None


@dataclass(frozen=True)
class Distribution:
    """Where cameras stand, or how the body is posed.

    ``fixed`` draws from the same distribution all the time. ``scheduled`` begins narrow, in front and at rest, and
    widens from the share ``begin`` of the steps to the share ``end``. ``learned`` draws more often what fits its text
    least: every place keeps at least a third of its even share.
    """

    mode: Literal["fixed", "scheduled", "learned"] = "fixed"
    begin: float = 0.0
    end: float = 0.5

    def __post_init__(self) -> None:
        _require_window(self.begin, self.end)


@dataclass(frozen=True)
class ParametersConfig:
    """The paper's beta, delta, x, m and l, and its distributions of cameras c and poses theta."""

    shape: ShapeLearning = field(default_factory=ShapeLearning)
    offset: Learning = field(default_factory=Learning)
    texture: TextureLearning = field(default_factory=TextureLearning)
    material: MaterialLearning = field(default_factory=MaterialLearning)
    lights: LightLearning = field(default_factory=LightLearning)
    cameras: Distribution = field(default_factory=Distribution)
    poses: Distribution = field(default_factory=Distribution)


LEARNT = ("shape", "offset", "texture", "material", "lights")
"""The parameters among them, by the names that scenes and optimisers use."""


def _require_window(begin: float, end: float) -> None:
    if not (0.0 <= begin < end <= 1.0 and math.isfinite(end)):
        raise ConfigError(
            f"begin and end must be shares of the run from 0 to 1, begin first, not {begin:g} and {end:g}: "
            "use for instance 0 and 0.5"
        )
