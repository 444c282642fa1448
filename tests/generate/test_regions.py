"""Two prompts on two regions, on the real body with the embedded encoder: each region has its own prompt's colour."""

import dataclasses
from functools import cache

import pytest
import torch
from torch import Tensor

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.body import Body
from clipmatrix.config import preset
from clipmatrix.config.resolving import resolve
from clipmatrix.generate.loading import build_parts
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.starts import search_starts
from clipmatrix.generate.stepper import Stepper
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.scene.scene import Scene

RED, GREEN, BLUE = (0.8, 0.1, 0.1), (0.1, 0.6, 0.15), (0.1, 0.2, 0.8)
YELLOW, WHITE, BLACK = (0.95, 0.85, 0.1), (0.95, 0.95, 0.95), (0.06, 0.06, 0.06)
PAIRS = [
    (("a red head", "head", RED), ("blue legs", "legs", BLUE)),
    (("a yellow head", "head", YELLOW), ("a green torso", "torso", GREEN)),
    (("a blue head", "head", BLUE), ("a red torso", "torso", RED)),
    (("green arms", "arms", GREEN), ("a white torso", "torso", WHITE)),
    (("black legs", "legs", BLACK), ("a yellow torso", "torso", YELLOW)),
    (("a white head", "head", WHITE), ("red legs", "legs", RED)),
]
NUM_STEPS = 20


@cache
def _loaded() -> tuple[Body, Guidance]:
    return load_anny(), load_guidance("mini", "cpu")


def _region_color(scene: Scene, region: str) -> Tensor:
    """The mean sRGB colour of the texture where the region's vertices lie in it."""
    body = scene.body
    with torch.no_grad():
        albedo = scene.texture.srgb()
    corners = body.template.faces.reshape(-1)
    is_inside = body.regions[region].index_select(0, corners) > 0.95
    uvs = body.template.uvs.index_select(0, body.template.face_uvs.reshape(-1))[is_inside]
    texels = (uvs * torch.tensor(albedo.shape[1::-1])).long().clamp(0, albedo.shape[0] - 1)
    return albedo[texels[:, 1], texels[:, 0]].mean(dim=0)


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0][0]}, {pair[1][0]}".replace(" ", "-"))
def test_each_region_follows_its_own_prompt(pair: tuple) -> None:
    """The default settings but for their length: a draft of 20 steps on 256 texels, from the searched start."""
    body, guidance = _loaded()
    draft = preset("draft")
    config = resolve(
        dataclasses.replace(
            draft,
            prompts=tuple(Prompt(text, region=region) for text, region, _ in pair),
            steps=NUM_STEPS,
            scene=dataclasses.replace(draft.scene, texture_size=256),
        )
    )
    parts = build_parts(guidance, body, config)
    starts = search_starts(body, parts.guidance, config, lambda count: None)
    scene = Scene(body, starts.main, config.scene, starts.outfits)
    scorer = Scorer(parts.guidance, config.prompts, config.score)
    stepper = Stepper(parts, scene, scorer, config, torch.Generator().manual_seed(config.seed))
    for index in range(config.steps):
        stepper.step(index)
    colors = {name: torch.tensor(color) for _, _, color in pair for name in [str(color)]}
    for text, region, color in pair:
        found = _region_color(scene, region)
        near = min(colors, key=lambda name: float((found - colors[name]).norm()))
        assert near == str(color), f"{text}: {found.tolist()}"
        assert float((found - torch.tensor(color)).norm()) < 0.4, f"{text}: {found.tolist()}"
