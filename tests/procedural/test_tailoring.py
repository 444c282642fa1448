"""Garments end at their hems, stand off the body, and say nothing of the build of who wears them."""

import numpy as np
import pytest
import torch

from clipmatrix.bodies.anny import load_anny
from clipmatrix.procedural import primitives as P
from clipmatrix.procedural.covers import Edge, cover, is_covered
from clipmatrix.procedural.dressing import dress
from clipmatrix.procedural.headwear import HeadBox, crown
from clipmatrix.procedural.lengths import Lengths, read_lengths
from clipmatrix.procedural.looks import Look, sample_skin
from clipmatrix.procedural.patterns import paint_points
from clipmatrix.procedural.reading import read
from clipmatrix.procedural.tables import SLOTS, oklab_from_srgb
from clipmatrix.procedural.tailoring import Limbs, find_limbs, tailor
from clipmatrix.procedural.told import told_builds
from clipmatrix.render.bake import bake_offset
from clipmatrix.render.posed_bodies import slot_weights

HEAD, TORSO, ARMS, HANDS, LEGS, FEET = range(len(SLOTS))


@pytest.fixture(scope="module")
def limbs() -> Limbs:
    body = load_anny()
    return find_limbs(body.template.vertices.double().numpy(), slot_weights(body))


def _tailored(text: str, limbs: Limbs, seed: int = 0) -> Look:
    reading = read(text)
    return tailor(dress(np.random.default_rng(seed), reading), reading, limbs)


def _on_leg(look: Look, limbs: Limbs, share: float) -> np.ndarray:
    place = np.array([[-0.1, limbs.hips + share * (limbs.ankles - limbs.hips), 0.02]])
    return paint_points(look.layers[LEGS].params[None], np.zeros(1, int), place)[0]


def _on_arm(look: Look, limbs: Limbs, share: float) -> np.ndarray:
    along = limbs.shoulder + share * (limbs.wrist - limbs.shoulder)
    place = np.array([[0.3, (along - 0.3 * limbs.arm_axis[0]) / limbs.arm_axis[1], 0.0]])
    return paint_points(look.layers[ARMS].params[None], np.zeros(1, int), place)[0]


def _is_like(rgb: np.ndarray, other: np.ndarray) -> bool:
    return float(np.linalg.norm(oklab_from_srgb(rgb) - oklab_from_srgb(other))) < 0.1


def test_limbs_of_the_body(limbs: Limbs) -> None:
    assert limbs.hips - limbs.ankles == pytest.approx(0.8, abs=0.15)
    assert limbs.wrist - limbs.shoulder == pytest.approx(0.5, abs=0.15)
    assert limbs.arm_axis[0] > 0.3
    assert limbs.arm_axis[1] < 0


@pytest.mark.parametrize(
    ("text", "covered", "bare"),
    [
        ("a woman in a blue dress", 0.5, 0.65),
        ("a man in blue shorts", 0.35, 0.55),
        ("a woman in a short blue skirt", 0.2, 0.4),
        ("a man in blue swimming trunks", 0.2, 0.35),
        ("a woman in a long blue dress", 0.9, None),
        ("a man in blue trousers", 0.97, None),
        ("a wizard in a blue robe", 0.9, None),
    ],
)
def test_legs_are_covered_down_to_the_hem(text: str, covered: float, bare: float | None, limbs: Limbs) -> None:
    blue = np.array([0.0, 0.0, 1.0])
    look = _tailored(text, limbs)
    assert _on_leg(look, limbs, covered) @ blue > 0.6
    if bare is not None:
        assert _is_like(_on_leg(look, limbs, bare), look.layers[HANDS].rgb(0))


@pytest.mark.parametrize(
    ("text", "covered", "bare"),
    [
        ("a man in a red t-shirt", 0.3, 0.5),
        ("a man in a red short sleeved shirt", 0.3, 0.45),
        ("a woman in a sleeveless red dress", None, 0.1),
        ("a man in a red shirt", 0.95, None),
    ],
)
def test_arms_are_covered_down_to_the_sleeves_end(
    text: str, covered: float | None, bare: float | None, limbs: Limbs
) -> None:
    look = _tailored(text, limbs)
    if covered is not None:
        assert _on_arm(look, limbs, covered)[0] > 0.7
    if bare is not None:
        assert _is_like(_on_arm(look, limbs, bare), look.layers[HANDS].rgb(0))


def test_a_swimmer_wears_nothing_else(limbs: Limbs) -> None:
    look = _tailored("a man in blue swimming trunks", limbs)
    assert {look.layers[slot].kind for slot in (HEAD, TORSO, ARMS, HANDS, FEET)} == {"skin"}


@pytest.mark.parametrize(
    ("text", "lengths", "rest"),
    [
        ("a woman in a short red dress", Lengths(legs=0.3), "a woman in a red dress"),
        ("a lady in a floor-length gown", Lengths(legs=1.0), "a lady in a gown"),
        ("a man in a short-sleeved blue shirt", Lengths(arms=0.36), "a man in a blue shirt"),
        ("a man with long red sleeves", Lengths(arms=1.0), "a man with red sleeves"),
        ("a girl in a sleeveless top", Lengths(arms=0.0), "a girl in a top"),
        ("a man in a tall black hat", Lengths(), "a man in a black hat"),
        ("a short man in a dress", Lengths(), "a short man in a dress"),
        ("a short and fat woman wearing a coat", Lengths(), "a short and fat woman wearing a coat"),
        ("", Lengths(), ""),
    ],
)
def test_lengths_that_a_sentence_says(text: str, lengths: Lengths, rest: str) -> None:
    assert read_lengths(text) == (lengths, rest)


