"""How the table of kin is made, with a dictionary made up and letters in place of a sentence encoder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.dictionary import write_dictionary

from training import kin
from training.kin import LEAST, Kinship, words_to_place
from training.wordnet import WordNet


def by_letters(texts: list[str], teacher: Path) -> torch.Tensor:
    """Texts of the same letters are near: enough for telling a word from others."""
    counts = torch.tensor([[text.count(chr(97 + i)) for i in range(26)] for text in texts]).float()
    return torch.nn.functional.normalize(counts + 1e-3, dim=-1)


@pytest.fixture
def kinship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kinship:
    monkeypatch.setattr(kin, "embed_words", by_letters)
    return Kinship(WordNet(write_dictionary(tmp_path)), tmp_path)


def test_what_the_dictionary_places_under_a_known_word_is_its_kin(kinship: Kinship) -> None:
    (oak,) = kinship.of(["oak"])
    wood = kinship.names.index("wood")
    # By letters alone, something else is nearer.
    assert np.argmax(oak) == wood


def test_adjectives_reach_it_by_their_nouns(kinship: Kinship) -> None:
    oaken, strange = kinship.of(["oaken", "zzz"])
    wood = kinship.names.index("wood")
    assert oaken[wood] > strange[wood] + 0.2


def test_words_without_a_place_count_less(kinship: Kinship, monkeypatch: pytest.MonkeyPatch) -> None:
    (before,) = kinship.of(["zzz"])
    monkeypatch.setattr(kin, "_VAGUE", 0.0)
    (after,) = kinship.of(["zzz"])
    has_color = np.array([name not in kin.INSTEAD for name in kinship.names])
    assert (before < after - 0.05)[has_color].all()


def test_what_needs_a_color_is_replaced_by_what_has_one(kinship: Kinship) -> None:
    values = np.zeros((1, len(kinship.names)))
    values[0, kinship.names.index("metallic")] = 0.7
    (found,) = kinship.colored(values)
    assert kinship.choose(found) == {"silver": 0.7}


def test_only_near_names_are_chosen_nearest_first(kinship: Kinship) -> None:
    values = np.zeros(len(kinship.names))
    assert kinship.choose(values) == {}
    values[[3, 5, 7, 9]] = LEAST + 0.2, LEAST + 0.3, LEAST - 0.01, LEAST + 0.25
    names = kinship.names
    assert list(kinship.choose(values)) == [names[5], names[9], names[3]]
    values[[3, 9]] = 0.43, 0.41
    assert list(kinship.choose(values)) == [names[5]]


def test_only_usual_words_that_no_table_knows_are_placed(tmp_path: Path) -> None:
    wordnet = WordNet(write_dictionary(tmp_path))
    assert words_to_place(wordnet, {"oak", "wood", "sea tree", "wooden"}) == ["oak"]


@pytest.mark.parametrize("what", ["wordnet", "words"])
def test_a_missing_source_is_said_in_one_line(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dictionary(tmp_path)
    sources = {"wordnet": str(tmp_path), "words": str(tmp_path / "index.noun")} | {what: str(tmp_path / "nothing")}
    monkeypatch.setattr("sys.argv", ["kin", "--wordnet", sources["wordnet"], "--words", sources["words"]])
    with pytest.raises(SystemExit) as caught:
        kin.main()
    assert caught.value.code == 2
    assert "install Debian's w" in capsys.readouterr().err
