"""``export``: files of every format, and mistakes as one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from tests.cli.motion_run import build_motion_run
from tests.glb_reader import read_glb

from clipmatrix.cli.app import run
from clipmatrix.runs.directory import Run


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return build_motion_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("glb", {"export.glb"}),
        ("obj", {"model.obj", "model.mtl", "model.png"}),
        ("ply", {"model.ply"}),
        ("stl", {"model.stl"}),
        ("3mf", {"model.3mf"}),
        ("usdz", {"model.usdz"}),
    ],
)
def test_every_format_is_written_beside_the_model(
    capsys: pytest.CaptureFixture[str], made: Run, kind: str, files: set[str]
) -> None:
    before = made.glb_path.read_bytes()
    assert run(["export", "run", "--format", kind]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines()[-1].split(maxsplit=1)[0] == "file"
    assert {path.name for path in made.result_path.iterdir()} == files | {"model.glb"}
    assert made.glb_path.read_bytes() == before


def test_the_ending_decides_where_no_format_is_named(made: Run) -> None:
    assert run(["export", "run", "--out", "deep/figure.stl", "--height", "80"]) == 0
    found: Any = trimesh.load("deep/figure.stl")
    assert float(np.ptp(found.vertices[:, 2])) == pytest.approx(80.0, abs=1e-2)


def test_a_glb_for_an_engine(capsys: pytest.CaptureFixture[str], made: Run) -> None:
    arguments = ["--names", "vrm", "--rest", "t", "--textures", "jpeg", "--no-face", "--lights", "--texture-size", "32"]
    assert run(["export", "run", *arguments, "--max-mb", "3"]) == 0
    glb = read_glb((made.result_path / "export.glb").read_bytes())
    names = {node["name"] for node in glb.document["nodes"]}
    assert {"leftUpperArm", "light_key"} <= names
    assert "targets" not in glb.document["meshes"][0]["primitives"][0]
    assert glb.document["images"][0]["mimeType"] == "image/jpeg"
    assert glb.document["asset"]["extras"]["recipe"]["seed"] == 3
    assert capsys.readouterr().out.startswith("size ")


def test_a_budget_says_what_was_given_up(capsys: pytest.CaptureFixture[str], made: Run) -> None:
    size = made.glb_path.stat().st_size / 1e6
    assert run(["export", "run", "--max-mb", f"{0.7 * size:.4f}"]) == 0
    assert "given up       every second key frame alone" in capsys.readouterr().out
    assert (made.result_path / "export.glb").stat().st_size <= 0.7e6 * size


def test_a_still_pose_with_a_face(made: Run) -> None:
    assert run(["export", "run", "--format", "ply", "--out", "rest.ply"]) == 0
    assert run(["export", "run", "--format", "ply", "--out", "a.ply", "--clip", "wave", "--time", "1.2"]) == 0
    assert run(["export", "run", "--out", "b.ply", "--face", "jawOpen=1", "--face", "browInnerUp=0.5"]) == 0
    rest, posed, face = (trimesh.load(name, process=False).vertices for name in ("rest.ply", "a.ply", "b.ply"))
    assert np.abs(posed - rest).max() > 0.3
    assert 0.01 < np.abs(face - rest).max() < 0.05


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "a.fbx"], "ends in one of glb, obj"),
        (["--format", "stl", "--out", "a.obj"], "ends in .stl"),
        (["--format", "stl", "--lights"], "--lights is for glb"),
        (["--format", "obj", "--max-mb", "3"], "--max-mb is for glb"),
        (["--format", "glb", "--height", "100"], "--height is for stl, 3mf"),
        (["--format", "glb", "--face", "jawOpen"], "--face is for obj"),
        (["--format", "ply", "--face", "jawOpen=wide"], "written like jawOpen=0.6"),
        (["--format", "ply", "--face", "smile=1"], "jawOpen, browInnerUp"),
        (["--format", "stl", "--clip", "fly"], 'walk, wave, found "fly"'),
        (["--format", "usdz", "--clip", "fly"], 'walk, wave, found "fly"'),
        (["--format", "usdz", "--textures", "webp"], "PNG or JPEG"),
        (["--texture-quality", "0"], "from 1 to 100"),
        (["--texture-size", "9"], "from 16 to 8192"),
        (["--max-mb", "0"], "above 0 MB"),
        (["--max-mb", "0.001"], "the bare character takes"),
        (["--format", "3mf", "--height", "1"], "from 5 to 2000 mm"),
        (["--out", "run/result/model.glb"], "what the run's exports are made from"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    capsys: pytest.CaptureFixture[str], made: Run, arguments: list[str], said: str
) -> None:
    before = sorted(Path.cwd().rglob("*"))
    assert run(["export", "run", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert said in err
    assert sorted(Path.cwd().rglob("*")) == before


def test_a_run_without_a_model_is_one_line(capsys: pytest.CaptureFixture[str], made: Run) -> None:
    made.glb_path.unlink()
    assert run(["export", "run"]) == 2
    assert "let the run finish first" in capsys.readouterr().err
