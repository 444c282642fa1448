import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.glb_reader import Glb, read_glb
from tests.synthetic_character import JOINT_NAMES, build_tube_character

from clipmatrix.bodies.clips import Clip
from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character, pose_vertices
from clipmatrix.export.gltf import continuous_quats, pack_glb, skin_attributes, split_seams, write_glb
from clipmatrix.export.images import framing, render_views, studio_lights
from clipmatrix.export.motion import sample_clip
from clipmatrix.geometry.mesh import Mesh, vertex_normals
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import orbit


@pytest.fixture(scope="module")
def character() -> Character:
    return build_tube_character()


@pytest.fixture(scope="module")
def glb(character: Character) -> Glb:
    return read_glb(pack_glb(character))


def test_every_corner_keeps_its_vertex_and_its_uv_point(character: Character, glb: Glb) -> None:
    mesh, attributes = character.mesh, glb.attributes
    assert np.array_equal(attributes["POSITION"][glb.triangles], mesh.vertices[mesh.faces].numpy())
    assert np.array_equal(attributes["TEXCOORD_0"][glb.triangles], mesh.uvs[mesh.face_uvs].numpy())


def test_vertices_are_split_at_the_seam_only(character: Character) -> None:
    """Twelve sides and one seam: thirteen uv columns on nine rings, and a pole at each end."""
    split = split_seams(character.mesh)
    assert len(split.vertex_ids) == 13 * 9 + 2
    assert len(set(zip(split.vertex_ids.tolist(), split.uv_ids.tolist(), strict=True))) == len(split.vertex_ids)


def test_normals_are_smooth_across_the_seam(character: Character, glb: Glb) -> None:
    split = split_seams(character.mesh)
    expected = vertex_normals(character.mesh.vertices, character.mesh.faces).numpy()[split.vertex_ids]
    np.testing.assert_allclose(glb.attributes["NORMAL"], expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(glb.attributes["NORMAL"], axis=1), 1, atol=1e-6)


def test_weights_sum_to_exactly_one_and_name_no_joint_twice(character: Character) -> None:
    joints, weights = skin_attributes(character.rig)
    assert joints.dtype == np.uint8
    assert np.array_equal(((weights[:, 3] + weights[:, 2]) + weights[:, 1]) + weights[:, 0], np.ones(len(weights)))
    assert not joints[weights == 0].any()
    for ids, strengths in zip(joints, weights, strict=True):
        used = ids[strengths > 0]
        assert len(set(used.tolist())) == len(used)


def test_weights_mean_what_the_rig_means(character: Character) -> None:
    joints, weights = skin_attributes(character.rig)
    written = torch.zeros(len(joints), 5).scatter_add_(1, torch.from_numpy(joints).long(), torch.from_numpy(weights))
    wanted = torch.zeros(len(joints), 5).scatter_add_(1, character.rig.joint_ids, character.rig.joint_weights)
    torch.testing.assert_close(written, wanted, atol=2e-6, rtol=0)


def test_bounds_are_those_of_the_values(glb: Glb) -> None:
    bounded = [index for index, accessor in enumerate(glb.document["accessors"]) if "min" in accessor]
    for index in bounded:
        rows = glb.accessor(index).reshape(glb.document["accessors"][index]["count"], -1)
        assert np.array_equal(np.array(glb.document["accessors"][index]["min"], rows.dtype), rows.min(axis=0))
        assert np.array_equal(np.array(glb.document["accessors"][index]["max"], rows.dtype), rows.max(axis=0))
    assert glb.document["meshes"][0]["primitives"][0]["attributes"]["POSITION"] in bounded


def test_views_are_aligned_and_say_what_they_are_for(glb: Glb) -> None:
    assert all(view["byteOffset"] % 4 == 0 for view in glb.document["bufferViews"])
    primitive = glb.document["meshes"][0]["primitives"][0]
    views = [glb.document["accessors"][index]["bufferView"] for index in primitive["attributes"].values()]
    assert {glb.document["bufferViews"][view]["target"] for view in views} == {34962}
    indices = glb.document["accessors"][primitive["indices"]]["bufferView"]
    assert glb.document["bufferViews"][indices]["target"] == 34963


