"""Several seeds tried: what is scored, which is finished, and that stops lose nothing."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.generate.small_run import small_config, small_parts

from clipmatrix.config import RunConfig
from clipmatrix.errors import ConfigError, RunError
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting, loop, tries
from clipmatrix.generate.events import Chosen, Done, Event, Started, Step, Tried
from clipmatrix.generate.exam import Exam
from clipmatrix.generate.tries import resume_tries, stream_tries
from clipmatrix.runs.directory import Run, begin_run, holds_tries, open_run
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start


@pytest.fixture(autouse=True)
def _short_film(monkeypatch: pytest.MonkeyPatch) -> None:
    film = TurntableConfig(parts=(Part("poses", 0.1),), size=16)
    monkeypatch.setattr(exporting, "film_config", lambda config: film)


def _config() -> RunConfig:
    return dataclasses.replace(small_config(steps=20), resolution=32, save_every_s=0.0)


def _painted(color: tuple[float, float, float]) -> Scene:
    config = _config()
    body = small_parts(config).body
    start = dataclasses.replace(neutral_start(body), albedo_srgb=torch.tensor(color).expand(32, 32, 3).clone())
    return Scene(body, start, config.scene)


def test_exams_are_repeatable_and_prefer_what_the_text_says() -> None:
    config = _config()
    parts = small_parts(config)
    exam = Exam(parts, parts.guidance, config)
    red, blue = _painted((0.8, 0.1, 0.1)), _painted((0.1, 0.1, 0.8))
    assert 0.0 <= exam(blue) < exam(red) <= 1.0
    assert exam(red) == exam(red)


def test_exams_draw_nothing_from_a_run() -> None:
    """Poses that were drawn ahead are a run's own: an exam between its steps changes none of them."""
    config = _config()
    parts = small_parts(config)
    before = torch.random.get_rng_state()
    Exam(parts, parts.guidance, config)(_painted((0.5, 0.5, 0.5)))
    assert torch.equal(before, torch.random.get_rng_state())


def _files(run: Run) -> dict[str, bytes]:
    last = run.latest_checkpoint()
    assert last is not None
    return {path.name: path.read_bytes() for path in (last, run.best_path, run.glb_path)}


def _scores(monkeypatch: pytest.MonkeyPatch, *scores: float) -> None:
    """Lets the exams give these scores, in turn."""
    rest = list(scores)
    monkeypatch.setattr(Exam, "__call__", lambda self, scene: rest.pop(0))


@pytest.mark.slow
def test_the_best_try_ends_as_if_its_seed_had_been_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _scores(monkeypatch, 0.2, 0.7, 0.4)
    config = dataclasses.replace(_config(), seed=5)
    events = list(stream_tries(config, tmp_path / "tried", 3, parts=small_parts(config)))
    tried = [event for event in events if isinstance(event, Tried)]
    assert [(event.seed, event.score, event.judge) for event in tried] == [
        (5, 0.2, "fake itself"),
        (6, 0.7, "fake itself"),
        (7, 0.4, "fake itself"),
    ]
    chosen = next(event for event in events if isinstance(event, Chosen))
    assert chosen.seed == 6
    assert [event.is_stopped for event in events if isinstance(event, Done)] == [False]
    alone = dataclasses.replace(config, seed=6)
    list(loop.stream(alone, tmp_path / "alone", small_parts(alone)))
    assert _files(open_run(tmp_path / "tried")) == _files(open_run(tmp_path / "alone"))
    sheet = np.asarray(Image.open(tmp_path / "tried" / "tries" / "tries.png"))
    assert sheet.shape[0] > 3 * 224
    assert sheet.shape[1] > 4 * 224
    # All are kept, and those that were not chosen can be finished too.
    assert not (tmp_path / "tried" / "tries" / "seed-6").exists()
    rest = list(loop.resume(tmp_path / "tried" / "tries" / "seed-7", small_parts(config)))
    assert isinstance(rest[-1], Done)
    assert rest[-1].step == 20


@pytest.mark.slow
def test_healthy_tries_come_before_better_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _scores(monkeypatch, 0.9, 0.1)
    inspect, verdicts = tries.inspect_scene, [False, True]

    def unhealthy(scene, body):
        health = inspect(scene, body)
        is_healthy = verdicts.pop(0)
        verdict = dataclasses.replace(health.verdicts[0], is_healthy=is_healthy)
        return dataclasses.replace(health, verdicts=(verdict,))

    monkeypatch.setattr(tries, "inspect_scene", unhealthy)
    events = list(stream_tries(_config(), tmp_path, 2, parts=small_parts(_config())))
    assert [event.seed for event in events if isinstance(event, Chosen)] == [1]


