"""Characters: figures that have a name, read from their table and drawn at random; knows no pictures or words."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import yaml

from clipmatrix.procedural.tables import (
    CHANGES,
    PHENOTYPES,
    SLOTS,
    builds,
    kind_ids,
    oklab_from_srgb,
    rgb_from_hex,
    surfaces,
)

AXES = (*PHENOTYPES[:5], *CHANGES)
"""The axes that builds speak of."""

_DEFAULTS = {"arms": "=torso", "hands": "=head", "legs": "=torso", "feet": "=legs"}
_OTHER_COLOR = 0.2
"""OKLab distance from all of a character's colours that no jitter bridges."""


@dataclass(frozen=True)
class Wear:
    """One kind of surface that a part may wear, with alternatives for each of its colours."""

    kind: str
    colors: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Character:
    """A row of the table: for each slot its choices or the slot that it copies; ``cues`` are strengths by axis."""

    name: str
    words: tuple[str, ...]
    wears: tuple[tuple[Wear, ...] | int, ...]
    cues: dict[str, float]
    near: tuple[str, ...]
    is_remade: bool


def parse_wears(text: str) -> tuple[Wear, ...] | int:
    """What a cell of a table says: alternatives ("solid #101010,#202020 | leather"), or the slot that it copies."""
    if text.startswith("="):
        return SLOTS.index(text[1:])
    found = []
    for choice in text.split("|"):
        kind, *colors = choice.split()
        found.append(Wear(kind, tuple(tuple(color.split(",")) for color in colors)))
    return tuple(found)


def _cues(row: dict[str, float | int]) -> dict[str, float]:
    return {builds()[name].axis: float(value if builds()[name].is_high else -value) for name, value in row.items()}


@cache
def characters() -> dict[str, Character]:
    """The table of characters."""
    text = (files("clipmatrix.procedural") / "tables" / "characters.yaml").read_text(encoding="utf-8")
    return {
        name: Character(
            name,
            tuple(row["words"]),
            tuple(parse_wears(row.get(slot, _DEFAULTS.get(slot, ""))) for slot in SLOTS),
            _cues(row.get("builds", {})),
            tuple(row.get("near", ())),
            bool(row.get("remade")),
        )
        for name, row in yaml.safe_load(text).items()
    }


@cache
def character_ids() -> dict[str, int]:
    """The number of each character."""
    return {name: i for i, name in enumerate(characters())}


@cache
def character_words() -> frozenset[str]:
    """What characters are called; nothing else may be called so in a caption."""
    return frozenset(word for row in characters().values() for word in row.words)


@cache
def near_characters() -> np.ndarray:
    """Which characters may pass for which (n n)."""
    ids = character_ids()
    near = np.eye(len(ids), dtype=bool)
    for name, row in characters().items():
        for other in row.near:
            near[ids[name], ids[other]] = near[ids[other], ids[name]] = True
    return near


def choices(character: Character, slot: int) -> tuple[Wear, ...]:
    """What a part of the character may wear, copied or its own."""
    wears = character.wears[slot]
    return choices(character, wears) if isinstance(wears, int) else wears


@cache
def has_bare_head(name: str) -> bool:
    """Whether the character of that name may be somebody with a face of skin: it is told by its clothes."""
    return any(wear.kind == "skin" for wear in choices(characters()[name], SLOTS.index("head")))


@cache
def implied_builds(index: int | np.integer) -> np.ndarray:
    """The builds (axes) that go without saying when the character of this number is named: -1, 0 or 1."""
    cues = characters()[tuple(characters())[index]].cues
    return np.array([np.sign(cues.get(axis, 0.0)) for axis in AXES], np.int8)


@cache
def _alike(kind: str) -> np.ndarray:
    """Which kinds of surface may pass for this one: near ones, and a paint of its colour."""
    near = {kind, "solid", *surfaces()[kind].near, *(name for name, row in surfaces().items() if kind in row.near)}
    return np.array([name in near for name in surfaces()])


def may_wear(index: int | np.integer, slot: int, kinds: np.ndarray, labs: np.ndarray) -> np.ndarray:
    """Whether the character of this number may wear these kinds (n) in these base colours (n 3) on a part."""
    fits = np.zeros(len(kinds), bool)
    for wear in choices(characters()[tuple(characters())[index]], slot):
        surface = surfaces()[wear.kind]
        is_kind = _alike(wear.kind)[kinds]
        base = wear.colors[0] if wear.colors else (surface.colors[0] if surface.colors else ())
        if base:
            own = np.stack([oklab_from_srgb(rgb_from_hex(code)) for code in base])
            gaps = np.linalg.norm(labs[:, None] - own[None], axis=-1).min(1)
            is_close = gaps < _OTHER_COLOR
            is_kind = (is_kind & is_close) if wear.colors else (is_kind & (is_close | (kinds == kind_ids()[wear.kind])))
        fits |= is_kind
    return fits