def test_bind_pose_of_the_nodes_is_the_rest_mesh(character: Character, glb: Glb) -> None:
    rest = character.mesh.vertices.numpy()[split_seams(character.mesh).vertex_ids]
    np.testing.assert_allclose(glb.posed_positions(None, 0.0), rest, atol=1e-6)


@pytest.mark.parametrize("time", [0.0, 0.1, 0.25, 0.61, 0.9])
@pytest.mark.parametrize("clip_id", [0, 1])
def test_poses_between_keys_are_our_own(character: Character, glb: Glb, clip_id: int, time: float) -> None:
    clip = character.clips[clip_id]
    ours = pose_vertices(character, sample_clip(clip, torch.tensor([time])))[0]
    theirs = glb.posed_positions(clip.name, time)
    np.testing.assert_allclose(theirs, ours.numpy()[split_seams(character.mesh).vertex_ids], atol=2e-6)
    assert np.abs(theirs - glb.posed_positions(None, 0.0)).max() > 0.05 or time == 0.0


def test_only_what_moves_has_channels(glb: Glb) -> None:
    targets = {
        animation["name"]: {
            (glb.document["nodes"][channel["target"]["node"]]["name"], channel["target"]["path"])
            for channel in animation["channels"]
        }
        for animation in glb.document["animations"]
    }
    assert targets == {
        "wave": {("spine.001", "rotation"), ("arm L", "rotation"), ("root", "translation")},
        "twist": {("spine.002", "rotation")},
    }


def test_a_clip_that_stands_still_is_left_out(character: Character) -> None:
    still = Clip("still", torch.tensor([0.0, 1.0]), torch.eye(3).repeat(2, 5, 1, 1), torch.zeros(2, 3))
    alone = read_glb(pack_glb(replace(character, clips=(still,))))
    assert "animations" not in alone.document


def test_quaternions_never_jump_to_the_other_hemisphere(glb: Glb) -> None:
    for animation in glb.document["animations"]:
        for channel in animation["channels"]:
            values = glb.accessor(animation["samplers"][channel["sampler"]]["output"])
            if channel["target"]["path"] == "rotation":
                assert ((values[1:] * values[:-1]).sum(axis=1) > 0).all()
                np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-6)


def test_continuous_quats_only_change_signs() -> None:
    angles = np.linspace(0, 4 * np.pi, 17)
    turning = np.stack([np.sin(angles / 2), 0 * angles, 0 * angles, np.cos(angles / 2)], axis=-1)[:, None]
    signs = np.where(np.arange(17) % 3 == 0, -1.0, 1.0)[:, None, None]
    np.testing.assert_allclose(continuous_quats(turning * signs), turning, atol=1e-12)


def test_names_material_texture_and_provenance(character: Character, glb: Glb) -> None:
    document = glb.document
    assert tuple(document["nodes"][node]["name"] for node in document["skins"][0]["joints"]) == JOINT_NAMES
    assert document["materials"][0]["pbrMetallicRoughness"]["roughnessFactor"] == 0.6
    assert document["materials"][0]["pbrMetallicRoughness"]["metallicFactor"] == 0.25
    picture = np.asarray(Image.open(io.BytesIO(glb.view(document["images"][0]["bufferView"]))))
    assert np.array_equal(picture, character.albedo_srgb)
    assert document["asset"]["generator"] == "ClipMatrix test"
    assert document["asset"]["extras"]["prompts"] == ["a striped tube"]
    assert document["asset"]["extras"]["seed"] == 7


def test_the_same_character_gives_the_same_bytes(character: Character) -> None:
    assert pack_glb(character) == pack_glb(build_tube_character())


