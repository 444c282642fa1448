"""The settings of a scene; knows nothing of how they are read or written."""

import math
from dataclasses import dataclass

from clipmatrix.errors import ConfigError
from clipmatrix.render.surface import KeyShadow


@dataclass(frozen=True)
class SceneConfig:
    """What a scene learns, and on which scales.

    ``texture_size`` is the side of the square texture in texels. ``chroma_gain`` scales the colour part of each finer
    texture level against the one before, the brightness part keeps a gain of one: fine detail then comes as light
    and dark, and rainbow noise cannot grow. ``smoothing`` is the strength of the implicit smoothing of the offsets.
    A ``smoothing_start`` above it begins coarse: the strength falls from there, halved step by step, and is down to
    ``smoothing`` after the share ``smoothing_until`` of the run; 0 leaves that out.
    ``extremity_offset`` scales the offsets of head and hands. The light of every training view is turned by up to
    ``light_turn_deg`` and scaled by up to ``light_change`` either way, so that nothing depends on one light.
    With ``shadow`` the key light casts one, while it learns and in the result's pictures.
    ``normal_map`` adds a tangent-space normal map of ``normal_map_size`` texels a side, 0 for the texture's,
    which begins flat, or with a ``relief`` above 0 as if what is bright in the start's texture stood out.
    """

    texture_size: int = 1024
    chroma_gain: float = 0.55
    smoothing: float = 12.0
    smoothing_start: float = 0.0
    smoothing_until: float = 0.4
    extremity_offset: float = 0.5
    light_turn_deg: float = 40.0
    light_change: float = 0.2
    normal_map: bool = False
    normal_map_size: int = 0
    relief: float = 0.0
    shadow: bool = False
    learn_shape: bool = True
    learn_offset: bool = True
    learn_texture: bool = True
    learn_material: bool = True
    learn_lights: bool = True

    def __post_init__(self) -> None:
        size = self.texture_size
        if not 16 <= size <= 8192 or size & (size - 1):
            raise ConfigError(f"texture_size must be a power of two from 16 to 8192, not {size}: use 1024")
        size = self.normal_map_size
        if size and (not 16 <= size <= 8192 or size & (size - 1)):
            raise ConfigError(f"normal_map_size must be 0 or a power of two from 16 to 8192, not {size}: use 1024")
        if not 0.0 <= self.relief <= 1.0:
            raise ConfigError(f"relief must be from 0 to 1, not {self.relief:g}: use 0.5")
        if self.relief and not self.normal_map:
            raise ConfigError("relief is the normal map's start: add normal_map: true, or leave it out")
        if not 0.0 <= self.chroma_gain <= 1.0:
            raise ConfigError(f"chroma_gain must be from 0 to 1, not {self.chroma_gain:g}: use 0.55")
        if not 0.0 <= self.smoothing <= 1000.0:
            raise ConfigError(f"smoothing must be from 0 to 1000, not {self.smoothing:g}: use 12")
        if self.smoothing_start and not self.smoothing <= self.smoothing_start <= 10_000.0:
            raise ConfigError(
                f"smoothing_start must be 0, or from smoothing ({self.smoothing:g}) to 10000, not "
                f"{self.smoothing_start:g}: use for instance 96"
            )
        if not 0.0 < self.smoothing_until <= 0.5:
            raise ConfigError(f"smoothing_until must be above 0, up to 0.5, not {self.smoothing_until:g}: use 0.4")
        if not 0.0 <= self.extremity_offset <= 1.0:
            raise ConfigError(f"extremity_offset must be from 0 to 1, not {self.extremity_offset:g}: use 0.5")
        if not 0.0 <= self.light_turn_deg <= 180.0:
            raise ConfigError(f"light_turn_deg must be from 0 to 180, not {self.light_turn_deg:g}: use 40")
        if not 0.0 <= self.light_change < 1.0:
            raise ConfigError(f"light_change must be at least 0 and under 1, not {self.light_change:g}: use 0.2")

    @property
    def key_shadow(self) -> KeyShadow | None:
        """The shadow in the small pictures that are learnt from."""
        return KeyShadow(side=512) if self.shadow else None

    @property
    def light_turn(self) -> float:
        """``light_turn_deg`` in radians."""
        return math.radians(self.light_turn_deg)
