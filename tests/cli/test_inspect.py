"""``inspect``, ``doctor``, and the options that go on with runs: lines and exit codes."""

import json
from pathlib import Path

import pytest
import torch
from tests.synthetic_character import build_tube_character

from clipmatrix.cli.app import run
from clipmatrix.export.gltf import write_glb
from clipmatrix.generate import checkup
from clipmatrix.generate.checkup import check_up
from clipmatrix.runs.directory import begin_run


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    """A sound model."""
    write_glb(tmp_path / "model.glb", build_tube_character())
    return tmp_path / "model.glb"


@pytest.fixture
def crumpled(tmp_path: Path) -> Path:
    """A model that was crumpled."""
    character = build_tube_character()
    noise = 0.2 * torch.randn(character.mesh.vertices.shape, generator=torch.Generator().manual_seed(0))
    character.mesh.vertices.add_(noise)
    write_glb(tmp_path / "crumpled.glb", character)
    return tmp_path / "crumpled.glb"


def test_healthy_models_exit_with_0_and_others_with_1(
    capsys: pytest.CaptureFixture[str], healthy: Path, crumpled: Path
) -> None:
    assert run(["inspect", str(healthy)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "healthy"
    assert all(line.startswith("ok ") for line in lines[:-1])
    assert run(["inspect", str(crumpled)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "not healthy"
    assert any(line.startswith("BAD  flipped") for line in lines)


def test_verdicts_as_json(capsys: pytest.CaptureFixture[str], crumpled: Path) -> None:
    assert run(["inspect", "--json", str(crumpled)]) == 1
    record = json.loads(capsys.readouterr().out)
    assert not record["is_healthy"]
    assert {"name", "value", "is_healthy", "line"} == set(record["verdicts"][0])


@pytest.mark.parametrize("name", ["missing.glb", "text.glb", "."])
def test_what_cannot_be_inspected_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.glb").write_text("hello")
    assert run(["inspect", name]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)


def test_resuming_takes_no_other_settings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    begin_run(tmp_path / "run", "seed: 1\n", {})
    for extra in (["a man"], ["--seed", "3"], ["--out", "x"], ["--from", str(tmp_path / "run")]):
        assert run(["create", *extra, "--resume", str(tmp_path / "run")]) == 2
        assert "takes everything from" in capsys.readouterr().err


def test_what_cannot_be_resumed_or_repeated_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    old = begin_run(tmp_path / "old", "seed: 1\nwarp_drive: 2\n", {})
    for arguments in (
        ["--resume", "none"],
        ["--resume", "."],
        ["--resume", "old"],
        ["--from", "none"],
        ["--from", "old"],
    ):
        assert run(["create", *arguments]) == 2
        err = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("loading")]
        assert len(err) == 1
    assert old.read_events() == []
    assert run(["create", "--from", "old", "--quality", "fine"]) == 2
    assert "leave out" in capsys.readouterr().err
    assert sorted(item.name for item in tmp_path.iterdir()) == ["old"]


def test_the_doctor_finds_this_machine_fit(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["doctor", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[1] for line in lines if line.startswith("ok ")]
    assert names == ["versions", "processor", "threads", "graphics", "encoders", "video", "disk"]
    assert lines[-1] == "all is well"
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkup, "free_bytes", lambda path: 5e6)
    monkeypatch.setattr(checkup, "has_encoder", lambda: False)
    monkeypatch.setattr(checkup, "local_weights", lambda name: [])
    assert run(["doctor", "--quick"]) == 1
    out = capsys.readouterr().out
    assert out.count("BAD") == 3
    assert "make room" in out
    assert "pip install --force-reinstall av" in out
    assert out.splitlines()[-1] == "3 to mend"


@pytest.mark.slow
def test_the_self_test_runs_and_tells_its_speed(tmp_path: Path) -> None:
    last = list(check_up(tmp_path, 0.5))[-1]
    assert (last.name, last.is_good) == ("self-test", True)
    assert "ms a draft step" in last.text