def test_a_short_dress_makes_nobody_short() -> None:
    assert told_builds("a woman in a short red dress") == {"gender": 1}
    assert told_builds("a short woman in a red dress") == {"gender": 1, "height": -1}


def test_one_stuff_all_over_has_a_hem_and_no_skin_below_it(limbs: Limbs) -> None:
    look = _tailored("an icy queen", limbs)
    assert is_covered(look.layers[LEGS])
    assert look.layers[LEGS].params[P.FLARE] > 0
    below = np.array([[0.1, 0.5 * limbs.ankles, 0.0]])
    ids = np.zeros(1, int)
    bare = dress(np.random.default_rng(0), read("an icy queen")).layers[LEGS]
    painted, own = (paint_points(layer.params[None], ids, below) for layer in (look.layers[LEGS], bare))
    assert np.array_equal(painted, own)


def test_clothes_stand_off_the_body_and_skirts_close_the_gap(limbs: Limbs) -> None:
    body = load_anny()
    vertices, slots = body.template.vertices.numpy(), slot_weights(body)
    bare = dress(np.random.default_rng(0), read("a barefoot woman in a red coat and a blue skirt"))
    look = tailor(bare, read("a barefoot woman in a red coat and a blue skirt"), limbs)
    plain = _offset(bare)
    offset = _offset(look) - plain
    size = np.linalg.norm(offset, axis=1)
    assert np.median(size[slots[:, TORSO] > 0.99]) == pytest.approx(0.01, abs=0.002)
    assert size[slots[:, HEAD] > 0.99].max() < 0.001
    below = vertices[:, 1] < limbs.ankles
    assert size[below].max() == 0.0
    knee = (slots[:, LEGS] > 0.9) & (np.abs(vertices[:, 1] - (limbs.hips + 0.5 * (limbs.ankles - limbs.hips))) < 0.03)
    gap_before = np.abs((vertices + plain)[knee, 0]).min()
    gap_after = (np.abs(vertices[knee, 0]) - np.abs(offset[knee, 0])).min()
    assert gap_after < 0.5 * gap_before


def _offset(look: Look) -> np.ndarray:
    body = load_anny()
    return bake_offset(look, body, body.neutral_shape).numpy()


def test_hair_has_a_thickness_and_long_hair_falls_down_the_back(limbs: Limbs) -> None:
    body = load_anny()
    box = HeadBox(low=1.561, height=0.277, middle=0.061)
    reading = read("a man with long red hair in a blue shirt")
    look = dress(np.random.default_rng(0), reading)
    worn = crown(look, reading.headwear, box)
    size = np.linalg.norm(_offset(worn) - _offset(look), axis=1)
    vertices = body.template.vertices.numpy()
    top = vertices[:, 1] > 1.8
    assert size[top].min() > 0.01
    nose = (slot_weights(body)[:, HEAD] > 0.9) & (vertices[:, 2] > 0.15) & (vertices[:, 1] < 1.7)
    assert size[nose].max() < 0.002
    back = paint_points(worn.layers[TORSO].params[None], np.zeros(1, int), np.array([[0.0, 1.5, -0.08]]))[0]
    chest = paint_points(worn.layers[TORSO].params[None], np.zeros(1, int), np.array([[0.0, 1.4, 0.12]]))[0]
    assert back.argmax() == 0
    assert chest.argmax() == 2
    short = crown(look, read("a man with short red hair in a blue shirt").headwear, box)
    assert not is_covered(short.layers[TORSO])


def test_what_covers_a_layer_begins_at_its_edge_on_both_sides() -> None:
    layer = cover(sample_skin(np.random.default_rng(0)), (0.0, 1.0, 0.0), Edge((1.0, 0.0, 0.0), 0.3, 0.001))
    places = np.array([[0.4, 1, 0], [-0.4, 1, 0], [0.2, 1, 0], [-0.2, 1, 0]])
    is_green = paint_points(layer.params[None], np.zeros(4, int), places).argmax(1) == 1
    assert is_green.tolist() == [True, True, False, False]
    assert torch.isfinite(torch.from_numpy(layer.params)).all()


@pytest.mark.parametrize(
    ("text", "is_bearded"),
    [
        ("a man with a red beard in a blue shirt", True),
        ("a bearded red haired man in a blue shirt", True),
        ("a red haired man in a blue shirt", False),
        ("a bald man with a red beard in a blue shirt", True),
    ],
)
def test_beards_are_on_the_chin_and_on_nothing_else(text: str, is_bearded: bool) -> None:
    reading = read(text)
    look = crown(dress(np.random.default_rng(0), reading), reading.headwear, HeadBox(1.561, 0.277, 0.061))
    chin, brow, nape = [0.0, 1.62, 0.15], [0.0, 1.74, 0.17], [0.0, 1.62, -0.05]
    colors = paint_points(look.layers[HEAD].params[None], np.zeros(3, int), np.array([chin, brow, nape]))
    is_red = colors[:, 0] > 2 * colors[:, 1]
    assert is_red[:2].tolist() == [is_bearded, False]
    assert bool(is_red[2]) == ("haired" in text)
