"""Looks that wear what a sentence says, with everything that it leaves open drawn at random; knows no encoder."""

import itertools
from dataclasses import replace

import numpy as np

from clipmatrix.procedural import primitives as P
from clipmatrix.procedural.headwear import Rgb
from clipmatrix.procedural.lexing import is_material, usual_wear
from clipmatrix.procedural.looks import (
    Layer,
    Layout,
    Look,
    build_layer,
    draw_wear,
    sample_build,
    sample_character,
    sample_color,
    sample_skin,
    settle_layout,
)
from clipmatrix.procedural.tables import SLOTS, materials, oklab_from_srgb, patterns, rgb_from_hex, surfaces
from clipmatrix.procedural.understood import Reading, Told

HEAD, TORSO, ARMS, HANDS, LEGS, FEET = range(len(SLOTS))
_TWO_COLORED = ("halves", "upper_lower", "patches", "stripes", "splotches", "gradient")
"""What "red and blue" may look like where no pattern is named."""
_SEVERAL_COLORS = ("patches", "splotches", "stripes")
_PARTNERS = ((0.96, 0.95, 0.93), (0.08, 0.08, 0.09))
"""The commonest second colours: white and black."""
_UNTOLD = {"metallic": (0.62, 0.63, 0.66), "shaggy": (0.33, 0.22, 0.13)}
"""The colour in sRGB of what has one by nature where none is told."""
_ON_A_GROUND = ("flowers",)
"""Stuffs whose colour is that of what they are strewn with."""
_APART = 0.2
_SAME = 0.06
"""OKLab distance up to which two colours are the same one."""


def dress(rng: np.random.Generator, reading: Reading, wildness: float = 0.0) -> Look:
    """A look that wears what was read; ``wildness`` is the share of unusual builds beside the told ones."""
    look = _bare_look(rng, reading, wildness)
    layers = list(look.layers)
    for slot in {slot for told in reading.slots if told and told.cut for slot in told.cut.bare}:
        layers[slot] = layers[HEAD]
    drawn: dict[int, Layer] = {}
    for slot, told in enumerate(reading.slots):
        if told is None:
            continue
        # What was said of several parts at once is one layer on all of them.
        if id(told) not in drawn:
            drawn[id(told)] = draw_told(rng, told) or layers[slot]
        layers[slot] = drawn[id(told)]
    # The layout is the nearest one that captions describe; what is worn stays as it was told.
    return replace(settle_layout(replace(look, layers=tuple(layers))), layers=tuple(layers))


def redress(rng: np.random.Generator, reading: Reading, parent: Look, mate: Look | None) -> Look:
    """A child of looks that wear what was read, which does so too: single layers drawn anew, varied, or the mate's."""
    fresh = dress(rng, reading)
    draw = rng.random()
    if draw < 0.25:
        return fresh
    layers = list(parent.layers)
    distinct = list({id(layer): layer for layer in layers}.values())
    old = distinct[rng.integers(len(distinct))]
    slots = [slot for slot, layer in enumerate(layers) if layer is old]
    if draw < 0.45:
        donor = (fresh if mate is None or rng.random() < 0.6 else mate).layers[slots[0]]
    else:
        params = old.params.copy()
        params[P.FREQUENCY] *= rng.uniform(0.8, 1.25)
        params[P.SEED] = rng.integers(1, 100_000)
        donor = replace(old, params=params)
    for slot in slots:
        layers[slot] = donor
    return replace(parent, layers=tuple(layers), seed=fresh.seed)


def _bare_look(rng: np.random.Generator, reading: Reading, wildness: float) -> Look:
    """The figure before single parts are dressed."""
    if reading.characters:
        return _character(rng, reading, wildness)
    phenotypes, changes = sample_build(rng, wildness)
    seed = int(rng.integers(1, 1 << 30))
    told = reading.whole or reading.bare
    if told is not None:
        layer = draw_told(rng, told) or sample_skin(rng)
        layers = [layer] * len(SLOTS)
        if reading.bare is not None and reading.whole is not None:
            bare = draw_told(rng, reading.bare) or layer
            layers[HEAD] = layers[HANDS] = bare
        look = Look(Layout.UNIFORM, tuple(layers), phenotypes, changes, seed)
    else:
        look = Look(Layout.UNIFORM, (sample_skin(rng),) * len(SLOTS), phenotypes, changes, seed)
    if reading.whole is None and any(told is not None and told.is_garment for told in reading.slots):
        look = _clothed(rng, look)
    return look


