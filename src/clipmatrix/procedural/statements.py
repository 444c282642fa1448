"""What a sentence states and what a picture shows, in the same terms; knows no pixels and writes no sentence.

With a statement beside it, every pair of picture and caption is known to be true, false or undecidable (the part is out
of view, the colours are neither alike nor different), so that training never punishes a true pair.
"""

from dataclasses import dataclass

import numpy as np

from clipmatrix.procedural.characters import AXES, character_ids, implied_builds
from clipmatrix.procedural.looks import Look
from clipmatrix.procedural.tables import kind_ids, oklab_from_srgb


@dataclass(frozen=True, eq=False)
class Statement:
    """What a sentence says: kinds (6) or -1, colours (6 2 3) in OKLab or NaN, builds (axes) -1, 0 (unsaid) or 1.

    ``character`` is the number of the character that it names, or -1.
    """

    text: str
    kinds: np.ndarray
    colors: np.ndarray
    builds: np.ndarray
    character: int = -1

    @property
    def expected_builds(self) -> np.ndarray:
        """The builds that it says or that go without saying (axes): a dwarf is short."""
        if self.character < 0:
            return self.builds
        return np.where(self.builds != 0, self.builds, implied_builds(self.character))


@dataclass(frozen=True, eq=False)
class Facts:
    """What a picture shows: as ``Statement``; builds 9 where undecidable; ``seen`` (6) and ``seen_builds`` (axes)."""

    kinds: np.ndarray
    colors: np.ndarray
    builds: np.ndarray
    seen: np.ndarray
    seen_builds: np.ndarray
    character: int = -1


_SEEN = {
    "whole": (1, 1, 1, 1, 1, 1),
    "head": (1, 0, 0, 0, 0, 0),
    "torso": (1, 1, 1, 0, 0, 0),
    "legs": (0, 0, 0, 0, 1, 1),
}
_SEEN_AXES = {
    "whole": set(AXES),
    "head": {"spikes", "lumps", "horns", "drips", "ears", "nose", "cone"},
    "torso": {"gender", "muscle", "weight", "spikes", "lumps", "belly", "inflation", "drips"},
    "legs": {"spikes", "lumps", "drips"},
}


_LIKE = {
    "weight": ("belly", "leg_girth", "arm_girth"), "muscle": ("shoulders", "arm_girth", "leg_girth"),
    "inflation": ("belly", "leg_girth", "arm_girth", "weight"), "height": ("leg_length",),
    "age": ("leg_length", "head_size"),
    "spikes": ("crest", "lumps", "plates"), "lumps": ("plates", "spikes"), "plates": ("lumps",), "belly": ("weight",),
    "leg_length": ("height",), "crest": ("cone", "spikes"), "cone": ("crest",), "boxes": ("shoulders",),
    "shoulders": ("boxes", "muscle"), "waves": ("arm_length",),
}  # fmt: skip
"""Axes that pass for others: who has the first at an end may be said to have the second too."""


def facts_of(look: Look, frame: str) -> Facts:
    """What a picture of this look shows when the camera frames ``frame``."""
    lab = np.stack([oklab_from_srgb(np.stack([layer.rgb(0), layer.rgb(1)])) for layer in look.layers])
    values = np.concatenate([look.phenotypes[:5], look.changes])
    states = np.zeros(len(AXES), np.int8)
    for i, value in enumerate(values):
        if i >= 5:
            states[i] = 0 if abs(value) < 0.1 else int(np.sign(value))
        elif AXES[i] == "gender":
            states[i] = 1 if value > 0.5 else -1
        elif AXES[i] == "age":
            states[i] = -1 if value < 0.45 else 1 if value > 0.85 else 0 if 0.55 < value < 0.78 else 9
        else:
            states[i] = -1 if value < 0.15 else 1 if value > 0.85 else 0 if 0.3 < value < 0.7 else 9
    clear = states.copy()
    for i in np.flatnonzero((clear != 0) & (clear != 9)):
        for other in _LIKE.get(AXES[i], ()):
            if states[AXES.index(other)] == 0:
                states[AXES.index(other)] = 9
    return Facts(
        np.array([kind_ids()[layer.kind] for layer in look.layers], np.int16),
        lab.astype(np.float32),
        states,
        np.array(_SEEN[frame], bool),
        np.array([axis in _SEEN_AXES[frame] for axis in AXES]),
        character_ids()[look.role.name] if look.role else -1,
    )
