"""A run small enough for tests: a tube for a body, the fake encoder, tiny pictures, and samplers without frills."""

import dataclasses
from dataclasses import replace

from tests.toy_body import build_toy_body

from clipmatrix.bodies.body import Body
from clipmatrix.config import RunConfig
from clipmatrix.generate.loading import build_parts
from clipmatrix.generate.parts import Parts
from clipmatrix.guidance.augment import AugmentConfig
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.scene.config import SceneConfig

PLAIN = AugmentConfig(
    num_looks=1,
    background_weights=(1.0, 0.0, 0.0, 0.0, 0.0),
    perspective_probability=0.0,
    crop_min=1.0,
    detail_probability=0.0,
)
FROZEN = SceneConfig(
    texture_size=32,
    learn_shape=False,
    learn_offset=False,
    learn_texture=False,
    learn_material=False,
    learn_lights=False,
)


def small_config(*prompts: Prompt, scene: SceneConfig | None = None, steps: int = 12) -> RunConfig:
    """A run of few steps on a 32 x 32 texture from the neutral start; prompts that leave that open have no twins."""
    chosen = prompts or (Prompt("a red person"),)
    return RunConfig(
        prompts=tuple(replace(prompt, twin=prompt.twin or 0.0) for prompt in chosen),
        clip="fake",
        start="neutral",
        steps=steps,
        views=2,
        resolution=48,
        preview_every=0,
        checkpoint_every=0,
        video_size=16,
        augment=PLAIN,
        scene=scene or SceneConfig(texture_size=32),
    )


def learn_only(*groups: str) -> SceneConfig:
    """Scene settings in which only the named groups move."""
    return dataclasses.replace(FROZEN, **{f"learn_{group}": True for group in groups})


def small_parts(config: RunConfig, body: Body | None = None) -> Parts:
    """Parts around the tube."""
    return build_parts(load_fake(), body or build_toy_body(), config)