def _clothed(rng: np.random.Generator, look: Look) -> Look:
    """Plain things on the parts that a clothed figure covers."""
    layers = list(look.layers)
    worn = {slot: draw_wear(rng, wears) for slot, wears in usual_wear().items()}
    layers[TORSO], layers[LEGS], layers[FEET] = worn[TORSO], worn[LEGS], worn[FEET]
    if rng.random() < 0.6:
        layers[ARMS] = layers[TORSO]
    return replace(look, layers=tuple(layers))


def _character(rng: np.random.Generator, reading: Reading, wildness: float) -> Look:
    name = reading.characters[rng.integers(len(reading.characters))]
    look = sample_character(rng, wildness, name)
    while look.exchanged:
        look = sample_character(rng, wildness, name)
    layers = list(look.layers)
    is_skin = [layer.kind == "skin" for layer in layers]
    if reading.skin:
        other = sample_character(rng, 0.0, reading.skin[rng.integers(len(reading.skin))])
        for slot in (HEAD, HANDS):
            layers[slot] = other.layers[slot]
    if reading.whole is not None and not _is_own_stuff(layers[HEAD], reading.whole):
        worn = {id(layer): layer for layer, is_bare in zip(layers[1:], is_skin[1:], strict=True) if not is_bare}
        if not reading.whole.kinds and 1 < len(reading.whole.colors) <= len(worn):
            shades = dict(zip(worn, itertools.cycle(reading.whole.colors), strict=False))
            tinted = {key: recolored(layer, np.array(shades[key])) for key, layer in worn.items()}
            layers = [tinted.get(id(layer), layer) for layer in layers]
        elif reading.whole.kinds or len(reading.whole.colors) > 1:
            layers = [draw_told(rng, reading.whole) or layers[TORSO]] * len(SLOTS)
        elif reading.whole.colors:
            layers = _tinted(layers, is_skin, reading.whole.colors[0])
    if reading.bare is not None:
        bare = draw_told(rng, reading.bare)
        shown = is_skin if any(is_skin) else [layer is look.layers[HEAD] for layer in look.layers]
        layers = [bare if bare and shown[slot] else layer for slot, layer in enumerate(layers)]
    return replace(look, layers=tuple(layers))


def _is_own_stuff(head: Layer, told: Told) -> bool:
    """Whether that goes without saying: a rotten zombie wears what zombies do."""
    return head.kind in told.kinds and not told.colors


def _tinted(layers: list[Layer], is_skin: list[bool], rgb: Rgb) -> list[Layer]:
    """All but bare skin in shades of one colour, as light to one another as they were; all of it where all is skin."""
    kept = is_skin if not all(is_skin) else [False] * len(layers)
    light = [float(oklab_from_srgb(layer.rgb(0))[0]) for layer in layers]
    top = max(value for value, keep in zip(light, kept, strict=True) if not keep)
    done: dict[int, Layer] = {}
    for layer, value, keep in zip(layers, light, kept, strict=True):
        if id(layer) not in done:
            shade = np.array(rgb) * (1.0 if top <= 0 else np.sqrt(max(value / top, 0.15)))
            done[id(layer)] = layer if keep else recolored(layer, shade)
    return [done[id(layer)] for layer in layers]


def recolored(layer: Layer, rgb: np.ndarray) -> Layer:
    """The layer with its base in that sRGB colour, and its other colours as much lighter or darker as they were."""
    params = layer.params.copy()
    base = np.maximum(layer.rgb(0), 0.03)
    for index, column in enumerate((P.COLOR_A, P.COLOR_B, P.COLOR_C)):
        # The ratio of lightness, not of hue: green marble has light green veins.
        ratio = float(np.clip((layer.rgb(index).mean() + 0.02) / (base.mean() + 0.02), 0.25, 2.2))
        own = np.clip(rgb * ratio if ratio < 1 else rgb + (1 - rgb) * (1 - 1 / ratio), 0, 1)
        params[column : column + 3] = rgb if index == 0 else own
    return replace(layer, params=params)


