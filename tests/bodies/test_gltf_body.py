"""Bodies out of glTF files: what a viewer shows is what we dress, and what the file said comes out again."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.bodies.gltf_files import Packer, write_figure
from tests.glb_reader import Glb, read_glb

from clipmatrix.bodies.body import REGIONS, Body
from clipmatrix.bodies.gltf_body import load_gltf
from clipmatrix.bodies.gltf_clips import source_clips
from clipmatrix.bodies.key_poses import KEY_POSE_NAMES
from clipmatrix.bodies.poses import PoseSampler, key_poses
from clipmatrix.errors import BodyError
from clipmatrix.export.character import Character, Extras, pose_vertices
from clipmatrix.export.home import pack_redressed
from clipmatrix.export.motion import sample_clip
from clipmatrix.geometry.mesh import Mesh

DATA = Path(__file__).parents[3] / "shared" / "data" / "meshes"
MOMENTS = (0.0, 0.2, 0.4, 0.77, 1.0)


@pytest.fixture(scope="module")
def figure(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Body]:
    """The file and its body."""
    path = write_figure(tmp_path_factory.mktemp("figure") / "figure.glb")
    return path, load_gltf(path)


def dressed(body: Body, offset: torch.Tensor | None = None) -> Character:
    """The body in a plain texture, its vertices moved."""
    mesh = body.template
    moved = mesh.vertices if offset is None else mesh.vertices + offset
    albedo = np.full((16, 16, 3), 128, np.uint8)
    extras = Extras(("a man",), 0, "test", body.licence)
    return Character(
        Mesh(moved, mesh.faces, mesh.uvs, mesh.face_uvs), body.rig, albedo, 0.5, 0.0, source_clips(body), extras
    )


def shown(glb: Glb, clip: str | None, time: float) -> np.ndarray:
    """The file's corner positions in world space, by a reader of our tests' own."""
    if "normalized" in glb.document["accessors"][glb.document["meshes"][0]["primitives"][0]["attributes"]["WEIGHTS_0"]]:
        weights = glb.attributes["WEIGHTS_0"].astype(np.float64) / 255
        positions = glb.posed_positions(clip, time) / 255
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    else:
        positions = glb.posed_positions(clip, time)
    return positions[glb.triangles]


def in_body(body: Body, positions: np.ndarray) -> np.ndarray:
    """Where the body has what the file has there."""
    return body.placement.scale * positions + np.array(body.placement.shift)


def test_the_body_rests_as_a_viewer_shows_the_file(figure: tuple[Path, Body]) -> None:
    path, body = figure
    expected = in_body(body, shown(read_glb(path.read_bytes()), None, 0.0))
    ours = body.template.vertices[body.template.faces].numpy()
    np.testing.assert_allclose(ours, expected, atol=2e-5)
    assert body.placement.scale == 1.0
    assert float(body.template.vertices[:, 1].min()) == pytest.approx(0.0, abs=1e-6)
    assert 1.5 < float(body.template.vertices[:, 1].max()) < 2.0


def test_its_clips_move_it_as_a_viewer_does(figure: tuple[Path, Body]) -> None:
    path, body = figure
    glb = read_glb(path.read_bytes())
    (clip,) = source_clips(body)
    assert clip.name == "stretch"
    motion = sample_clip(clip, torch.tensor(MOMENTS))
    ours = pose_vertices(dressed(body), motion)[:, body.template.faces].numpy()
    for index, time in enumerate(MOMENTS):
        expected = in_body(body, shown(glb, "stretch", time))
        # We blend joints about the rest, the file about its bind pose, from which it rests 5 degrees off.
        np.testing.assert_allclose(ours[index], expected, atol=1e-3)
    assert np.abs(ours[2] - ours[0]).max() > 0.05


def test_rig_and_clips_come_out_value_by_value(figure: tuple[Path, Body]) -> None:
    path, body = figure
    before, after = read_glb(path.read_bytes()), read_glb(pack_redressed(dressed(body), body))
    for name in ("POSITION", "JOINTS_0", "TEXCOORD_0"):
        np.testing.assert_array_equal(after.attributes[name], before.attributes[name])
    raw = before.attributes["WEIGHTS_0"].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(after.attributes["WEIGHTS_0"], raw)
    np.testing.assert_array_equal(after.triangles, before.triangles)
    ours, theirs = after.document["skins"][0], before.document["skins"][0]
    assert ours["joints"] == theirs["joints"]
    np.testing.assert_array_equal(
        after.accessor(ours["inverseBindMatrices"]), before.accessor(theirs["inverseBindMatrices"])
    )
    assert after.document["nodes"] == before.document["nodes"]
    (our_clip,), (their_clip,) = after.document["animations"], before.document["animations"]
    assert (our_clip["name"], our_clip["channels"]) == (their_clip["name"], their_clip["channels"])
    for our, their in zip(our_clip["samplers"], their_clip["samplers"], strict=True):
        assert our["interpolation"] == their["interpolation"]
        for end in ("input", "output"):
            np.testing.assert_array_equal(after.accessor(our[end]), before.accessor(their[end]))
    assert after.document["images"][0]["name"] == "albedo"


def test_a_new_form_is_the_same_in_every_pose(figure: tuple[Path, Body]) -> None:
    """An offset at rest, led back into the file's bind space, shows at rest as it was, and moves with the joints."""
    _, body = figure
    offset = 0.05 * torch.sin(20 * body.template.vertices)
    character = dressed(body, offset)
    glb = read_glb(pack_redressed(character, body))
    at_rest = in_body(body, shown(glb, None, 0.0))
    np.testing.assert_allclose(at_rest, character.mesh.vertices[body.template.faces].numpy(), atol=2e-5)
    motion = sample_clip(source_clips(body)[0], torch.tensor([0.4]))
    expected = pose_vertices(character, motion)[0, body.template.faces].numpy()
    np.testing.assert_allclose(in_body(body, shown(glb, "stretch", 0.4)), expected, atol=2e-3)
    normals = glb.attributes["NORMAL"]
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)


