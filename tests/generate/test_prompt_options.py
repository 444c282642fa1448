"""What a prompt's own settings do in a descent: looks, lights, materials, signs, views, pictures, changes."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from tests.generate.small_run import small_config, small_parts
from tests.support_body import build_support_body

from clipmatrix.bodies.body import Body
from clipmatrix.config import RunConfig
from clipmatrix.config.resolving import resolve
from clipmatrix.generate.cuts import Cut
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.staging import Staging
from clipmatrix.generate.starts import neutral_starts, search_prompts
from clipmatrix.generate.stepper import Stepper
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.guidance.scoring import ScoreConfig
from clipmatrix.plans import LightPlan, MaterialPlan
from clipmatrix.scene.config import SceneConfig
from clipmatrix.scene.scene import Scene, snapshot


def _scene(config: RunConfig, body: Body) -> Scene:
    starts = neutral_starts(body, config)
    return Scene(body, starts.main, config.scene, starts.outfits)


def _descend(config: RunConfig, body: Body | None = None) -> tuple[Scene, dict[str, torch.Tensor], list]:
    parts = small_parts(config, body)
    scene = _scene(config, parts.body)
    before = snapshot(scene)
    scorer = Scorer(parts.guidance, config.prompts, config.score)
    stepper = Stepper(parts, scene, scorer, config, torch.Generator().manual_seed(config.seed))
    return scene, before, [stepper.step(index) for index in range(config.steps)]


def _changed(scene: Scene, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, value in scene.state_dict().items() if not torch.equal(value, before[name])}


def _mean_color(scene: Scene, name: str) -> list[float]:
    return scene.textures()[name].srgb().detach().mean(dim=(0, 1)).tolist()


def test_texture_sets_are_looks_of_one_figure() -> None:
    config = small_config(Prompt("a red person"), Prompt("a blue person", texture="blue"), steps=40)
    scene, _, reports = _descend(config)
    red, blue = _mean_color(scene, "main"), _mean_color(scene, "blue")
    assert red[0] > max(red[1:]) + 0.1
    assert blue[2] > max(blue[:2]) + 0.1
    assert list(scene.textures()) == ["main", "blue"]
    assert not any(report.is_skipped for report in reports)


def test_a_prompt_paints_its_own_set_and_no_other() -> None:
    config = small_config(Prompt("a red person"), Prompt("a blue person", texture="blue"), steps=8)
    only = dataclasses.replace(config, prompts=(config.prompts[1], dataclasses.replace(config.prompts[1], weight=0.5)))
    parts = small_parts(only)
    scene = _scene(config, parts.body)
    before = snapshot(scene)
    stepper = Stepper(parts, scene, Scorer(parts.guidance, only.prompts, only.score), only, torch.Generator())
    for index in range(8):
        stepper.step(index)
    changed = _changed(scene, before)
    assert any(name.startswith("outfits.blue.texture") for name in changed)
    assert not any(name.startswith(("texture", "material")) for name in changed)


def test_untextured_prompts_leave_all_sets_alone_bit_for_bit() -> None:
    plain = Prompt("a fat red person", textured=False, material=MaterialPlan(color=(0.9, 0.1, 0.1), metallic=0.5))
    config = small_config(plain, Prompt("a red person", textured=False, light=LightPlan(color=(1.0, 0.2, 0.1))))
    scene = _scene(config, small_parts(config).body)
    parts = small_parts(config)
    scene = Scene(
        parts.body,
        neutral_starts(parts.body, config).main,
        config.scene,
        {"gold": neutral_starts(parts.body, config).main},
    )
    before = snapshot(scene)
    stepper = Stepper(parts, scene, Scorer(parts.guidance, config.prompts, config.score), config, torch.Generator())
    for index in range(config.steps):
        stepper.step(index)
    assert _changed(scene, before) == {"deform.shape_change", "deform.differential"}


def test_own_lights_and_materials_are_shown_in_their_views_only() -> None:
    red = LightPlan(ambient=0.5, key=0.0, color=(1.0, 0.0, 0.0))
    green = MaterialPlan(color=(0.0, 1.0, 0.0))
    prompts = (
        Prompt("a"),
        Prompt("b", light=red),
        Prompt("c", textured=False),
        Prompt("d", textured=False, material=green),
    )
    config = small_config(*prompts, scene=SceneConfig(texture_size=32, light_turn_deg=0.0, light_change=0.0))
    parts = small_parts(config)
    scene = _scene(config, parts.body)
    vertices = scene.pose(scene.deform()).expand(4, -1, -1)
    staged = Staging(scene, config).surfaces(vertices, torch.arange(4), Cut(), None, torch.Generator())
    assert [one.views.tolist() for one in staged] == [[0, 1], [2], [3]]
    assert [one.outfit for one in staged] == ["main", None, None]
    own = scene.lights()
    lights = staged[0].surface.lights
    assert torch.allclose(lights.ambient[0], own.ambient[0])
    assert torch.allclose(lights.ambient[1], torch.tensor([0.5, 0.0, 0.0]))
    assert torch.allclose(lights.key_color[1], torch.zeros(3))
    assert float(staged[1].surface.albedo.max() - staged[1].surface.albedo.min()) == 0.0
    assert torch.allclose(staged[2].surface.albedo[0, 0], torch.tensor([0.0, 1.0, 0.0]))


def test_the_key_light_stands_where_the_plan_says() -> None:
    """Azimuth 90, elevation 0: at the figure's left hand, +X; elevation 90: above."""
    from clipmatrix.scene.lights import LightRig, planned_lights

    left = planned_lights(LightPlan(azimuth_deg=90.0, elevation_deg=0.0)).key_direction
    above = planned_lights(LightPlan(elevation_deg=90.0)).key_direction
    assert torch.allclose(left, torch.tensor([[1.0, 0.0, 0.0]]), atol=1e-6)
    assert torch.allclose(above, torch.tensor([[0.0, 1.0, 0.0]]), atol=1e-6)
    # The default plan is the light that every scene begins with, to the digits of the angles.
    usual, plan = LightRig()(), planned_lights(LightPlan())
    assert torch.allclose(usual.key_direction, plan.key_direction, atol=2e-3)
    assert torch.allclose(usual.ambient, plan.ambient, atol=1e-6)
    assert torch.allclose(usual.key_color, plan.key_color, atol=1e-6)
    learnt = LightRig(start=LightPlan(ambient=0.4, key=0.8, azimuth_deg=-30.0))()
    assert torch.allclose(learnt.ambient, torch.full((1, 3), 0.4))
    assert torch.allclose(learnt.key_color, torch.full((1, 3), 0.8))