def draw_told(rng: np.random.Generator, told: Told) -> Layer | None:
    """A layer of what was said; None where nothing was."""
    if told.wears and not (told.colors or told.kinds):
        return draw_wear(rng, told.wears)
    colors = [np.array(rgb) for rgb in told.colors]
    kinds = [kind for kind in told.kinds if not is_material(kind)] if colors else list(told.kinds)
    kinds = kinds or list(told.kinds)
    if not kinds:
        return _of_colors(rng, told, colors) if colors or told.ground else None
    kind = kinds[rng.integers(len(kinds))]
    if is_material(kind):
        return _of_material(rng, kind, colors, told)
    return _of_pattern(rng, kind, told, colors)


def _jittered(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Nearly the same colour: the name leaves a little room."""
    return np.clip(rgb * rng.uniform(0.95, 1.05), 0, 1)


def _of_colors(rng: np.random.Generator, told: Told, colors: list[np.ndarray]) -> Layer:
    colors = colors + ([np.array(told.ground)] if told.ground else [])
    if len(colors) == 1:
        layer = build_layer(rng, patterns()["solid"], (_jittered(rng, colors[0]),))
        if told.wears:
            worn = draw_wear(rng, told.wears)
            # Metal keeps its plates and rings; of other stuffs the colour alone is told.
            params = recolored(worn, layer.rgb(0)).params if worn.metallic > 0.5 else layer.params
            return replace(worn, params=params, kind="solid")
        return layer
    names = _TWO_COLORED if len(colors) == 2 else _SEVERAL_COLORS
    kind = patterns()[names[rng.integers(len(names))]]
    layer = build_layer(rng, kind, (colors[0], colors[1]))
    if len(colors) > 2:
        params = layer.params.copy()
        params[P.COLOR_C : P.COLOR_C + 3] = colors[2]
        layer = replace(layer, params=params)
    return layer


def _of_material(rng: np.random.Generator, kind: str, colors: list[np.ndarray], told: Told) -> Layer:
    surface = materials()[kind]
    if not colors:
        return build_layer(rng, surface)
    if told.is_figure and kind in _ON_A_GROUND:
        return _figured(rng, kind, colors, told)
    # A pattern that looks the same takes any colours; else the material is dyed.
    twins = [name for name in surface.near if name in patterns() and patterns()[name].primitive == surface.primitive]
    twins = [name for name in twins if name != "solid" and patterns()[name].num_colors <= max(1, len(colors))]
    if twins and surface.primitive not in (P.Primitive.SOLID,):
        return build_layer(rng, patterns()[twins[0]], tuple(colors[: patterns()[twins[0]].num_colors]))
    layer = recolored(build_layer(rng, surface), _jittered(rng, colors[0]))
    if len(colors) > 1:
        params = layer.params.copy()
        params[P.COLOR_B : P.COLOR_B + 3] = colors[1]
        layer = replace(layer, params=params)
    return layer


def _figured(rng: np.random.Generator, kind: str, colors: list[np.ndarray], told: Told) -> Layer:
    """Flowers of the last colour, on the ground that is told, or that what they are on has."""
    layer = build_layer(rng, materials()[kind])
    stuffs = [name for group in told.rivals for name in group if is_material(name)]
    base = build_layer(rng, materials()[stuffs[-1]]).rgb(0) if stuffs else layer.rgb(0)
    ground = np.array(told.ground) if told.ground else colors[0] if len(colors) > 1 else base
    params = layer.params.copy()
    params[P.COLOR_A : P.COLOR_A + 3], params[P.COLOR_B : P.COLOR_B + 3] = ground, colors[-1]
    return replace(layer, params=params)


def _of_pattern(rng: np.random.Generator, kind: str, told: Told, colors: list[np.ndarray]) -> Layer:
    surface = patterns()[kind]
    stuffs = [name for group in told.rivals for name in group if is_material(name)]
    if not colors and told.ground is None and stuffs:
        return build_layer(rng, materials()[stuffs[-1]])
    if not colors and told.ground is None and (twin := kind.removesuffix("_two")) != kind and twin in materials():
        # A zebra's print of which no colour is told is black and white.
        return build_layer(rng, materials()[twin])
    if surface.num_colors == 1:
        usual = colors or [np.array(_UNTOLD[kind])] if kind in _UNTOLD else colors
        return build_layer(rng, surface, (_jittered(rng, usual[0]),) if usual else ())
    base = build_layer(rng, materials()[stuffs[-1]]) if stuffs else None
    ground = np.array(told.ground) if told.ground else None
    if ground is None and base is not None and len(colors) == 1 and _is_other(base.rgb(0), colors[0]):
        ground = base.rgb(0)
    if ground is not None:
        pair = (ground, colors[0] if colors else _partner(rng, ground))
    elif len(colors) >= 2:
        # Which of the two lies under the other is said by "on" alone.
        pair = (colors[0], colors[1]) if rng.random() < 0.5 else (colors[1], colors[0])
    elif colors:
        pair = (colors[0], _partner(rng, colors[0]))
        if told.is_figure and surface.is_ordered:
            pair = pair[::-1]
    elif surface.colors:
        pair = tuple(rgb_from_hex(choices[rng.integers(len(choices))]) for choices in surface.colors)
    else:
        first = sample_color(rng)
        pair = (first, _partner(rng, first))
    layer = build_layer(rng, surface, pair)
    return replace(layer, roughness=base.roughness, metallic=base.metallic) if base else layer


def _is_other(rgb: np.ndarray, other: np.ndarray) -> bool:
    """Whether a pattern in one of the two is seen on the other."""
    return bool(np.linalg.norm(oklab_from_srgb(rgb) - oklab_from_srgb(other)) > _APART)


def _partner(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """A second colour for a pattern of which one is told: white or black where they differ enough, else a shade."""
    own = oklab_from_srgb(rgb)
    choices = [np.array(other) for other in _PARTNERS if abs(oklab_from_srgb(np.array(other))[0] - own[0]) > 0.3]
    if choices and rng.random() < 0.75:
        return choices[rng.integers(len(choices))]
    return rgb * 0.45 if own[0] > 0.45 else rgb + 0.55 * (1 - rgb)


def is_worn(layer: Layer, told: Told) -> bool:
    """Whether a layer is of what was said: the surface, and every colour of it."""
    if told.kinds and layer.kind not in told.kinds and not told.colors:
        return False
    if not told.kinds and told.colors and surfaces()[layer.kind].num_colors < len(told.colors):
        return False
    count = max(1, surfaces()[layer.kind].num_colors)
    own = oklab_from_srgb(np.stack([layer.rgb(i) for i in range(count)]))
    said = oklab_from_srgb(np.array([*told.colors, *([told.ground] if told.ground else [])]).reshape(-1, 3))
    return all(np.linalg.norm(own - lab, axis=1).min() < _SAME for lab in said)


def impose(rng: np.random.Generator, look: Look, reading: Reading) -> Look:
    """The look with every part of which something was said wearing it; other parts as they were.

    Where the whole figure is to wear one thing, it is the same layer on all parts of which nothing else was said.
    """
    layers = list(look.layers)
    if reading.whole is not None and not reading.characters:
        if not is_worn(layers[TORSO], reading.whole):
            layers[TORSO] = draw_told(rng, reading.whole) or layers[TORSO]
        layers = [layers[TORSO]] * len(SLOTS)
    drawn: dict[int, Layer | None] = {}
    for slot, told in enumerate(reading.slots):
        if told is None or told.is_empty:
            continue
        if is_worn(look.layers[slot], told):
            layers[slot] = look.layers[slot]
            continue
        if id(told) not in drawn:
            drawn[id(told)] = draw_told(rng, told)
        layers[slot] = drawn[id(told)] or layers[slot]
    if all(a is b for a, b in zip(layers, look.layers, strict=True)):
        return look
    return settle_layout(replace(look, layers=tuple(layers)))
