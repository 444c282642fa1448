"""Hems, sleeves and the thickness of clothes: looks cut as the words for their garments say; knows no encoder."""

from dataclasses import dataclass, replace

import numpy as np

from clipmatrix.procedural import primitives as P
from clipmatrix.procedural.covers import Edge, cover
from clipmatrix.procedural.lexing import Cut, usual_cut, usual_wear
from clipmatrix.procedural.looks import Layer, Look, draw_wear
from clipmatrix.procedural.tables import SLOTS
from clipmatrix.procedural.understood import Reading

_HEAD, _TORSO, _ARMS, _HANDS, _LEGS, _FEET = range(len(SLOTS))
_HEM_BLUR_M = 0.003
_SHOES = Cut(thickness=0.005)
_WHOLE = 0.99
_LONGEST = 0.96
"""How far skirts reach at most."""


@dataclass(frozen=True)
class Limbs:
    """Where a neutral body's limbs lie, in metres: hips and ankles by their height, an arm by its axis.

    ``arm_axis`` points from a shoulder to the wrist, x away from the middle; ``shoulder`` and ``wrist`` lie along it.
    """

    hips: float
    ankles: float
    arm_axis: tuple[float, float, float]
    shoulder: float
    wrist: float


def find_limbs(vertices: np.ndarray, slots: np.ndarray) -> Limbs:
    """The limbs of a neutral body: vertices (v 3) in metres, their membership (v 6) in the parts."""
    parts = slots.argmax(1)
    mirrored = np.abs(vertices * [1, 0, 0]) + vertices * [0, 1, 1]
    legs, arms, hands = vertices[parts == _LEGS], mirrored[parts == _ARMS], mirrored[parts == _HANDS]
    axis = hands.mean(0) - arms.mean(0)
    axis /= np.linalg.norm(axis)
    along = arms @ axis
    x, y, z = (float(value) for value in axis)
    return Limbs(float(legs[:, 1].max()), float(legs[:, 1].min()), (x, y, z), float(along.min()), float(along.max()))


def tailor(look: Look, reading: Reading, limbs: Limbs) -> Look:
    """The look with its garments ending at their hems and standing off the body; below the hem there is skin.

    A character wears what such people do; one that is made of one stuff is so below the hem as well.
    """
    cuts = [told.cut if told is not None and told.is_garment else None for told in reading.slots]
    if (usual := usual_cut(_name_of(look, reading))) is not None:
        for slot in (_TORSO, _ARMS, _LEGS):
            cuts[slot] = usual if reading.slots[slot] is None else cuts[slot]
    if not any(cuts) and not look.role:
        return look
    layers = list(look.layers)
    skin = None if all(layer is layers[_HEAD] for layer in layers) else _skin_of(look)
    legs = _reach(cuts[_LEGS], reading.lengths.legs, "legs")
    if legs < _WHOLE and layers[_FEET] is layers[_LEGS] and reading.slots[_FEET] is None and skin:
        layers[_FEET] = draw_wear(np.random.default_rng(look.seed), usual_wear()[_FEET])
    if cuts[_FEET] is None and _has_shoes(layers):
        cuts[_FEET] = _SHOES
    for slot, cut in enumerate(cuts):
        if cut is not None:
            layers[slot] = _thick(layers[slot], cut, slot == _LEGS)
    if legs < _WHOLE:
        hem = limbs.hips + legs * (limbs.ankles - limbs.hips)
        layers[_LEGS] = cover(layers[_LEGS], skin, Edge((0.0, -1.0, 0.0), -hem, _HEM_BLUR_M))
    arms = _reach(cuts[_ARMS], reading.lengths.arms, "arms")
    if arms < _WHOLE:
        hem = limbs.shoulder + arms * (limbs.wrist - limbs.shoulder)
        layers[_ARMS] = cover(layers[_ARMS], skin, Edge(limbs.arm_axis, hem, _HEM_BLUR_M))
    return replace(look, layers=tuple(layers))


def _has_shoes(layers: list[Layer]) -> bool:
    """Whether the feet wear something that neither legs, hands nor head are of."""
    feet = layers[_FEET]
    return feet.kind != "skin" and not any(layers[slot] is feet for slot in (_HEAD, _HANDS, _LEGS))


def _name_of(look: Look, reading: Reading) -> str:
    """The character that it is; empty for nobody of a name."""
    return look.role.name if look.role else next(iter(reading.characters), "")


def _reach(cut: Cut | None, told: float | None, limb: str) -> float:
    if cut is None:
        return 1.0
    reach = getattr(cut, limb) if told is None else told
    return min(reach, _LONGEST) if cut.flare and limb == "legs" else reach


def _thick(layer: Layer, cut: Cut, has_hem: bool) -> Layer:
    params = layer.params.copy()
    params[P.THICKNESS] = cut.thickness
    params[P.FLARE] = cut.flare if has_hem else 0.0
    return replace(layer, params=params)


def _skin_of(look: Look) -> tuple[float, float, float]:
    """The base colour of the hands where they are bare skin, else of the head."""
    bare = next((look.layers[slot] for slot in (_HANDS, _HEAD) if look.layers[slot].kind == "skin"), look.layers[_HEAD])
    red, green, blue = (float(value) for value in bare.rgb(0))
    return red, green, blue
