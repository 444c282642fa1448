"""Sentences as people write them are read as they are meant."""

import numpy as np
import pytest

from clipmatrix.procedural.dressing import dress
from clipmatrix.procedural.lexing import Senses, lex
from clipmatrix.procedural.reading import read, read_part
from clipmatrix.procedural.tables import SLOTS, colors
from clipmatrix.procedural.understood import Reading, Told

_DRESSED = ("torso", "arms", "legs", "feet")


def _describe(told: Told | None) -> str:
    """A reading in short: its colours by name, ``on`` the ground, and the first surface."""
    if told is None:
        return ""
    lexicon = colors()

    def name(rgb: tuple[float, float, float]) -> str:
        return lexicon.names[int(np.linalg.norm(lexicon.rgb - np.array(rgb), axis=1).argmin())]

    words = [name(rgb) for rgb in told.colors] + ([f"on {name(told.ground)}"] if told.ground else [])
    return " ".join([*words, *told.kinds[:1]])


def _parts(reading: Reading) -> dict[str, str]:
    found = {slot: _describe(told) for slot, told in zip(SLOTS, reading.slots, strict=True) if told is not None}
    if reading.whole is not None:
        found["whole"] = _describe(reading.whole)
    if reading.bare is not None:
        found["bare"] = _describe(reading.bare)
    return found


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a red person", {"whole": "red"}),
        ("a woman with red hair", {}),
        ("an old man with white hair and a green coat", {"torso": "green", "arms": "green"}),
        ("a person in emerald green", dict.fromkeys(_DRESSED, "emerald green")),
        ("a figure in emerald green", {"whole": "emerald green"}),
        ("a tiny elf who lives in the forest and wears only leaves", dict.fromkeys(_DRESSED, "leaves")),
        ("a demon dressed in white", dict.fromkeys(_DRESSED, "white")),
        ("a man in a blue checked shirt", {"torso": "blue checks", "arms": "blue checks"}),
        ("a purple monster with green spots and orange horns", {"whole": "green on purple spots"}),
        ("a demon with black skin and orange cracks", {"bare": "orange on black cracks"}),
        ("a jester in purple and gold", {"whole": "purple macaroni and cheese"}),
        ("a soldier made of green plastic", {"whole": "green solid"}),
        ("a man in blue overalls and a red shirt", {"torso": "blue", "arms": "red", "legs": "blue"}),
        ("a plumber in a red shirt and blue overalls", {"torso": "blue", "arms": "red", "legs": "blue"}),
        ("a chess piece carved from wood", {"whole": "wood"}),
        ("a creature with the body of a leopard and the head of a zebra", {"whole": "leopard", "head": "zebra"}),
        ("a person with arms of gold", {"arms": "gold", "hands": "gold"}),
        ("a man whose shirt is made of steel", {"torso": "steel", "arms": "steel"}),
        ("a black and gold samurai", {"whole": "black macaroni and cheese"}),
        ("a woman with purple lipstick", {}),
        ("a dark skinned woman in a red top", {"bare": "dark gray skin", "torso": "red", "arms": "red"}),
        ("a pale woman", {"bare": "peach puff skin"}),
        ("a pale blue woman with pale green skin", {"whole": "pale blue", "bare": "pale green"}),
        ("a green-skinned witch", {"bare": "green"}),
        ("a dark green skinned man in a red shirt", {"bare": "dark green", "torso": "red", "arms": "red"}),
        ("a man wearing a green coat over a white shirt", {"torso": "green", "arms": "green"}),
        ("a girl whose hair is made of snakes", {}),
        ("a white kimono with red flowers", dict.fromkeys(_DRESSED, "red on white flowers")),
        ("a monster covered in blue fur with orange spots", {"whole": "orange on blue spots"}),
        ("a woman in black lingerie", {"torso": "black"}),
        ("a mermaid with a silver tail", {"legs": "silver"}),
        ("a dragon with a silver tail", {}),
        ("a wrestler in golden trunks", {"legs": "gold"}),
        ("a person with blue polka dots on yellow", {"whole": "blue on yellow dots"}),
        ("a yellow man with blue spots", {"whole": "blue on yellow spots"}),
        ("a black and white checkered person", {"whole": "black white checks"}),
        ("a zebra-striped man", {"whole": "zebra"}),
        ("a creature covered in moss", {"whole": "moss"}),
        ("a red person with a blue head", {"whole": "red", "head": "blue"}),
        ("a person whose head is turquoise and whose body is orange", {"whole": "orange", "head": "turquoise"}),
        ("a man whose legs are green and whose arms are orange",
         {"arms": "orange", "hands": "orange", "legs": "green", "feet": "green"}),
        ("a man wearing a yellow shirt and purple trousers", {"torso": "yellow", "arms": "yellow", "legs": "purple"}),
        ("a girl in purple leggings and a lime green top",
         {"torso": "lime green", "arms": "lime green", "legs": "purple"}),
        ("a woman in a red dress with white dots",
         {"torso": "white on red dots", "arms": "white on red dots", "legs": "white on red dots"}),
        ("a woman with green skin in a black jacket", {"bare": "green", "torso": "black", "arms": "black"}),
        ("somebody who spent too long in the sun and is red as a lobster", {"whole": "red"}),
        ("a robot that was left out in the rain and is all rust", {"whole": "rust"}),
        ("an evil king in a blood red cloak with a golden crown",
         {"torso": "blood red", "arms": "blood red", "legs": "blood red"}),
        ("a knight holding a red sword", {}),
        ("a man with a red beard", {}),
        ("a person on a blue skateboard", {}),
    ],
)  # fmt: skip
def test_each_part_gets_its_own(text: str, parts: dict[str, str]) -> None:
    found = _parts(read(text))
    assert found == parts


