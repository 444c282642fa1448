"""The table of kin: what unknown words are likest, and that it says nothing where another table does."""

from pathlib import Path

import pytest

from clipmatrix.procedural.characters import characters
from clipmatrix.procedural.kin import kin, kin_of, write_kin
from clipmatrix.procedural.lexing import is_understood
from clipmatrix.procedural.tables import surfaces


def test_every_row_names_what_there_is_nearest_first() -> None:
    names = {*surfaces(), *characters()}
    assert len(kin()) > 1500
    for word, row in kin().items():
        assert word == word.lower()
        assert set(row) <= names, word
        values = list(row.values())
        assert values == sorted(values, reverse=True), word
        assert 0.4 <= values[-1] <= values[0] <= 1.0, word


def test_words_that_other_tables_know_are_not_in_it() -> None:
    assert not [word for word in kin() if is_understood(word)]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("oak", "wood"), ("boulder", "stone"), ("limestone", "stone"), ("ivy", "leaves"), ("inferno", "fire"),
        ("warlock", "witch"), ("platinum", "silver"), ("eagle", "feathers"), ("android", "robot"), ("birch", "wood"),
        ("nickel", "silver"), ("squirrel", "brown_fur"), ("fog", "cloud"),
    ],
)  # fmt: skip
def test_words_are_likest_to_what_they_mean(word: str, name: str) -> None:
    assert next(iter(kin_of(word))) == name


def test_forms_of_words_are_found() -> None:
    assert kin_of("boulders") == kin_of("boulder") != {}


@pytest.mark.parametrize("word", ["monday", "xyzzyq", "the", "politeness"])
def test_words_near_to_nothing_have_no_kin(word: str) -> None:
    assert kin_of(word) == {}


def test_what_was_written_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"oak": {"wood": 0.66, "bark": 0.55}, "ivy": {"leaves": 0.57}}
    write_kin(tmp_path / "kin.csv", rows)
    monkeypatch.setattr("clipmatrix.procedural.kin.TABLE", tmp_path / "kin.csv")
    kin.cache_clear()
    try:
        assert dict(kin()) == rows
    finally:
        kin.cache_clear()
