from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from tests.synthetic_character import build_tube_character

from clipmatrix.errors import ExportError
from clipmatrix.export.obj import write_obj


def _numbers(path: Path, keyword: str) -> np.ndarray:
    lines = [line.split()[1:] for line in path.read_text().splitlines() if line.startswith(keyword + " ")]
    return np.array([[float(word) for word in line] for line in lines])


def test_v_is_turned_over_and_nothing_else(tmp_path: Path) -> None:
    character = build_tube_character()
    write_obj(tmp_path / "model.obj", character)
    assert np.array_equal(_numbers(tmp_path / "model.obj", "v").astype(np.float32), character.mesh.vertices.numpy())
    uvs = _numbers(tmp_path / "model.obj", "vt")
    np.testing.assert_allclose(uvs, character.mesh.uvs.numpy() * (1, -1) + (0, 1), atol=1e-6)


def test_another_reader_sees_mesh_and_texture(tmp_path: Path) -> None:
    character = build_tube_character()
    write_obj(tmp_path / "model.obj", character)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["albedo.png", "model.mtl", "model.obj"]
    loaded = trimesh.load(tmp_path / "model.obj", force="mesh", process=False, maintain_order=True)
    np.testing.assert_allclose(
        np.sort(loaded.triangles.reshape(-1, 9), axis=0),
        np.sort(character.mesh.vertices[character.mesh.faces].numpy().reshape(-1, 9), axis=0),
        atol=1e-6,
    )
    assert loaded.visual.material.image.size == (96, 64)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "albedo.png")), character.albedo_srgb)


def test_a_target_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ExportError, match="choose a folder"):
        write_obj(tmp_path / "file" / "model.obj", build_tube_character())
