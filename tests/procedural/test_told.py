"""Builds are read from the words that name them, and from no others."""

import pytest

from clipmatrix.procedural.told import says_only_builds, told_builds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a very fat man", {"weight": 1, "gender": -1}),
        ("a tall muscular woman", {"height": 1, "muscle": 1, "gender": 1}),
        ("a spiky green creature", {"spikes": 1}),
        ("a statue with two horns", {"horns": 1}),
        ("a person who is not fat", {}),
        ("a zebra", {}),
        ("a space marine with heavy blue armour", {}),
        ("a person in skinny jeans and a little old coat", {}),
        ("a heavy little woman in armour", {"weight": 1, "age": -1, "gender": 1}),
        ("a man and a woman", {}),
        ("", {}),
    ],
)
def test_told_builds(text: str, told: dict[str, int]) -> None:
    assert told_builds(text) == told


@pytest.mark.parametrize(
    ("text", "is_only"),
    [("a very fat man", True), ("a tall muscular woman", True), ("a fat golden man", False), ("a person", False),
     ("a spiky demon", False), ("a man with big muscles", True)],
)  # fmt: skip
def test_sentences_about_nothing_but_the_build(text: str, is_only: bool) -> None:
    assert says_only_builds(text) is is_only
