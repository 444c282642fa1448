"""Characters are drawn as their table says, named truly, and told from one another."""

from dataclasses import replace

import numpy as np
import pytest

from clipmatrix.procedural.captions import write_caption
from clipmatrix.procedural.characters import character_ids, characters, choices, near_characters
from clipmatrix.procedural.looks import Layout, Look, sample_character, sample_look, settle_layout
from clipmatrix.procedural.near_misses import find_mentions, write_near_misses
from clipmatrix.procedural.statements import facts_of
from clipmatrix.procedural.tables import CHANGES, SLOTS, surfaces
from clipmatrix.procedural.truth import judge


def plain(name: str, seed: int = 0) -> Look:
    """A character without an exchanged part."""
    rng = np.random.default_rng(seed)
    while True:
        look = sample_character(rng, 0.0, name)
        if not look.exchanged:
            return look


def named(look: Look, seed: int = 0):
    """A caption that says the name and nothing else of the surface."""
    for i in range(seed, seed + 200):
        statement = write_caption(np.random.default_rng(i), look)
        if (statement.kinds < 0).all() and not statement.builds.any():
            return statement
    raise AssertionError("no caption of the name alone")


def test_the_table_refers_to_surfaces_and_characters_that_exist() -> None:
    assert len(characters()) >= 40
    for row in characters().values():
        assert set(row.near) <= set(characters()), row.name
        for slot in range(len(SLOTS)):
            for wear in choices(row, slot):
                assert wear.kind in surfaces(), row.name
                assert len(wear.colors) <= surfaces()[wear.kind].num_colors, row.name


def test_no_two_characters_share_a_word() -> None:
    words = [word for row in characters().values() for word in row.words]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("name", list(characters()))
def test_a_name_is_true_of_its_character_and_false_of_others(name: str) -> None:
    statement = named(plain(name))
    others = [
        plain(other) for other in characters() if not near_characters()[character_ids()[name], character_ids()[other]]
    ]
    is_true, is_open = judge([statement], [facts_of(plain(name, 5), "whole")])
    assert is_true.all()
    is_true, is_open = judge([statement], [facts_of(other, "whole") for other in others])
    assert not is_true.any()
    assert not is_open.any()


def test_a_near_character_and_a_close_up_are_undecidable() -> None:
    statement = named(plain("witch"))
    _, is_open = judge([statement], [facts_of(plain("wizard"), "whole"), facts_of(plain("witch"), "head")])
    assert is_open.all()


def test_an_exchanged_part_is_said_and_contradicted_by_the_plain_character() -> None:
    rng = np.random.default_rng(3)
    looks = [look for look in (sample_character(rng, 0.0, "zombie") for _ in range(60)) if look.exchanged]
    said = [s for s in (write_caption(rng, look) for look in looks) if (s.kinds >= 0).any()]
    assert said
    is_true, _ = judge(said, [facts_of(plain("zombie"), "whole")])
    assert not is_true.any()


def test_a_character_that_loses_its_form_or_clothes_is_no_longer_called_so() -> None:
    demon = plain("demon")
    assert settle_layout(demon).layout is Layout.CHARACTER
    assert settle_layout(replace(demon, changes=np.zeros(len(CHANGES)))).role is None
    pirate, other = plain("pirate"), sample_look(np.random.default_rng(2)).layers[1]
    stripped = replace(pirate, layers=(pirate.layers[0], other, other, other, other, other))
    assert settle_layout(stripped).role is None


def test_what_goes_without_saying_is_expected_but_not_said() -> None:
    statement = named(plain("dwarf"))
    assert not statement.builds.any()
    assert (statement.expected_builds != 0).sum() >= 2


def test_near_misses_name_another_character() -> None:
    misses = write_near_misses("a robot with a red head")
    assert any("robot" not in miss and "red head" in miss for miss in misses)
    assert not any("cyborg" in miss for miss in misses)
    assert [m.is_character for m in find_mentions("a robot with a red head")] == [True, False]
