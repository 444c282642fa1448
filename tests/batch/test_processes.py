"""Batches in real processes: shared, stopped, killed at any point, two at once; each ends with what one run makes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.batch.small_batch import small_jobs, write_matrix

from clipmatrix.batch.batch import BatchConfig, Outcome, run_batch
from clipmatrix.batch.places import Places
from clipmatrix.batch.plan import Job
from clipmatrix.batch.watching import Standing
from clipmatrix.runs.directory import Run
from clipmatrix.runs.index import RunIndex

PATIENCE = 240.0


def _run(jobs: Sequence[Job], out: Path, workers: int = 2) -> tuple[Outcome, list[Standing]]:
    seen: list[Standing] = []
    return run_batch(jobs, out, BatchConfig(workers, 10**8), seen.append), seen


def _until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.05)


def _start(matrix: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "clipmatrix", "batch", str(matrix), "--out", str(out), "--memory", "0.1"]
    return subprocess.Popen([*command, "--workers", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _num_starts(out: Path, job: Job) -> int:
    return sum(record["event"] == "started" for record in Run(out / job.name).read_events())


def _workers_of(out: Path) -> list[int]:
    """The processes whose command line names the folder and that are workers."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"batch-workers" in words and str(out).encode() in words:
            found.append(int(entry.name))
    return found


@pytest.mark.slow
def test_a_batch_is_done_once(tmp_path: Path) -> None:
    jobs = small_jobs(tmp_path, ["a red person"], steps=3)
    outcome, seen = _run(jobs, tmp_path / "out", workers=1)
    assert outcome == Outcome(1, 1, {})
    assert seen[-1] == Standing(1, 0.0, 0, 1)
    assert [standing.progress for standing in seen] == sorted(standing.progress for standing in seen)
    assert Run(tmp_path / "out" / jobs[0].name).read_environment()["torch_threads"] == 1
    again, seen = _run(jobs, tmp_path / "out", workers=1)
    assert again == outcome
    assert seen == []
    assert not list((tmp_path / "out" / ".batch" / "calls").iterdir())


@pytest.mark.slow
def test_two_batches_on_one_folder_make_each_run_once(tmp_path: Path) -> None:
    prompts = [f"a {color} person" for color in ("red", "blue", "green", "golden", "black", "white")]
    jobs, matrix = small_jobs(tmp_path, prompts), tmp_path / "matrix.yaml"
    both = [_start(matrix, tmp_path / "out") for _ in range(2)]
    for one in both:
        out, error = one.communicate(timeout=PATIENCE)
        assert one.returncode == 0, error
        assert b"6 of 6 done" in out
    for job in jobs:
        assert _num_starts(tmp_path / "out", job) == 1
        assert sum(Places(tmp_path / "out").read(job.name).tries.values()) == 1


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("whom", ["worker", "all", "command"])
def test_who_is_killed_is_gone_on_with(tmp_path: Path, whom: str) -> None:
    """A worker by itself is replaced; after the others' deaths the same command goes on. The bytes are the same."""
    jobs = small_jobs(tmp_path, ["a red person", "a blue person", "a green person"], steps=150)
    matrix, out = tmp_path / "matrix.yaml", tmp_path / "out"
    command = _start(matrix, out)
    _until(lambda: any((out / job.name / "checkpoints" / "state.safetensors").is_file() for job in jobs), "a state")
    processes = sorted(_workers_of(out))
    assert len(processes) == 3
    match whom:
        case "worker":
            os.kill(processes[-1], signal.SIGKILL)
        case "all":
            for process in (command.pid, *processes):
                os.kill(process, signal.SIGKILL)
        case _:
            command.kill()
    output, error = command.communicate(timeout=PATIENCE)
    if whom != "worker":
        _until(lambda: not _workers_of(out), "the workers' end")
        command = _start(matrix, out)
        output, error = command.communicate(timeout=PATIENCE)
    assert command.returncode == 0, error
    assert b"3 of 3 done" in output
    _run(jobs, tmp_path / "whole")
    for job in jobs:
        for path in (Run(out / job.name).glb_path, Run(out / job.name).best_path):
            assert path.read_bytes() == (tmp_path / "whole" / path.relative_to(out)).read_bytes()
    with RunIndex(out) as index:
        index.refresh()
        assert sorted(row["name"] for row in index.find()) == sorted(job.name for job in jobs)


@pytest.mark.slow
def test_ctrl_c_leaves_soon_and_keeps_what_was_made(tmp_path: Path) -> None:
    jobs = small_jobs(tmp_path, ["a red person", "a blue person"], steps=3000)
    out = tmp_path / "out"
    command = _start(tmp_path / "matrix.yaml", out)
    _until(lambda: any((out / job.name / "checkpoints" / "state.safetensors").is_file() for job in jobs), "a state")
    command.send_signal(signal.SIGINT)
    output, error = command.communicate(timeout=60.0)
    assert command.returncode == 130, error
    assert b"0 of 2 done" in output
    assert b"to go on: clipmatrix batch " in error
    assert not _workers_of(out)
    assert not any(Run(out / job.name).glb_path.exists() for job in jobs)


@pytest.mark.slow
def test_failures_are_told_and_end_in_exit_code_1(tmp_path: Path) -> None:
    """A mistake of one job, which no check before could find: its body's file."""
    more = f'settings:\n  body: ["{tmp_path}/tube.obj", "{tmp_path}/none.obj"]\n'
    matrix = write_matrix(tmp_path, ["[{text: a red person}]"], more=more)
    command = _start(matrix, tmp_path / "out")
    output, error = command.communicate(timeout=PATIENCE)
    assert command.returncode == 1, error
    assert b"1 of 2 done" in output
    assert b"none.obj" in output.split(b"failed")[1]


@pytest.mark.slow
def test_a_mistake_of_all_jobs_is_one_line(tmp_path: Path) -> None:
    matrix = write_matrix(tmp_path, ["a red person"])
    text = matrix.read_text()
    matrix.write_text(text.replace("clip: fake", f"clip: {tmp_path}/nothing"))
    command = _start(matrix, tmp_path / "out")
    output, error = command.communicate(timeout=PATIENCE)
    assert command.returncode == 2
    assert error.startswith(b"clipmatrix: error: ")
    assert error.count(b"\n") == 1
    assert output == b""
