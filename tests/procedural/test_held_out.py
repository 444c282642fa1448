"""What is held out for judging how far the encoder generalises is in no training caption."""

import re
from pathlib import Path

import numpy as np
import pytest

from clipmatrix.procedural.captions import write_caption
from clipmatrix.procedural.looks import sample_character, sample_look
from clipmatrix.procedural.tables import builds
from clipmatrix.procedural.told import told_builds

_PATH = Path(__file__).parents[2] / "training" / "held_out.txt"


def held_out() -> set[str]:
    return {line.strip() for line in _PATH.read_text().splitlines() if line.strip() and not line.startswith("#")}


def test_no_caption_contains_a_held_out_word() -> None:
    rng = np.random.default_rng(11)
    words = held_out()
    for i in range(5000):
        look = sample_look(rng) if i % 4 else sample_character(rng)
        text = write_caption(rng, look, ("whole", "head", "torso", "legs")[i % 4]).text
        assert not words & set(re.findall("[a-z]+", text.lower())), text


@pytest.mark.parametrize(("text", "axis", "end"), [("an obese man", "weight", 1), ("a burly guy", "muscle", 1)])
def test_held_out_builds_are_still_understood(text: str, axis: str, end: int) -> None:
    assert told_builds(text)[axis] == end


def test_words_that_captions_use_and_words_only_understood_are_apart() -> None:
    written = {word for build in builds().values() for word in build.words}
    assert not written & {word for build in builds().values() for word in build.also}
