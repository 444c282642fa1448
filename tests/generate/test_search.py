"""The search before descent with the embedded encoder: it finds what is asked for, and the same each time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.support_body import build_support_body

from clipmatrix.bodies.anny import load_anny
from clipmatrix.config import default_prompts
from clipmatrix.generate.finishing import finish, measure_figure
from clipmatrix.generate.search import _with_face, num_steps, search_start
from clipmatrix.guidance.mini import load_mini
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.procedural.dressing import dress
from clipmatrix.procedural.reading import read
from clipmatrix.procedural.search_config import SearchConfig
from clipmatrix.render.bake import bake_albedo, find_texels
from clipmatrix.scene.start import Start

SMALL = SearchConfig(num_sentences=300, num_sentence_rounds=1, num_candidates=24, num_rounds=1, num_variations=16)


@pytest.fixture(scope="module")
def mini():
    return load_mini()


def find(mini, text: str, seed: int = 0, config: SearchConfig = SMALL) -> Start:
    return search_start(build_support_body(), (Prompt(text),), mini, config, 64, seed).start


def test_a_colour_word_decides_the_colour(mini) -> None:
    red, blue = find(mini, "a red person").albedo_srgb, find(mini, "a blue person").albedo_srgb
    assert red[..., 0].mean() > 2 * red[..., 1:].mean()
    assert blue[..., 2].mean() > 1.5 * blue[..., :2].mean()


def test_the_same_seed_finds_the_same_and_counts_every_look(mini) -> None:
    ticks: list[int] = []
    args = (build_support_body(), (Prompt("a zebra striped man"),), mini, SMALL, 64)
    first = search_start(*args, 3, ticks.append)
    again = search_start(*args, 3)
    assert torch.equal(first.start.albedo_srgb, again.start.albedo_srgb)
    assert first.caption == again.caption
    assert sum(ticks) == num_steps(SMALL)
    assert first.candidates.shape[0] == 8


def test_no_shape_that_the_text_does_not_ask_for(mini) -> None:
    assert not find(mini, "a red person").offset.any()
    assert find(mini, "a spiky red person").offset.abs().max() > 0.02


def test_progress_may_stop_the_search(mini) -> None:
    class Enough(Exception):
        pass

    def stop(count: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        search_start(build_support_body(), (Prompt("a red person"),), mini, SMALL, 64, 0, stop)


@pytest.mark.slow
def test_on_the_real_body_parts_get_their_own_colour_and_words_their_build(mini) -> None:
    body = load_anny()
    config = replace(SMALL, num_sentences=900, num_candidates=96, num_rounds=3, num_variations=32)
    prompts = default_prompts("a red person with a blue head")
    start = search_start(body, prompts, mini, config, 128, 0).start
    texels = find_texels(body.template, 128)
    rgb = start.albedo_srgb.reshape(-1, 3).numpy()[texels.indices]
    head = np.einsum("nc,nc->n", texels.weights, body.regions["head"].numpy()[texels.vertex_ids])
    legs = np.einsum("nc,nc->n", texels.weights, body.regions["legs"].numpy()[texels.vertex_ids])
    assert rgb[head > 0.9].mean(0).argmax() == 2
    assert rgb[legs > 0.9].mean(0).argmax() == 0
    fat = search_start(body, default_prompts("a very fat man"), mini, SMALL, 64, 0).start
    weight = body.shape_names.index("weight")
    assert fat.shape[weight] > body.neutral_shape[weight] + 0.3


def test_a_body_without_hands_is_finished_without_clothes(mini) -> None:
    body = load_anny()
    regions = {**body.regions, "arms": body.regions["arms"] + body.regions["hands"]}
    regions["hands"] = torch.zeros_like(regions["arms"])
    reading = read("a woman with long red hair in a blue dress")
    look = dress(np.random.default_rng(0), reading)
    assert measure_figure(replace(body, regions=regions)) is None
    figure = measure_figure(body)
    assert figure is not None
    assert finish(look, reading, figure) is not look
    lacking = replace(body, regions=regions)
    prompts = default_prompts("a woman with long red hair in a blue dress")
    assert search_start(lacking, prompts, mini, SMALL, 64, 0).start.albedo_srgb.isfinite().all()


@pytest.mark.parametrize(("text", "has_eyes"), [("a woman with green eyes", True), ("a marble statue", False)])
def test_faces_are_painted_upon_what_was_found(text: str, has_eyes: bool) -> None:
    body, reading = load_anny(), read(text)
    texels = find_texels(body.template, 256)
    look = dress(np.random.default_rng(0), reading)
    albedo = _with_face(look, reading, default_prompts(text), body, texels)
    changed = (albedo - bake_albedo(look, body, texels)).abs().amax(2).flatten()[texels.indices] > 0.1
    assert bool(changed.any()) == has_eyes
    heights = body.template.vertices[texels.vertex_ids[:, 0], 1]
    assert not has_eyes or float(heights[changed].min()) > 1.6
