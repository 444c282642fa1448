"""Looks: what a body wears on each part and how it is built, drawn at random and varied; knows no pictures or words."""

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from clipmatrix.procedural import primitives as P
from clipmatrix.procedural.characters import Character, Wear, characters
from clipmatrix.procedural.tables import (
    BASIC_COLORS,
    CHANGES,
    PHENOTYPES,
    SLOTS,
    Surface,
    builds,
    colors,
    materials,
    patterns,
    rgb_from_hex,
    surfaces,
)


class Layout(Enum):
    """How layers are spread over the parts."""

    UNIFORM = "uniform"
    HEAD = "head"
    CLOTHES = "clothes"
    SUIT = "suit"
    LIMB = "limb"
    THREE = "three"
    PLAIN = "plain"
    CHARACTER = "character"


@dataclass(frozen=True, eq=False)
class Layer:
    """One surface with its numbers drawn: a row of pattern parameters, and glTF's material factors."""

    kind: str
    params: np.ndarray
    roughness: float
    metallic: float

    @property
    def num_colors(self) -> int:
        """How many colours a sentence may name."""
        return surfaces()[self.kind].num_colors

    def rgb(self, index: int) -> np.ndarray:
        """The base (0), second (1) or third (2) colour in sRGB."""
        start = (P.COLOR_A, P.COLOR_B, P.COLOR_C)[index]
        return self.params[start : start + 3]


@dataclass(frozen=True, eq=False)
class Role:
    """The character that a look plays, and the layers that it would wear if none were exchanged."""

    name: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True, eq=False)
class Look:
    """A layer for each of ``SLOTS``, the shape coefficients of ``PHENOTYPES`` and the ``CHANGES`` of the surface."""

    layout: Layout
    layers: tuple[Layer, ...]
    phenotypes: np.ndarray
    changes: np.ndarray
    seed: int
    role: Role | None = None

    @property
    def exchanged(self) -> tuple[int, ...]:
        """The slots where a character does not wear its own."""
        if self.role is None:
            return ()
        pairs = zip(self.layers, self.role.layers, strict=True)
        return tuple(i for i, (layer, own) in enumerate(pairs) if layer is not own)

    @property
    def roughness(self) -> float:
        """The torso's roughness: one factor serves the whole body."""
        return self.layers[1].roughness

    @property
    def metallic(self) -> float:
        """The torso's metallic factor."""
        return self.layers[1].metallic

    @property
    def layer_params(self) -> np.ndarray:
        """The six layers as rows."""
        return np.stack([layer.params for layer in self.layers])


_SHAPES = {
    "gender": (0.5, 0.5), "age": (0.66, 0.66), "muscle": (0.4, 0.6), "weight": (0.4, 0.6), "height": (0.4, 0.6),
    "proportions": (0.35, 0.65),
}  # fmt: skip


def sample_color(rng: np.random.Generator, jitter: float = 1.0) -> np.ndarray:
    """An sRGB colour: mostly near a basic name, else near any name of the lexicon."""
    lexicon = colors()
    name = BASIC_COLORS[rng.integers(len(BASIC_COLORS))] if rng.random() < 0.6 else None
    index = lexicon.ids[name] if name else int(rng.integers(len(lexicon.names)))
    gain = 1.0 + jitter * rng.uniform(-0.08, 0.08)
    return np.clip(lexicon.rgb[index] * gain + jitter * rng.uniform(-0.03, 0.03, 3), 0, 1)


def _axis(rng: np.random.Generator, name: str) -> np.ndarray:
    match name:
        case "up":
            return np.array([rng.normal() * 0.06, 1.0, rng.normal() * 0.06])
        case "side":
            return np.array([1.0, rng.normal() * 0.06, 0.4])
        case "tilted":
            return np.array([rng.uniform(-0.35, 0.35), 1.0, rng.uniform(-0.35, 0.35)])
    axis = rng.normal(size=3)
    return axis / np.linalg.norm(axis)


