"""The health of runs: what is measured against, what a report says, and what older runs still tell."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from tests.bodies.test_mesh_body import write_obj
from tests.generate.small_run import small_config, small_parts
from tests.geometry.test_welds import BOX, CORNERS
from tests.toy_body import build_toy_body

from clipmatrix.bodies.mesh_body import load_mesh
from clipmatrix.errors import ClipMatrixError, RunError
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting, health
from clipmatrix.generate.events import Inspected
from clipmatrix.generate.health import inspect_run, inspect_scene
from clipmatrix.generate.loop import stream
from clipmatrix.runs.directory import Run, begin_run
from clipmatrix.scene.config import SceneConfig
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tube for a body, and a tenth of a second of film."""
    film = TurntableConfig(parts=(Part("poses", 0.1),), size=16)
    monkeypatch.setattr(exporting, "film_config", lambda config: film)
    monkeypatch.setattr(health, "load_figures", lambda *settings: build_toy_body())


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A finished run of two steps."""
    config = small_config(steps=2)
    assert any(isinstance(event, Inspected) for event in stream(config, tmp_path / "run", small_parts(config)))
    return Run(tmp_path / "run")


def test_every_run_reports_its_health(run: Run) -> None:
    report = json.loads(run.health_path.read_text())
    assert report["is_healthy"]
    assert report == inspect_run(run.path).record()
    assert len(report["verdicts"]) == 8


def test_shapes_are_measured_against_the_bare_body_of_the_same_shape() -> None:
    body, config = build_toy_body(), small_config().scene
    fat = dataclasses.replace(neutral_start(body), shape=torch.tensor([0.75, 1.9]))
    found = inspect_scene(Scene(body, fat, config), body)
    assert found.is_healthy
    assert next(verdict.value for verdict in found.verdicts if verdict.name == "edges") == pytest.approx(1.0)
    spiky = dataclasses.replace(fat, offset=torch.randn(body.template.vertices.shape))
    assert not inspect_scene(Scene(body, spiky, config), body).is_healthy


def test_runs_of_older_versions_are_judged_by_their_model(run: Run) -> None:
    run.config_path.write_text("steps: 2\nwarp_drive: 9\n")
    assert [verdict.name for verdict in inspect_run(run.path).verdicts][1] == "flipped"
    run.best_path.write_bytes(b"nonsense")
    assert inspect_run(run.path).is_healthy
    run.glb_path.unlink()
    with pytest.raises(ClipMatrixError, match="warp_drive"):
        inspect_run(run.path)


def test_runs_without_anything_say_so(tmp_path: Path) -> None:
    begin_run(tmp_path / "new", "seed: 1\n", {})
    with pytest.raises(RunError, match="no checkpoint and no model yet"):
        inspect_run(tmp_path / "new")
    with pytest.raises(RunError, match="is no folder"):
        inspect_run(tmp_path / "none")


def test_open_surfaces_are_measured_by_their_fronts(tmp_path: Path) -> None:
    """A box without a lid has back faces for its pictures; with them it would enclose nothing."""
    pytest.importorskip("trimesh")
    pytest.importorskip("xatlas")
    body = load_mesh(write_obj(tmp_path / "open.obj", CORNERS, BOX[:-2]))
    assert body.welds is not None
    assert len(body.template.faces) == 2 * len(body.welds.faces)
    scene = Scene(body, neutral_start(body), SceneConfig(texture_size=32))
    volume = next(verdict for verdict in inspect_scene(scene, body).verdicts if verdict.name == "volume")
    assert volume.is_healthy
    assert volume.value == pytest.approx(1.0)
