"""Parameters learnt, fixed and scheduled; where they begin; the dial; smoothing from coarse to fine; distributions."""

import dataclasses
import math

import pytest
import torch
from tests.generate.small_run import small_config, small_parts
from tests.support_body import build_support_body

from clipmatrix.config import RunConfig
from clipmatrix.config.parameters import (
    Distribution,
    Learning,
    LightLearning,
    MaterialLearning,
    ParametersConfig,
    ShapeLearning,
    TextureLearning,
)
from clipmatrix.config.resolving import freedom, resolve
from clipmatrix.errors import ConfigError
from clipmatrix.generate.distributions import Distributions, build_habits, width
from clipmatrix.generate.schedule import smoothing_strength
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.starts import check_start, given_start, neutral_starts
from clipmatrix.generate.stepper import Stepper
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.plans import LightPlan
from clipmatrix.scene.config import SceneConfig
from clipmatrix.scene.deform import Deform
from clipmatrix.scene.habits import Habit
from clipmatrix.scene.scene import Scene, snapshot
from clipmatrix.scene.start import neutral_start

PREFIXES = {
    "shape": "deform.shape", "offset": "deform.diff", "texture": "texture", "material": "material", "lights": "lights",
}  # fmt: skip


def _run(config: RunConfig, steps: int | None = None):
    """The names of what moved after each step."""
    config = resolve(config)
    parts = small_parts(config)
    scene = Scene(
        parts.body, neutral_starts(parts.body, config).main, config.scene, None, None, build_habits(parts.body, config)
    )
    scorer = Scorer(parts.guidance, config.prompts, config.score)
    stepper = Stepper(parts, scene, scorer, config, torch.Generator().manual_seed(0))
    moved = []
    for index in range(steps or config.steps):
        before = snapshot(scene)
        stepper.step(index)
        moved.append({name for name, value in scene.state_dict().items() if not torch.equal(value, before[name])})
    return scene, moved


def _is_moving(moved: set[str], kind: str) -> bool:
    return any(name.startswith(PREFIXES[kind]) for name in moved)


@pytest.mark.parametrize("kind", PREFIXES)
def test_fixed_parameters_never_move(kind: str) -> None:
    learning = type(getattr(ParametersConfig(), kind))("fixed")
    config = dataclasses.replace(small_config(steps=6), parameters=ParametersConfig(**{kind: learning}))
    _, moved = _run(config)
    assert not any(_is_moving(names, kind) for names in moved)
    assert any(moved)


@pytest.mark.parametrize("kind", PREFIXES)
def test_scheduled_parameters_move_in_their_window(kind: str) -> None:
    """Ten steps; from 0.3 to 0.6 are the steps 3, 4 and 5."""
    learning = type(getattr(ParametersConfig(), kind))("scheduled", 0.3, 0.6)
    config = dataclasses.replace(small_config(steps=10), parameters=ParametersConfig(**{kind: learning}))
    _, moved = _run(config)
    assert [_is_moving(names, kind) for names in moved] == [False] * 3 + [True] * 3 + [False] * 4


def test_rates_of_the_parameters_win_over_the_optimisers() -> None:
    parameters = ParametersConfig(offset=Learning(rate=0.5), lights=LightLearning(rate=0.0))
    resolved = resolve(RunConfig(prompts=(Prompt("a"),), parameters=parameters))
    assert resolved.optimiser.offset_rate == 0.5
    assert resolved.optimiser.lights_rate == 0.0
    assert resolved.optimiser.texture_rate == RunConfig().optimiser.texture_rate


