"""Captions are true of the look they describe, and the judge tells true from false from undecidable."""

from dataclasses import replace

import numpy as np
import pytest

from clipmatrix.procedural.captions import write_caption
from clipmatrix.procedural.looks import Layout, Look, build_layer, sample_look, settle_layout, swap_layers
from clipmatrix.procedural.near_misses import find_mentions, write_near_misses
from clipmatrix.procedural.statements import facts_of
from clipmatrix.procedural.tables import CHANGES, PHENOTYPES, materials, patterns
from clipmatrix.procedural.truth import judge

RED, BLUE = np.array([0.9, 0.05, 0.05]), np.array([0.05, 0.2, 0.9])


def solid(rgb: np.ndarray):
    return build_layer(np.random.default_rng(0), patterns()["solid"], (rgb,))


def look_of(*layers, layout: Layout = Layout.UNIFORM) -> Look:
    spread = layers * 6 if len(layers) == 1 else layers
    return Look(layout, tuple(spread), np.full(len(PHENOTYPES), 0.5), np.zeros(len(CHANGES)), 1)


def red_with_blue_head() -> Look:
    red = solid(RED)
    return look_of(solid(BLUE), red, red, red, red, red, layout=Layout.HEAD)


@pytest.mark.parametrize("frame", ["whole", "head", "torso", "legs"])
def test_own_caption_is_never_false(frame: str) -> None:
    rng = np.random.default_rng(5)
    looks = [sample_look(rng) for _ in range(150)]
    statements = [write_caption(rng, look, frame) for look in looks]
    is_true, is_open = judge(statements, [facts_of(look, frame) for look in looks])
    assert (is_true | is_open).diagonal().all()
    assert is_true.diagonal().mean() > (0.95 if frame == "whole" else 0.1)


def test_most_other_captions_are_false() -> None:
    rng = np.random.default_rng(6)
    looks = [sample_look(rng) for _ in range(150)]
    statements = [write_caption(rng, look) for look in looks]
    is_true, is_open = judge(statements, [facts_of(look, "whole") for look in looks])
    off = ~np.eye(len(looks), dtype=bool)
    assert 0.0 < (is_true & off).mean() < 0.1
    assert ((is_true | is_open) & off).mean() < 0.3


def test_swapped_regions_are_false_and_out_of_view_is_undecidable() -> None:
    look = red_with_blue_head()
    swapped = swap_layers(np.random.default_rng(0), look)
    said = [write_caption(np.random.default_rng(i), look) for i in range(30)]
    is_true, _ = judge(said, [facts_of(look, "whole")])
    wrong_true, wrong_open = judge(said, [facts_of(swapped, "whole")])
    assert is_true.all()
    assert not wrong_true.any()
    assert not wrong_open.any()
    _, legs_open = judge(said, [facts_of(look, "legs")])
    assert legs_open.any()


def test_a_copper_statue_may_be_called_brown_but_not_blue() -> None:
    copper = look_of(build_layer(np.random.default_rng(1), materials()["copper"]))
    brownish = look_of(solid(np.array([0.76, 0.44, 0.29])))
    said = [write_caption(np.random.default_rng(i), brownish) for i in range(20)]
    is_true, is_open = judge(said, [facts_of(copper, "whole")])
    assert not is_true.any()
    assert is_open.mean() > 0.5
    blue = [write_caption(np.random.default_rng(i), look_of(solid(BLUE))) for i in range(20)]
    false_true, false_open = judge(blue, [facts_of(copper, "whole")])
    assert not (false_true | false_open)[:, [bool((s.kinds >= 0).any()) for s in blue]].any()


def test_builds_are_stated_and_contradicted() -> None:
    fat = replace(look_of(solid(RED), layout=Layout.PLAIN), phenotypes=np.array([0.0, 0.66, 0.5, 1.0, 0.5, 0.5]))
    thin = replace(fat, phenotypes=np.array([0.0, 0.66, 0.5, 0.0, 0.5, 0.5]))
    said = [s for s in (write_caption(np.random.default_rng(i), fat) for i in range(60)) if "fat" in s.text]
    assert said
    is_true, _ = judge(said, [facts_of(thin, "whole")])
    assert not is_true.any()


def test_near_misses_swap_and_replace_but_never_repeat_the_text() -> None:
    text = "a red person with a blue head"
    found = write_near_misses(text)
    assert "a blue person with a red head" in found
    assert text not in found
    assert len(set(found)) == len(found)
    assert [m.phrase for m in find_mentions(text)] == ["red", "blue"]


def test_near_misses_never_say_the_same_in_another_word() -> None:
    assert not any("red person" in miss for miss in write_near_misses("a crimson person"))
    assert not any("bronze" in miss or "brass" in miss for miss in write_near_misses("a golden statue"))
    assert write_near_misses("somebody") == ()


def test_any_arrangement_of_layers_settles_into_a_layout_that_can_be_worded_truly() -> None:
    rng = np.random.default_rng(8)
    for _ in range(400):
        look = sample_look(rng)
        donors = sample_look(rng).layers
        mixed = tuple(donors[i] if rng.random() < 0.4 else layer for i, layer in enumerate(look.layers))
        settled = settle_layout(replace(look, layers=mixed))
        statement = write_caption(rng, settled)
        assert statement.text
        if settled.layout in (Layout.UNIFORM, Layout.HEAD, Layout.LIMB):
            is_true, is_open = judge([statement], [facts_of(settled, "whole")])
            assert (is_true | is_open).all(), statement.text