def build_layer(rng: np.random.Generator, surface: Surface, chosen: tuple[np.ndarray, ...] = ()) -> Layer:
    """A layer of this surface with its free numbers drawn; ``chosen`` are a pattern's colours, else drawn too."""
    params = np.zeros(P.LAYER_WIDTH)
    params[P.PRIMITIVE] = surface.primitive
    if surface.num_colors == 0:
        for column, choices in zip((P.COLOR_A, P.COLOR_B, P.COLOR_C), surface.colors, strict=False):
            base = rgb_from_hex(choices[rng.integers(len(choices))])
            params[column : column + 3] = np.clip(base * rng.uniform(0.9, 1.1) + rng.uniform(-0.02, 0.02, 3), 0, 1)
    else:
        rgb = list(chosen) or distinct_colors(rng, surface.num_colors)
        params[P.COLOR_A : P.COLOR_A + 3] = rgb[0]
        # Patterns of one colour shade it; the third colour of the others lies between, as a rim.
        second = rgb[1] if surface.num_colors > 1 else rgb[0] * rng.uniform(0.5, 0.7)
        params[P.COLOR_B : P.COLOR_B + 3] = second
        params[P.COLOR_C : P.COLOR_C + 3] = second * 0.5
    params[P.FREQUENCY] = rng.uniform(*surface.frequency)
    params[P.SHARE] = rng.uniform(*surface.share)
    params[P.SOFTNESS] = rng.uniform(*surface.softness)
    params[P.AXIS : P.AXIS + 3] = _axis(rng, surface.axis)
    params[P.WARP] = rng.uniform(*surface.warp)
    params[P.GRAIN] = rng.uniform(*surface.grain)
    params[P.SEED] = rng.integers(1, 100_000)
    return Layer(surface.name, params, rng.uniform(*surface.roughness), rng.uniform(*surface.metallic))


