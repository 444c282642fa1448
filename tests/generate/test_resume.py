"""A run that was stopped, killed or cut off ends with the same bytes as the one that never was."""

import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch
from tests.generate.small_run import small_config
from tests.support_body import build_support_body

from clipmatrix.config import RunConfig, dump_yaml
from clipmatrix.errors import RunError
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting, figures, loop
from clipmatrix.generate.events import Done, Event, SearchProgress, Started, Step
from clipmatrix.generate.loading import build_parts
from clipmatrix.generate.loop import resume, stream
from clipmatrix.generate.parts import Parts
from clipmatrix.generate.resuming import load_record
from clipmatrix.generate.search import SearchResult
from clipmatrix.generate.stepper import Stepper
from clipmatrix.guidance.fake import load_fake
from clipmatrix.runs.directory import Run
from clipmatrix.scene.start import neutral_start


@pytest.fixture(scope="module", autouse=True)
def _short_film() -> Iterator[None]:
    """A twelfth of a second instead of ten."""
    film = TurntableConfig(parts=(Part("poses", 0.1),), size=16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "film_config", lambda config: film)
        yield


def _config(steps: int = 12) -> RunConfig:
    """Everything learns, the poses are drawn ahead, and a state is written after every step."""
    return dataclasses.replace(small_config(steps=steps), save_every_s=0.0, checkpoint_every=5, resolution=32)


def _parts(config: RunConfig) -> Parts:
    return build_parts(load_fake(), build_support_body(), config)


def _drain(events) -> list[Event]:
    return list(events)


