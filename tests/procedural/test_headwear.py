"""Hair and hats: sentences say them, and heads are painted with them above a line and nowhere else."""

import numpy as np
import pytest

from clipmatrix.generate.loading import text_warnings
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.procedural.dressing import dress
from clipmatrix.procedural.headwear import HeadBox, Headwear, crown, read_headwear
from clipmatrix.procedural.looks import Layer, Look
from clipmatrix.procedural.patterns import paint_points
from clipmatrix.procedural.reading import read
from clipmatrix.procedural.tables import CHANGES, SLOTS

HEAD, TORSO, HANDS = (SLOTS.index(name) for name in ("head", "torso", "hands"))
BOX = HeadBox(low=1.561, height=0.277, middle=0.061)
CROWN, NAPE, NOSE = (0.0, 1.83, 0.05), (0.0, 1.67, -0.05), (0.0, 1.68, 0.17)


def _color(layer: Layer, place: tuple[float, float, float]) -> np.ndarray:
    return paint_points(layer.params[None], np.zeros(1, int), np.array([place]))[0]


def _hue(rgb: np.ndarray) -> np.ndarray:
    return rgb / rgb.max()


def _crowned(text: str, seed: int = 0) -> Look:
    reading = read(text)
    has_face = reading.bare is not None or reading.slots[HEAD] is not None
    who = reading.characters[0] if reading.characters else ""
    return crown(dress(np.random.default_rng(seed), reading), reading.headwear, BOX, who, has_face)


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("a man with green hair in a suit", 1),
        ("a blue haired pirate", 2),
        ("a woman with long curly red hair in a dress", 0),
    ],
)
def test_told_hair_is_on_the_skull_and_not_on_the_face(text: str, channel: int) -> None:
    head = _crowned(text).layers[HEAD]
    hair = _color(head, CROWN)
    assert hair.argmax() == channel
    # Strands are lighter and darker, of one hue.
    assert np.allclose(_hue(_color(head, NAPE)), _hue(hair), atol=0.05)
    assert not np.allclose(_color(head, NOSE), hair, atol=0.1)


@pytest.mark.parametrize(
    ("text", "left", "lightest"),
    [
        ("a blonde in a red dress", "a person in a red dress", 0.7),
        ("a blond man", "a man", 0.7),
        ("a brunette", "a person", 0.2),
        ("a tall ginger woman", "a tall woman", 0.6),
    ],
)
def test_words_for_people_by_their_hair(text: str, left: str, lightest: float) -> None:
    told, rest = read_headwear(text)
    assert rest == left
    assert told.hair is not None
    assert told.hair[0] > lightest
    assert read(text).whole is None


@pytest.mark.parametrize(
    "text", ["a ginger cat", "a person covered in hair", "a hair covered beast", "a fair price", "a chair"]
)
def test_words_that_are_not_about_a_head(text: str) -> None:
    assert read_headwear(text) == (Headwear(), text)


def test_the_bald_have_none_and_others_some() -> None:
    for seed in range(8):
        bald, usual = _crowned("a bald man in a black suit", seed), _crowned("a man in a black suit", seed)
        assert np.allclose(_color(bald.layers[HEAD], CROWN), _color(bald.layers[HEAD], NOSE), atol=0.1)
        assert not np.allclose(_color(usual.layers[HEAD], CROWN), _color(usual.layers[HEAD], NOSE), atol=0.02)
        assert np.allclose(_color(usual.layers[HANDS], CROWN), _color(bald.layers[HANDS], CROWN))


def test_natural_hair_is_darker_than_the_skin() -> None:
    for seed in range(30):
        head = _crowned("a man in a black suit", seed).layers[HEAD]
        assert _color(head, CROWN).sum() < _color(head, NOSE).sum()


def test_hats_are_as_told_or_as_the_character_has_them() -> None:
    red = _crowned("a man in a black suit with a red hat").layers[HEAD]
    assert _color(red, CROWN)[0] > 0.7
    for seed in range(5):
        wizard = _crowned("a wizard in a green robe", seed)
        hat, face = _color(wizard.layers[HEAD], CROWN), _color(wizard.layers[HEAD], NOSE)
        assert hat.argmax() == 1
        # A face of skin, whatever the table paints the head with.
        assert face[0] > face[1] > face[2]


@pytest.mark.parametrize(
    "text", ["a stone golem", "a red person", "a person with a blue head and a red shirt", "a gold statue", "a robot"]
)
def test_what_is_no_person_and_has_no_skin_stays_as_it_is(text: str) -> None:
    reading = read(text)
    look = dress(np.random.default_rng(1), reading)
    assert crown(look, reading.headwear, BOX, has_face=True) is look


def test_crowning_again_changes_nothing() -> None:
    reading = read("a woman with black hair in a white dress")
    look = dress(np.random.default_rng(2), reading)
    once = crown(look, reading.headwear, BOX)
    assert np.array_equal(once.layers[HEAD].params, crown(once, reading.headwear, BOX).layers[HEAD].params)
    assert once.layers[TORSO] is look.layers[TORSO]
    assert once.layers[HANDS] is look.layers[HANDS]


@pytest.mark.parametrize(
    "text", ["hair", "hat", "bald", "blonde " * 500, "hair " * 2000, "with a hat" * 500, "\x00hair", "ﬁ hair hät"]
)
def test_odd_sentences_are_read(text: str) -> None:
    read_headwear(text)


def test_words_of_hair_and_hats_are_not_called_unknown() -> None:
    mini = load_guidance("mini", "cpu")
    assert text_warnings(mini, ("a bald brunette with a beanie and a fez", "a redhead in a dress")) == ()
    assert "steampunk" in text_warnings(mini, ("a steampunk redhead",))[0]
    assert "redhead" not in text_warnings(mini, ("a steampunk redhead",))[0]


def test_a_witch_with_hair_of_a_colour_has_no_pointed_skull() -> None:
    assert _crowned("a witch").changes[CHANGES.index("cone")] > 0
    assert _crowned("a witch with silver hair").changes[CHANGES.index("cone")] == 0


def test_a_wig_is_hair() -> None:
    wig, hair = (read_headwear(f"a clown with {words}")[0].hair for words in ("a green wig", "green hair"))
    assert wig is not None
    assert wig == hair


def test_a_visor_has_the_colour_that_is_told() -> None:
    assert read("an astronaut with a green visor").slots[HEAD] is None
    face = _color(_crowned("an astronaut with a green visor").layers[HEAD], NOSE)
    assert face[1] > 2 * max(face[0], face[2])
