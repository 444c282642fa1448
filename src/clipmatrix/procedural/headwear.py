"""Hair and hats: what a sentence says of them, and looks whose heads wear them; knows no encoder.

Nothing grows on a body's head. Above a hairline, or the rim of a hat, its surface has another colour, and is thicker.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from clipmatrix.procedural import wording
from clipmatrix.procedural.covers import Edge, cover
from clipmatrix.procedural.looks import Layer, Look, build_layer
from clipmatrix.procedural.tables import CHANGES, SLOTS, colors, materials, rgb_from_hex

Rgb = tuple[float, float, float]
_HEAD, _TORSO = SLOTS.index("head"), SLOTS.index("torso")
_CONE = CHANGES.index("cone")


@dataclass(frozen=True)
class Headwear:
    """What is said of a head: colours in sRGB, or None; ``is_bald`` and ``has_hat`` where no colour is told.

    ``is_long`` is what is said of the hair's length, or None; ``is_bearded`` where a beard has no colour of its own.
    """

    hair: Rgb | None = None
    hat: Rgb | None = None
    is_bald: bool = False
    has_hat: bool = False
    is_long: bool | None = None
    beard: Rgb | None = None
    is_bearded: bool = False


@dataclass(frozen=True)
class HeadBox:
    """Where a neutral body's head lies: its lowest point, its height and its middle from back to front, in metres."""

    low: float
    height: float
    middle: float


@dataclass(frozen=True)
class _Line:
    """Where hair or a hat begins, in metres: over the middle of the head, at ``share`` of its height.

    For each metre to the front it begins ``slope`` higher, and for each to either side ``side`` lower. ``blur`` is half
    the width of the border, ``waves`` how far it wanders, ``thickness`` how far it stands off the skull; ``grain`` is
    the strength of its strands.
    """

    share: float
    slope: float
    blur: float
    waves: float
    thickness: float
    grain: float
    side: float = 0.0


_HAIRLINE = _Line(share=0.577, slope=0.75, blur=0.008, waves=0.02, thickness=0.013, grain=0.45)
_LONG_HAIRLINE = _Line(share=0.426, slope=1.2, blur=0.008, waves=0.015, thickness=0.02, grain=0.45, side=0.76)
_DOWN_THE_BACK = Edge((-1.7, 1.0, -3.0), 0.0, 0.006, 0.05)
"""Long hair on the trunk, which narrows to a point ..."""
_BEARD = Edge((1.15, -1.0, 0.5), 0.0, 0.006, 0.012)
"""A beard lies where the face is low, in front, or at the sides; where it begins is counted in shares of the head."""
_MOUTH = 0.3
_FACE_DEPTH_M = 0.09
_BEARD_M = 0.016
_BACK_M, _BACK_DEPTH_M = 0.24, 0.15
"""... so far below the head's lowest point, and behind its middle."""
_LONG_SHARE = 0.75
"""Of women of whose hair nothing is said, how many wear it long."""
_RIM = _Line(share=0.606, slope=0.26, blur=0.002, waves=0.0, thickness=0.018, grain=0.0)