def test_starts_are_as_given() -> None:
    body = build_support_body()
    parameters = ParametersConfig(
        shape=ShapeLearning(start=(("height", 0.8),)),
        texture=TextureLearning(start_color=(0.9, 0.2, 0.1)),
        material=MaterialLearning(start_roughness=0.3, start_metallic=0.9),
    )
    config = RunConfig(parameters=parameters)
    start = given_start(neutral_start(body), body, config)
    assert start.shape.tolist() == pytest.approx([0.8, 0.5])
    scene = Scene(body, start, SceneConfig(texture_size=16))
    assert scene.texture.srgb()[3, 3].tolist() == pytest.approx([0.9, 0.2, 0.1], abs=1e-3)
    roughness, metallic = scene.material()
    assert float(roughness.detach()) == pytest.approx(0.3, abs=1e-3)
    assert float(metallic.detach()) == pytest.approx(0.9, abs=1e-3)
    assert given_start(start, body, RunConfig()) is start


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (ParametersConfig(shape=ShapeLearning(start=(("hight", 0.5),))), 'did you mean "height"'),
        (ParametersConfig(shape=ShapeLearning(start=(("height", 1.5),))), "from 0 to 1, not 1.5"),
        (ParametersConfig(lights=LightLearning(start=LightPlan(key=2.0))), "key of the learnt light"),
        (ParametersConfig(lights=LightLearning(start=LightPlan(color=(1.0, 0.0, 0.0)))), "must be white"),
    ],
)
def test_starts_that_cannot_be_used(parameters: ParametersConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_start(build_support_body(), RunConfig(parameters=parameters))


def test_the_middle_of_the_dial_changes_nothing_at_all() -> None:
    config = RunConfig(prompts=(Prompt("a", twin=0.0),))
    assert resolve(config) == config
    assert set(dataclasses.asdict(freedom(0.5)).values()) == {1.0, 0.0}


def test_the_dial_goes_one_way_from_end_to_end() -> None:
    dials = [resolve(RunConfig(prompts=(Prompt("a"),), wildness=dial)) for dial in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for read in (
        lambda c: c.losses.offset_size,
        lambda c: c.losses.laplacian,
        lambda c: c.losses.edge_length,
        lambda c: c.losses.normal_consistency,
        lambda c: c.search.simplicity,
        lambda c: -c.optimiser.offset_rate,
        lambda c: -c.scene.extremity_offset,
    ):
        values = [read(config) for config in dials]
        assert values == sorted(values, reverse=True)
        assert values[0] > values[2] > values[4]
    assert dials[4].scene.smoothing_start > dials[3].scene.smoothing_start > dials[2].scene.smoothing_start == 0.0


def test_the_dial_multiplies_what_the_user_set() -> None:
    losses = dataclasses.replace(RunConfig().losses, offset_size=200.0, laplacian=0.0)
    resolved = resolve(RunConfig(prompts=(Prompt("a"),), losses=losses, wildness=1.0))
    assert resolved.losses.offset_size == pytest.approx(200.0 * freedom(1.0).offset_size)
    assert resolved.losses.laplacian == 0.0


@pytest.mark.slow
def test_offsets_go_farther_when_wild() -> None:
    sizes = []
    for dial in (0.0, 0.5, 1.0):
        config = dataclasses.replace(small_config(Prompt("a red person", textured=False), steps=25), wildness=dial)
        scene, _ = _run(config)
        sizes.append(float(scene.deform.offset().detach().norm(dim=1).mean()))
    assert sizes[0] < 0.7 * sizes[1]
    assert sizes[2] > 1.5 * sizes[1]


def test_smoothing_falls_by_halves_and_ends_in_time() -> None:
    config = SceneConfig(smoothing=12.0, smoothing_start=96.0, smoothing_until=0.3)
    strengths = [smoothing_strength(index, 100, config) for index in range(100)]
    assert strengths[0] == 96.0
    assert strengths[30:] == [12.0] * 70
    assert sorted(set(strengths), reverse=True) == [96.0, 48.0, 24.0, 12.0]
    assert strengths == sorted(strengths, reverse=True)
    assert smoothing_strength(0, 100, SceneConfig(smoothing=7.3)) == 7.3


def test_another_strength_leaves_the_offsets_where_they_are(generator: torch.Generator) -> None:
    body = build_support_body()
    deform = Deform(body, neutral_start(body), 2.0, 0.5, 64.0)
    with torch.no_grad():
        deform.differential.copy_(0.01 * torch.randn(deform.differential.shape, generator=generator))
    before, u = deform.offset().detach(), deform.differential.detach().clone()
    deform.change_strength(2.0)
    assert torch.allclose(deform.offset().detach(), before, atol=1e-6)
    assert not torch.allclose(deform.differential.detach(), u, atol=1e-4)
    assert float(deform.strength) == 2.0


def test_a_coarse_beginning_moves_smoothly_and_a_resumed_scene_knows_its_strength() -> None:
    scene_config = SceneConfig(texture_size=32, smoothing_start=96.0, smoothing_until=0.5)
    scene, _ = _run(small_config(scene=scene_config, steps=10), steps=3)
    state = snapshot(scene)
    assert float(state["deform.strength"]) < 96.0
    again = Scene(scene.body, neutral_start(scene.body), scene_config)
    again.load_state_dict(state)
    assert torch.equal(again.deform.offset(), scene.deform.offset())
    plain = Scene(scene.body, neutral_start(scene.body), SceneConfig(texture_size=32))
    assert "deform.strength" not in plain.state_dict()


def test_habits_draw_more_often_what_fits_least() -> None:
    habit = Habit(4)
    assert habit.weights().tolist() == pytest.approx([0.25] * 4)
    even = torch.rand(2000)
    assert torch.allclose(habit.place(even), even, atol=1e-5)
    for _ in range(30):
        habit.see(torch.arange(4), torch.tensor([0.5, 0.5, 0.1, 0.5]))
    weights = habit.weights()
    assert float(weights.sum()) == pytest.approx(1.0)
    assert int(weights.argmax()) == 2
    assert float(weights.min()) >= 1 / 12 - 1e-6
    places = (habit.place(torch.linspace(0, 0.9999, 20_000)) * 4).long()
    shares = torch.bincount(places, minlength=4) / 20_000
    assert torch.allclose(shares, weights, atol=2e-3)
    habit.see(torch.tensor([0]), torch.tensor([float("nan")]))
    assert bool(habit.scores.isfinite().all())


def test_learnt_cameras_remember_sides_and_go_on_with_the_state() -> None:
    parameters = ParametersConfig(cameras=Distribution("learned"))
    scene, moved = _run(dataclasses.replace(small_config(steps=8), parameters=parameters))
    assert {"habits.cameras.scores", "habits.cameras.counts"} <= moved[-1]
    assert float(scene.state_dict()["habits.cameras.counts"].sum()) == 16
    plain, _ = _run(small_config(steps=2))
    assert not any(name.startswith("habits") for name in plain.state_dict())


def test_scheduled_distributions_widen() -> None:
    schedule = Distribution("scheduled", 0.2, 0.6)
    places = [width(schedule, place) for place in (0.0, 0.2, 0.4, 0.6, 1.0)]
    assert places == pytest.approx([0.1, 0.1, 0.55, 1.0, 1.0])
    parameters = ParametersConfig(cameras=Distribution("scheduled"), poses=Distribution("scheduled"))
    config = dataclasses.replace(small_config(steps=10), views=40, parameters=parameters)
    parts = small_parts(config, build_support_body())
    scene = Scene(parts.body, neutral_start(parts.body), config.scene)
    source = Distributions(parts, scene, config)
    spreads, turns = [], []
    for index in (0, 9):
        generator = torch.Generator().manual_seed(0)
        rotations = source.poses(index, generator)
        turns.append(float((rotations - torch.eye(3)).norm(dim=(2, 3)).mean()))
        shots = source.shots(index, scene.pose(scene.deform(), rotations).detach(), generator)
        spreads.append(float(shots.azimuths.abs().max()))
        assert torch.allclose(rotations @ rotations.mT, torch.eye(3).expand_as(rotations), atol=1e-4)
    assert turns[0] < 0.2 * turns[1]
    assert spreads[0] <= math.radians(18.01) < spreads[1]


def test_learnt_poses_come_more_often_where_they_fit_least() -> None:
    parameters = ParametersConfig(poses=Distribution("learned"))
    config = dataclasses.replace(small_config(steps=10), views=64, parameters=parameters)
    parts = small_parts(config, build_support_body())
    habits = build_habits(parts.body, config)
    scene = Scene(parts.body, neutral_start(parts.body), config.scene, None, None, habits)
    source = Distributions(parts, scene, config)
    habit = habits["poses"]
    generator = torch.Generator().manual_seed(0)

    def share() -> float:
        drawn = torch.cat([source.poses(0, generator) for _ in range(4)])
        return float((source._nearest(drawn) == 3).float().mean())

    before = share()
    num = len(habit.counts)
    for _ in range(10):
        habit.see(torch.arange(num), torch.where(torch.arange(num) == 3, 0.0, 1.0))
    assert share() > 1.5 * before


def test_poses_of_what_is_no_humanoid_cannot_be_learnt() -> None:
    config = dataclasses.replace(small_config(), parameters=ParametersConfig(poses=Distribution("learned")))
    parts = small_parts(config)
    with pytest.raises(ConfigError, match="no humanoid"):
        build_habits(dataclasses.replace(parts.body, humanoid={}), config)