@pytest.mark.parametrize(
    ("text", "characters", "skin"),
    [
        ("a zombie in a superhero costume", ("superhero",), ("zombie",)),
        ("a frog wearing a santa suit", ("santa",), ("frogman",)),
        ("a zombie", ("zombie",), ()),
        ("a zombie pirate", ("pirate",), ("zombie",)),
        ("a pirate zombie", ("pirate",), ("zombie",)),
        ("a blue skinned alien queen", ("queen",), ("alien",)),
        ("a zombie mummy", ("mummy",), ("zombie",)),
        ("a person with a pumpkin for a head", ("pumpkinman",), ()),
        ("the queen of the bees", ("queen",), ()),
        ("a rusty robot", ("robot",), ()),
        ("a person made of stone", (), ()),
        ("Santa Claus in a green coat", ("santa",), ()),
    ],
)
def test_who_it_is(text: str, characters: tuple[str, ...], skin: tuple[str, ...]) -> None:
    reading = read(text)
    assert (reading.characters, reading.skin) == (characters, skin)


def test_words_of_shade_change_the_colour_after_them() -> None:
    (plain,), (pale,), (dark,) = (read(f"a {shade}crimson man").whole.colors for shade in ("", "pale ", "dark "))  # type: ignore[union-attr]
    assert min(pale) > min(plain) + 0.3
    assert max(dark) < 0.7 * max(plain)


def test_a_shade_alone_is_a_colour_and_before_a_stuff_says_nothing() -> None:
    assert read("a dark figure").whole is not None
    assert _describe(read("a dark wooden figure").whole) == "wood"


def test_unknown_words_are_reported_where_they_matter() -> None:
    assert read("a steampunk woman with giger legs").unknown == (("steampunk", False), ("giger", False))
    assert read("a wug").unknown == (("wug", True),)
    assert read("a red man on his way to a wedding").unknown == ()


def test_guesses_stand_for_unknown_words() -> None:
    reading = read(
        "a wug covered in florp", {"florp": Senses(surfaces=("moss",)), "wug": Senses(characters=("robot",))}
    )
    assert reading.characters == ("robot",)
    assert _describe(reading.whole) == "moss"


