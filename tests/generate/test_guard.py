"""Guards: what leads out of bounds is shortened and braked, what does not is left alone."""

import dataclasses

import pytest
import torch
from tests.generate.small_run import learn_only, small_config, small_parts

from clipmatrix.config import OptimiserConfig, RunConfig
from clipmatrix.generate import guard as guards
from clipmatrix.generate.best import BestState
from clipmatrix.generate.events import Step
from clipmatrix.generate.guard import MOST_CLIPPED, MOST_FLIPPED, Guard, clipping, folding, guard_form, steps_unseen
from clipmatrix.generate.health import inspect_scene
from clipmatrix.generate.optimizers import SceneOptimiser
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.stepper import Stepper
from clipmatrix.losses.weights import LossWeights
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start

FREE = LossWeights(offset_size=0.0, laplacian=0.0, edge_length=0.0, normal_consistency=0.0)


def _wild(scene, **rates: float) -> RunConfig:
    """Rates far too high, from the first step on, and nothing that holds the form."""
    optimiser = OptimiserConfig(warm_up=0.0, form_delay=0.0, tint=0.0, **rates)
    return dataclasses.replace(small_config(scene=scene, steps=15), losses=FREE, optimiser=optimiser)


def _descend(config: RunConfig) -> tuple[Scene, list[Step]]:
    parts = small_parts(config)
    scene = Scene(parts.body, neutral_start(parts.body), config.scene)
    scorer = Scorer(parts.guidance, config.prompts, config.score)
    stepper = Stepper(parts, scene, scorer, config, torch.Generator().manual_seed(0))
    return scene, [stepper.step(index) for index in range(config.steps)]


def test_steps_that_would_fold_the_surface_are_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = dataclasses.replace(learn_only("offset"), smoothing=0.2)
    guarded, reports = _descend(_wild(scene, offset_rate=0.5))
    assert any(report.form_share < 1.0 for report in reports)
    assert folding(guarded)[0] <= MOST_FLIPPED
    assert guarded.deform.differential.abs().max() > 0.0
    monkeypatch.setattr(Guard, "shorten", lambda *_: 1.0)
    free, _ = _descend(_wild(scene, offset_rate=0.5))
    assert folding(free)[0] > 2 * MOST_FLIPPED
    assert not inspect_scene(free, free.body).is_healthy


def test_steps_that_would_burn_the_texture_out_are_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    guarded, reports = _descend(_wild(learn_only("texture"), texture_rate=2.0))
    assert any(report.look_share < 1.0 for report in reports)
    # Between two looks at it the texture may go a little beyond.
    assert clipping(guarded) <= 1.2 * MOST_CLIPPED
    monkeypatch.setattr(Guard, "shorten", lambda *_: 1.0)
    assert clipping(_descend(_wild(learn_only("texture"), texture_rate=2.0))[0]) > 2 * MOST_CLIPPED


def test_usual_rates_are_left_alone() -> None:
    _, reports = _descend(small_config(steps=15))
    assert all((report.form_share, report.look_share) == (1.0, 1.0) for report in reports)
    assert all((report.form_firmness, report.look_firmness) == (1.0, 1.0) for report in reports)


def test_a_start_beyond_the_bounds_may_stay_as_it_is() -> None:
    config = small_config(scene=learn_only("offset"))
    body = small_parts(config).body
    generator = torch.Generator().manual_seed(0)
    rough = 0.3 * torch.randn(body.template.vertices.shape, generator=generator)
    scene = Scene(body, dataclasses.replace(neutral_start(body), offset=rough), config.scene)
    guard = guard_form(scene, [scene.deform.differential])
    assert guard.shorten(guard.copy()) == 1.0


def test_a_step_is_halved_until_it_fits_and_the_brake_lets_go_slowly() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    guard = Guard([parameter], lambda: float(parameter.detach().abs().max()) / 0.3)
    before = guard.copy()
    with torch.no_grad():
        parameter.fill_(1.0)
    assert guard.shorten(before) == 0.25
    assert (parameter.item(), guard.brake) == (0.25, 0.5)
    assert guard.shorten(guard.copy()) == 1.0
    assert guard.brake == pytest.approx(0.51)
    before = guard.copy()
    with torch.no_grad():
        parameter.fill_(float("nan"))
    assert guard.shorten(before) == 0.0
    assert parameter.item() == 0.25


