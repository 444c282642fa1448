"""Capes hang down the back, in the colour that is told, and nowhere else."""

import numpy as np
import pytest
from tests.support_looks import anny, finished_look

from clipmatrix.procedural.capes import ToldCape, read_cape
from clipmatrix.procedural.dressing import dress
from clipmatrix.procedural.looks import Look
from clipmatrix.procedural.patterns import paint_points
from clipmatrix.procedural.reading import read
from clipmatrix.procedural.tables import SLOTS
from clipmatrix.render.bake import bake_offset

TORSO, LEGS = SLOTS.index("torso"), SLOTS.index("legs")
_BACK, _FRONT = (0.05, 1.3, -0.06), (0.05, 1.3, 0.15)


def _color(look: Look, place: tuple[float, float, float]) -> np.ndarray:
    return paint_points(look.layers[TORSO].params[None], np.zeros(1, int), np.array([place]))[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a man in a suit", None),
        ("a superhero without a cape", ToldCape(None, is_worn=False)),
        ("a woman with a cape", ToldCape(None)),
        ("an escape artist", None),
    ],
)
def test_capes_are_read(text: str, told: ToldCape | None) -> None:
    assert read_cape(text) == told


def test_a_told_cape_is_on_the_back_and_not_in_front() -> None:
    look = finished_look("a woman in a blue dress with a red cape")
    assert _color(look, _BACK).argmax() == 0
    assert _color(look, _FRONT).argmax() == 2


@pytest.mark.parametrize("seed", range(6))
def test_a_superhero_s_cape_stands_out_from_what_is_worn(seed: int) -> None:
    look = finished_look("a superhero", seed)
    assert np.abs(_color(look, _BACK) - _color(look, _FRONT)).max() > 0.15
    bare = finished_look("a superhero without a cape", seed)
    assert np.abs(_color(bare, _BACK) - _color(bare, _FRONT)).max() < 0.15


def test_of_stuff_a_superhero_s_cape_is_too() -> None:
    look = finished_look("a wooden superhero")
    bare = dress(np.random.default_rng(0), read("a wooden superhero")).layers[TORSO]
    assert np.array_equal(_color(look, _BACK), paint_points(bare.params[None], np.zeros(1, int), np.array([_BACK]))[0])


def test_it_trails_behind_and_closes_the_gap_between_the_legs() -> None:
    body = anny()
    rest = body.rest(body.neutral_shape).vertices
    worn = (rest + bake_offset(finished_look("a vampire"), body, body.neutral_shape)).numpy()
    low = (rest[:, 1] > 0.2) & (rest[:, 1] < 0.5)
    assert worn[low.numpy()][:, 2].min() < float(rest[low][:, 2].min()) - 0.05
    behind = worn[low.numpy() & (worn[:, 2] < -0.08)]
    assert np.abs(behind[:, 0]).min() < 0.02