@pytest.mark.parametrize(
    "text",
    ["", "   ", "!!!", "with with of", "and red and", "头发 красный 🙂", "a" * 5000, "of the in on with a", "12 34"],
)
def test_nothing_breaks_it(text: str) -> None:
    read(text)
    lex(text)


def test_a_part_of_its_own() -> None:
    told = read_part("a blue head", "head")
    assert told is not None
    assert _describe(told) == "blue"
    assert read_part("a head", "head") is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("someone who has just crawled out of a muddy river", "mud"), ("a man covered in icy water", "ice"),
        ("a man covered in water", "water"), ("a golem made of golden sand", "sand"),
    ],
)  # fmt: skip
def test_water_looks_like_what_is_in_it(text: str, kind: str) -> None:
    whole = read(text).whole
    assert whole is not None
    assert whole.kinds == (kind,)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("a barefoot man in jeans", {5}),
        ("a shirtless man in red trousers", {1, 2}),
        ("a woman with bare feet in a green dress", {5}),
        ("a bare-chested warrior in a kilt", {1, 2}),
        ("a man in a black suit", set()),
    ],
)
def test_what_is_bare_of_people_who_are_dressed(text: str, bare: set[int]) -> None:
    reading = read(text)
    assert not reading.unknown
    look = dress(np.random.default_rng(0), reading)
    skin = {slot for slot, layer in enumerate(look.layers) if layer is look.layers[0] and slot not in (0, 3)}
    assert skin & {1, 2, 4, 5} >= bare
    assert bare or not skin


def test_shoes_and_gloves_go_with_a_suit_in_either_order() -> None:
    for text in ("a man in brown shoes and a grey suit", "a man in a grey suit and brown shoes"):
        feet, torso = read(text).slots[5], read(text).slots[1]
        assert feet is not None
        assert torso is not None
        assert feet.colors != torso.colors


def test_who_is_of_a_beasts_skin_wears_clothes_over_it() -> None:
    reading = read("a tiger in a suit")
    assert reading.whole is None
    assert _describe(reading.bare) == "tiger"
    look = dress(np.random.default_rng(0), reading)
    torso, head = (look.layers[SLOTS.index(name)] for name in ("torso", "head"))
    assert head.kind == "tiger"
    assert torso.kind != "tiger"


def test_who_has_a_coat_of_fur_wears_some_other_stuff() -> None:
    look = dress(np.random.default_rng(0), read("a white furry creature in a waistcoat"))
    assert look.layers[SLOTS.index("head")].kind == "white_fur"
    assert look.layers[SLOTS.index("torso")].kind != "white_fur"
    assert read("a white furry creature in a leather waistcoat").whole is not None


def test_somebody_of_whom_only_the_skin_is_told_is_dressed() -> None:
    assert read("a pale woman").says_nothing
    assert not read("a green woman").says_nothing


def test_what_a_garment_is_for_is_no_part_of_its_own() -> None:
    assert read("a man in red body armour").bare is None
    assert {_describe(told) for told in read("a man in red body armour").slots if told is not None} == {"red"}


def test_armour_of_a_colour_is_metal_all_the_same() -> None:
    layer = dress(np.random.default_rng(0), read("a man in blue armour")).layers[SLOTS.index("torso")]
    cloth = dress(np.random.default_rng(0), read("a man in a blue shirt")).layers[SLOTS.index("torso")]
    assert layer.metallic > 0.5 > cloth.metallic


def test_a_rotten_zombie_wears_what_zombies_do() -> None:
    for seed in range(4):
        plain, rotten = (dress(np.random.default_rng(seed), read(f"a {word} zombie")) for word in ("nice", "rotting"))
        assert [layer.kind for layer in rotten.layers] == [layer.kind for layer in plain.layers]


def test_a_pattern_over_its_twin_is_seen() -> None:
    for seed in range(6):
        layer = dress(np.random.default_rng(seed), read("a man in a red plaid shirt, in a red checkered shirt")).layers[
            1
        ]
        assert np.abs(layer.rgb(0) - layer.rgb(1)).max() > 0.3
