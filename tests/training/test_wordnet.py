"""WordNet's files are read as its manual says; the dictionary here is made up, in its format."""

from pathlib import Path

import pytest
from tests.training.dictionary import write_dictionary

from clipmatrix.errors import ConfigError
from training.wordnet import WordNet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_dictionary(tmp_path)


def test_senses_come_in_order_with_what_they_mean(folder: Path) -> None:
    first, second = WordNet(folder).senses("oak")
    assert (first.definition, second.definition) == ("a hard wood", "a tree with acorns")
    assert first.words == ("oak",)


def test_examples_are_no_part_of_a_definition(folder: Path) -> None:
    (wood,) = WordNet(folder).senses("wood")
    assert wood.definition == "what trees are of"
    assert wood.words == ("wood", "timber")


@pytest.mark.parametrize(("form", "word"), [("oaks", "oak"), ("woods", "wood"), ("oaked", "oak")])
def test_forms_of_words_are_found(folder: Path, form: str, word: str) -> None:
    assert WordNet(folder).senses(form) == WordNet(folder).senses(word)


def test_a_word_that_is_not_there_has_no_sense(folder: Path) -> None:
    assert WordNet(folder).senses("zebra") == []


def test_words_of_several_parts_are_found_by_blanks(folder: Path) -> None:
    assert WordNet(folder).senses("sea tree")[0].words == ("sea tree",)


def test_what_stands_above_is_counted_in_steps(folder: Path) -> None:
    wordnet = WordNet(folder)
    oak = wordnet.senses("oak")[0]
    assert wordnet.above(oak.key, 2) == {oak.key: 0, "n00000020": 1, "n00000010": 2}
    assert wordnet.above(oak.key, 1) == {oak.key: 0, "n00000020": 1}


def test_adjectives_lead_to_their_nouns_and_to_similar_ones(folder: Path) -> None:
    wordnet = WordNet(folder)
    (oaken,) = wordnet.senses("oaken")
    assert oaken.words == ("oaken",)
    assert [wordnet[key].words[0] for key in oaken.linked("\\")] == ["oak"]
    assert [wordnet[key].words[0] for key in oaken.linked("&")] == ["wooden"]


def test_a_folder_without_a_dictionary_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="wordnet-base"):
        WordNet(tmp_path)
