"""Hair and hats: what a sentence says of them, and looks whose heads wear them; knows no encoder.

Nothing grows on a body's head. Above a hairline, or the rim of a hat, its surface has another colour, and is thicker;
brims and a crown's peaks are pulled out of it.
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
from clipmatrix.procedural.covers import Edge, Form, cover
from clipmatrix.procedural.looks import Layer, Look, build_layer
from clipmatrix.procedural.tables import CHANGES, SLOTS, colors, materials, rgb_from_hex

Rgb = tuple[float, float, float]
_HEAD, _TORSO = SLOTS.index("head"), SLOTS.index("torso")
_CONE = CHANGES.index("cone")


@dataclass(frozen=True)
class Headwear:
    """What is said of a head: colours in sRGB, or None. ``hat_shape`` is a row of the table's hats, empty for no hat.

    ``is_long`` is what is said of the hair's length, or None; ``is_bearded`` where a beard has no colour of its own.
    """

    hair: Rgb | None = None
    hat: Rgb | None = None
    is_bald: bool = False
    hat_shape: str = ""
    is_long: bool | None = None
    beard: Rgb | None = None
    is_bearded: bool = False
    visor: Rgb | None = None


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
_VISOR = Edge((-0.6, 0.0, 1.0), 0.0, 0.002)
"""A visor lies in front, and begins behind the middle of the head so far:"""
_VISOR_M = 0.022
_MOUTH = 0.3
_FACE_DEPTH_M = 0.09
_BEARD_M = 0.016
_BACK_M, _BACK_DEPTH_M = 0.24, 0.15
"""... so far below the head's lowest point, and behind its middle."""
_LONG_SHARE = 0.75
"""Of women of whose hair nothing is said, how many wear it long."""
_RIM = _Line(share=0.67, slope=0.26, blur=0.002, waves=0.0, thickness=0.018, grain=0.0)
_HAT_PLACE = 2
"""Hair, then a beard, then a hat: each lies on those before it."""


@dataclass(frozen=True)
class _Hat:
    """A hat: its ``shape`` in the table, and its colour in sRGB, None for that of what it is on."""

    shape: str
    rgb: Rgb | None


@cache
def _table() -> dict[str, Any]:
    text = (files("clipmatrix.procedural") / "tables" / "headwear.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


@cache
def headwear_words() -> frozenset[str]:
    """The single words of hair and hats, in lower case: they are painted whether or not an encoder knows them."""
    table = _table()
    phrases = [
        "hair",
        "haired",
        "wig",
        *table["beards"],
        *_hat_phrases(),
        *table["people"],
        *table["bald"],
        *table["shades"],
    ]
    return frozenset(word for phrase in phrases for word in phrase.split())


@cache
def _hat_phrases() -> dict[str, tuple[str, str]]:
    """Of every hat's name its shape in the table, and its colour where none is told."""
    return {phrase: (shape, rgb) for shape, row in _table()["hats"].items() for phrase, rgb in row["words"].items()}


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
        "hair": re.compile(rf"\b{before}(?:hair(?:ed)?|wig)\b"),
        "shade": re.compile(rf"\b(?:{_any_of(list(table['shades']))})[ -](?=hair)"),
        "visor": re.compile(rf"\b{before}visor\b"),
        "beard": re.compile(rf"\b{before}(?P<noun>{_any_of(table['beards'])})\b"),
        "hat": re.compile(rf"\b(?P<noun>{_any_of(list(_hat_phrases()))})\b"),
        "bald": re.compile(rf"\b(?:{_any_of(table['bald'])})\b,? ?"),
        "people": re.compile(rf"\b(?P<who>{who})\b(?P<next> (?:[a-z]+ )?(?:{humans})\b)?"),
    }


