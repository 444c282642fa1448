"""What is asked for, where on the body, and how it is worded for a view; knows no encoder and no geometry."""

import math
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches

from clipmatrix.errors import PromptError

REGIONS = ("whole", "head", "torso", "arms", "hands", "legs", "feet")
"""The regions that a prompt may speak of; the same that every body names."""

MOST_FIGURES = 4
"""As many as a scene can hold."""

NEUTRAL_TEXTS = (
    "a person",
    "a man",
    "a woman",
    "a photo of a person",
    "a grey mannequin",
    "a photo of a mannequin",
    "a 3d model of a human body",
    "a plain white statue of a person",
    "a person in a dark suit",
    "a person in jeans and a t-shirt",
    "a colorful person",
    "a blurry picture",
    "random noise",
    "an empty background",
)
"""What a figure that follows no prompt in particular looks like, and what a picture that went wrong does."""

_WIDEST_FRONT = math.radians(60)
_NARROWEST_BACK = math.radians(120)


@dataclass(frozen=True)
class Prompt:
    """One sentence to follow.

    ``weight`` is relative to the other prompts. ``region`` is the part of the body that the cameras frame.
    A prompt that is not ``textured`` judges the bare shape, in plain material. In a scene of several figures ``figure``
    says which one it speaks of, counted from 1; 0 is all of them together.

    Raises: PromptError when a field cannot be used.
    """

    text: str
    weight: float = 1.0
    region: str = "whole"
    textured: bool = True
    figure: int = 0

    def __post_init__(self) -> None:
        _require_text(self.text)
        object.__setattr__(self, "text", self.text.strip())
        if isinstance(self.weight, bool) or not isinstance(self.weight, int | float):
            raise PromptError(f"the weight of {self.text!r} must be a number, not {self.weight!r}")
        if not math.isfinite(self.weight) or self.weight <= 0:
            raise PromptError(f"the weight of {self.text!r} must be above zero, not {self.weight:g}; use 1")
        _require_region(self.region, self.text)
        if isinstance(self.figure, bool) or not isinstance(self.figure, int) or not 0 <= self.figure <= MOST_FIGURES:
            raise PromptError(
                f"the figure of {self.text!r} must be from 1 to {MOST_FIGURES}, or 0 for all, not {self.figure!r}"
            )
        if not isinstance(self.textured, bool):
            raise PromptError(f"textured of {self.text!r} must be true or false, not {self.textured!r}")


def view_words(azimuth: float) -> str:
    """What one sees from there: ``front view``, ``side view`` or ``back view``.

    ``azimuth`` in radians, any turn; 0 looks at the figure's front. Front and back take a third of the circle each.
    """
    off_front = abs(math.remainder(azimuth, 2 * math.pi))
    if off_front <= _WIDEST_FRONT:
        return "front view"
    return "back view" if off_front >= _NARROWEST_BACK else "side view"


def with_view(text: str, azimuth: float) -> str:
    """The text with the view's words after it.

    References: Poole et al., "DreamFusion", ICLR 2023, section 3.2.
    """
    return f"{text}, {view_words(azimuth)}"


def contrast_texts(text: str, other_texts: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Texts that the picture should rather not look like: other prompts, and what an unguided figure looks like.

    Without the text itself, without repeats, in a fixed order. Whatever else is known to differ from the text, such
    as itself with two colours swapped, belongs into ``other_texts``.
    """
    own = _key(text)
    found = {_key(other): other for other in (*other_texts, *NEUTRAL_TEXTS) if _key(other) != own}
    return tuple(found.values())


def _key(text: str) -> str:
    return " ".join(text.lower().split())


def _require_text(text: str) -> None:
    """Raises: PromptError when there is nothing to read, or something that cannot be read."""
    if not isinstance(text, str):
        raise PromptError(f"wanted a sentence as prompt, found {text!r}; write it as text, in quotes")
    stripped = text.strip()
    categories = [unicodedata.category(char) for char in stripped]
    for char, category in zip(stripped, categories, strict=True):
        if category in ("Cc", "Cs"):
            raise PromptError(f"the prompt has the control character U+{ord(char):04X}; write it in one line of text")
    # Marks that print nothing (Cf), blanks (Z) and unassigned codes (Cn) leave a prompt empty.
    if all(category in ("Cf", "Cn", "Co") or category.startswith("Z") for category in categories):
        raise PromptError('the prompt is empty; say what the figure should be, such as "a zebra striped man"')


def _require_region(region: str, text: str) -> None:
    """Raises: PromptError when no body has such a region."""
    if region in REGIONS:
        return
    near = get_close_matches(region.lower(), REGIONS, n=1) if isinstance(region, str) else []
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise PromptError(f"unknown region {region!r} for {text!r}; {hint}the regions are {', '.join(REGIONS)}")
