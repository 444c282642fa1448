"""Training's looks with what the search gives its own in the end: hats, hair, hems and skirts; knows no pixels."""

from dataclasses import replace

import numpy as np

from clipmatrix.generate.finishing import Figure, finish
from clipmatrix.procedural.lexing import sense_of
from clipmatrix.procedural.looks import Layout, Look
from clipmatrix.procedural.reading import read
from clipmatrix.procedural.tables import SLOTS
from clipmatrix.procedural.understood import Reading, Told

_HEAD, _TORSO, _ARMS, _HANDS, _LEGS, _FEET = range(len(SLOTS))
_SHARE = 0.75
"""How many of the people and characters are finished."""

_TOPS = ("shirt", "t shirt", "jacket", "vest")
_BOTTOMS = ("trousers", "jeans", "shorts", "leggings")
_SUITS = ("suit", "tuxedo", "body suit", "space suit")
_GOWNS = ("dress", "robe", "evening dress", "skirt")


def finish_randomly(rng: np.random.Generator, look: Look, figure: Figure) -> tuple[Look, Look]:
    """The look as it is drawn, and as words may speak of it: with the head, hands and feet that it then has.

    Three of four people and characters are finished, each in garments of random cut.
    """
    if look.layout is Layout.PLAIN or rng.random() > _SHARE:
        return look, look
    reading = _random_cut(rng, look)
    drawn = finish(look, reading, figure)
    return drawn, _told_of(look, drawn)


def _random_cut(rng: np.random.Generator, look: Look) -> Reading:
    reading = read("")
    if look.layout not in (Layout.CLOTHES, Layout.SUIT):
        return reading
    is_female = look.phenotypes[0] > 0.5
    slots = list(reading.slots)
    if look.layers[_LEGS] is look.layers[_TORSO]:
        worn = {_TORSO: _SUITS, _LEGS: _SUITS} if rng.random() < 0.6 - 0.3 * is_female else {_LEGS: _GOWNS}
    else:
        worn = {_TORSO: _TOPS, _LEGS: _GOWNS if is_female and rng.random() < 0.3 else _BOTTOMS}
    for slot, names in worn.items():
        _, senses = sense_of(names[rng.integers(len(names))])
        slots[slot] = Told(is_garment=True, cut=senses.cut)
        if slot == _TORSO and look.layers[_ARMS] is look.layers[_TORSO]:
            slots[_ARMS] = slots[slot]
    return replace(reading, slots=tuple(slots))


def _told_of(look: Look, drawn: Look) -> Look:
    """The look with the layers of the drawn one where those are of another stuff; what a character wears is its own."""
    is_other = [new.kind != old.kind for new, old in zip(drawn.layers, look.layers, strict=True)]
    if not any(is_other):
        return look
    new = {id(old): fresh for old, fresh, other in zip(look.layers, drawn.layers, is_other, strict=True) if other}
    layers = tuple(new.get(id(layer), layer) for layer in look.layers)
    role = look.role and replace(look.role, layers=tuple(new.get(id(layer), layer) for layer in look.role.layers))
    return replace(look, layers=layers, role=role)
