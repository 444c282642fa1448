"""Normal maps in files: tangents that are square to the normals, the texture as it was, and the same picture again."""

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.bodies.gltf_files import write_figure
from tests.glb_reader import read_glb
from tests.synthetic_character import build_tube_character

from clipmatrix.bodies.gltf_body import load_gltf
from clipmatrix.export.bumps import square_to
from clipmatrix.export.character import Character, Extras
from clipmatrix.export.gltf import pack_glb, write_glb
from clipmatrix.export.home import pack_redressed
from clipmatrix.export.images import FOV_Y, render_views, studio_lights
from clipmatrix.export.motion import stand_still
from clipmatrix.export.reading import read_character
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import orbit


def waves(size: int = 64) -> np.ndarray:
    """A map of waves along u."""
    u = np.arange(size) / size
    slope = np.broadcast_to(0.6 * np.sin(60 * u), (size, size))
    vectors = np.stack([-slope, np.zeros_like(slope), np.ones_like(slope)], axis=-1)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors * 127.5 + 128).astype(np.uint8)


@pytest.fixture
def bumpy() -> Character:
    return replace(build_tube_character(), normal_map=waves())


def test_tangents_are_square_to_normals_and_the_texture_is_kept(tmp_path: Path, bumpy: Character) -> None:
    path = tmp_path / "model.glb"
    write_glb(path, bumpy)
    glb = read_glb(path.read_bytes())
    (primitive,) = glb.document["meshes"][0]["primitives"]
    attributes = {name: glb.accessor(index) for name, index in primitive["attributes"].items()}
    tangents = attributes["TANGENT"]
    np.testing.assert_allclose(np.linalg.norm(tangents[:, :3], axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose((tangents[:, :3] * attributes["NORMAL"]).sum(axis=1), 0.0, atol=1e-6)
    assert set(tangents[:, 3].tolist()) <= {1.0, -1.0}
    # u grows from +Z towards +X round the tube.
    side = np.abs(attributes["NORMAL"][:, 1]) < 0.1
    angle = np.arctan2(attributes["POSITION"][:, 0], attributes["POSITION"][:, 2])
    along = np.stack([np.cos(angle), 0 * angle, -np.sin(angle)], axis=1)
    assert ((tangents[:, :3] * along).sum(axis=1)[side] > 0.95).all()
    reference = glb.document["materials"][0]["normalTexture"]
    image = glb.document["images"][glb.document["textures"][reference["index"]]["source"]]
    with Image.open(io.BytesIO(glb.view(image["bufferView"]))) as picture:
        np.testing.assert_array_equal(np.asarray(picture), bumpy.normal_map)


def test_read_back_it_is_the_same_picture_and_not_the_flat_one(tmp_path: Path, bumpy: Character) -> None:
    path = tmp_path / "model.glb"
    write_glb(path, bumpy)
    again = read_character(path).character
    azimuth = torch.tensor([0.3])
    camera = orbit(torch.tensor([[0.0, 0.8, 0.0]]), azimuth, torch.zeros(1), torch.tensor([3.5]), torch.tensor([FOV_Y]))
    still, size = stand_still(len(bumpy.rig.parents)), ImageSize(96, 96)
    shots = [
        render_views(one, camera, studio_lights(azimuth), still, size).astype(int)
        for one in (bumpy, again, replace(bumpy, normal_map=None))
    ]
    assert np.abs(shots[0] - shots[1]).max() <= 2
    assert np.abs(shots[0] - shots[2]).mean() > 1.0


def test_without_a_map_no_byte_changes() -> None:
    data = pack_glb(build_tube_character())
    assert b"TANGENT" not in data
    assert b"normalTexture" not in data


def test_a_redressed_file_has_tangents_in_its_own_space(tmp_path: Path) -> None:
    path = write_figure(tmp_path / "figure.glb")
    body = load_gltf(path)
    albedo = np.full((16, 16, 3), 128, np.uint8)
    character = Character(body.template, body.rig, albedo, 0.5, 0.0, (), Extras((), 0, "test", ""), waves())
    (tmp_path / "out.glb").write_bytes(pack_redressed(character, body))
    glb = read_glb((tmp_path / "out.glb").read_bytes())
    for mesh in glb.document["meshes"]:
        for primitive in mesh["primitives"]:
            normals, tangents = (glb.accessor(primitive["attributes"][name]) for name in ("NORMAL", "TANGENT"))
            np.testing.assert_allclose(np.linalg.norm(tangents[:, :3], axis=1), 1.0, atol=1e-5)
            np.testing.assert_allclose((tangents[:, :3] * normals).sum(axis=1), 0.0, atol=1e-5)


def test_square_to_lays_vectors_flat() -> None:
    normals = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    found = square_to(np.array([[1.0, 1.0, 5.0], [3.0, 0.0, 0.0]]), normals)
    np.testing.assert_allclose(found[0], [math.sqrt(0.5), math.sqrt(0.5), 0.0])
    np.testing.assert_allclose(found[1], [0.0, 1.0, 0.0])
