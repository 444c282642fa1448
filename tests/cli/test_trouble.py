"""A disk that is full, a folder that cannot be written to, a run of an older version: one line, and nothing is lost."""

import dataclasses
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.generate.small_run import small_config, small_parts
from tests.synthetic_character import build_tube_character

from clipmatrix import durable
from clipmatrix.cli.app import run
from clipmatrix.config import RunConfig
from clipmatrix.errors import ExportError, RunError
from clipmatrix.export.gltf import write_glb
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting, loop
from clipmatrix.generate.events import Step
from clipmatrix.generate.loop import stream
from clipmatrix.runs import directory
from clipmatrix.runs.directory import Run, begin_run


class FullDisk:
    """Refuses to force anything to the disk while it is full, as the system does when the last block is taken."""

    def __init__(self) -> None:
        self.is_full, self._fsync = False, os.fsync

    def __call__(self, handle: int) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._fsync(handle)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that the command line begins have a tube for a body, and films of a twelfth of a second."""
    film = TurntableConfig(parts=(Part("poses", 0.1),), size=16)
    monkeypatch.setattr(exporting, "film_config", lambda config: film)
    monkeypatch.setattr(loop, "load_parts", small_parts)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[FullDisk]:
    """The disk, which has room at first."""
    found = FullDisk()
    monkeypatch.setattr(durable.os, "fsync", found)
    yield found
    found.is_full = False


def _config() -> RunConfig:
    return dataclasses.replace(small_config(steps=6), resolution=32, save_every_s=0.0)


def _fill_at(step: int, out: Path, disk: FullDisk) -> None:
    for event in stream(_config(), out, small_parts(_config())):
        if isinstance(event, Step) and event.step == step:
            disk.is_full = True


def _line(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The only line of a call that must fail with exit code 2."""
    assert run(list(arguments)) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("clipmatrix: error")]
    assert len(lines) == 1
    return lines[0]


def _files(path: Path) -> dict[str, bytes]:
    return {str(item.relative_to(path)): item.read_bytes() for item in sorted(path.rglob("*")) if item.is_file()}


def _results(path: Path) -> dict[str, bytes]:
    kept = ("best.safetensors", "model.glb", "albedo.png", "step_000006.safetensors")
    return {name: data for name, data in _files(path).items() if name.rsplit("/", 1)[-1] in kept}


def test_a_disk_that_is_full_is_told_before_anything_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "free_bytes", lambda path: 3e6)
    said = _line(capsys, "create", "a man", "--clip", "fake", "--out", str(tmp_path / "run"))
    assert "3 MB are free" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 4, 6])
def test_a_disk_that_fills_up_loses_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, disk: FullDisk, step: int
) -> None:
    """The run ends with a hint; with room again it is resumed, and ends with the bytes of a run without trouble."""
    list(stream(_config(), tmp_path / "whole", small_parts(_config())))
    out = tmp_path / "run"
    with pytest.raises((RunError, ExportError)) as caught:
        _fill_at(step, out, disk)
    said = str(caught.value)
    assert "make room on that disk" in said
    assert said.endswith(f"clipmatrix create --resume {out}")
    assert "\n" not in said
    assert not [name for name in _files(out) if "/." in f"/{name}"]
    assert "make room" in _line(capsys, "create", "--resume", str(out))
    disk.is_full = False
    assert run(["create", "--resume", str(out)]) == 0
    assert _results(out) == _results(tmp_path / "whole")
    assert len(_results(out)) == 4


def test_a_run_that_cannot_be_written_to_is_left_as_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is root may write anywhere, so the system's answer is replaced."""
    events = stream(_config(), tmp_path / "run", small_parts(_config()))
    while not isinstance(next(events), Step):
        pass
    events.close()
    before = _files(tmp_path)
    access = os.access
    monkeypatch.setattr(directory.os, "access", lambda path, mode: not mode & os.W_OK and access(path, mode))
    assert "cannot be written to" in _line(capsys, "create", "--resume", str(tmp_path / "run"))
    said = _line(capsys, "create", "a man", "--clip", "fake", "--out", str(tmp_path / "new" / "run"))
    assert "cannot be written to" in said
    assert run(["inspect", str(tmp_path / "run" / "result" / "model.glb")]) in (0, 1)
    assert _files(tmp_path) == before


def test_runs_of_older_versions_say_what_they_lack_and_still_open(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One with a setting that is gone, and one that took steps and kept no state; each with its model."""
    for name, settings in (("gone", "seed: 1\nwarp_drive: 2\n"), ("stateless", "seed: 1\nprompts:\n- text: a man\n")):
        old = begin_run(tmp_path / name, settings, {})
        old.write_event({"event": "started", "step": 0})
        old.write_event({"event": "step", "step": 3})
        old.checkpoint_path(3).write_bytes(b"of a format that is no longer read")
        write_glb(old.glb_path, build_tube_character())
    before = _files(tmp_path)
    assert "config.yaml:2" in _line(capsys, "create", "--from", str(tmp_path / "gone"))
    assert "as older versions do" in _line(capsys, "create", "--resume", str(tmp_path / "gone"))
    assert "as older versions do" in _line(capsys, "create", "--resume", str(tmp_path / "stateless"))
    assert run(["inspect", str(tmp_path / "gone")]) == 0
    assert "edges" in capsys.readouterr().out
    assert _files(tmp_path) == before


def test_a_state_of_another_version_is_refused_and_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    events = stream(_config(), tmp_path, small_parts(_config()))
    while not isinstance(next(events), Step):
        pass
    events.close()
    state = Run(tmp_path).state_path
    state.write_bytes(state.read_bytes().replace(b'\\"format\\": ', b'\\"format\\":9'))
    before = _files(tmp_path)
    said = _line(capsys, "create", "--resume", str(tmp_path))
    assert "has format 9" in said
    assert "--from" in said
    assert _files(tmp_path) == before
