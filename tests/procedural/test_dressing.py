"""Looks wear what was read: every drawing of it, and every variation."""

import numpy as np
import pytest

from clipmatrix.procedural.dressing import dress, impose, is_worn, recolored, redress
from clipmatrix.procedural.looks import build_layer, sample_look
from clipmatrix.procedural.reading import read
from clipmatrix.procedural.tables import BASIC_COLORS, SLOTS, colors, materials, oklab_from_srgb

HEAD, TORSO, ARMS, HANDS, LEGS, FEET = range(len(SLOTS))


def _distance(rgb: np.ndarray, name: str) -> float:
    lexicon = colors()
    return float(np.linalg.norm(oklab_from_srgb(rgb) - lexicon.oklab[lexicon.ids[name]]))


@pytest.mark.parametrize("name", BASIC_COLORS)
def test_a_colour_is_worn_all_over(name: str) -> None:
    look = dress(np.random.default_rng(3), read(f"a {name} person"))
    assert all(_distance(layer.rgb(0), name) < 0.06 for layer in look.layers)


def test_shirt_and_trousers_are_worn_with_skin_and_shoes() -> None:
    for seed in range(20):
        look = dress(np.random.default_rng(seed), read("a man in a red shirt and green trousers"))
        assert _distance(look.layers[TORSO].rgb(0), "red") < 0.06
        assert look.layers[ARMS] is look.layers[TORSO]
        assert _distance(look.layers[LEGS].rgb(0), "green") < 0.06
        assert look.layers[HEAD].kind == look.layers[HANDS].kind == "skin"
        assert look.layers[FEET].kind != "skin"


def test_a_pattern_lies_on_the_colour_that_is_named_as_its_ground() -> None:
    look = dress(np.random.default_rng(0), read("a person with blue polka dots on yellow"))
    assert look.layers[TORSO].kind == "dots"
    assert _distance(look.layers[TORSO].rgb(0), "yellow") < 0.06
    assert _distance(look.layers[TORSO].rgb(1), "blue") < 0.06


def test_stars_have_their_own_colour() -> None:
    look = dress(np.random.default_rng(0), read("a person with pink stars"))
    assert _distance(look.layers[TORSO].rgb(1), "pink") < 0.06


def test_a_character_keeps_its_skin_under_a_colour() -> None:
    look = dress(np.random.default_rng(0), read("a red police officer"))
    assert look.layers[HEAD].kind == "skin"
    assert oklab_from_srgb(look.layers[TORSO].rgb(0))[1] > 0.08
    blue = dress(np.random.default_rng(0), read("a blue panda"))
    light = [oklab_from_srgb(layer.rgb(0))[0] for layer in blue.layers]
    assert light[TORSO] > light[LEGS] + 0.1
    assert all(oklab_from_srgb(layer.rgb(0))[2] < -0.03 for layer in blue.layers)


def test_a_zombie_pirate_is_a_pirate_with_a_zombies_head() -> None:
    look = dress(np.random.default_rng(0), read("a zombie pirate"))
    pirate = dress(np.random.default_rng(0), read("a pirate"))
    assert look.layers[TORSO].kind == pirate.layers[TORSO].kind
    assert look.layers[HEAD].kind != pirate.layers[HEAD].kind


def test_dyed_materials_keep_their_structure() -> None:
    marble = build_layer(np.random.default_rng(0), materials()["marble"])
    green = recolored(marble, np.array([0.1, 0.7, 0.2]))
    assert green.params[0] == marble.params[0]
    assert np.allclose(green.rgb(0), [0.1, 0.7, 0.2])
    assert np.linalg.norm(green.rgb(1) - green.rgb(0)) > 0.1


def test_children_wear_it_too() -> None:
    rng = np.random.default_rng(5)
    reading = read("a person with a blue head and black and white striped legs")
    parent = mate = dress(rng, reading)
    for _ in range(60):
        child = redress(rng, reading, parent, mate)
        for slot, told in enumerate(reading.slots):
            assert told is None or is_worn(child.layers[slot], told)
        parent, mate = child, parent


def test_what_was_read_is_imposed_on_any_look() -> None:
    rng = np.random.default_rng(9)
    reading = read("a giger monster with red legs")
    for _ in range(60):
        look = impose(rng, sample_look(rng), reading)
        told = reading.slots[LEGS]
        assert told is not None
        assert is_worn(look.layers[LEGS], told)


def test_two_colours_are_those_of_a_characters_clothes() -> None:
    look = dress(np.random.default_rng(0), read("a black and yellow samurai"))
    shades = {tuple(np.round(layer.rgb(0), 1)) for layer in look.layers if layer.kind != "skin"}
    assert {shade for shade in shades if max(shade) < 0.2}
    assert {shade for shade in shades if shade[0] > 0.8 > 0.4 > shade[2]}


@pytest.mark.parametrize(("print_", "kind"), [("zebra print", "zebra"), ("tiger print", "tiger")])
def test_a_beasts_print_has_its_colours_where_none_are_told(print_: str, kind: str) -> None:
    for seed in range(3):
        assert dress(np.random.default_rng(seed), read(f"a man in {print_} trousers")).layers[4].kind == kind
    assert dress(np.random.default_rng(0), read(f"a man in pink {print_} trousers")).layers[4].kind == f"{kind}_two"