def read_headwear(text: str) -> tuple[Headwear, str]:
    """What the sentence says of hair and hats, and the sentence without words that say it of a whole person.

    "a blonde in a red dress" leaves "a person in a red dress", "a bald man" "a man", "a red cowboy hat" "a red hat".
    """
    lower, found, patterns = text.lower(), Headwear(), _patterns()
    if patterns["fur"].search(lower):
        return found, text
    if match := patterns["hair"].search(lower):
        words = set(re.findall(r"[a-z]+", match["before"]))
        is_long = True if words & {"long", "flowing"} else False if words & {"short", "cropped", "shaved"} else None
        found = replace(found, hair=named_color(match["before"], _table()["shades"]), is_long=is_long)
        # "blond hair" is a stuff too, of which beasts are.
        text = lower = patterns["shade"].sub("", lower)
    if match := patterns["beard"].search(lower):
        found = replace(found, beard=named_color(match["before"], _table()["shades"]), is_bearded=True)
    if match := patterns["visor"].search(lower):
        found = replace(found, visor=named_color(match["before"], _table()["hat_shades"]))
    plain = lower.replace("’", "'").replace("'s hat", "s hat")
    if match := patterns["hat"].search(plain):
        phrase = match["noun"].replace("-", " ")
        told = named_color(" ".join(plain[: match.start()].split()[-3:]), _table()["hat_shades"])
        shape, usual = _hat_phrases()[phrase]
        found = replace(found, hat=told or (None if usual == "torso" else rgb_of(usual)), hat_shape=shape)
        text = plain[: match.start()] + "hat" + plain[match.end() :]
    if patterns["bald"].search(lower):
        found = replace(found, is_bald=True)
        text = patterns["bald"].sub("", text.lower())
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

    Only people and characters of the table have some. A head of stone or fur has no more than the form of the hat that
    such a character wears, and what is told. ``box`` is the body's head. ``character`` is who the words say it is,
    where the look does not. ``has_face``: the colour of the head was told, and is the face's under any hat.
    """
    rng = np.random.default_rng(look.seed)
    name = look.role.name if look.role else character
    head, layers, changes = look.layers[_HEAD], list(look.layers), look.changes.copy()
    is_one = all(layer is head for layer in look.layers)
    is_plain = head.kind in ("skin", "solid") and not is_one
    hat = _hat_of(rng, look, told, name, is_plain)
    visor = told.visor or _own(rng, "visor", name, look)
    if visor is not None and is_plain:
        start = box.middle + _VISOR_M
        layers[_HEAD] = cover(layers[_HEAD], visor, replace(_VISOR, start=start), Form(_BEARD_M), place=1)
    hair = beard = None
    if head.kind in ("skin", "solid") and (is_plain or told.hair or told.hat_shape or told.beard):
        hair = told.hair or _own(rng, "hair", name, look) or (_natural_hair(rng, head) if head.kind == "skin" else None)
        beard = told.beard or _own(rng, "beard", name, look) or (hair if told.is_bearded else None)
        hair = None if told.is_bald else hair
    if hat is None and told.hair is not None and name in _table()["characters"]["hat"]:
        # What is pointed about a witch's head is her hat.
        changes[_CONE] = 0.0
    if hat is None and hair is None and beard is None and layers[_HEAD] is head:
        return look
    # Where the table gives a head in one colour to who wears a hat, the hat is meant.
    is_hat = is_plain and head.kind == "solid" and name in _table()["characters"]["hat"]
    if hat is not None and is_hat and name not in _table()["own_faces"] and not has_face:
        face = build_layer(rng, materials()["skin"])
        layers = [face if layer is head else layer for layer in layers]
    if hair is not None:
        is_long = told.is_long
        if is_long is None:
            is_long = look.phenotypes[0] > 0.5 and rng.random() < _LONG_SHARE
        layers[_HEAD] = _painted(layers[_HEAD], hair, box, _LONG_HAIRLINE if is_long else _HAIRLINE)
        if is_long:
            layers[_TORSO] = _down_the_back(layers[_TORSO], hair, box)
    if beard is not None:
        layers[_HEAD] = _bearded(layers[_HEAD], beard, box)
    if hat is not None:
        layers[_HEAD] = _hatted(layers[_HEAD], hat, box)
        changes[_CONE] = max(changes[_CONE], _table()["hats"][hat.shape].get("cone", 0.0))
    return replace(look, layers=tuple(layers), changes=changes)


def _hat_of(rng: np.random.Generator, look: Look, told: Headwear, name: str, is_plain: bool) -> _Hat | None:
    """What is worn on the head. Who speaks of hair wants to see it; of another stuff, a head's hat is of that too."""
    own = _table()["characters"]["hat"].get(name)
    if told.hat_shape:
        return _Hat(told.hat_shape, told.hat or _drawn(rng, "torso", look))
    if own is not None and not told.hair:
        shape, _, shades = own.partition(" ")
        shades = shades or _table()["hats"][shape]["words"][shape]
        return _Hat(shape, _drawn(rng, shades, look) if is_plain else None)
    if look.changes[_CONE] > 0 and told.hair is None and look.layers[_HEAD].kind == "skin" and is_plain:
        return _Hat("party", _drawn(rng, "torso", look))
    return None


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
    return cover(head, rgb, _edge(line, box), Form(line.thickness), line.grain)


def _edge(line: _Line, box: HeadBox) -> Edge:
    start = box.low + line.share * box.height - line.slope * box.middle
    return Edge((line.side, 1.0, -line.slope), start, line.blur, line.waves)


def _hatted(head: Layer, hat: _Hat, box: HeadBox) -> Layer:
    row = _table()["hats"][hat.shape]
    line = replace(_RIM, share=row.get("share", _RIM.share), slope=row.get("slope", _RIM.slope))
    form = Form(**{name: row[name] for name in ("depth", "brim", "peaks", "lift", "flat") if name in row})
    return cover(head, hat.rgb, _edge(line, box), replace(form, thickness=_RIM.thickness), place=_HAT_PLACE)


def _down_the_back(torso: Layer, rgb: Rgb, box: HeadBox) -> Layer:
    start = box.low + _DOWN_THE_BACK.axis[2] * (box.middle - _BACK_DEPTH_M) - _BACK_M
    form = Form(_LONG_HAIRLINE.thickness)
    return cover(torso, rgb, replace(_DOWN_THE_BACK, start=start), form, _LONG_HAIRLINE.grain, place=_HAT_PLACE)


def _bearded(head: Layer, rgb: Rgb, box: HeadBox) -> Layer:
    start = -(box.low + _MOUTH * box.height) + _BEARD.axis[2] * (box.middle + _FACE_DEPTH_M)
    return cover(head, rgb, replace(_BEARD, start=start), Form(_BEARD_M), _HAIRLINE.grain, place=1)
