"""Plateaus: a descent that no longer gains cools down and ends, one that does is left alone."""

import dataclasses
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from tests.generate.small_run import learn_only, small_config, small_parts

from clipmatrix.config import preset
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting
from clipmatrix.generate.best import BestState
from clipmatrix.generate.events import Done, Event, Step
from clipmatrix.generate.loop import resume, stream
from clipmatrix.generate.plateau import Plateau, first_judged
from clipmatrix.generate.schedule import rate_factors
from clipmatrix.runs.directory import Run
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start


def _end(plateau: Plateau, score_at: Callable[[int], float], num_steps: int) -> int:
    """After how many steps the descent ends."""
    for step in range(1, num_steps + 1):
        plateau.see(step, score_at(step))
        if step >= plateau.end:
            return step
    return num_steps


def test_scores_that_stand_still_end_the_descent() -> None:
    """The first window of 5 gains on nothing, two more do not: 15 steps, and a tenth of 100 to cool down."""
    plateau = Plateau(10, 100)
    assert (plateau.end, plateau.settled) == (100, None)
    assert _end(plateau, lambda _: 0.25, 100) == 25
    assert (plateau.end, plateau.settled) == (25, 20)


def test_the_first_steps_do_not_count() -> None:
    assert _end(Plateau(10, 100, begin=30), lambda _: 0.25, 100) == 55


def test_rising_scores_and_no_patience_take_all_steps() -> None:
    assert _end(Plateau(10, 100), lambda step: 0.01 * step, 100) == 100
    assert _end(Plateau(0, 100), lambda _: 0.25, 100) == 100
    assert _end(Plateau(10, 20), lambda _: 0.25, 20) <= 20


def test_a_rise_shows_through_noise_ten_times_as_large_as_its_step() -> None:
    """A rise by 0.1 in a window of 50 against a noise of 0.05, whose mean is off by 0.007; without it nothing rises."""
    rng = random.Random(0)
    rising = [_end(Plateau(100, 600), lambda step: 0.002 * step + rng.gauss(0.0, 0.05), 600) for _ in range(20)]
    still = [_end(Plateau(100, 600), lambda _: rng.gauss(0.0, 0.05), 600) for _ in range(20)]
    assert min(rising) == 600
    assert max(still) <= 400


def test_steps_of_a_rising_rate_or_of_much_tint_are_not_judged() -> None:
    """The form's delay and warm-up are 15 % of the steps, and half the tint's time 25 %."""
    config = preset("standard")
    assert first_judged(config) == 90
    assert first_judged(dataclasses.replace(config, start="neutral")) == 150
    untinted = dataclasses.replace(config.optimiser, tint=0.0)
    assert first_judged(dataclasses.replace(config, start="neutral", optimiser=untinted)) == 90


def test_scores_that_are_no_numbers_do_not_count() -> None:
    nan = float("nan")
    assert _end(Plateau(10, 100), lambda step: nan if step % 5 else 0.01 * step, 100) == 100
    assert _end(Plateau(10, 100), lambda _: nan, 100) == 20


def test_the_cool_down_runs_through_the_rest_of_the_rates() -> None:
    plateau = Plateau(100, 600)
    _end(plateau, lambda _: 0.0, 150)
    places = [plateau.place(index) for index in range(plateau.end)]
    assert plateau.end == 210
    assert places[:150] == list(range(150))
    assert places[-1] == 599
    strides = [after - before for before, after in pairwise(places[149:])]
    assert set(strides) <= {7, 8}
    config = preset("standard").optimiser
    rates = [rate_factors(place, 600, config)[0] for place in places[149:]]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(config.final, rel=0.01)


def test_plateaus_go_on_from_their_state() -> None:
    rng = random.Random(3)
    scores = [rng.gauss(0.0, 0.05) for _ in range(200)]
    whole = Plateau(20, 200)
    for cut in (0, 7, 10, 29, 30, 35, 60):
        one, other = Plateau(20, 200), Plateau(20, 200)
        for step in range(1, cut + 1):
            one.see(step, scores[step - 1])
        other.load(one.state())
        for step in range(cut + 1, 201):
            other.see(step, scores[step - 1])
        for step in range(1, 201):
            whole.see(step, scores[step - 1])
        assert other.end == whole.end < 200
        assert torch.equal(other.state(), whole.state())


def test_the_best_of_an_early_end_counts_from_within_its_cool_down() -> None:
    config = small_config()
    body = small_parts(config).body
    scene = Scene(body, neutral_start(body), config.scene)
    best = BestState(scene, 100)
    best.see(20, 0.9)
    assert not [name for name in best.state() if name.startswith("kept")]
    best.count_from(30)
    best.see(30, 0.9)
    assert [name for name in best.state() if name.startswith("kept")]


@pytest.fixture
def _short_film(monkeypatch: pytest.MonkeyPatch) -> None:
    film = TurntableConfig(parts=(Part("poses", 0.1),), size=16)
    monkeypatch.setattr(exporting, "film_config", lambda config: film)


def _steps(events: list[Event]) -> list[Step]:
    return [event for event in events if isinstance(event, Step)]


@pytest.mark.slow
@pytest.mark.usefixtures("_short_film")
@pytest.mark.parametrize("stop", [4, 17, 20])
def test_a_run_ends_early_and_resumes_to_the_same_bytes(tmp_path: Path, stop: int) -> None:
    """Lights alone that hardly move: nothing rises after the first 10 of 40 steps, which do not count."""
    config = small_config(scene=learn_only("lights"), steps=40)
    config = dataclasses.replace(config, patience=8, save_every_s=0.0)
    events = list(stream(config, tmp_path / "whole", small_parts(config)))
    done = events[-1]
    assert isinstance(done, Done)
    assert done.step < 40
    assert not done.is_stopped
    assert [step.step for step in _steps(events)] == list(range(1, done.step + 1))
    assert {step.steps for step in _steps(events)} == {40, done.step}
    begun = stream(config, tmp_path / "stopped", small_parts(config))
    for event in begun:
        if isinstance(event, Step) and event.step == min(stop, done.step - 1):
            break
    begun.close()
    rest = list(resume(tmp_path / "stopped", small_parts(config)))
    assert rest[-1].step == done.step  # pyright: ignore[reportAttributeAccessIssue]
    whole, stopped = Run(tmp_path / "whole"), Run(tmp_path / "stopped")
    assert whole.best_path.read_bytes() == stopped.best_path.read_bytes()
    assert whole.glb_path.read_bytes() == stopped.glb_path.read_bytes()
