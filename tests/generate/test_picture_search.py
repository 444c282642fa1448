"""A search from a picture finds the picture's surface, and reads nothing into the key that stands for it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipmatrix.bodies.anny import load_anny
from clipmatrix.generate.guessing import understand
from clipmatrix.generate.look_judge import LookJudge
from clipmatrix.generate.search import _in_one_surface, search_start
from clipmatrix.generate.settling import read_given
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.guidance.pictures import with_pictures
from clipmatrix.guidance.prompts import Prompt, is_picture_key, picture_key
from clipmatrix.procedural.captions import write_caption
from clipmatrix.procedural.looks import Look, build_layer, sample_look
from clipmatrix.procedural.search_config import SearchConfig
from clipmatrix.procedural.tables import materials

SMALL = SearchConfig(num_sentences=1024, num_sentence_rounds=1, num_candidates=64, num_rounds=1, num_variations=16)


@pytest.fixture(scope="module")
def mini() -> Guidance:
    return load_guidance("mini", "cpu")


def _look(kind: str) -> Look:
    rng = np.random.default_rng(5)
    look = sample_look(rng)
    layer = build_layer(rng, materials()[kind])
    usual = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])[: len(look.phenotypes)]
    return Look(look.layout, (layer,) * len(look.layers), usual, np.zeros_like(look.changes), 3)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("ice", SMALL),
        pytest.param("gold", SearchConfig(), marks=pytest.mark.slow),
        pytest.param("moss", SearchConfig(), marks=pytest.mark.slow),
    ],
)
def test_the_surface_of_a_picture_is_found(tmp_path: Path, mini: Guidance, kind: str, config: SearchConfig) -> None:
    body = load_anny()
    path = str(tmp_path / "picture.png")
    plain = LookJudge(body, (Prompt("a person"),), mini, SMALL)
    Image.fromarray(plain.render([_look(kind)], plain.targets[0], 224)[0, 0]).save(path)
    key = picture_key(path)
    found = search_start(body, (Prompt(key),), with_pictures(mini, {key: path}), config, 64, 2)
    words = [*materials()[kind].words, *materials()[kind].nouns]
    assert any(word in found.caption for word in words), found.caption
    # Nobody has asked for another form.
    assert float(found.start.offset.abs().max()) < 0.01


def test_any_look_in_one_surface_can_be_worded() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        assert write_caption(rng, _in_one_surface(sample_look(rng))).text


def test_a_key_is_never_read(mini: Guidance) -> None:
    key = picture_key("somewhere/fox.png")
    assert is_picture_key(key)
    assert not is_picture_key(Prompt("a fox").text)
    meanings = understand((Prompt(key),), mini)
    assert meanings.plain.says_nothing
    assert not meanings.plain.unknown
    assert not meanings.is_clear
    given = read_given((Prompt(key),), (), np.random.default_rng(0), has_parts=True)
    assert given.bare is None
