"""Jobs in real worker processes: one at a time, paused, stopped, killed, and found again by the next studio."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.studio.small_recipe import small_recipe, write_tube

from clipmatrix.errors import RunError
from clipmatrix.studio.foreman import Foreman
from clipmatrix.studio.jobs import Job
from clipmatrix.studio.progress import EventReader

LONG, SHORT = 100_000, 6
PATIENCE = 240.0


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """An empty folder for runs."""
    return tmp_path / "runs"


@pytest.fixture
def body(tmp_path: Path) -> str:
    """A body that loads at once."""
    write_tube(tmp_path / "tube.obj")
    return str(tmp_path / "tube.obj")


@pytest.fixture
def foreman(runs: Path) -> Iterator[Foreman]:
    """A foreman at work."""
    made = Foreman(runs)
    made.start()
    yield made
    made.close(ends_worker=True)


def _until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.05)


def _job(foreman: Foreman, number: int) -> Job:
    job = foreman.queue.get(number)
    assert job is not None
    return job


def _num_steps(foreman: Foreman, job: Job) -> int:
    reader = EventReader(foreman.queue.run_path(job) / "events.jsonl")
    reader.update()
    return len(reader.scores)


def test_one_studio_at_a_time_has_a_folder(foreman: Foreman, runs: Path) -> None:
    with pytest.raises(RunError, match="another studio is open"):
        Foreman(runs)


@pytest.mark.slow
def test_jobs_run_one_after_the_other_and_mistakes_do_not_stop_the_queue(foreman: Foreman, body: str) -> None:
    bad = foreman.add([("bad", 0, small_recipe(body, SHORT).replace("clip: fake", "clip: minni"))])[0]
    good = foreman.add([("good", 1, small_recipe(body, SHORT))])[0]
    _until(lambda: _job(foreman, good.number).is_ended, "the end of both jobs")
    assert _job(foreman, bad.number).state == "failed"
    assert _job(foreman, bad.number).message.startswith("no encoder 'minni': did you mean 'mini'?")
    assert not foreman.queue.run_path(bad).exists()
    assert _job(foreman, good.number).state == "done"
    assert (foreman.queue.run_path(good) / "result" / "model.glb").is_file()
    assert (foreman.queue.run_path(good) / "previews" / "live.jpg").read_bytes().startswith(b"\xff\xd8")


@pytest.mark.slow
def test_a_job_is_paused_resumed_and_stopped_and_keeps_what_it_made(foreman: Foreman, body: str) -> None:
    job = foreman.add([("long", 0, small_recipe(body, LONG))])[0]
    _until(lambda: _num_steps(foreman, job) > 3, "a few steps")
    assert foreman.pause(job.number).state == "paused"
    time.sleep(1.0)
    halted = _num_steps(foreman, job)
    time.sleep(1.5)
    assert _num_steps(foreman, job) == halted
    with pytest.raises(RunError, match="is paused, not running"):
        foreman.pause(job.number)
    with pytest.raises(RunError, match="stop it first"):
        foreman.remove(job.number)
    foreman.go_on(job.number)
    _until(lambda: _num_steps(foreman, job) > halted, "another step")
    foreman.stop(job.number)
    _until(lambda: _job(foreman, job.number).is_ended, "the end")
    assert _job(foreman, job.number).state == "stopped"
    assert (foreman.queue.run_path(job) / "result" / "model.glb").is_file()
    steps = _num_steps(foreman, job)
    again = foreman.resume(job.name, job.title, job.seed)
    _until(lambda: _num_steps(foreman, job) > steps, "a step after it was resumed")
    foreman.stop(again.number)


@pytest.mark.slow
def test_a_killed_worker_is_started_again_where_it_was(foreman: Foreman, body: str) -> None:
    job = foreman.add([("long", 0, small_recipe(body, LONG))])[0]
    state = foreman.queue.run_path(job) / "checkpoints" / "state.safetensors"
    _until(lambda: state.is_file() and _num_steps(foreman, job) > 20, "a saved state")
    time.sleep(1.5)
    worker = foreman._worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    _until(lambda: _job(foreman, job.number).is_resumed and _job(foreman, job.number).state == "running", "a restart")
    steps = _num_steps(foreman, job)
    assert steps > 3
    _until(lambda: _num_steps(foreman, job) > steps + 2, "a further step")


@pytest.mark.slow
def test_a_worker_outlives_its_studio_and_the_next_one_finds_it(runs: Path, body: str) -> None:
    first = Foreman(runs)
    first.start()
    job = first.add([("long", 0, small_recipe(body, LONG))])[0]
    waiting = first.add([("next", 1, small_recipe(body, SHORT))])[0]
    _until(lambda: _num_steps(first, job) > 3, "a few steps")
    # As after SIGKILL: the lock is gone, the worker is not.
    worker = first._worker
    assert worker is not None
    first.close(ends_worker=False)
    second = Foreman(runs)
    second.start()
    try:
        time.sleep(1.0)
        assert _job(second, job.number).state == "running"
        assert worker.poll() is None
        # The third finds it as well; and closed in the usual way, it takes the worker with it.
        second.close(ends_worker=True)
        worker.wait(PATIENCE)
        second = Foreman(runs)
        second.start()
        _until(lambda: second.jobs()[0].is_resumed and _num_steps(second, job) > 3, "a step after it was resumed")
        second.stop(job.number)
        _until(lambda: _job(second, waiting.number).is_ended, "the end of the next job")
        assert _job(second, job.number).state == "stopped"
        assert _job(second, waiting.number).state == "done"
    finally:
        second.close(ends_worker=True)


def test_what_a_dead_studio_left_goes_on_or_is_closed(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three jobs that were at work when everything died: one had finished, one had begun, one was paused."""
    from dataclasses import replace

    from tests.studio.run_files import write_run

    from clipmatrix.studio.jobs import Queue

    queue = Queue(runs)
    names = ("finished", "begun", "paused")
    jobs = {name: queue.add(name, 0, "") for name in names}
    write_run(runs, jobs["finished"].name)
    write_run(runs, jobs["begun"].name, is_done=False)
    write_run(runs, jobs["paused"].name, is_done=False)
    for name in names:
        queue.put(replace(jobs[name], state="paused" if name == "paused" else "running"))
    started: list[list[str]] = []

    class Process:
        """A worker that only says that it lives."""

        def __init__(self, command: list[str], **_: object) -> None:
            started.append(command)

        def poll(self) -> None:
            """Alive."""

        def terminate(self) -> None:
            """Ends it."""

        def wait(self, _seconds: float) -> int:
            """Ended."""
            return 0

    monkeypatch.setattr(subprocess, "Popen", Process)
    foreman = Foreman(runs)
    foreman.look()
    assert _job(foreman, jobs["finished"].number).state == "done"
    assert _job(foreman, jobs["paused"].number).state == "stopped"
    begun = _job(foreman, jobs["begun"].number)
    assert (begun.state, begun.is_resumed) == ("running", True)
    assert [command[-1] for command in started] == [str(begun.number)]
    foreman.close(ends_worker=True)
