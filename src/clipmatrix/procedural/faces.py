"""Eyes, brows and lips: what a sentence says of them, and which a look's face has; knows no pixels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from clipmatrix.procedural import wording
from clipmatrix.procedural.headwear import Headwear, Rgb, named_color, rgb_of
from clipmatrix.procedural.looks import Layer, Look
from clipmatrix.procedural.primitives import COVER_COLOR, COVERS, IS_COVERED
from clipmatrix.procedural.tables import SLOTS, patterns

_HEAD = SLOTS.index("head")
_DARKEST_BROWS = "#2b1e16"


@dataclass(frozen=True)
class ToldFace:
    """What is said of a face: colours in sRGB, or None; ``is_faceless`` of who is named as having none."""

    eyes: Rgb | None = None
    lips: Rgb | None = None
    is_faceless: bool = False


@dataclass(frozen=True)
class Face:
    """The colours of a face in sRGB. ``brows`` and ``lips`` are None where they are as the skin around them."""

    iris: Rgb
    white: Rgb
    brows: Rgb | None = None
    lips: Rgb | None = None


@cache
def _table() -> dict[str, Any]:
    text = (files("clipmatrix.procedural") / "tables" / "faces.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


@cache
def face_words() -> frozenset[str]:
    """The words of what faces have, in lower case: they are painted whether or not an encoder knows them."""
    return frozenset(word for words in _table()["words"].values() for word in words)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    before = r"(?P<before>(?:[a-z]+[ -]+){1,3})"
    found = {what: re.compile(rf"\b{before}(?:{'|'.join(words)})\b") for what, words in _table()["words"].items()}
    return {**found, "faceless": re.compile(rf"\b(?:{'|'.join(_table()['faceless'])})s?\b")}


def read_face(text: str) -> ToldFace:
    """What the sentence says of eyes and lips: "with glowing red eyes", "a blue-eyed man", "in pink lipstick"."""
    lower = text.lower()
    colors = {}
    for what in ("eyes", "lips"):
        match = _patterns()[what].search(lower)
        colors[what] = named_color(match["before"], {}) if match else None
    return ToldFace(colors["eyes"], colors["lips"], _patterns()["faceless"].search(lower) is not None)


@cache
def _skin_patterns() -> tuple[re.Pattern[str], ...]:
    skins = "|".join(sorted(_table()["skins"], key=len, reverse=True))
    people = "|".join(_table()["shaded_people"])
    who = "|".join([*wording.MALE, *wording.FEMALE, "person", "boy", "girl", "child", "kid"])
    return (
        re.compile(rf"\b(?P<shade>{skins})[ -]skinned\b,? ?", re.IGNORECASE),
        re.compile(rf",? ?\bwith (?P<shade>{skins}) skin\b", re.IGNORECASE),
        re.compile(rf"\b(?P<shade>{people}),? (?=(?:{who})\b)", re.IGNORECASE),
    )


def read_skin(text: str) -> tuple[Rgb | None, str]:
    """The skin that the sentence gives to people in sRGB ("a dark-skinned woman"), and the sentence without that.

    "A woman with blue skin" is left: that is no shade of people's.
    """
    for pattern in _skin_patterns():
        if match := pattern.search(text):
            shade = re.sub("[ -]+", " ", match["shade"].lower())
            return rgb_of(_table()["skins"][shade]), text[: match.start()] + text[match.end() :]
    return None, text


def face_of(look: Look, told: ToldFace, headwear: Headwear, character: str = "") -> Face | None:
    """The face of whom the look shows, as told, else as its character, its surface or people have it; None for none.

    ``character`` is who the words say it is, where the look does not.
    """
    rng = np.random.default_rng(look.seed + 1)
    head, name = look.layers[_HEAD], look.role.name if look.role else character
    row = _eyes_of(head, name)
    if told.eyes is not None:
        row = row or _table()["eyes"]["others"]
    elif told.is_faceless and not (look.role and name in _table()["eyes"]["characters"]):
        return None
    if row is None:
        return None
    iris = told.eyes or _drawn(rng, row[0])
    painted = _table()["painted_lips"].get(name)
    lips = told.lips or (rgb_of(painted) if painted else None)
    if head.kind != "skin":
        return Face(iris, rgb_of(row[1]), None, lips)
    if lips is None:
        color, share = _table()["lips"]["female" if look.phenotypes[0] > 0.5 else "male"]
        # Of dark skin, lips are dark as well.
        aim = np.array(rgb_of(color)) * min(1.0, 0.45 + head.rgb(0).mean())
        lips = _triple(head.rgb(0) + share * (aim - head.rgb(0)))
    return Face(iris, rgb_of(row[1]), _brows(head, headwear), lips)


def _eyes_of(head: Layer, name: str) -> Sequence[str] | None:
    eyes = _table()["eyes"]
    row = eyes["characters"].get(name)
    if row == "none" and head.kind != "skin":
        return None
    if row not in (None, "none"):
        return row
    row = eyes["kinds"].get(head.kind, eyes["others"] if head.kind in patterns() else None)
    return eyes["people"] if row == "people" else row


def _brows(head: Layer, headwear: Headwear) -> Rgb:
    """As the hair, and a little darker; under a hat, or on a bald head, dark."""
    has_hair = head.params[COVERS + IS_COVERED] > 0 and not headwear.is_bald
    hair = (
        head.params[COVERS + COVER_COLOR : COVERS + COVER_COLOR + 3] if has_hair else np.array(rgb_of(_DARKEST_BROWS))
    )
    # What is no darker than the skin is no brow on it.
    hair = hair if hair.mean() < 0.8 * head.rgb(0).mean() else np.array(rgb_of(_DARKEST_BROWS))
    return _triple(_table()["brows"] * hair)


def _drawn(rng: np.random.Generator, choices: str) -> Rgb:
    names = choices.split(",")
    return rgb_of(names[rng.integers(len(names))])


def _triple(rgb: np.ndarray) -> Rgb:
    return float(rgb[0]), float(rgb[1]), float(rgb[2])
