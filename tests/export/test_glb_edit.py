"""A clip added to a GLB: the rest of the file stays, the clip plays as made, and a name stands for one clip only."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.glb_reader import read_glb
from tests.synthetic_character import build_tube_character

from clipmatrix.bodies.clips import Clip
from clipmatrix.errors import ExportError
from clipmatrix.export.character import pose_vertices
from clipmatrix.export.glb_edit import write_with_clip
from clipmatrix.export.gltf import write_glb
from clipmatrix.export.motion import Motion
from clipmatrix.export.reading import read_character


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_glb(tmp_path / "model.glb", build_tube_character())
    return tmp_path / "model.glb"


def _added(model: Path, clip: Clip) -> None:
    found = read_character(model)
    write_with_clip(model, found.file, found.character.rig, found.joint_nodes, clip)


def _renamed(clip: Clip, name: str) -> Clip:
    return Clip(name, clip.times, clip.joint_rotations, clip.root_translation)


def test_a_character_comes_back_from_its_file(model: Path) -> None:
    made, read = build_tube_character(), read_character(model).character
    assert read.mesh.vertices.shape == made.mesh.vertices.shape
    assert read.rig.joint_names == made.rig.joint_names
    assert read.extras == made.extras
    assert np.array_equal(read.albedo_srgb, made.albedo_srgb)
    for ours, theirs in zip(made.clips, read.clips, strict=True):
        motion = Motion(theirs.joint_rotations, theirs.root_translation)
        posed = pose_vertices(read, motion).numpy()
        wanted = pose_vertices(made, Motion(ours.joint_rotations, ours.root_translation)).numpy()
        for frame in range(len(posed)):
            # Vertices come back in another order.
            order = [np.lexsort(points[frame].round(4).T) for points in (posed, wanted)]
            np.testing.assert_allclose(posed[frame][order[0]], wanted[frame][order[1]], atol=2e-4)


def test_an_added_clip_plays_as_it_was_made_and_the_others_stay(model: Path) -> None:
    before = read_glb(model.read_bytes())
    clip = _renamed(build_tube_character().clips[0], "mine")
    _added(model, clip)
    after = read_glb(model.read_bytes())
    assert [a["name"] for a in after.document["animations"]] == ["wave", "twist", "mine"]
    for time in (0.0, 0.3, 1.1):
        np.testing.assert_allclose(after.posed_positions("mine", time), before.posed_positions("wave", time), atol=1e-5)
        np.testing.assert_array_equal(after.posed_positions("twist", time), before.posed_positions("twist", time))
    assert {k: v for k, v in after.document.items() if k in ("meshes", "skins", "materials", "nodes")} == {
        k: v for k, v in before.document.items() if k in ("meshes", "skins", "materials", "nodes")
    }


def test_a_clip_of_the_same_name_is_replaced_and_leaves_no_rest(model: Path) -> None:
    twist = build_tube_character().clips[1]
    _added(model, _renamed(twist, "mine"))
    size = model.stat().st_size
    for _ in range(3):
        _added(model, _renamed(twist, "mine"))
    assert model.stat().st_size == size
    after = read_glb(model.read_bytes())
    assert [a["name"] for a in after.document["animations"]] == ["wave", "twist", "mine"]
    np.testing.assert_allclose(after.posed_positions("mine", 0.4), after.posed_positions("twist", 0.4), atol=1e-6)


def test_a_clip_that_stands_still_is_refused_and_the_file_stays(model: Path) -> None:
    before = model.read_bytes()
    still = Clip("still", torch.arange(3) / 30, torch.eye(3).expand(3, 5, 3, 3).clone(), torch.zeros(3, 3))
    with pytest.raises(ExportError, match="stands still"):
        _added(model, still)
    assert model.read_bytes() == before
    assert [path.name for path in model.parent.iterdir()] == ["model.glb"]


def test_damaged_models_are_one_line(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:5000])
    with pytest.raises(ExportError, match="no sound character file"):
        read_character(model)
