"""What words say of a build is taken, and nothing is tried that they do not say."""

import numpy as np
import pytest

from clipmatrix.generate.settling import USUAL, read_given, settle
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.procedural.looks import sample_look
from clipmatrix.procedural.tables import CHANGES, PHENOTYPES


def _settled(text: str, seed: int) -> tuple[dict[str, float], np.ndarray]:
    rng = np.random.default_rng(seed)
    given = read_given((Prompt(text),), (), rng, has_parts=True)
    look = settle(sample_look(rng, 1.0), given)
    return dict(zip(PHENOTYPES, look.phenotypes.tolist(), strict=True)), look.changes


@pytest.mark.parametrize(("text", "axis", "value"), [("a very fat man", "weight", 1.0), ("a tall man", "height", 1.0)])
def test_a_named_build_leaves_the_rest_usual(text: str, axis: str, value: float) -> None:
    usual = dict(zip(PHENOTYPES, USUAL.tolist(), strict=True))
    for seed in range(20):
        build, changes = _settled(text, seed)
        assert build[axis] == value
        others = {"height", "weight", "age"} - {axis}
        assert {name: build[name] for name in others} == {name: usual[name] for name in others}
        assert build["gender"] == 0.0 or build["gender"] == 1.0
        assert changes.any() == (axis == "weight")


def test_fat_is_more_than_the_heaviest_of_the_scanned_people() -> None:
    changes = dict(zip(CHANGES, _settled("an obese woman", 0)[1].tolist(), strict=True))
    assert changes["belly"] > 0.4
    assert all(
        value == 0.0 for name, value in changes.items() if name not in ("belly", "inflation", "arm_girth", "leg_girth")
    )


def test_a_character_with_a_build_is_no_bare_body() -> None:
    rng = np.random.default_rng(0)
    assert read_given((Prompt("a short old wizard"),), ("wizard",), rng, has_parts=True).bare is None
    assert read_given((Prompt("a short old figure"),), (), rng, has_parts=True).bare is not None


@pytest.mark.parametrize("text", ["a very fat man", "a little girl", "a tall person", "two thin people"])
def test_people_are_not_bare(text: str) -> None:
    assert read_given((Prompt(text),), (), np.random.default_rng(0), has_parts=True).bare is None


def test_muscles_show() -> None:
    build, changes = _settled("a tall muscular man", 0)
    assert (build["muscle"], build["height"]) == (1.0, 1.0)
    assert build["weight"] > 0.8
    assert changes[CHANGES.index("shoulders")] > 0.3
    lean, _ = _settled("a thin muscular woman", 0)
    assert (lean["muscle"], lean["weight"]) == (1.0, 0.0)


def test_words_without_a_build_leave_it_open() -> None:
    builds = [_settled("a zebra striped person", seed)[0] for seed in range(40)]
    assert len({build["height"] for build in builds}) > 1
    assert len({build["gender"] for build in builds}) == 2
    assert len(CHANGES) == len(_settled("a person", 0)[1])
