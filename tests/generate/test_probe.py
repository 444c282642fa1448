"""Plain colours tried before a neutral descent."""

import dataclasses
from collections.abc import Sequence

import torch
from tests.generate.small_run import small_config, small_parts

from clipmatrix.colour import srgb_from_linear
from clipmatrix.config import OptimiserConfig
from clipmatrix.generate.probe import probe_colors
from clipmatrix.generate.score import Scorer, Scores
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start

RED = torch.tensor([0.9, 0.1, 0.1])
BLUE = torch.tensor([0.1, 0.1, 0.9])


class ColorScorer(Scorer):
    """Prefers pictures of the head that are blue, and all others red: one loss per prompt, no encoder."""

    def __init__(self) -> None:
        pass

    def __call__(self, embeddings: torch.Tensor, prompt_ids: torch.Tensor, azimuths: torch.Tensor) -> Scores:
        wanted = torch.stack([RED, BLUE]).index_select(0, prompt_ids)
        loss = (embeddings - wanted).square().sum(1)
        return Scores(loss.mean(), -loss)


class MeanColor:
    """The mean colour of what is not background, as an embedding."""

    image_size = 32
    name = "mean colour"

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.zeros(len(texts), 3)

    def fit_text(self, text: str) -> str:
        return text

    def encode_images(self, images: torch.Tensor) -> torch.Tensor:
        is_body = ((images - 0.72).abs() > 0.02).any(1, keepdim=True).float()
        return (images * is_body).sum((2, 3)) / is_body.sum((2, 3)).clamp_min(1.0)


def _probed(**changes: object) -> tuple[Scene, torch.Tensor | None]:
    prompts = (Prompt("a red person"), Prompt("a blue head", region="head"))
    config = dataclasses.replace(small_config(), prompts=prompts, **changes)
    parts = small_parts(config)
    scene = Scene(parts.body, neutral_start(parts.body), config.scene)
    parts = dataclasses.replace(parts, guidance=MeanColor())
    found = probe_colors(scene, parts, ColorScorer(), config, torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    return scene, None if found is None else found.tints


def test_body_and_head_take_the_colours_that_score_best() -> None:
    scene, tints = _probed()
    assert tints is not None
    names = [name for name in scene.body.regions if name != "whole"]
    head, legs = tints[names.index("head")], tints[names.index("legs")]
    assert head[2] > head[0]
    assert legs[0] > legs[2]
    maps = scene.texture.part_maps
    assert maps is not None
    srgb = srgb_from_linear(scene.texture()).detach().permute(2, 0, 1)
    side = srgb.shape[1] // maps.shape[1]
    small = torch.nn.functional.avg_pool2d(srgb[None], side)[0]
    is_legs = maps[names.index("legs")] > 0.99
    assert small[0][is_legs].mean() > small[2][is_legs].mean() + 0.2


def test_words_decide_where_pictures_hardly_do() -> None:
    """Of two colours that score alike, or nearly, each part gets the one that its own prompt names."""

    class Indifferent(ColorScorer):
        def __call__(self, embeddings: torch.Tensor, prompt_ids: torch.Tensor, azimuths: torch.Tensor) -> Scores:
            loss = 0.1 * (embeddings - RED).square().sum(1)
            return Scores(loss.mean(), -loss)

    prompts = (Prompt("a person"), Prompt("a green head", region="head"), Prompt("purple trousers", region="legs"))
    config = dataclasses.replace(small_config(), prompts=prompts)
    parts = small_parts(config)
    scene = Scene(parts.body, neutral_start(parts.body), config.scene)
    parts = dataclasses.replace(parts, guidance=MeanColor())
    found = probe_colors(scene, parts, Indifferent(), config, torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    assert found is not None
    names = [name for name in scene.body.regions if name != "whole"]
    head, legs = found.tints[names.index("head")], found.tints[names.index("legs")]
    assert head[1] > head[0]
    assert head[1] > head[2]
    assert legs[0] > legs[1]
    assert legs[2] > legs[1]


def test_nothing_is_tried_where_nothing_is_asked_for() -> None:
    scene, tints = _probed(optimiser=OptimiserConfig(probe=0))
    assert tints is None
    assert all(not parameter.any() for parameter in scene.texture.parameters())
