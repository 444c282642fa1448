"""Words that no table has are guessed from meaning; what is understood needs no guess."""

from dataclasses import replace

import pytest

from clipmatrix.config import default_prompts
from clipmatrix.generate.guessing import in_known_words, understand
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.mini import MiniGuidance, load_mini
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.procedural.tables import SLOTS


@pytest.fixture(scope="module")
def mini() -> MiniGuidance:
    return load_mini()


def test_a_clear_sentence_has_one_meaning(mini: MiniGuidance) -> None:
    meanings = understand(default_prompts("a red person with a blue head"), mini)
    assert meanings.is_clear
    (meaning,) = meanings.found
    assert meaning.doubt == 0.0
    assert meaning.reading.slots[SLOTS.index("head")] is not None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a volcanic person", "lava"),
        ("a glacial person", "ice"),
        ("an oak statue", "wood"),
        ("an oceanic man", "deep_sea"),
    ],
)
def test_a_word_in_no_table_is_guessed(mini: MiniGuidance, text: str, kind: str) -> None:
    meanings = understand((Prompt(text),), mini)
    guessed = [name for meaning in meanings.found if meaning.reading.whole for name in meaning.reading.whole.kinds]
    assert kind in guessed
    assert all(0.0 < meaning.doubt < 1.0 for meaning in meanings.found)


def test_what_is_near_to_nothing_is_not_guessed(mini: MiniGuidance) -> None:
    meanings = understand((Prompt("a xyzzyq person"),), mini)
    assert not meanings.is_clear
    assert meanings.found == ()


def test_prompts_about_parts_say_what_parts_wear(mini: MiniGuidance) -> None:
    meanings = understand((Prompt("a person"), Prompt("a red head", region="head")), mini)
    told = meanings.plain.slots[SLOTS.index("head")]
    assert told is not None
    assert told.colors[0][0] > 0.6


def test_any_encoder_will_do() -> None:
    assert understand((Prompt("a volcanic golem"),), load_fake()).plain.characters == ("golem",)


@pytest.mark.parametrize(
    "text", ["a woman with red hair", "a person", "a man with a sword", "a very fat man", "a tall child"]
)
def test_a_person_of_whom_nothing_can_be_shown_is_dressed(text: str, mini: MiniGuidance) -> None:
    meanings = understand((Prompt(text),), mini)
    assert meanings.is_clear
    worn = [slot for slot, told in zip(SLOTS, meanings.plain.slots, strict=True) if told is not None]
    assert worn == ["torso", "arms", "legs"]


@pytest.mark.parametrize("text", ["a very fat figure", "a tall humanoid"])
def test_a_mere_form_is_shown_bare(text: str, mini: MiniGuidance) -> None:
    assert understand((Prompt(text),), mini).plain.says_nothing


def test_the_embedded_encoder_reads_unknown_words_as_known_ones(mini: MiniGuidance) -> None:
    (first, *_) = in_known_words(default_prompts("a volcanic golem"), mini)
    assert "lava" in first.text
    assert in_known_words(default_prompts("a lava golem"), mini) == default_prompts("a lava golem")
    # Words near to nothing stay, and so does everything for an encoder that knows words by itself.
    assert in_known_words(default_prompts("a xyzzyq man"), mini) == default_prompts("a xyzzyq man")
    assert in_known_words(default_prompts("a volcanic golem"), load_fake()) == default_prompts("a volcanic golem")


def test_rewording_changes_whole_words_only(mini: MiniGuidance) -> None:
    meanings = replace(understand(default_prompts("a man"), mini), synonyms={"volcanic": "lava"})
    assert meanings.reworded("A Volcanic golem, volcanically") == "A lava golem, volcanically"


@pytest.mark.parametrize(
    ("text", "surface"),
    [
        ("an oak statue", "wood"), ("a boulder giant", "stone"), ("a woman covered in ivy", "leaves"),
        ("a platinum statue", "silver"), ("a limestone golem", "stone"), ("an eagle man", "feathers"),
    ],
)  # fmt: skip
def test_words_of_no_table_are_the_stuffs_that_dictionaries_say(text: str, surface: str, mini: MiniGuidance) -> None:
    reading = understand((Prompt(text),), mini).found[0].reading
    assert reading.whole is not None
    assert surface in reading.whole.kinds


@pytest.mark.parametrize(("text", "name"), [("a warlock", "witch"), ("a harlequin", "clown"), ("a druid", "wizard")])
def test_words_of_no_table_are_the_characters_that_dictionaries_say(text: str, name: str, mini: MiniGuidance) -> None:
    assert name in understand((Prompt(text),), mini).found[0].reading.characters


def test_a_place_says_what_somebody_is_like_of_whom_nothing_else_is_said(mini: MiniGuidance) -> None:
    reading = understand((Prompt("a monster from the inferno"),), mini).found[0].reading
    assert reading.whole is not None
    assert "fire" in reading.whole.kinds
    # What is said besides counts more.
    plain = understand((Prompt("a red monster from the forest"),), mini).plain
    assert plain.whole is not None
    assert plain.whole.kinds == ()


def test_two_guesses_that_are_as_near_are_both_named(mini: MiniGuidance) -> None:
    (first, *_) = in_known_words(default_prompts("a volcanic golem"), mini)
    assert "stone" in first.text
    assert "lava" in first.text


def test_names_that_tables_know_and_captions_do_not_are_reworded_too(mini: MiniGuidance) -> None:
    (first, *_) = in_known_words(default_prompts("a druid in a red robe"), mini)
    assert first.text == "a wizard in a red robe"
    (first, *_) = in_known_words(default_prompts("a crimson demon"), mini)
    assert first.text == "a crimson demon"
