"""What is asked for, where on the body, and how it is worded for a view; knows no encoder and no geometry."""

import hashlib
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import PurePath

from clipmatrix.errors import PromptError
from clipmatrix.plans import MAIN, CameraPlan, LightPlan, MaterialPlan

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

VIEWS = ("front view", "side view", "back view")
"""What one may see of a figure."""

_LONGEST_SET = 40


@dataclass(frozen=True)
class Prompt:
    """One sentence or one picture to follow.

    ``image`` is the path of a picture that the figure should resemble, in place of ``text``; beside it a text is a
    mere label. ``weight`` is relative to the other prompts; below zero the figure keeps away from what is said.
    ``region`` is the part of the body that the cameras frame. A prompt that is not ``textured`` judges the bare shape,
    in the plain ``material``. In a scene of several figures ``figure`` says which one it speaks of, counted from 1; 0
    is all of them together. ``cameras`` and ``light`` are its own, or the run's where None. ``texture`` names the set
    that it paints: each name is one more look of the same figure. With ``view_words`` each picture is compared with
    "front view of ..." and so on, by where its camera stands. ``parts`` adds "the head of ..." for head, torso and
    legs, each with its own cameras and half the weight. ``twin`` is the weight, relative to its own, of an untextured
    prompt of the same text, which makes the shape follow it; 0 leaves that out, and None decides by the other prompts
    (``expand_prompts``).

    Raises: PromptError when a field cannot be used.
    """

    text: str = ""
    weight: float = 1.0
    region: str = "whole"
    textured: bool = True
    figure: int = 0
    image: str = ""
    cameras: CameraPlan | None = None
    light: LightPlan | None = None
    material: MaterialPlan | None = None
    texture: str = MAIN
    view_words: bool = False
    parts: bool = False
    twin: float | None = None

    def __post_init__(self) -> None:
        if not self.image or self.text:
            _require_text(self.text)
        object.__setattr__(self, "text", self.text.strip())
        label = self.label
        if isinstance(self.weight, bool) or not isinstance(self.weight, int | float):
            raise PromptError(f"the weight of {label!r} must be a number, not {self.weight!r}")
        if not math.isfinite(self.weight) or self.weight == 0:
            raise PromptError(
                f"the weight of {label!r} must not be {self.weight:g}; use 1 to follow it, -1 to keep away from it"
            )
        _require_region(self.region, label)
        if isinstance(self.figure, bool) or not isinstance(self.figure, int) or not 0 <= self.figure <= MOST_FIGURES:
            raise PromptError(
                f"the figure of {label!r} must be from 1 to {MOST_FIGURES}, or 0 for all, not {self.figure!r}"
            )
        if not isinstance(self.textured, bool):
            raise PromptError(f"textured of {label!r} must be true or false, not {self.textured!r}")
        _require_set(self.texture, label)
        if not self.textured and self.texture != MAIN:
            raise PromptError(f"{label!r} is untextured, and cannot paint the texture {self.texture!r}; leave one out")
        if self.textured and self.material is not None:
            raise PromptError(
                f"the material of {label!r} is only shown untextured; add textured: false, or leave it out"
            )
        if self.image and (self.view_words or self.parts):
            raise PromptError(f"{label!r} is a picture, which view_words and parts cannot be added to; leave them out")
        if self.twin is not None and not (math.isfinite(self.twin) and 0.0 <= self.twin <= 100.0):
            raise PromptError(f"twin of {label!r} must be from 0 to 100, not {self.twin:g}; use 0.3, or 0 for none")

    @property
    def label(self) -> str:
        """What to call it: its text, or the name of its picture."""
        return self.text or (f"picture {PurePath(self.image).stem}" if self.image else "")

    @property
    def target(self) -> str:
        """What an encoder is asked for: the text, or a key that stands for the picture (see ``guidance.pictures``)."""
        return picture_key(self.image) if self.image else self.text


def picture_key(path: str) -> str:
    """A text that stands for the picture at that path, and that nobody would write."""
    return f"\u2039{hashlib.sha256(path.encode()).hexdigest()[:12]}\u203a"


def is_picture_key(text: str) -> bool:
    """Whether the text stands for a picture: there is nothing to read in it."""
    return text.startswith("\u2039") and text.endswith("\u203a")


TWIN = 0.3
"""The weight of an untextured twin, relative to its prompt's."""

_PARTS = {"head": "the head of", "torso": "the upper body of", "legs": "the legs of"}


def expand_prompts(prompts: Sequence[Prompt]) -> tuple[Prompt, ...]:
    """The prompts as a run follows them: those that stand for several are written out, behind all others.

    ``parts`` become prompts of their own. An untextured twin is made where ``twin`` is above 0; where it is None, for
    sentences about the whole body that are followed, unless an untextured prompt stands in the list: then somebody
    has already said what the shape should be. What comes out stays as it is when expanded again.
    """
    is_shaped = any(not prompt.textured for prompt in prompts)
    written = [replace(prompt, parts=False, twin=0.0) for prompt in prompts]
    parts = [
        replace(prompt, text=f"{words} {prompt.text}", weight=0.5 * prompt.weight, region=region, parts=False, twin=0.0)
        for prompt in prompts
        if prompt.parts
        for region, words in _PARTS.items()
    ]
    twins = [
        replace(prompt, weight=share * prompt.weight, textured=False, texture=MAIN, light=None, parts=False, twin=0.0)
        for prompt in prompts
        if prompt.textured and (share := _twin_share(prompt, is_shaped)) > 0
    ]
    return (*written, *parts, *twins)


def _twin_share(prompt: Prompt, is_shaped: bool) -> float:
    if prompt.twin is not None:
        return prompt.twin
    is_wanted = prompt.weight > 0 and prompt.region == "whole" and not prompt.image and not is_shaped
    return TWIN if is_wanted else 0.0


def view_words(azimuth: float) -> str:
    """What one sees from there: ``front view``, ``side view`` or ``back view``.

    ``azimuth`` in radians, any turn; 0 looks at the figure's front. Front and back take a third of the circle each.
    """
    off_front = abs(math.remainder(azimuth, 2 * math.pi))
    if off_front <= _WIDEST_FRONT:
        return "front view"
    return "back view" if off_front >= _NARROWEST_BACK else "side view"


def with_view(text: str, azimuth: float) -> str:
    """The text with the view's words before it, as in "front view of a knight".

    References: Poole et al., "DreamFusion", ICLR 2023, section 3.2.
    """
    return f"{view_words(azimuth)} of {text}"


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


def _require_set(name: str, label: str) -> None:
    """Raises: PromptError when the name of a texture set would be no good name of a folder."""
    is_plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum() and name == name.lower()
    if not is_plain or len(name) > _LONGEST_SET:
        raise PromptError(
            f"texture of {label!r} must be a name of small letters, digits, - and _, not {name!r}; such as gold"
        )


def _require_region(region: str, text: str) -> None:
    """Raises: PromptError when no body has such a region."""
    if region in REGIONS:
        return
    near = get_close_matches(region.lower(), REGIONS, n=1) if isinstance(region, str) else []
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise PromptError(f"unknown region {region!r} for {text!r}; {hint}the regions are {', '.join(REGIONS)}")
