"""Capes: what a sentence says of one, and looks that wear it down their back; knows no encoder."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
import yaml

from clipmatrix.procedural.covers import Edge, Form, cover
from clipmatrix.procedural.headwear import Rgb, named_color, rgb_of
from clipmatrix.procedural.looks import Look
from clipmatrix.procedural.tables import SLOTS, oklab_from_srgb

_TORSO, _LEGS = SLOTS.index("torso"), SLOTS.index("legs")
_CAPE = re.compile(r"\b(?P<before>(?:[a-z]+[ -]+){0,4})cape\b")
_NO_CAPE = re.compile(r"\b(?:no|without(?: a| his| her)?) cape\b")
_PLACE = 1
"""Over what ends at a hem, and under hair that falls down the back."""

_BEHIND_M = 0.005
"""How far behind the middle of the trunk a cape begins at either side."""

_FORM = Form(thickness=0.014, trail=0.1)
_APART = 0.15
"""OKLab distance that an untold cape's colour has from that of the trunk, where its table has one that far."""


@dataclass(frozen=True)
class ToldCape:
    """What is said of a cape: its colour in sRGB, or None; ``is_worn`` is False where there shall be none."""

    rgb: Rgb | None
    is_worn: bool = True


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    text = (files("clipmatrix.procedural") / "tables" / "capes.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def read_cape(text: str) -> ToldCape | None:
    """What the sentence says of a cape; None where it speaks of none."""
    lower = text.lower()
    if _NO_CAPE.search(lower):
        return ToldCape(None, is_worn=False)
    match = _CAPE.search(lower)
    return None if match is None else ToldCape(named_color(match["before"], _table()["shades"]))


def cape(look: Look, told: ToldCape | None, middle: float, character: str = "", is_stuff: bool = False) -> Look:
    """The look with the cape that is told, else with that of its character.

    ``middle`` is that of the trunk from back to front, in metres. Who is made of a stuff (``is_stuff``) has a cape of
    it, unless its colour is told. ``character`` is who the words say it is, where the look does not.
    """
    own = _table()["characters"].get(look.role.name if look.role else character)
    if (told is None and own is None) or (told is not None and not told.is_worn):
        return look
    rgb = told.rgb if told is not None and told.rgb else None if is_stuff else _drawn(look, own)
    edge = Edge((0.0, 0.0, -1.0), _BEHIND_M - middle, 0.004)
    layers = list(look.layers)
    for slot in (_TORSO, _LEGS):
        layers[slot] = cover(layers[slot], rgb, edge, _FORM, place=_PLACE)
    return replace(look, layers=tuple(layers))


def _drawn(look: Look, own: str | None) -> Rgb:
    """One of the colours that stand out from the trunk's."""
    rng = np.random.default_rng(look.seed + 2)
    choices = [rgb_of(name) for name in (own or _table()["shades"]["any"]).split(",")]
    lab = oklab_from_srgb(look.layers[_TORSO].rgb(0))
    apart = [rgb for rgb in choices if np.linalg.norm(oklab_from_srgb(np.array(rgb)) - lab) > _APART] or choices
    return apart[rng.integers(len(apart))]