@pytest.mark.slow
def test_negative_prompts_are_kept_away_from() -> None:
    """Orange is red and green: kept away from red, what is left of it is less red."""
    orange = Prompt("an orange person")
    alone, _, _ = _descend(small_config(orange, steps=40))
    away, _, reports = _descend(small_config(orange, Prompt("a red person", -1.0), steps=40))
    (red, green, _), (less_red, more_green, _) = _mean_color(alone, "main"), _mean_color(away, "main")
    assert less_red - more_green < red - green - 0.05
    assert not any(report.is_skipped for report in reports)


def test_scores_of_negative_prompts_have_the_opposite_sign() -> None:
    guidance = load_fake()
    scorer = Scorer(guidance, (Prompt("a red person", -1.0),), ScoreConfig())
    row = guidance.encode_texts(["a red person"])
    found = scorer(row, torch.tensor([0]))
    assert found.cosines.item() == pytest.approx(-1.0, abs=1e-5)
    away = scorer(guidance.encode_texts(["a blue person"]), torch.tensor([0]))
    assert away.loss.item() < found.loss.item()


def test_view_words_follow_the_camera() -> None:
    guidance = load_fake()
    scorer = Scorer(guidance, (Prompt("a man"), Prompt("a red knight", view_words=True)), ScoreConfig())
    rows = guidance.encode_texts(["a man", *(f"{view} view of a red knight" for view in ("front", "side", "back"))])
    azimuths = torch.tensor([3.0, 0.2, -1.5, 3.1])
    found = scorer(rows, torch.tensor([0, 1, 1, 1]), azimuths)
    assert found.cosines.tolist() == pytest.approx([1.0] * 4, abs=1e-5)
    turned = scorer(rows, torch.tensor([0, 1, 1, 1]), azimuths + math.pi)
    assert turned.cosines[0].item() == pytest.approx(1.0, abs=1e-5)
    assert max(turned.cosines[[1, 3]].tolist()) < 0.9999


