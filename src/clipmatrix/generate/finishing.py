"""Looks with what lies on the body beyond their surfaces: hats, hair, hems and capes; knows no encoder."""

from dataclasses import dataclass

import numpy as np
import torch

from clipmatrix.bodies.body import Body
from clipmatrix.procedural.capes import cape
from clipmatrix.procedural.headwear import HeadBox, crown
from clipmatrix.procedural.looks import Look
from clipmatrix.procedural.tables import SLOTS
from clipmatrix.procedural.tailoring import Limbs, find_limbs, tailor
from clipmatrix.procedural.understood import Reading
from clipmatrix.render.posed_bodies import slot_weights

_HEAD = SLOTS.index("head")


@dataclass(frozen=True)
class Figure:
    """Where a neutral body's head and limbs lie, and the middle of its trunk from back to front, in metres."""

    box: HeadBox
    limbs: Limbs
    middle: float


def measure_figure(body: Body) -> Figure | None:
    """The body's figure; None for one that lacks a part."""
    slots = slot_weights(body)
    if len(np.unique(slots.argmax(1))) < len(SLOTS):
        return None
    vertices = body.template.vertices.cpu()
    head, torso = (vertices[body.regions[name] > 0.5] for name in ("head", "torso"))
    low, high, back, front = (float(value) for value in (*torch.aminmax(head[:, 1]), *torch.aminmax(head[:, 2])))
    limbs = find_limbs(vertices.double().numpy(), slots)
    return Figure(HeadBox(low, high - low, (back + front) / 2), limbs, float(torch.stack(torso[:, 2].aminmax()).mean()))


def finish(look: Look, reading: Reading, figure: Figure) -> Look:
    """The look with hair or hats, clothes with hems, and a cape, as they are told or go without saying."""
    has_face = reading.bare is not None or reading.slots[_HEAD] is not None or bool(reading.skin)
    is_stuff = reading.whole is not None and bool(reading.whole.kinds)
    who = reading.characters[0] if reading.characters else ""
    worn = cape(tailor(look, reading, figure.limbs), reading.cape, figure.middle, who, is_stuff)
    return crown(worn, reading.headwear, figure.box, who, has_face)
