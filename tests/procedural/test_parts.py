"""Sentences are taken apart as a reader would."""

import pytest

from clipmatrix.procedural.parts import Part, find_parts


@pytest.mark.parametrize(
    ("text", "parts", "rest"),
    [
        ("a red person with a blue head", [("head", "blue head")], "a red person"),
        (
            "a man wearing a yellow shirt and purple trousers",
            [("torso", "yellow shirt"), ("legs", "purple trousers")],
            "a man",
        ),
        (
            "a green monster with red and white striped legs",
            [("legs", "red and white striped legs")],
            "a green monster",
        ),
        ("a woman in a dark green leather jacket", [("torso", "dark green leather jacket")], "a woman"),
        ("a zebra striped man", [], "a zebra striped man"),
        ("a man with a head", [], "a man with a head"),
        ("a blue head", [], "a blue head"),
        ("", [], ""),
    ],
)
def test_parts(text: str, parts: list[tuple[str, str]], rest: str) -> None:
    parsed = find_parts(text)
    assert parsed.parts == tuple(Part(region, words) for region, words in parts)
    assert parsed.rest == rest


def test_every_part_is_a_piece_of_the_sentence_and_regions_are_the_bodys() -> None:
    from clipmatrix.bodies.body import REGIONS

    text = "a mossy giant with golden arms, white gloves and black boots"
    parsed = find_parts(text)
    assert [p.region for p in parsed.parts] == ["arms", "hands", "feet"]
    assert all(p.text in text and p.region in REGIONS for p in parsed.parts)
    assert parsed.rest == "a mossy giant"
