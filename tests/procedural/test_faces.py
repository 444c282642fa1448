"""Which faces looks have, and what sentences say of them."""

import numpy as np
import pytest

from clipmatrix.procedural.characters import characters
from clipmatrix.procedural.faces import ToldFace, face_of, face_words, read_face
from clipmatrix.procedural.headwear import Headwear
from clipmatrix.procedural.looks import Layout, Look, build_layer, sample_look
from clipmatrix.procedural.tables import CHANGES, PHENOTYPES, colors, surfaces


def uniform(kind: str, seed: int = 0, gender: float = 0.2) -> Look:
    layer = build_layer(np.random.default_rng(seed), surfaces()[kind])
    phenotypes = np.full(len(PHENOTYPES), 0.5)
    phenotypes[PHENOTYPES.index("gender")] = gender
    return Look(Layout.UNIFORM, (layer,) * 6, phenotypes, np.zeros(len(CHANGES)), seed)


def rgb(name: str) -> tuple[float, ...]:
    return tuple(float(value) for value in colors().rgb[colors().ids[name]])


@pytest.mark.parametrize(
    ("text", "eyes", "lips"),
    [
        ("a demon with glowing red eyes", "red", None),
        ("a blue-eyed man", "blue", None),
        ("a woman with green eyes and dark red lips", "green", "dark red"),
        ("a woman in pink lipstick", None, "pink"),
        ("a red person", None, None),
        ("a man with eyes", None, None),
    ],
)
def test_told_colors_are_read(text: str, eyes: str | None, lips: str | None) -> None:
    told = read_face(text)
    assert told.eyes == (rgb(eyes) if eyes else None)
    assert told.lips == (rgb(lips) if lips else None)


@pytest.mark.parametrize("text", ["a marble statue", "two mannequins", "a black figure", "a stone golem"])
def test_statues_and_mere_figures_are_faceless(text: str) -> None:
    assert read_face(text).is_faceless


def test_people_have_eyes_brows_and_lips() -> None:
    face = face_of(uniform("skin"), ToldFace(), Headwear())
    assert face is not None
    assert face.brows is not None
    assert face.lips is not None
    assert min(face.white) > 0.8
    assert max(face.iris) < 0.7


def test_lips_of_women_are_redder() -> None:
    redness = []
    for gender in (0.1, 0.9):
        face = face_of(uniform("skin", gender=gender), ToldFace(), Headwear())
        assert face is not None
        assert face.lips is not None
        redness.append(face.lips[0] - face.lips[1])
    assert redness[1] > redness[0] + 0.05


def test_brows_are_darker_than_the_skin() -> None:
    for seed in range(40):
        look = uniform("skin", seed)
        face = face_of(look, ToldFace(), Headwear())
        assert face is not None
        assert face.brows is not None
        assert np.mean(face.brows) < 0.8 * look.layers[0].rgb(0).mean()


@pytest.mark.parametrize("kind", ["stone", "gold", "lava", "brick"])
def test_surfaces_that_are_no_skin_have_no_eyes(kind: str) -> None:
    assert face_of(uniform(kind), ToldFace(), Headwear()) is None


@pytest.mark.parametrize("kind", ["solid", "stripes", "zombie", "brown_fur"])
def test_painted_and_furry_heads_have_eyes_only(kind: str) -> None:
    face = face_of(uniform(kind), ToldFace(), Headwear())
    assert face is not None
    assert (face.brows, face.lips) == (None, None)


def test_what_is_told_of_eyes_makes_even_stone_see() -> None:
    face = face_of(uniform("stone"), ToldFace(eyes=(1.0, 0.0, 0.0), is_faceless=True), Headwear())
    assert face is not None
    assert face.iris == (1.0, 0.0, 0.0)


def test_the_faceless_have_none() -> None:
    assert face_of(uniform("solid"), ToldFace(is_faceless=True), Headwear()) is None


def test_characters_have_eyes_of_their_own() -> None:
    demon = face_of(uniform("solid"), ToldFace(), Headwear(), "demon")
    assert demon is not None
    assert demon.iris[0] > 0.9
    assert max(demon.white) < 0.2
    assert face_of(uniform("solid"), ToldFace(), Headwear(), "knight") is None


def test_every_look_and_character_has_a_face_or_none() -> None:
    for seed in range(60):
        look = sample_look(np.random.default_rng(seed))
        for name in ("", *characters()):
            face = face_of(look, ToldFace(), Headwear(), name)
            assert face is None or 0.0 <= min(face.iris) <= max(face.iris) <= 1.0


def test_words_of_faces_are_lower_case_words() -> None:
    assert face_words() == {word.lower() for word in face_words()}
    assert "lipstick" in face_words()