def test_what_left_its_bounds_unseen_is_drawn_back_to_the_start() -> None:
    parameter = torch.nn.Parameter(torch.full((3,), 0.33))
    for is_drawn_back, place in ((False, 0.33), (True, 0.297)):
        with torch.no_grad():
            parameter.fill_(0.33)
        guard = Guard([parameter], lambda: float(parameter.detach().abs().max()) / 0.3, is_drawn_back)
        before = guard.copy()
        with torch.no_grad():
            parameter.fill_(0.5)
        assert guard.shorten(before) == 0.0
        assert parameter.tolist() == pytest.approx([place] * 3)


def test_fast_textures_are_looked_at_each_step_and_slow_ones_seldom() -> None:
    """Eight levels of contrast 3 move a logit by at most 24 rates a step: 0.5 logits take 10 steps of 0.002."""
    assert steps_unseen(0.02, 8) == 1
    assert steps_unseen(0.002, 8) == 10
    assert steps_unseen(2.0, 8) == 1
    assert steps_unseen(0.0, 8) == 1


def test_optimisers_go_on_from_their_state_and_refuse_others() -> None:
    config = small_config()
    body = small_parts(config).body
    scene = Scene(body, neutral_start(body), config.scene)
    optimiser = SceneOptimiser(scene, config.optimiser, 4)
    for parameter in scene.parameters():
        parameter.grad = torch.ones_like(parameter)
    for index in range(3):
        optimiser.step(index)
    state = {name: value.clone() for name, value in optimiser.state().items()}
    other = SceneOptimiser(scene, config.optimiser, 4)
    other.load(state)
    assert {name: value.tolist() for name, value in other.state().items()} == {
        name: value.tolist() for name, value in state.items()
    }
    with pytest.raises(ValueError, match="not learnt here"):
        other.load({**state, "wings.0.mean": torch.zeros(1)})
    with pytest.raises(ValueError, match="has the shape"):
        other.load({**state, "offset.0.mean": torch.zeros(2, 3)})


def test_best_states_go_on_from_their_state() -> None:
    config = small_config()
    body = small_parts(config).body
    scene = Scene(body, neutral_start(body), config.scene)
    best, other = BestState(scene, 20), BestState(scene, 20)
    other.load(best.state())
    assert other.score == 0.0
    best.see(10, 0.8)
    kept = {name: value.clone() for name, value in best.state().items()}
    with torch.no_grad():
        scene.lights.turn.fill_(1.0)
    other.load(kept)
    other.see(20, 0.1)
    other.restore()
    assert not scene.lights.turn.any()


def test_regularisers_are_firmed_near_the_bounds_and_let_go_slowly() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    guard = Guard([parameter], lambda: float(parameter.detach().abs().max()))
    for value, firmness in ((0.4, 1.0), (0.6, 1.25), (0.6, 1.5625), (0.4, 1.5625 / 1.02), (2.0, 1.25 * 1.5625 / 1.02)):
        before = guard.copy()
        with torch.no_grad():
            parameter.fill_(value)
        guard.shorten(before)
        assert guard.firmness == pytest.approx(firmness)
    for _ in range(200):
        with torch.no_grad():
            parameter.fill_(0.9)
        guard.shorten(guard.copy())
    assert guard.firmness == 1e4
    # A start that is near them is what was asked for.
    held = Guard([parameter], lambda: float(parameter.detach().abs().max()))
    held.shorten(held.copy())
    assert held.firmness == 1.0


def test_weights_a_hundred_times_too_low_hold_the_form_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guards alone keep it at the bounds, firmer regularisers lead it back from there."""
    scene = dataclasses.replace(learn_only("offset"), smoothing=0.2)
    usual = LossWeights()
    low = {field.name: 0.01 * getattr(usual, field.name) for field in dataclasses.fields(usual)}
    config = dataclasses.replace(_wild(scene, offset_rate=0.5), losses=LossWeights(**low), steps=40)
    firm, reports = _descend(config)
    assert max(report.form_firmness for report in reports) > 5.0
    monkeypatch.setattr(guards, "_FIRMING", 1.0)
    loose, reports = _descend(config)
    assert {report.form_firmness for report in reports} == {1.0}
    (flipped_firm, change_firm), (flipped_loose, change_loose) = folding(firm), folding(loose)
    assert change_firm < 0.7 * change_loose
    assert flipped_firm <= flipped_loose
    assert inspect_scene(firm, firm.body).is_healthy
