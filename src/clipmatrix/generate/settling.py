"""Brings looks in line with what the words have settled before any picture is seen; knows no encoder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from clipmatrix.generate.look_judge import USUAL
from clipmatrix.guidance.prompts import Prompt, is_picture_key
from clipmatrix.procedural.characters import character_ids, implied_builds
from clipmatrix.procedural.looks import Layer, Layout, Look, build_layer
from clipmatrix.procedural.tables import CHANGES, PHENOTYPES, SLOTS, materials
from clipmatrix.procedural.told import says_only_a_form, says_only_builds, told_builds


@dataclass(frozen=True, eq=False)
class Given:
    """What the words settle: builds by axis, and the skin where they speak of nothing but a form.

    ``own_changes`` are the changes of form that belong to the character they name. ``is_body``: they speak of nothing
    but the build, be it a person's.
    """

    builds: Mapping[str, int]
    bare: Layer | None
    own_changes: np.ndarray
    has_parts: bool = True
    is_body: bool = False


def read_given(
    prompts: tuple[Prompt, ...], characters: tuple[str, ...], rng: np.random.Generator, has_parts: bool
) -> Given:
    """The builds that prompts about the whole figure name, and what goes without saying of the ``characters``."""
    told: dict[str, int] = {}
    for prompt in reversed([prompt for prompt in prompts if prompt.region == "whole" and prompt.weight > 0]):
        told.update(told_builds(prompt.text))
    skin = build_layer(rng, materials()["skin"])
    own = np.zeros(len(CHANGES), bool)
    for name in characters:
        own |= implied_builds(character_ids()[name])[5:] != 0
    texts = [prompt.text for prompt in prompts if not is_picture_key(prompt.text)]
    is_body = len(texts) == len(prompts) and not characters and all(says_only_builds(text) for text in texts)
    is_form = is_body and all(says_only_a_form(text) for text in texts)
    return Given(told, skin if is_form else None, own, has_parts, is_body)


def settle(look: Look, given: Given) -> Look:
    """The look with every coefficient of its build either usual or clearly not: few builds, each posed once.

    What the words name is as they say. Where they speak of nothing but a form, it wears bare skin.
    """
    if not given.has_parts:
        return _whole(look, given.builds)
    settled = np.where(look.phenotypes < 0.2, 0.05, np.where(look.phenotypes > 0.8, 0.95, USUAL))
    settled[0] = 0.05 if look.phenotypes[0] < 0.5 else 0.95
    settled[1] = 0.38 if look.phenotypes[1] < 0.45 else settled[1]
    # Who names a build has said how the form should be: nothing else of it is tried, but for a character's own.
    changes = look.changes.copy()
    role = None if given.is_body else look.role
    if set(given.builds) - {"gender"}:
        implied = np.zeros(5 + len(CHANGES)) if role is None else implied_builds(character_ids()[role.name])
        changes *= (implied[5:] != 0) | given.own_changes
        settled[1:5] = np.where(implied[1:5] != 0, settled[1:5], USUAL[1:5])
    for axis, end in given.builds.items():
        if axis in CHANGES:
            changes[CHANGES.index(axis)] = 0.9 * end
            continue
        settled[PHENOTYPES.index(axis)] = (0.38 if axis == "age" else 0.0) if end < 0 else 1.0
    # The body's own axes end where the scanned people end; who says fat or muscular means more.
    for axis, shares in (("weight", _FAT), ("muscle", _MUSCULAR)):
        if given.builds.get(axis) == 1:
            for name, share in shares.items():
                changes[CHANGES.index(name)] = max(changes[CHANGES.index(name)], share)
    muscle, weight = (PHENOTYPES.index(axis) for axis in ("muscle", "weight"))
    if given.builds.get("weight") == 1 and "muscle" not in given.builds:
        # Under muscle, weight hardly shows.
        settled[muscle] = 0.1
    if settled[muscle] > 0.8 and "weight" not in given.builds and settled[weight] == USUAL[weight]:
        # And without weight, muscle hardly does.
        settled[weight] = _MUSCULAR_WEIGHT
    layout, layers = (look.layout, look.layers) if given.bare is None else (Layout.UNIFORM, (given.bare,) * len(SLOTS))
    return replace(look, layout=layout, layers=layers, phenotypes=settled, changes=changes, role=role)


_FAT = {"belly": 0.6, "inflation": 0.15, "arm_girth": 0.3, "leg_girth": 0.3}
_MUSCULAR = {"shoulders": 0.4, "arm_girth": 0.25, "leg_girth": 0.15}
_MUSCULAR_WEIGHT = 0.85

_ANYWHERE = np.isin(CHANGES, ("spikes", "lumps", "inflation", "drips", "plates"))
"""Changes of form that need no part of a figure."""


def _whole(look: Look, builds: Mapping[str, int]) -> Look:
    """The look for a body without parts: one surface all over, no build, and what change needs no limb.

    Where the words name such changes, it has those and no others.
    """
    layers = (look.layers[SLOTS.index("torso")],) * len(SLOTS)
    told = np.array([0.9 * builds.get(name, 0) for name in CHANGES])
    changes = np.where(_ANYWHERE, told if (told * _ANYWHERE).any() else look.changes, 0.0)
    return replace(look, layout=Layout.UNIFORM, layers=layers, phenotypes=USUAL.copy(), changes=changes, role=None)
