"""The list of pictured words: what it collects, and that it is the same for the same seed."""

import sys
from pathlib import Path

import pytest

from training.pictured import main, pictured_words, sample_captions


def test_words_are_lower_case_sorted_and_once() -> None:
    assert pictured_words(["A Red man, 3d render", "a red knight's robe"]) == [
        "3d", "a", "knight's", "man", "red", "render", "robe",
    ]  # fmt: skip


def test_a_colours_name_is_one_word_and_its_words_count_only_elsewhere() -> None:
    assert pictured_words(["a baby blue shirt"]) == ["a", "baby blue", "shirt"]
    assert pictured_words(["a baby blue shirt", "blue"]) == ["a", "baby blue", "blue", "shirt"]


def test_the_longest_name_counts() -> None:
    assert pictured_words(["very dark blue"]) == ["very dark blue"]


def test_the_file_is_the_same_for_the_same_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        monkeypatch.setattr(sys, "argv", ["pictured", "--out", str(tmp_path / name), "--captions", "60"])
        main()
    first, second = ((tmp_path / name / "pictured.txt").read_bytes() for name in ("one", "two"))
    assert first == second
    assert first.decode().splitlines() == pictured_words(sample_captions(60, 0))
