"""What a GLB can hold beyond the plain character: maps, tangents, facial actions, lights, and a budget."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.glb_reader import Glb, matrix_from_quat, read_glb
from tests.humanoid_character import FACE_NAMES, build_humanoid_character
from tests.synthetic_character import build_tube_character

from clipmatrix.errors import ExportError
from clipmatrix.export.budget import pack_within
from clipmatrix.export.character import Character, expressed
from clipmatrix.export.glb_edit import with_clip, without_animation
from clipmatrix.export.glb_material import CODECS, Codec, TextureFormat
from clipmatrix.export.gltf import GlbOptions, pack_glb
from clipmatrix.export.group import pack_group
from clipmatrix.export.images import studio_lights
from clipmatrix.export.reading import read_character
from clipmatrix.geometry.glb_file import GlbError, GlbFile, pack_glb_file, parse_glb
from clipmatrix.geometry.mesh import vertex_normals
from clipmatrix.geometry.tangent_frames import build_tangent_layout


@pytest.fixture(scope="module")
def character() -> Character:
    return build_humanoid_character()


@pytest.fixture(scope="module")
def glb(character: Character) -> Glb:
    return read_glb(pack_glb(character))


def _picture(glb: Glb, index: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(glb.view(glb.document["images"][index]["bufferView"]))))


def test_all_maps_are_in_the_material(character: Character, glb: Glb) -> None:
    material = glb.document["materials"][0]
    for reference, wanted in (
        (material["pbrMetallicRoughness"]["baseColorTexture"], character.albedo_srgb),
        (material["pbrMetallicRoughness"]["metallicRoughnessTexture"], character.metallic_roughness_map),
        (material["normalTexture"], character.normal_map),
    ):
        source = glb.document["textures"][reference["index"]]["source"]
        assert np.array_equal(_picture(glb, source), wanted)


def test_tangents_are_there_with_a_normal_map_only(character: Character, glb: Glb) -> None:
    tangents, normals = glb.attributes["TANGENT"], glb.attributes["NORMAL"]
    np.testing.assert_allclose(np.linalg.norm(tangents[:, :3], axis=1), 1, atol=1e-6)
    np.testing.assert_allclose((tangents[:, :3] * normals).sum(1), 0, atol=1e-5)
    assert set(np.unique(tangents[:, 3])) <= {-1.0, 1.0}
    plain = read_glb(pack_glb(replace(character, normal_map=None)))
    assert "TANGENT" not in plain.attributes


def test_facial_actions_come_back_from_the_file(character: Character, tmp_path: Path) -> None:
    (tmp_path / "a.glb").write_bytes(pack_glb(character))
    found = read_character(tmp_path / "a.glb").character
    assert tuple(morph.name for morph in found.morphs) == FACE_NAMES
    for ours, theirs in zip(character.morphs, found.morphs, strict=True):
        # Vertices come back in another order.
        first = torch.cat([character.mesh.vertices, ours.offsets], 1).numpy()
        second = torch.cat([found.mesh.vertices, theirs.offsets], 1).numpy()
        np.testing.assert_allclose(*(a[np.lexsort(a.round(5).T)] for a in (first, second)), atol=1e-6)
    assert found.extras == character.extras
    assert found.normal_map is not None
    assert np.array_equal(found.normal_map, character.normal_map)


def test_all_parts_on_one_skeleton_are_read(character: Character, tmp_path: Path) -> None:
    """The mesh cut into two primitives, and one of them into a node of its own; a mesh without skeleton is counted."""
    file = parse_glb(pack_glb(replace(character, morphs=())))
    document = file.document
    whole = document["meshes"][0]["primitives"][0]
    indices = document["accessors"][whole["indices"]]
    first = 3 * (indices["count"] // 6)
    halves = []
    for start, count in ((0, first), (first, indices["count"] - first)):
        document["accessors"].append({**indices, "byteOffset": indices["byteOffset"] + 2 * start, "count": count})
        halves.append({**whole, "indices": len(document["accessors"]) - 1})
    document["meshes"] = [{"primitives": [half]} for half in halves]
    body = next(node for node in document["nodes"] if "mesh" in node)
    document["nodes"] += [{**body, "mesh": 1}, {"mesh": 0}]
    (tmp_path / "a.glb").write_bytes(pack_glb_file(file))
    found = read_character(tmp_path / "a.glb")
    assert found.num_left == 1
    assert found.character.mesh.vertices.shape == character.mesh.vertices.shape
    corners = [one.mesh.vertices[one.mesh.faces].numpy() for one in (character, found.character)]
    np.testing.assert_allclose(*corners, atol=1e-6)


def test_figures_in_one_file_keep_their_faces(character: Character, tmp_path: Path) -> None:
    names = tuple(f"{name} 2" for name in character.rig.joint_names)
    second = replace(character, rig=replace(character.rig, joint_names=names))
    (tmp_path / "a.glb").write_bytes(pack_group([character, second]))
    found = read_character(tmp_path / "a.glb")
    assert (found.num_figures, found.num_left) == (2, 0)
    assert tuple(morph.name for morph in found.character.morphs) == FACE_NAMES
    for ours, theirs in zip(character.morphs, found.character.morphs, strict=True):
        moved = [int((morph.offsets.norm(dim=1) > 1e-6).sum()) for morph in (ours, theirs)]
        assert moved[1] == 2 * moved[0]


def test_targets_are_sparse_and_move_normals_too(character: Character) -> None:
    file = parse_glb(pack_glb(character))
    primitive = file.document["meshes"][0]["primitives"][0]
    assert file.document["meshes"][0]["extras"]["targetNames"] == list(FACE_NAMES)
    assert file.document["meshes"][0]["weights"] == [0.0, 0.0]
    mesh = character.mesh
    split = build_tangent_layout(mesh.faces, mesh.uvs, mesh.face_uvs)
    moved = expressed(character, {FACE_NAMES[1]: 1.0}).mesh
    target = primitive["targets"][1]
    accessor = file.document["accessors"][target["POSITION"]]
    assert "bufferView" not in accessor
    assert accessor["sparse"]["count"] < accessor["count"] // 4
    rest = file.array(primitive["attributes"]["POSITION"])
    np.testing.assert_allclose(
        rest + file.array(target["POSITION"]), moved.vertices.numpy()[split.vertex_ids], atol=1e-6
    )
    normals = file.array(primitive["attributes"]["NORMAL"]) + file.array(target["NORMAL"])
    wanted = vertex_normals(moved.vertices.double(), moved.faces).numpy()[split.vertex_ids]
    np.testing.assert_allclose(normals, wanted, atol=2e-3)


def test_editing_clips_keeps_sparse_targets(character: Character) -> None:
    file = parse_glb(pack_glb(character))
    joint_nodes = list(range(len(character.rig.parents)))
    edited = with_clip(without_animation(file, "walk"), character.rig, joint_nodes, character.clips[1])
    edited = parse_glb(pack_glb_file(edited))
    for before, after in zip(
        *(f.document["meshes"][0]["primitives"][0]["targets"] for f in (file, edited)), strict=True
    ):
        for key in before:
            assert np.array_equal(file.array(before[key]), edited.array(after[key]))


@pytest.mark.parametrize(
    "change",
    [
        lambda sparse: sparse["indices"].update(byteOffset=1 << 20),
        lambda sparse: sparse.update(count=1 << 30),
        lambda sparse: sparse["indices"].update(componentType=5126),
    ],
)
def test_damaged_sparse_tables_are_found(character: Character, change) -> None:
    file = parse_glb(pack_glb(character))
    index = file.document["meshes"][0]["primitives"][0]["targets"][0]["POSITION"]
    change(file.document["accessors"][index]["sparse"])
    with pytest.raises(GlbError):
        file.array(index)


def test_a_file_that_announces_a_world_of_zeros_is_refused() -> None:
    accessor = {"componentType": 5126, "type": "VEC3", "count": 1 << 40, "sparse": {"count": 1}}
    with pytest.raises(GlbError, match="stores none"):
        GlbFile({"accessors": [accessor]}, b"").array(0)


@pytest.mark.parametrize("codec", CODECS)
def test_pictures_in_each_format(character: Character, codec: Codec, tmp_path: Path) -> None:
    data = pack_glb(character, GlbOptions(TextureFormat(codec, 92)))
    glb = read_glb(data)
    assert {image["mimeType"] for image in glb.document["images"]} == {f"image/{codec}"}
    assert ("EXT_texture_webp" in glb.document.get("extensionsRequired", [])) == (codec == "webp")
    assert np.abs(_picture(glb, 0).astype(int) - character.albedo_srgb).mean() < (1 if codec == "png" else 6)
    (tmp_path / "a.glb").write_bytes(data)
    found = read_character(tmp_path / "a.glb").character
    assert found.metallic_roughness_map is not None
    assert np.abs(found.metallic_roughness_map.astype(int) - character.metallic_roughness_map).max() <= 3


def test_the_key_light_shines_from_where_the_previews_light_does(character: Character) -> None:
    glb = read_glb(pack_glb(character, GlbOptions(has_lights=True)))
    lights = glb.document["extensions"]["KHR_lights_punctual"]["lights"]
    assert [light["name"] for light in lights] == ["key", "fill", "rim"]
    node = next(node for node in glb.document["nodes"] if node["name"] == "light_key")
    studio = studio_lights(torch.zeros(1))
    np.testing.assert_allclose(
        matrix_from_quat(np.array(node["rotation"])) @ [0, 0, 1], studio.key_direction[0].numpy(), atol=1e-6
    )
    assert lights[0]["intensity"] == pytest.approx(float(studio.key_color[0, 0]) * np.pi)


def test_expressions_that_a_body_lacks_are_one_line(character: Character) -> None:
    with pytest.raises(ExportError, match="jawOpen, browInnerUp"):
        expressed(character, {"smile": 1.0})
    with pytest.raises(ExportError, match="no face"):
        expressed(build_tube_character(), {"smile": 1.0})


def test_a_budget_gives_up_least_and_says_what() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1024, 1024, 3)).astype(np.uint8)
    character = replace(build_humanoid_character(), albedo_srgb=noise, normal_map=None, metallic_roughness_map=None)
    whole = len(pack_glb(character))
    assert pack_within(character, whole).given_up == ()
    sizes, told = [], []
    for share in (0.7, 0.2, 0.1):
        packed = pack_within(character, int(whole * share))
        assert len(packed.data) <= int(whole * share)
        read_glb(packed.data)
        sizes.append(len(packed.data))
        told.append(packed.given_up)
    assert told[0] == ("pictures as JPEG",)
    assert told[1][:2] == ("pictures as JPEG", "textures of 512 pixels")
    assert len(told[2]) > len(told[1]) or told[2] != told[1]
    with pytest.raises(ExportError, match="the bare character takes"):
        pack_within(character, 1000)