def distinct_colors(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Colours that nobody would take for one another."""
    found = [sample_color(rng)]
    while len(found) < count:
        candidate = sample_color(rng)
        if min(np.abs(candidate - other).max() for other in found) > 0.25:
            found.append(candidate)
    return found


_PATTERN_NAMES = tuple(patterns())
_PATTERN_WEIGHTS = np.array([p.weight for p in patterns().values()]) / sum(p.weight for p in patterns().values())
_MATERIAL_NAMES = tuple(name for name in materials() if name != "plaster")


def sample_layer(rng: np.random.Generator, color_share: float = 0.62) -> Layer:
    """A random layer: with ``color_share`` a pattern in free colours (a third of those solid), else a material."""
    if rng.random() < color_share:
        return build_layer(rng, patterns()[_PATTERN_NAMES[rng.choice(len(_PATTERN_NAMES), p=_PATTERN_WEIGHTS)]])
    return build_layer(rng, materials()[_MATERIAL_NAMES[rng.integers(len(_MATERIAL_NAMES))]])


def sample_skin(rng: np.random.Generator) -> Layer:
    """A human skin."""
    return build_layer(rng, materials()["skin"])


_LAYOUTS = (
    Layout.UNIFORM,
    Layout.HEAD,
    Layout.CLOTHES,
    Layout.SUIT,
    Layout.LIMB,
    Layout.THREE,
    Layout.PLAIN,
    Layout.CHARACTER,
)
_LAYOUT_WEIGHTS = np.array([0.36, 0.14, 0.13, 0.05, 0.09, 0.035, 0.02, 0.175])


def _spread(rng: np.random.Generator, layout: Layout) -> tuple[Layer, ...]:
    body = sample_layer(rng)
    other = sample_layer(rng)
    while other.kind == body.kind and np.abs(other.rgb(0) - body.rgb(0)).max() < 0.3:
        other = sample_layer(rng)
    match layout:
        case Layout.UNIFORM:
            return (body,) * 6
        case Layout.HEAD:
            return (other, *(body,) * 5)
        case Layout.CLOTHES:
            skin = sample_skin(rng) if rng.random() < 0.75 else sample_layer(rng)
            sleeves = body if rng.random() < 0.7 else skin
            shoes = other if rng.random() < 0.6 else (sample_layer(rng) if rng.random() < 0.5 else skin)
            return (skin, body, sleeves, skin, other, shoes)
        case Layout.SUIT:
            skin = sample_skin(rng)
            return (skin, body, body, skin if rng.random() < 0.7 else body, body, body)
        case Layout.LIMB:
            slots = [body] * 6
            part = rng.choice(4, p=[0.35, 0.15, 0.35, 0.15])
            slots[2 + part] = other
            if part in (0, 2) and rng.random() < 0.8:
                slots[3 + part] = other
            return tuple(slots)
        case Layout.THREE:
            third = sample_layer(rng)
            return (other, body, body, body, third, third)
        case Layout.PLAIN | Layout.CHARACTER:
            return (build_layer(rng, materials()["plaster"]),) * 6


_TWO_ENDED = frozenset(build.axis for build in builds().values() if not build.is_high and build.axis in CHANGES)


def sample_build(rng: np.random.Generator, wildness: float) -> tuple[np.ndarray, np.ndarray]:
    """Phenotypes and changes: mostly near the middle; with ``wildness`` in [0, 1] one or two of them extreme."""
    phenotypes = np.array([rng.uniform(*_SHAPES[name]) for name in PHENOTYPES])
    phenotypes[0] = rng.uniform(0, 0.12) if rng.random() < 0.5 else rng.uniform(0.88, 1)
    changes = np.zeros(len(CHANGES))
    if rng.random() < wildness:
        for _ in range(1 if rng.random() < 0.75 else 2):
            axis = int(rng.integers(1, 5))
            phenotypes[axis] = rng.uniform(0, 0.1) if rng.random() < 0.5 else rng.uniform(0.9, 1)
        if phenotypes[1] < 0.3:
            # A baby is no character to most; children begin at a third of the range.
            phenotypes[1] = rng.uniform(0.33, 0.42)
        if phenotypes[3] > 0.88 and phenotypes[2] < 0.8 and rng.random() < 0.8:
            # Under muscle, weight hardly shows: who is called fat has little of it.
            phenotypes[2] = rng.uniform(0, 0.12)
    if rng.random() < wildness * 0.7:
        axis = int(rng.integers(len(CHANGES)))
        changes[axis] = rng.uniform(0.5, 1.0)
        if CHANGES[axis] in _TWO_ENDED and rng.random() < 0.5:
            changes[axis] = -changes[axis]
    return phenotypes, changes


def sample_look(rng: np.random.Generator, wildness: float = 0.5) -> Look:
    """A random look; ``wildness`` is the share of unusual builds."""
    layout = _LAYOUTS[rng.choice(len(_LAYOUTS), p=_LAYOUT_WEIGHTS)]
    if layout is Layout.CHARACTER:
        return sample_character(rng, wildness)
    phenotypes, changes = sample_build(rng, 0.9 if layout is Layout.PLAIN else wildness)
    return Look(layout, _spread(rng, layout), phenotypes, changes, int(rng.integers(1, 1 << 30)))


def sample_character(rng: np.random.Generator, wildness: float = 0.3, name: str | None = None) -> Look:
    """A character (a random one unless named), now and then with a part or the whole of it exchanged."""
    row = characters()[name or tuple(characters())[rng.integers(len(characters()))]]
    own = _dress(rng, row)
    phenotypes, changes = sample_build(rng, 0.35 * wildness)
    phenotypes = cued_phenotypes(row, phenotypes)
    if row.cues and rng.random() < 0.8:
        changes[:] = 0.0
    for axis, strength in row.cues.items():
        if axis in CHANGES:
            changes[CHANGES.index(axis)] = strength * rng.uniform(0.8, 1.0)
    look = Look(Layout.CHARACTER, own, phenotypes, changes, int(rng.integers(1, 1 << 30)), Role(row.name, own))
    return _exchange(rng, look) if rng.random() < 0.25 else look


def cued_phenotypes(row: Character, phenotypes: np.ndarray) -> np.ndarray:
    """The phenotypes with those that the character asks for at their ends."""
    phenotypes = phenotypes.copy()
    for axis, strength in row.cues.items():
        if axis in PHENOTYPES:
            phenotypes[PHENOTYPES.index(axis)] = 0.05 if strength < 0 else 0.95
    if row.cues.get("weight", 0) > 0 and "muscle" not in row.cues:
        phenotypes[PHENOTYPES.index("muscle")] = 0.08
    return phenotypes


def draw_wear(rng: np.random.Generator, wears: tuple[Wear, ...]) -> Layer:
    """One of the alternatives, in one of its colours each, slightly moved."""
    wear = wears[rng.integers(len(wears))]
    chosen = [rgb_from_hex(codes[rng.integers(len(codes))]) for codes in wear.colors]
    jittered = [np.clip(rgb * rng.uniform(0.88, 1.1) + rng.uniform(-0.03, 0.03, 3), 0, 1) for rgb in chosen]
    return build_layer(rng, surfaces()[wear.kind], tuple(jittered))


def _dress(rng: np.random.Generator, row: Character) -> tuple[Layer, ...]:
    layers: dict[int, Layer] = {}

    def draw(slot: int) -> Layer:
        if slot not in layers:
            wears = row.wears[slot]
            layers[slot] = draw(wears) if isinstance(wears, int) else draw_wear(rng, wears)
        return layers[slot]

    return tuple(draw(slot) for slot in range(len(SLOTS)))


_EXCHANGES = ((0,), (1, 2), (2,), (3,), (4,), (5,))


def _exchange(rng: np.random.Generator, look: Look) -> Look:
    """The character with another layer on one part, or all over where its form alone tells who it is."""
    assert look.role is not None
    slots = _EXCHANGES[rng.choice(len(_EXCHANGES), p=[0.35, 0.2, 0.1, 0.15, 0.1, 0.1])]
    if characters()[look.role.name].is_remade and rng.random() < 0.75:
        slots = tuple(range(len(SLOTS)))
    new = sample_layer(rng)
    while min(np.abs(new.rgb(0) - look.layers[slot].rgb(0)).max() for slot in slots) < 0.25:
        new = sample_layer(rng)
    return replace(look, layers=tuple(new if i in slots else layer for i, layer in enumerate(look.layers)))


def _keeps_role(look: Look) -> bool:
    """Whether a varied look is still its character: one part exchanged at most, or all of it, and its form kept."""
    if look.role is None:
        return False
    row, slots = characters()[look.role.name], look.exchanged
    has_form = all(
        strength * look.changes[CHANGES.index(axis)] > 0.0 for axis, strength in row.cues.items() if axis in CHANGES
    )
    is_one = not slots or slots in _EXCHANGES or slots == (2, 3) or slots == (4, 5)
    is_remade = row.is_remade and len(slots) == len(SLOTS)
    return has_form and (is_one or is_remade) and len({id(look.layers[slot]) for slot in slots}) <= 1


def recolor(rng: np.random.Generator, layer: Layer) -> Layer:
    """The same pattern with one of its colours changed; a material becomes another one."""
    surface = surfaces()[layer.kind]
    if surface.num_colors == 0:
        return sample_layer(rng, color_share=0.2)
    params = layer.params.copy()
    column = (P.COLOR_A, P.COLOR_B)[rng.integers(surface.num_colors)]
    params[column : column + 3] = sample_color(rng)
    if surface.num_colors == 1:
        params[P.COLOR_B : P.COLOR_B + 3] = params[P.COLOR_A : P.COLOR_A + 3] * 0.6
    return replace(layer, params=params)


def replace_layer(look: Look, old: Layer, new: Layer) -> Look:
    """The look with one layer exchanged wherever it lies."""
    return replace(look, layers=tuple(new if layer is old else layer for layer in look.layers))


def swap_layers(rng: np.random.Generator, look: Look) -> Look:
    """The look with two of its layers exchanged everywhere; the same look where all parts wear one layer."""
    distinct = list({id(layer): layer for layer in look.layers}.values())
    if len(distinct) < 2:
        return look
    i, j = rng.choice(len(distinct), 2, replace=False)
    a, b = distinct[i], distinct[j]
    return replace(look, layers=tuple(b if x is a else a if x is b else x for x in look.layers))


def settle_layout(look: Look) -> Look:
    """The look under the layout that its layers really have, for words to describe it by.

    An arrangement that no layout names becomes the nearest one that does: a differing hand or foot goes with its limb.
    """
    if _keeps_role(look):
        return replace(look, layout=Layout.CHARACTER)
    look = replace(look, role=None)
    head, torso, arms, hands, legs, feet = look.layers
    if all(layer is torso for layer in look.layers):
        layout = Layout.PLAIN if torso.kind == "plaster" else Layout.UNIFORM
        return replace(look, layout=layout)
    if torso is not legs:
        is_three = head is not torso and head.kind != "skin" and arms is torso and feet is legs
        return replace(look, layout=Layout.THREE if is_three else Layout.CLOTHES)
    if head is not torso and arms is torso and feet is torso:
        return replace(look, layout=Layout.HEAD if hands is torso else Layout.SUIT)
    if head is torso:
        part = 2 if arms is not torso else 3 if hands is not torso else 5
        kept = [torso] * len(SLOTS)
        kept[part] = look.layers[part]
        if part == 2:
            kept[3] = arms if hands is not torso else torso
        return replace(look, layout=Layout.LIMB, layers=tuple(kept))
    return replace(look, layout=Layout.HEAD, layers=(head, *(torso,) * 5))
