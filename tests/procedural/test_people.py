"""People whom no table of characters has are told in words that are read; what the sentence says goes before that."""

import pytest

from clipmatrix.generate.guessing import understand
from clipmatrix.generate.loading import text_warnings
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.procedural.people import describe_people, described_people
from clipmatrix.procedural.reading import read
from clipmatrix.procedural.tables import SLOTS

HEAD, TORSO, ARMS, HANDS, LEGS, FEET = range(len(SLOTS))


@pytest.mark.parametrize("name", described_people())
def test_every_description_is_read_whole(name: str) -> None:
    text, people = describe_people(f"a {name}")
    assert people
    reading = read(text)
    assert not reading.unknown
    assert not reading.says_nothing


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a wooden batman", "a wooden muscular man, with pointy ears"),
        ("a black cat", "a black furry creature, with pointy ears"),
        ("a wooden toy soldier", "a wooden soldier"),
        ("a wooden grey alien", "a wooden alien"),
        ("a zombie batman", "a zombie muscular man, with pointy ears"),
        ("an owl in a red suit", "a brown feathered creature with a long nose in a red suit"),
        ("elsa with green hair", "thin woman in a light blue evening dress with a white cape with green hair"),
        ("a goth boy", "a boy with black hair in a black lace dress with black boots"),
        ("a man in a bear suit", "a man in a bear suit"),
        ("a man in a chicken suit", "a man in a white feathered suit with a red head, with yellow feet"),
        ("a boy in a pope costume", "a boy in a white robe with a white skullcap"),
    ],
)
def test_what_the_sentence_says_goes_before_the_description(text: str, told: str) -> None:
    assert describe_people(text)[0] == told


@pytest.mark.parametrize(
    "text",
    [
        "a man and his dog",
        "a batman mask",
        "a pirate captain",
        "a queen of cats",
        "a man as red as a lobster",
        "a person",
        "",
        "cat" * 999,
    ],
)
def test_names_that_say_nothing_of_who_it_is(text: str) -> None:
    assert describe_people(text) == (text, {})


@pytest.mark.parametrize("name", described_people())
def test_whoever_is_made_of_something_is_still_somebody(name: str) -> None:
    assert describe_people(f"a wooden {name}")[0].strip() != "a wooden"
    assert describe_people(f"a blue {name}")[0].strip() != "a blue"


def test_the_whole_search_reads_the_description() -> None:
    mini = load_guidance("mini", "cpu")
    meanings = understand((Prompt("the hulk"),), mini)
    assert meanings.is_clear
    assert meanings.plain.builds["muscle"] == 1
    bare = meanings.plain.bare
    assert bare is not None
    assert bare.colors[0][1] > 2 * bare.colors[0][0]
    assert meanings.plain.slots[LEGS] is not None
    assert "green skin" in meanings.reworded("the hulk")


def test_the_user_is_told_as_whom_a_name_is_read() -> None:
    mini = load_guidance("mini", "cpu")
    (line,) = text_warnings(mini, ("darth vader",))
    assert "'darth vader' as a tall man in a black suit" in line
    assert "no picture" not in line
    assert "not read" not in line
