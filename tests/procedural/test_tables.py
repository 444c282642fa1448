"""The data tables hold together: names that refer to each other, words that mean one thing."""

import numpy as np
import pytest

from clipmatrix.procedural import tables as T
from clipmatrix.procedural.characters import AXES


def test_near_surfaces_exist() -> None:
    missing = {near for s in T.materials().values() for near in s.near} - set(T.surfaces())
    assert missing == set()


def test_every_range_is_ordered_and_every_material_has_colours_and_words() -> None:
    for surface in T.surfaces().values():
        for low, high in (surface.frequency, surface.share, surface.softness, surface.warp, surface.grain):
            assert low <= high, surface.name
        assert 0.0 <= surface.roughness[0] <= surface.roughness[1] <= 1.0, surface.name
        if surface.num_colors == 0:
            assert surface.colors, surface.name
            assert surface.words, surface.name


def test_no_word_names_two_materials_or_a_colour_too() -> None:
    seen: dict[str, str] = {}
    for surface in T.materials().values():
        for word in surface.words:
            assert word not in seen, f"{word}: {surface.name} and {seen.get(word)}"
            assert word not in T.colors().ids, word
            seen[word] = surface.name


def test_builds_speak_of_known_axes() -> None:
    assert {build.axis for build in T.builds().values()} == set(AXES)


def test_basic_colours_are_in_the_lexicon_and_tell_apart() -> None:
    lexicon = T.colors()
    lab = lexicon.oklab[[lexicon.ids[name] for name in T.BASIC_COLORS]]
    gaps = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + np.eye(len(lab))
    assert gaps.min() > 0.05


@pytest.mark.parametrize(
    ("rgb", "lab"),
    # White has lightness 1 and no colour by definition; red's values are in Ottosson's article.
    [((1.0, 1.0, 1.0), (1.0, 0.0, 0.0)), ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), ((1.0, 0.0, 0.0), (0.628, 0.225, 0.126))],
)
def test_oklab_of_known_colours(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    assert T.oklab_from_srgb(np.array(rgb)) == pytest.approx(np.array(lab), abs=2e-3)
