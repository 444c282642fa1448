"""What real glTF clients find in our files: the Khronos validator, three.js in a browser, Blender, trimesh."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from tests.clients.conftest import Sample
from tests.glb_reader import read_glb
from tests.humanoid_character import build_humanoid_character

from clipmatrix.export.budget import pack_within
from clipmatrix.export.character import Character
from clipmatrix.export.glb_edit import with_clip, without_animation
from clipmatrix.export.glb_material import CODECS, Codec, TextureFormat
from clipmatrix.export.gltf import GlbOptions, pack_glb
from clipmatrix.export.group import pack_group
from clipmatrix.export.humanoid import renamed, reposed
from clipmatrix.geometry.glb_file import pack_glb_file, parse_glb

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


def _options() -> dict[str, Callable[[Character], bytes]]:
    formats = {
        f"{codec} with lights": lambda one, codec=codec: pack_glb(
            one, GlbOptions(TextureFormat(codec), has_lights=True)
        )
        for codec in CODECS
    }
    return {
        "plain": pack_glb,
        **formats,
        "vrm names": lambda one: pack_glb(renamed(one, "vrm")),
        "mixamo names": lambda one: pack_glb(renamed(one, "mixamo")),
        "a pose": lambda one: pack_glb(reposed(one, "a")),
        "t pose": lambda one: pack_glb(reposed(one, "t")),
        "budget": lambda one: pack_within(one, int(0.8 * len(pack_glb(one)))).data,
        "no clips, no face": lambda one: pack_glb(replace(one, clips=(), morphs=(), normal_map=None)),
        "edited": _edited,
        "two figures": lambda one: pack_group([one, renamed(one, "mixamo")]),
    }


def _edited(character: Character) -> bytes:
    """With one clip replaced by another."""
    clip = character.clips[0]
    file = without_animation(parse_glb(pack_glb(character)), clip.name)
    return pack_glb_file(with_clip(file, character.rig, list(range(len(character.rig.parents))), clip))


@pytest.mark.client
@pytest.mark.parametrize("option", _options())
def test_the_validator_finds_nothing_wrong_with_any_option(
    option: str, tmp_path: Path, run_node: Callable[..., Any]
) -> None:
    path = tmp_path / "model.glb"
    path.write_bytes(_options()[option](build_humanoid_character()))
    issues = run_node("validate.mjs", str(path))["issues"]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


@pytest.mark.client
@pytest.mark.parametrize("codec", CODECS)
def test_three_js_finds_all_maps_lights_and_actions(
    codec: Codec, tmp_path: Path, run_three: Callable[..., Any]
) -> None:
    character = build_humanoid_character()
    path = tmp_path / "model.glb"
    path.write_bytes(pack_glb(character, GlbOptions(TextureFormat(codec), has_lights=True)))
    found = run_three(path, [{"clip": None, "time": 0.0}], "three_page.mjs")
    assert found["complaints"] == []
    assert found["material"]["maps"] == ["map", "normalMap", "metalnessMap", "roughnessMap"]
    assert found["hasTangents"]
    assert found["lights"] == ["DirectionalLight"] * 3
    assert found["morphs"] == [morph.name for morph in character.morphs]


@pytest.mark.client
def test_three_js_shows_and_poses_it(sample: Sample, run_three: Callable[..., Any]) -> None:
    found = run_three(sample.path, sample.moment_list, "three_page.mjs")
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
        [
            blender_python,
            str(script),
            str(sample.path),
            str(answer),
            json.dumps(sample.moment_list),
            str(tmp_path / "again.glb"),
        ],
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
    # The first shape key is the bind pose.
    assert found["shapeKeys"][1:] == [morph.name for morph in sample.character.morphs]
    _check_positions(sample, found["positions"])
    _check_exported_again(sample, tmp_path / "again.glb", found["turned"])


def _check_exported_again(sample: Sample, path: Path, turned: str) -> None:
    """What Blender wrote is the same rig with the same clips, one joint turned."""
    document = read_glb(path.read_bytes()).document
    rig = sample.character.rig
    names = {document["nodes"][node]["name"] for node in document["skins"][0]["joints"]}
    assert set(rig.joint_names) <= names
    assert len(document["animations"]) == len(sample.character.clips)
    node = next(node for node in document["nodes"] if node.get("name") == turned)
    assert abs(node.get("rotation", (0, 0, 0, 1))[3]) < 0.9


def test_trimesh_loads_it(sample: Sample) -> None:
    scene = trimesh.load(sample.path, process=False)
    (mesh,) = scene.geometry.values()
    assert mesh.faces.shape == sample.character.mesh.faces.shape
    corners = sample.character.mesh.vertices[sample.character.mesh.faces].numpy()
    np.testing.assert_allclose(mesh.triangles, corners, atol=1e-6)
    assert mesh.visual.material.baseColorTexture.size == sample.character.albedo_srgb.shape[1::-1]
