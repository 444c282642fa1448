"""Hats have a form: brims, peaks and crowns are pulled out of the head where the hat is, and nowhere else."""

import numpy as np
import pytest
from tests.support_looks import anny, finished_look

from clipmatrix.procedural.dressing import dress
from clipmatrix.procedural.headwear import read_headwear
from clipmatrix.procedural.patterns import paint_points
from clipmatrix.procedural.reading import read
from clipmatrix.procedural.tables import CHANGES, SLOTS
from clipmatrix.render.bake import bake_offset
from clipmatrix.render.posed_bodies import slot_weights

HEAD = SLOTS.index("head")


def _head(text: str) -> tuple[np.ndarray, np.ndarray]:
    """The head's vertices in metres as they are at rest, and as they are with what it wears."""
    body, look = anny(), finished_look(text, 3)
    is_head = slot_weights(body)[:, HEAD] > 0.9
    rest = body.rest(body.neutral_shape).vertices
    return rest.numpy()[is_head], (rest + bake_offset(look, body, body.neutral_shape)).numpy()[is_head]


def _widths(points: np.ndarray) -> tuple[float, float]:
    """How far in metres the head reaches to the front and to the back of its middle."""
    middle = (points[:, 2].min() + points[:, 2].max()) / 2
    return float(points[:, 2].max() - middle), float(middle - points[:, 2].min())


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("a man in a red cowboy hat", "wide"),
        ("a woman with a golden crown", "crown"),
        ("a boy in a baseball cap", "cap"),
        ("a zombie in a top hat", "tall"),
        ("a man in a witch's hat", "pointed"),
        ("a girl with a green beret", "close"),
        ("a man in a hat", "hat"),
        ("a man in a suit", ""),
    ],
)
def test_hats_are_read_with_their_form(text: str, shape: str) -> None:
    assert read_headwear(text)[0].hat_shape == shape


def test_a_hat_s_name_is_no_character_and_no_stuff() -> None:
    for text in ("a woman in a cowboy hat", "a man in a straw hat", "a man in a wizard hat", "a zombie in a top hat"):
        reading = read(text)
        assert reading.whole is None
        assert set(reading.characters) <= {"zombie"}
        assert all(told is None for told in reading.slots)


def test_hats_have_their_own_colours_or_those_that_are_told() -> None:
    gold, red = read_headwear("a king with a crown")[0].hat, read_headwear("a man in a red top hat")[0].hat
    assert gold is not None
    assert gold[0] > gold[1] > 2 * gold[2]
    assert red is not None
    assert red[0] > 3 * red[1]


def test_a_brim_stands_out_all_around_and_a_cap_s_in_front_only() -> None:
    rest, wide = _head("a man in a cowboy hat")
    _, cap = _head("a man in a baseball cap")
    assert np.ptp(wide[:, 0]) > np.ptp(rest[:, 0]) + 0.1
    assert np.ptp(cap[:, 0]) < np.ptp(rest[:, 0]) + 0.06
    assert cap[:, 2].max() > rest[:, 2].max() + 0.03


def test_tall_hats_are_flat_on_top_and_pointed_ones_are_not() -> None:
    rest, tall = _head("a man in a top hat")
    _, pointed = _head("a man in a pointed hat")
    assert tall[:, 1].max() > rest[:, 1].max() + 0.08
    near_top = [np.ptp(points[points[:, 1] > points[:, 1].max() - 0.03][:, 0]) for points in (tall, pointed)]
    assert near_top[0] > 2 * near_top[1]


@pytest.mark.parametrize("text", ["a king in a robe", "an icy queen", "a princess", "a wooden king"])
def test_a_crown_has_peaks_around_the_head(text: str) -> None:
    rest, crowned = _head(text)
    raised = crowned[crowned[:, 1] - rest[:, 1] > 0.04]
    angles = np.arctan2(raised[:, 0], raised[:, 2] - rest[:, 2].mean())
    assert len(np.unique(np.floor((angles + np.pi) / (np.pi / 3)))) >= 5


def test_of_one_stuff_a_crown_is_too() -> None:
    ice = finished_look("an icy queen", 3).layers[HEAD]
    bare = dress(np.random.default_rng(3), read("an icy queen")).layers[HEAD]
    places, ids = np.array([[0.0, 1.76, 0.14], [0.0, 1.83, 0.05]]), np.zeros(2, int)
    assert np.array_equal(paint_points(ice.params[None], ids, places), paint_points(bare.params[None], ids, places))


def test_below_its_hat_a_head_is_as_it_was() -> None:
    rest, wide = _head("a bald man in a cowboy hat")
    low = rest[:, 1] < rest[:, 1].min() + 0.12
    assert np.abs(wide - rest)[low].max() < 0.002


def test_pointed_hats_leave_other_changes_alone() -> None:
    look = finished_look("a horned witch", 3)
    assert look.changes[CHANGES.index("cone")] == 1.0