def test_new_uvs_keep_every_vertex_its_joints(tmp_path: Path) -> None:
    pytest.importorskip("xatlas")
    path = write_figure(tmp_path / "bare.glb", has_uvs=False)
    body = load_gltf(path)
    assert "it has no uvs: unwrapped anew" in body.notes
    before, after = read_glb(path.read_bytes()), read_glb(pack_redressed(dressed(body), body))
    for name in ("POSITION", "JOINTS_0"):
        ours, theirs = after.attributes[name][after.triangles], before.attributes[name][before.triangles]
        np.testing.assert_array_equal(ours, theirs)
    uvs = after.attributes["TEXCOORD_0"]
    assert uvs.min() >= 0
    assert uvs.max() <= 1


def test_a_figure_is_known_by_its_joints_names(figure: tuple[Path, Body], generator: torch.Generator) -> None:
    _, body = figure
    assert set(body.regions) == set(REGIONS)
    parts = torch.stack([body.regions[name] for name in REGIONS[1:]]).sum(0)
    torch.testing.assert_close(parts, torch.ones_like(parts))
    highest = {name: float(body.template.vertices[body.regions[name] > 0.9, 1].max()) for name in REGIONS[1:]}
    assert highest["feet"] < highest["legs"] < highest["head"]
    assert set(key_poses(body)) == set(KEY_POSE_NAMES)
    rotations = PoseSampler(body).sample(3, generator)
    assert rotations.shape == (3, len(body.rig.parents), 3, 3)