def test_pooling_counts_a_prompts_best_picture() -> None:
    guidance = load_fake()
    rows = guidance.encode_texts(["a red person", "a blue person", "a green person"])
    losses = {}
    for pooling in ("mean", "max", "mixed"):
        config = ScoreConfig(pooling=pooling, contrast_weight=0.0)
        scorer = Scorer(guidance, (Prompt("a red person"),), config)
        losses[pooling] = scorer(rows, torch.zeros(3, dtype=torch.int64)).loss.item()
    assert losses["max"] == pytest.approx(-1.0, abs=1e-5)
    assert losses["mixed"] == pytest.approx((losses["max"] + losses["mean"]) / 2, abs=1e-5)
    assert losses["max"] < losses["mixed"] < losses["mean"]


def test_a_picture_leads_to_its_colour(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (26, 51, 217)).save(tmp_path / "blue.png")
    scene, _, _ = _descend(small_config(Prompt(image=str(tmp_path / "blue.png")), steps=40))
    red, green, blue = _mean_color(scene, "main")
    assert blue > max(red, green) + 0.1


@pytest.mark.slow
def test_changes_against_a_neutral_text_lead_as_well_and_draw_the_same() -> None:
    config = small_config(steps=30)
    alone = dataclasses.replace(
        config,
        score=ScoreConfig(cosine_weight=0.0, contrast_weight=0.0, delta_weight=1.0, neutral_text="a grey person"),
    )
    scene, _, reports = _descend(alone)
    red, green, blue = _mean_color(scene, "main")
    assert red > max(green, blue) + 0.1
    with_both = dataclasses.replace(config, score=ScoreConfig(delta_weight=1e-12))
    # The bare body's views take nothing from the generator: the first step's pictures are the same.
    assert _descend(with_both)[2][0].score == _descend(config)[2][0].score
    assert not any(report.is_skipped for report in reports)


def test_searches_follow_their_own_set_and_no_unwanted_build() -> None:
    prompts = (
        Prompt("gold"), Prompt("stone", texture="stone"), Prompt("thin", textured=False), Prompt("a fat man", -1.0),
        Prompt("red", -1.0), Prompt(image="x.png"),
    )  # fmt: skip
    config = RunConfig(prompts=prompts)
    main = search_prompts(config)
    assert [prompt.text for prompt in main[:3]] == ["gold", "thin", "red"]
    assert main[3].text == prompts[5].target
    assert [prompt.text for prompt in search_prompts(config, "stone")] == ["stone", "thin"]


def test_the_first_set_is_the_main_one_where_none_paints_that() -> None:
    named = resolve(RunConfig(prompts=(Prompt("a", texture="gold"), Prompt("b", texture="stone"))))
    assert [prompt.texture for prompt in named.prompts if prompt.textured] == ["main", "stone"]
    assert len(named.prompts) == 4


def test_support_bodies_take_regions_and_sets_together() -> None:
    config = small_config(Prompt("a red head", region="head"), Prompt("blue", region="legs", texture="night"), steps=3)
    _, _, reports = _descend(config, build_support_body())
    assert not any(report.is_skipped for report in reports)
