"""What real glTF clients find in our files: the Khronos validator, three.js in a browser, Blender, trimesh."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from tests.clients.conftest import Sample

SHARE_OF_HEIGHT = 1e-4
"""How far from ours a client may put a vertex."""


def _check_positions(sample: Sample, found: list[list[float]]) -> None:
    ours = sample.positions()
    theirs = np.array(found).reshape(len(sample.moments), -1, 3)
    assert theirs.shape == ours.shape
    distances = np.linalg.norm(theirs - ours, axis=-1).max(axis=1)
    assert (distances < SHARE_OF_HEIGHT * sample.height).all(), distances
    moved = np.linalg.norm(ours[1:] - ours[:1], axis=-1).max(axis=1)
    assert (moved > 0.02).all(), "the moments should show other poses than the bind pose"


@pytest.mark.client
def test_the_validator_finds_nothing_wrong(sample: Sample, run_node: Callable[..., Any]) -> None:
    report = run_node("validate.mjs", str(sample.path))
    issues = report["issues"]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]
    assert report["info"]["animationCount"] == len(sample.character.clips)
    assert report["info"]["hasSkins"]
    assert report["info"]["hasTextures"]
    assert report["info"]["maxInfluences"] == 4


@pytest.mark.client
def test_three_js_shows_and_poses_it(sample: Sample, run_node: Callable[..., Any], chromium: str) -> None:
    found = run_node("three.mjs", str(sample.path), chromium, sample.moments_json)
    character = sample.character
    assert found["complaints"] == []
    assert found["numSkinnedMeshes"] == 1
    assert tuple(found["boneNames"]) == character.rig.joint_names
    height, width = character.albedo_srgb.shape[:2]
    assert found["texture"] == {"width": width, "height": height}
    assert found["material"]["roughness"] == pytest.approx(character.roughness)
    assert found["material"]["metalness"] == pytest.approx(character.metallic)
    assert {clip["name"]: pytest.approx(clip["duration"], abs=1e-4) for clip in found["clips"]} == {
        clip.name: float(clip.times[-1]) for clip in character.clips
    }
    assert found["extras"]["prompts"] == list(character.extras.prompts)
    assert 0.01 < found["drawnShare"] < 0.9
    _check_positions(sample, found["positions"])


@pytest.mark.client
def test_blender_imports_and_poses_it(sample: Sample, blender_python: str, tmp_path: Path) -> None:
    # Blender interpolates the four numbers of a quaternion one by one: only the keys are everybody's.
    sample = sample.at_keys()
    script = Path(__file__).parent / "blender_import.py"
    answer = tmp_path / "answer.json"
    done = subprocess.run(
        [blender_python, str(script), str(sample.path), str(answer), sample.moments_json],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(answer.read_text())
    rig = sample.character.rig
    assert (found["numArmatures"], found["numMeshes"]) == (1, 1)
    parents = {
        name: rig.joint_names[parent] if parent >= 0 else None
        for name, parent in zip(rig.joint_names, rig.parents, strict=True)
    }
    assert found["boneParents"] == parents
    assert set(found["groupNames"]) == set(rig.joint_names)
    assert found["uvLayers"] == ["UVMap"]
    height, width = sample.character.albedo_srgb.shape[:2]
    assert found["imageSizes"] == [[width, height]]
    assert found["actionNames"] == sorted(clip.name for clip in sample.character.clips)
    _check_positions(sample, found["positions"])


def test_trimesh_loads_it(sample: Sample) -> None:
    scene = trimesh.load(sample.path, process=False)
    (mesh,) = scene.geometry.values()
    assert mesh.faces.shape == sample.character.mesh.faces.shape
    corners = sample.character.mesh.vertices[sample.character.mesh.faces].numpy()
    np.testing.assert_allclose(mesh.triangles, corners, atol=1e-6)
    assert mesh.visual.material.baseColorTexture.size == sample.character.albedo_srgb.shape[1::-1]