def rigid_file(path: Path, names: tuple[str, ...] = ("wheel",)) -> Path:
    """A box that stands, and one for each name that turns; without skin."""
    packer = Packer()
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.uint16)
    mesh = {"primitives": [{"attributes": {"POSITION": packer.add(corners)}, "indices": packer.add(faces.reshape(-1))}]}
    nodes = [{"name": "cart", "mesh": 0, "children": list(range(1, len(names) + 1))}]
    nodes += [{"name": name, "mesh": 0, "translation": [2.0 + k, 0, 0]} for k, name in enumerate(names)]
    packer.document |= {"meshes": [mesh], "nodes": nodes, "scenes": [{"nodes": [0]}]}
    times = packer.add(np.array([0, 1], np.float32), min=[0.0], max=[1.0])
    turns = packer.add(np.array([[0, 0, 0, 1], [0, 0, 0.7071068, 0.7071068]], np.float32))
    packer.document["animations"] = [
        {
            "channels": [{"sampler": 0, "target": {"node": 1, "path": "rotation"}}],
            "samplers": [{"input": times, "output": turns}],
        }
    ]
    return packer.write(path)


def test_moving_parts_without_a_skin_keep_moving(tmp_path: Path) -> None:
    pytest.importorskip("xatlas")
    body = load_gltf(rigid_file(tmp_path / "cart.glb"))
    assert body.rig.joint_names == ("cart", "wheel")
    assert body.loose_joints == ()
    assert set(body.regions) == {"whole"}
    glb = read_glb(pack_redressed(dressed(body), body))
    assert [node.get("mesh") for node in glb.document["nodes"]] == [0, 1]
    assert "skins" not in glb.document
    (clip,) = source_clips(body)
    posed = pose_vertices(dressed(body), sample_clip(clip, torch.tensor([1.0])))[0]
    # A quarter turn about z takes the wheel's (1, 0, 0) to (0, 1, 0): its box goes from 2..3 to 1..2 along x.
    xs = (posed[:, 0].double() - body.placement.shift[0]) / body.placement.scale
    assert float(xs.max()) == pytest.approx(2.0, abs=1e-4)


def broken(path: Path, change: dict[str, object]) -> Path:
    """A figure's file with parts of its document replaced."""
    write_figure(path)
    data = path.read_bytes()
    length = int.from_bytes(data[12:16], "little")
    document = json.loads(data[20 : 20 + length]) | change
    packer = Packer()
    packer.document, packer.data = document, bytearray(data[28 + length :])
    return packer.write(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extensionsRequired": ["KHR_draco_mesh_compression"]}, "without KHR_draco_mesh_compression"),
        ({"asset": {"version": "1.0"}}, "glTF 1.0, wanted 2.0"),
        ({"meshes": []}, "something is missing in it"),
        ({"skins": [{"joints": [99]}]}, "a skin has no joints, or some that are not there"),
        ({"scenes": [{"nodes": []}]}, "no triangles in its scene"),
        ({"accessors": []}, "accessor .* cannot be read"),
    ],
)
def test_broken_files_are_one_line(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = broken(tmp_path / "broken.glb", change)
    with pytest.raises(BodyError, match=message) as caught:
        load_gltf(path)
    assert "\n" not in str(caught.value)
    assert "broken.glb" in str(caught.value)


@pytest.mark.parametrize("length", [0, 3, 11, 40, 700])
def test_files_that_are_cut_off_are_one_line(tmp_path: Path, length: int) -> None:
    path = write_figure(tmp_path / "short.glb")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(BodyError, match=r"short\.glb is"):
        load_gltf(path)


def test_missing_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(BodyError, match="cannot be read"):
        load_gltf(tmp_path / "none.glb")


@pytest.mark.skipif(not DATA.is_dir(), reason="the files of other makers are not on this machine")
@pytest.mark.parametrize("name", ["skinned_cylinder.gltf", "CesiumMilkTruck.glb", "monkey.glb"])
def test_files_of_other_makers_load(name: str) -> None:
    pytest.importorskip("xatlas")
    body = load_gltf(DATA / name)
    assert len(body.template.faces) > 100
    if body.source is not None:
        glb = read_glb(pack_redressed(dressed(body), body))
        assert len(glb.document["animations"]) == 1
