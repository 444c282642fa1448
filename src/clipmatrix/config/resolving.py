"""A config as a run follows it: prompts written out, dials turned into single settings; knows nothing of steps."""

import dataclasses

from clipmatrix.config.parameters import LEARNT
from clipmatrix.config.run import RunConfig
from clipmatrix.guidance.prompts import Prompt, expand_prompts
from clipmatrix.plans import MAIN

MIDDLE = 0.5
"""The wildness at which no setting is changed."""


@dataclasses.dataclass(frozen=True)
class Freedom:
    """What one dial does to single settings: factors of those that hold the form, and of what lets it go."""

    offset_size: float
    laplacian: float
    edge_length: float
    normal_consistency: float
    offset_rate: float
    simplicity: float
    start_offset: float
    extremity_offset: float
    smoothing_start: float


_TAME = Freedom(10.0, 4.0, 10.0, 4.0, 0.5, 2.0, 0.25, 0.2, 0.0)
_USUAL = Freedom(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0)
_WILD = Freedom(0.05, 0.25, 0.1, 0.5, 4.0, 0.5, 1.6, 2.0, 96.0)


def freedom(wildness: float) -> Freedom:
    """The factors at that place of the dial: geometric between its ends and its middle, where all are one.

    ``smoothing_start`` is no factor but the strength from which smoothing falls; it grows linearly from 0.
    """
    end = _TAME if wildness < MIDDLE else _WILD
    share = abs(wildness - MIDDLE) / MIDDLE
    values = {
        field.name: getattr(end, field.name) ** share
        for field in dataclasses.fields(Freedom)
        if field.name != "smoothing_start"
    }
    return Freedom(**values, smoothing_start=share * end.smoothing_start)


def resolve(config: RunConfig) -> RunConfig:
    """The config with everything written out: to be done once, and not to be recorded."""
    config = dataclasses.replace(config, prompts=_with_main(expand_prompts(config.prompts)))
    scene, optimiser = config.scene, config.optimiser
    for name in LEARNT:
        learning = getattr(config.parameters, name)
        if learning.mode == "fixed":
            scene = dataclasses.replace(scene, **{f"learn_{name}": False})
        if learning.rate is not None:
            optimiser = dataclasses.replace(optimiser, **{f"{name}_rate": learning.rate})
    config = dataclasses.replace(config, scene=scene, optimiser=optimiser)
    return config if config.wildness == MIDDLE else _let_loose(config, freedom(config.wildness))


def _with_main(prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
    """The prompts with the first texture set as the main one, where none paints that."""
    sets = [prompt.texture for prompt in prompts if prompt.textured]
    if not sets or MAIN in sets:
        return prompts
    return tuple(
        dataclasses.replace(prompt, texture=MAIN) if prompt.texture == sets[0] else prompt for prompt in prompts
    )


def _let_loose(config: RunConfig, free: Freedom) -> RunConfig:
    losses, scene = config.losses, config.scene
    smoothing_start = scene.smoothing_start or (free.smoothing_start if free.smoothing_start > scene.smoothing else 0.0)
    return dataclasses.replace(
        config,
        losses=dataclasses.replace(
            losses,
            offset_size=free.offset_size * losses.offset_size,
            laplacian=free.laplacian * losses.laplacian,
            edge_length=free.edge_length * losses.edge_length,
            normal_consistency=free.normal_consistency * losses.normal_consistency,
        ),
        optimiser=dataclasses.replace(
            config.optimiser, offset_rate=min(10.0, free.offset_rate * config.optimiser.offset_rate)
        ),
        scene=dataclasses.replace(
            scene,
            extremity_offset=min(1.0, free.extremity_offset * scene.extremity_offset),
            smoothing_start=smoothing_start,
        ),
        search=dataclasses.replace(config.search, simplicity=min(10.0, free.simplicity * config.search.simplicity)),
    )