@cache
def _table() -> dict[str, Any]:
    text = (files("clipmatrix.procedural") / "tables" / "headwear.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


@cache
def headwear_words() -> frozenset[str]:
    """The single words of hair and hats, in lower case: they are painted whether or not an encoder knows them."""
    table = _table()
    phrases = ["hair", "haired", *table["beards"], *table["hats"], *table["people"], *table["bald"], *table["shades"]]
    return frozenset(word for phrase in phrases for word in phrase.split())


def _any_of(words: list[str]) -> str:
    return "|".join(re.escape(word).replace(r"\ ", "[ -]") for word in sorted(words, key=len, reverse=True))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    table = _table()
    before = r"(?P<before>(?:[a-z]+[ -]+){0,4})"
    humans = _any_of([*wording.BEINGS, *wording.MALE, *wording.FEMALE, "child", "kid", "boy", "girl"])
    who = _any_of(list(table["people"]))
    return {
        "fur": re.compile(r"\b(?:covered|coated|made|full|coat) (?:in|with|of)\b[a-z ,-]*\bhair\b|\bhair[ -]covered\b"),
        "hair": re.compile(rf"\b{before}hair(?:ed)?\b"),
        "beard": re.compile(rf"\b{before}(?P<noun>{_any_of(table['beards'])})\b"),
        "hat": re.compile(rf"\b{before}(?:{_any_of(table['hats'])})\b"),
        "bald": re.compile(rf"\b(?:{_any_of(table['bald'])})\b,? ?"),
        "people": re.compile(rf"\b(?P<who>{who})\b(?P<next> (?:[a-z]+ )?(?:{humans})\b)?"),
    }


def read_headwear(text: str) -> tuple[Headwear, str]:
    """What the sentence says of hair and hats, and the sentence without words that say it of a whole person.

    "a blonde in a red dress" leaves "a person in a red dress", "a bald man" "a man".
    """
    lower, found, patterns = text.lower(), Headwear(), _patterns()
    if patterns["fur"].search(lower):
        return found, text
    if match := patterns["hair"].search(lower):
        words = set(re.findall(r"[a-z]+", match["before"]))
        is_long = True if words & {"long", "flowing"} else False if words & {"short", "cropped", "shaved"} else None
        found = replace(found, hair=named_color(match["before"], _table()["shades"]), is_long=is_long)
    if match := patterns["beard"].search(lower):
        found = replace(found, beard=named_color(match["before"], _table()["shades"]), is_bearded=True)
    if match := patterns["hat"].search(lower):
        found = replace(found, hat=named_color(match["before"], {}), has_hat=True)
    if patterns["bald"].search(lower):
        found = replace(found, is_bald=True)
        text = patterns["bald"].sub("", lower)
    lower = text.lower()
    match = patterns["people"].search(lower)
    is_hair = match is not None and re.match(r"[ -]hair", lower[match.end() :]) is not None
    if match and not is_hair and (match["next"] or match["who"] not in _table()["adjectives"]):
        shade = _table()["shades"][_table()["people"][match["who"].replace("-", " ")]]
        found = replace(found, hair=found.hair or rgb_of(shade))
        text = text[: match.start()] + (match["next"] or " person").strip() + text[match.end() :]
    return found, text


def named_color(words: str, shades: Mapping[str, str]) -> Rgb | None:
    """The colour that the last of these words name."""
    parts = re.findall(r"[a-z]+", words)
    for start in range(len(parts)):
        name = " ".join(parts[start:])
        if name in shades:
            return rgb_of(shades[name])
        if name in colors().ids:
            red, green, blue = (float(value) for value in colors().rgb[colors().ids[name]])
            return red, green, blue
    return None


def rgb_of(text: str) -> Rgb:
    """The colour of a hexadecimal text, such as ``#1c140e``."""
    red, green, blue = (float(value) for value in rgb_from_hex(text))
    return red, green, blue


def crown(look: Look, told: Headwear, box: HeadBox, character: str = "", has_face: bool = False) -> Look:
    """The look with the hat, hair and beard of whom it shows, as told, else as its character or people have them.

    Only people and characters of the table have some; a figure of one surface, and a head of stone or fur, stay as they
    are. ``box`` is the body's head. ``character`` is who the words say it is, where the look does not. ``has_face``:
    the colour of the head was told, and is the face's under any hat.
    """
    rng = np.random.default_rng(look.seed)
    name = look.role.name if look.role else character
    head, layers = look.layers[_HEAD], list(look.layers)
    if all(layer is head for layer in look.layers) and not (told.hair or told.hat or told.beard):
        return look
    if head.kind not in ("skin", "solid"):
        return look
    hat = _hat_of(rng, look, told, name)
    hair = told.hair or _own(rng, "hair", name, look) or (_natural_hair(rng, head) if head.kind == "skin" else None)
    beard = told.beard or _own(rng, "beard", name, look) or (hair if told.is_bearded else None)
    hair = None if told.is_bald else hair
    if hat is None and hair is None and beard is None:
        return look
    if hat is not None:
        # Where the table gives a head in one colour to who wears a hat, the hat is meant.
        is_hat = head.kind == "solid" and name in _table()["characters"]["hat"] and name not in _table()["own_faces"]
        face = build_layer(rng, materials()["skin"]) if is_hat and not has_face else head
        layers = [face if layer is head else layer for layer in layers]
        layers[_HEAD] = _painted(face, hat, box, _RIM)
    elif hair is not None:
        is_long = told.is_long
        if is_long is None:
            is_long = look.phenotypes[0] > 0.5 and rng.random() < _LONG_SHARE
        layers[_HEAD] = _painted(head, hair, box, _LONG_HAIRLINE if is_long else _HAIRLINE)
        if is_long:
            layers[_TORSO] = _down_the_back(layers[_TORSO], hair, box)
    if beard is not None:
        layers[_HEAD] = _bearded(layers[_HEAD], beard, box)
    return replace(look, layers=tuple(layers))


def _hat_of(rng: np.random.Generator, look: Look, told: Headwear, name: str) -> Rgb | None:
    """The colour of what is worn on the head. Who speaks of hair wants to see it."""
    hat = told.hat or (None if told.hair else _own(rng, "hat", name, look))
    is_cone = look.changes[_CONE] > 0 and told.hair is None and look.layers[_HEAD].kind == "skin"
    return _drawn(rng, "torso", look) if hat is None and (told.has_hat or is_cone) else hat


def _own(rng: np.random.Generator, what: str, name: str, look: Look) -> Rgb | None:
    """The colour of what a character of that name has on the head."""
    choices = _table()["characters"][what].get(name)
    return None if choices is None else _drawn(rng, choices, look)


def _natural_hair(rng: np.random.Generator, head: Layer) -> Rgb:
    """Of what people have by nature, what is darker than the skin."""
    natural = [rgb_of(text) for text in _table()["natural"]]
    natural = [rgb for rgb in natural if sum(rgb) < 0.75 * head.rgb(0).sum()] or natural[:1]
    return natural[rng.integers(len(natural))]


def _drawn(rng: np.random.Generator, choices: str, look: Look) -> Rgb:
    if choices == "torso":
        red, green, blue = (float(value) for value in look.layers[_TORSO].rgb(0))
        return red, green, blue
    names = choices.split(",")
    return rgb_of(names[rng.integers(len(names))])


def _painted(head: Layer, rgb: Rgb, box: HeadBox, line: _Line) -> Layer:
    start = box.low + line.share * box.height - line.slope * box.middle
    edge = Edge((line.side, 1.0, -line.slope), start, line.blur, line.waves)
    return cover(head, rgb, edge, line.thickness, line.grain)


def _down_the_back(torso: Layer, rgb: Rgb, box: HeadBox) -> Layer:
    start = box.low + _DOWN_THE_BACK.axis[2] * (box.middle - _BACK_DEPTH_M) - _BACK_M
    return cover(torso, rgb, replace(_DOWN_THE_BACK, start=start), _LONG_HAIRLINE.thickness, _LONG_HAIRLINE.grain)


def _bearded(head: Layer, rgb: Rgb, box: HeadBox) -> Layer:
    start = -(box.low + _MOUTH * box.height) + _BEARD.axis[2] * (box.middle + _FACE_DEPTH_M)
    return cover(head, rgb, replace(_BEARD, start=start), _BEARD_M, _HAIRLINE.grain, place=1)