def _until(events, wanted) -> list[Event]:
    seen = []
    for event in events:
        seen.append(event)
        if wanted(event):
            break
    return seen


@pytest.mark.slow
def test_tries_that_were_killed_go_on_where_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the courtesies of a stop: the generator is dropped, as its process would be."""
    config = _config()
    _scores(monkeypatch, 0.1, 0.6)
    whole = list(stream_tries(config, tmp_path / "whole", 2, parts=small_parts(config)))
    for number, moment in enumerate((Started, Step, Tried, Chosen)):
        out = tmp_path / str(number)
        _scores(monkeypatch, 0.1, 0.6)
        events = stream_tries(config, out, 2, parts=small_parts(config))
        _until(events, lambda event, moment=moment: isinstance(event, moment))
        events.close()
        if moment is Chosen:
            assert not holds_tries(out)
            rest = list(loop.resume(out, small_parts(config)))
        else:
            assert holds_tries(out)
            rest = list(resume_tries(out, small_parts(config)))
        assert isinstance(rest[-1], Done)
        assert not rest[-1].is_stopped
        assert _files(open_run(out)) == _files(open_run(tmp_path / "whole"))
    assert isinstance(whole[-1], Done)


def test_a_stop_ends_the_tries_and_says_so(tmp_path: Path) -> None:
    config = _config()
    events = stream_tries(config, tmp_path, 3, parts=small_parts(config))
    _until(events, lambda event: isinstance(event, Step))
    rest = [events.throw(KeyboardInterrupt()), *events]
    assert isinstance(rest[-1], Done)
    assert rest[-1].is_stopped
    assert not any(isinstance(event, Tried) for event in rest)
    assert holds_tries(tmp_path)


@pytest.mark.slow
def test_a_move_that_was_cut_off_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = _config()
    _scores(monkeypatch, 0.6, 0.1)

    def cut(self, seed):
        place = self._place(seed)
        (place / "config.yaml").rename(self._out / "config.yaml")
        raise RuntimeError("the power is gone")

    move = tries._Tries._move_up
    monkeypatch.setattr(tries._Tries, "_move_up", cut)
    with pytest.raises(RuntimeError):
        list(stream_tries(config, tmp_path, 2, parts=small_parts(config)))
    monkeypatch.setattr(tries._Tries, "_move_up", move)
    assert holds_tries(tmp_path)
    list(resume_tries(tmp_path, small_parts(config)))
    assert open_run(tmp_path).glb_path.is_file()
    assert not (tmp_path / "tries" / "seed-0").exists()


def test_damaged_records_and_senseless_numbers_are_refused(tmp_path: Path) -> None:
    config = _config()
    for num in (0, -1, 101):
        with pytest.raises(ConfigError, match="number of tries must be from 1 to 100"):
            next(stream_tries(config, tmp_path / "none", num, parts=small_parts(config)))
    assert not (tmp_path / "none").exists()
    events = stream_tries(config, tmp_path / "run", 2, parts=small_parts(config))
    next(events)
    events.close()
    record = tmp_path / "run" / "tries" / "tries.json"
    whole = json.loads(record.read_text())
    for broken in ("", "[]", "{}", json.dumps({**whole, "num": 0}), json.dumps({**whole, "results": [3]})):
        record.write_text(broken)
        with pytest.raises(RunError, match="is damaged"):
            next(resume_tries(tmp_path / "run", small_parts(config)))


def test_a_new_run_replaces_tries_but_no_folder_that_only_looks_like_them(tmp_path: Path) -> None:
    config = _config()
    events = stream_tries(config, tmp_path, 2, parts=small_parts(config))
    next(events)
    events.close()
    begin_run(tmp_path, "seed: 1\n", {})
    assert not (tmp_path / "tries").exists()
    (tmp_path / "tries").mkdir()
    (tmp_path / "tries" / "thesis.tex").write_text("years of work")
    begin_run(tmp_path, "seed: 1\n", {})
    assert (tmp_path / "tries" / "thesis.tex").exists()