@pytest.mark.slow
def test_rendered_from_the_file_it_is_our_own_picture(character: Character, glb: Glb) -> None:
    """What the file holds, posed by the reader and welded again at the seam, is drawn as the character itself is."""
    moment, azimuth = sample_clip(character.clips[0], torch.tensor([0.4])), torch.tensor([0.5])
    target, distance = framing(pose_vertices(character, moment), azimuth, torch.zeros(1))
    cameras = orbit(target[None], azimuth, torch.zeros(1), distance, torch.full((1,), 0.5))
    positions = torch.from_numpy(glb.posed_positions("wave", 0.4)).float()
    _, first, welded = np.unique(glb.attributes["POSITION"], axis=0, return_index=True, return_inverse=True)
    triangles = torch.from_numpy(glb.triangles)
    reread = replace(
        character,
        mesh=Mesh(
            positions[torch.from_numpy(first)],
            torch.from_numpy(welded.reshape(-1))[triangles],
            torch.from_numpy(glb.attributes["TEXCOORD_0"].copy()),
            triangles,
        ),
        rig=replace(
            character.rig,
            joint_ids=torch.zeros(len(first), 1, dtype=torch.int64),
            joint_weights=torch.ones(len(first), 1),
        ),
    )
    still = replace(moment, joint_rotations=torch.eye(3).repeat(1, 5, 1, 1), root_translation=torch.zeros(1, 3))
    size = ImageSize(96, 96)
    ours = render_views(character, cameras, studio_lights(azimuth), moment, size).astype(int)
    theirs = render_views(reread, cameras, studio_lights(azimuth), still, size).astype(int)
    assert ours.std() > 10
    assert np.mean(np.abs(ours - theirs) > 1) < 1e-3


def _with_rig(change: Callable[[torch.Tensor], torch.Tensor], field: str) -> Character:
    character = build_tube_character()
    return replace(character, rig=replace(character.rig, **{field: change(getattr(character.rig, field))}))


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda: _with_rig(lambda m: torch.diag(torch.tensor([2.0, 2, 2, 1])) @ m, "joint_from_bind"), "'root' scaled"),
        (lambda: _with_rig(lambda w: w * 0.5, "joint_weights"), "sum to one"),
        (lambda: _with_rig(lambda w: w * float("nan"), "joint_weights"), "sum to one"),
        (lambda: _with_nan_vertex(), "finite vertices"),
        (lambda: _with_five_influences(), "at most 4"),
    ],
)
def test_what_gltf_cannot_hold_is_refused(tmp_path: Path, broken: Callable[[], Character], words: str) -> None:
    with pytest.raises(ExportError, match=words):
        write_glb(tmp_path / "model.glb", broken())
    assert list(tmp_path.iterdir()) == []


def _with_nan_vertex() -> Character:
    character = build_tube_character()
    vertices = character.mesh.vertices.clone()
    vertices[3, 1] = float("nan")
    return replace(character, mesh=replace(character.mesh, vertices=vertices))


def _with_five_influences() -> Character:
    character = build_tube_character()
    rig = character.rig
    pad = torch.zeros(len(rig.joint_ids), 1)
    return replace(
        character,
        rig=replace(
            rig,
            joint_ids=torch.cat([rig.joint_ids, pad.long()], 1),
            joint_weights=torch.cat([rig.joint_weights, pad], 1),
        ),
    )


def test_a_target_that_cannot_be_written_is_one_line(tmp_path: Path, character: Character) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ExportError, match="choose a folder") as caught:
        write_glb(tmp_path / "file" / "model.glb", character)
    assert "\n" not in str(caught.value)


def test_an_old_file_survives_a_failure(tmp_path: Path) -> None:
    target = tmp_path / "model.glb"
    target.write_bytes(b"old")
    with pytest.raises(ExportError):
        write_glb(target, _with_nan_vertex())
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["model.glb"]


def test_more_joints_than_a_byte_counts_need_shorts() -> None:
    character = build_tube_character()
    rig, extra = character.rig, 300
    many = replace(
        rig,
        joint_names=(*rig.joint_names, *(f"extra {i}" for i in range(extra))),
        parents=(*rig.parents, *(0,) * extra),
        joint_from_bind=torch.cat([rig.joint_from_bind, rig.joint_from_bind[:1].expand(extra, 4, 4)]),
    )
    assert skin_attributes(many)[0].dtype == np.uint16
    assert json.dumps(read_glb(pack_glb(replace(character, rig=many, clips=()))).document["skins"][0]["joints"])
