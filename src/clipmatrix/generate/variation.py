"""Children of looks for the search: one thing changed at a time; knows no pictures, prompts or scores."""

from dataclasses import replace

import numpy as np

from clipmatrix.procedural.looks import (
    Layer,
    Look,
    recolor,
    replace_layer,
    sample_build,
    sample_character,
    sample_layer,
    settle_layout,
    swap_layers,
)
from clipmatrix.procedural.tables import SLOTS

_FRESH_CHARACTERS = 0.04
"""The share of children that are new characters: few changes lead from one to another."""

_GROUPS = ((0,), (1, 2), (1, 2, 3), (2, 3), (3,), (4, 5), (5,))
"""Parts that change together: head, trunk with or without hands, arms, hands, legs, feet."""


def vary(rng: np.random.Generator, look: Look, mate: Look) -> Look:
    """A child of two looks, described by the layout that it really has."""
    if rng.random() < _FRESH_CHARACTERS:
        return sample_character(rng)
    return settle_layout(_change(rng, look, mate))


def _change(rng: np.random.Generator, look: Look, mate: Look) -> Look:
    """One thing changed: another colour, surface, part, build or seed, or something of a second look."""
    distinct = list({id(layer): layer for layer in look.layers}.values())
    layer = distinct[rng.integers(len(distinct))]
    draw = rng.random()
    if draw < 0.2:
        return replace_layer(look, layer, recolor(rng, layer))
    if draw < 0.32:
        return replace_layer(look, layer, sample_layer(rng))
    if draw < 0.42:
        donor: Layer = mate.layers[rng.integers(len(SLOTS))]
        group = _GROUPS[rng.integers(len(_GROUPS))]
        return replace(look, layers=tuple(donor if i in group else old for i, old in enumerate(look.layers)))
    if draw < 0.52:
        return swap_layers(rng, look) if len(distinct) > 1 else replace(look, layers=mate.layers)
    if draw < 0.62:
        return replace(look, layers=(layer,) * len(SLOTS))
    if draw < 0.74:
        return replace(look, phenotypes=mate.phenotypes, changes=mate.changes)
    if draw < 0.86:
        phenotypes, changes = sample_build(rng, 0.6)
        keep = look.phenotypes[:1] if rng.random() < 0.7 else phenotypes[:1]
        return replace(look, phenotypes=np.concatenate([keep, phenotypes[1:]]), changes=changes)
    params = layer.params.copy()
    params[10] *= rng.uniform(0.75, 1.35)
    params[18] = rng.integers(1, 100_000)
    return replace_layer(look, layer, replace(layer, params=params))