def _results(out: Path) -> dict[str, bytes]:
    run = Run(out)
    last = run.latest_checkpoint()
    assert last is not None
    return {path.name: path.read_bytes() for path in (last, run.best_path, run.glb_path)}


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that was never stopped."""
    out = tmp_path_factory.mktemp("whole") / "run"
    _drain(stream(_config(), out, _parts(_config())))
    return out


@pytest.fixture
def whole(whole_run: Path) -> dict[str, bytes]:
    """Its files."""
    return _results(whole_run)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [1, 10, 11])
def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path: Path, whole: dict[str, bytes], stop: int) -> None:
    out = tmp_path / "stopped"
    events = stream(_config(), out, _parts(_config()))
    for event in events:
        if isinstance(event, Step) and event.step == stop:
            break
    events.close()
    assert Run(out).glb_path.is_file()
    rest = _drain(resume(out, _parts(_config())))
    assert isinstance(rest[0], Started)
    assert rest[0].step == stop
    steps = [event.step for event in rest if isinstance(event, Step)]
    assert steps == list(range(stop + 1, 13))
    assert _results(out) == whole
    assert not Run(out).state_path.exists()


@pytest.mark.slow
def test_the_log_of_a_resumed_run_tells_every_step_once(tmp_path: Path) -> None:
    config = dataclasses.replace(_config(6), save_every_s=1e6)
    events = stream(config, tmp_path, _parts(config))
    for event in events:
        if isinstance(event, Step) and event.step == 4:
            break
    # As a kill would: nothing after this is done, and the last line is cut.
    state = Run(tmp_path).state_path.read_bytes()
    log = Run(tmp_path).events_path.read_bytes()
    events.close()
    Run(tmp_path).state_path.write_bytes(state)
    Run(tmp_path).events_path.write_bytes(log[:-9])
    _drain(resume(tmp_path, _parts(config)))
    told = Run(tmp_path).read_events()
    assert [record["step"] for record in told if record["event"] == "step"] == [1, 2, 3, 4, 5, 6]
    assert [record["event"] for record in told].count("started") == 2


@pytest.mark.slow
def test_a_stop_inside_a_step_leaves_the_state_before_it(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Stepper.step

    def interrupted(self, index, place):
        report = step(self, index, place)
        if index == 6:
            raise KeyboardInterrupt
        return report

    monkeypatch.setattr(Stepper, "step", interrupted)
    done = _drain(stream(_config(), tmp_path, _parts(_config())))[-1]
    assert isinstance(done, Done)
    assert done.is_stopped
    monkeypatch.setattr(Stepper, "step", step)
    _drain(resume(tmp_path, _parts(_config())))
    assert _results(tmp_path) == whole


@pytest.mark.slow
def test_a_run_that_breaks_while_exporting_only_exports_again(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the power is gone")

    export = loop.export_result
    monkeypatch.setattr(loop, "export_result", broken)
    with pytest.raises(RuntimeError):
        _drain(stream(_config(), tmp_path, _parts(_config())))
    monkeypatch.setattr(loop, "export_result", export)
    rest = _drain(resume(tmp_path, _parts(_config())))
    assert not [event for event in rest if isinstance(event, Step)]
    assert _results(tmp_path) == whole


@pytest.mark.slow
def test_a_search_that_was_stopped_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def search(body, prompts, guidance, config, texture_size, seed, on_progress):
        for _ in range(3):
            on_progress(1)
        generator = torch.Generator().manual_seed(seed)
        start = dataclasses.replace(neutral_start(body), albedo_srgb=torch.rand(16, 16, 3, generator=generator))
        return SearchResult(start, "a person", torch.zeros(1, 8, 8, 3, dtype=torch.uint8).numpy())

    monkeypatch.setattr(figures, "search_start", search)
    config = dataclasses.replace(_config(4), start="search")
    _drain(stream(config, tmp_path / "whole", _parts(config)))
    events = stream(config, tmp_path / "stopped", _parts(config))
    while not isinstance(next(events), SearchProgress):
        pass
    events.close()
    rest = _drain(resume(tmp_path / "stopped", _parts(config)))
    assert any(isinstance(event, SearchProgress) for event in rest)
    assert _results(tmp_path / "stopped") == _results(tmp_path / "whole")
    # A search that is over is not done again.
    events = stream(config, tmp_path / "later", _parts(config))
    while not isinstance(next(events), Step):
        pass
    events.close()
    rest = _drain(resume(tmp_path / "later", _parts(config)))
    assert not any(isinstance(event, SearchProgress) for event in rest)
    assert _results(tmp_path / "later") == _results(tmp_path / "whole")


def _stopped(out: Path) -> Run:
    events = stream(_config(), out, _parts(_config()))
    for event in events:
        if isinstance(event, Step) and event.step == 2:
            break
    events.close()
    return Run(out)


@pytest.mark.slow
def test_runs_that_cannot_be_resumed_say_why(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no folder"):
        next(resume(tmp_path / "none"))
    run = _stopped(tmp_path / "run")
    before = run.glb_path.read_bytes()
    state = run.state_path.read_bytes()
    for broken in (state[: len(state) // 2], b"", b"\x80\x04K\x01.", state.replace(b"scene.", b"scent.")):
        run.state_path.write_bytes(broken)
        with pytest.raises(RunError, match="--from"):
            _drain(resume(run.path, _parts(_config())))
    run.state_path.write_bytes(state)
    settings = run.config_path.read_text()
    run.config_path.write_text(settings.replace("seed: 0", "seed: 1"))
    with pytest.raises(RunError, match="was changed since"):
        next(resume(run.path, _parts(_config())))
    run.config_path.write_text(settings)
    run.state_path.unlink()
    with pytest.raises(RunError, match="as older versions do"):
        next(resume(run.path, _parts(_config())))
    assert run.glb_path.read_bytes() == before


def test_finished_runs_are_not_resumed(tmp_path: Path) -> None:
    _drain(stream(_config(2), tmp_path, _parts(_config(2))))
    with pytest.raises(RunError, match="is finished"):
        next(resume(tmp_path, _parts(_config(2))))


def test_a_record_repeats_the_run(tmp_path: Path, whole_run: Path) -> None:
    config, warnings = load_record(whole_run)
    assert warnings == ()
    assert config == _config()
    _drain(stream(config, tmp_path / "again", _parts(config)))
    assert _results(tmp_path / "again") == _results(whole_run)


@pytest.mark.slow
def test_parts_that_served_another_run_give_the_same_result(tmp_path: Path, whole: dict[str, bytes]) -> None:
    parts = _parts(_config())
    _drain(stream(dataclasses.replace(_config(), seed=5), tmp_path / "other", parts))
    _drain(stream(_config(), tmp_path / "same", parts))
    assert _results(tmp_path / "same") == whole


@pytest.mark.slow
def test_another_machine_is_warned_of(tmp_path: Path) -> None:
    run = _stopped(tmp_path)
    run.environment_path.write_text(run.environment_path.read_text().replace(torch.__version__, "1.0.0"))
    started = next(resume(tmp_path, _parts(_config())))
    assert isinstance(started, Started)
    assert "torch 1.0.0, here" in started.warnings[-1]


def test_states_are_plain_tensors(tmp_path: Path) -> None:
    tensors = safetensors.torch.load(_stopped(tmp_path).state_path.read_bytes())
    assert {"generator", "plateau", "best.scores", "poses.stock"} <= set(tensors)
    assert {name.split(".")[0] for name in tensors} == {"scene", "best", "optimiser", "poses", "generator", "plateau"}


CHILD = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.support_body import build_support_body
from clipmatrix.config import load_config
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting, loop
from clipmatrix.generate.loading import build_parts
from clipmatrix.guidance.fake import load_fake
exporting.film_config = lambda config: TurntableConfig(parts=(Part("poses", 0.1),), size=16)
verb, out = sys.argv[1], Path(sys.argv[2])
config = load_config(Path(sys.argv[3]))
parts = build_parts(load_fake(), build_support_body(), config)
for event in loop.resume(out, parts) if verb == "resume" else loop.stream(config, out, parts):
    print(type(event).__name__, flush=True)
"""


@pytest.mark.slow
def test_killed_runs_end_with_the_same_bytes(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """SIGKILL at random moments, again and again, until the run gets through."""
    settings = tmp_path / "settings.yaml"
    settings.write_text(dump_yaml(_config()))
    rng, out, kills = random.Random(6), tmp_path / "killed", 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    while True:
        verb = "resume" if (out / "events.jsonl").is_file() and (out / "config.yaml").is_file() else "stream"
        command = [sys.executable, "-c", CHILD, verb, str(out), str(settings)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
            assert child.stdout is not None
            if kills == 4:
                assert child.wait(timeout=300) == 0
                break
            child.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.6))
            child.send_signal(signal.SIGKILL)
            if child.wait() == 0:
                break
            kills += 1
    assert kills >= 2
    assert _results(out) == whole
