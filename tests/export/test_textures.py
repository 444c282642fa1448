from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clipmatrix.errors import ExportError
from clipmatrix.export.textures import pad_islands, uv_coverage, write_image
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.shapes import ImageSize


def _flat_mesh(uvs: list[list[float]], faces: list[list[int]]) -> Mesh:
    ids = torch.tensor(faces)
    return Mesh(torch.zeros(len(uvs), 3), ids, torch.tensor(uvs), ids)


def test_coverage_is_the_island_and_one_ring() -> None:
    """A rectangle from texel 4 to 12 across and 2 to 6 down (row 0 on top) covers those, and one more on each side."""
    square = [[4 / 16, 2 / 16], [12 / 16, 2 / 16], [12 / 16, 6 / 16], [4 / 16, 6 / 16]]
    expected = np.zeros((16, 16), dtype=bool)
    expected[1:7, 3:13] = True
    for faces in ([[0, 1, 2], [0, 2, 3]], [[2, 1, 0], [0, 2, 3]]):
        assert np.array_equal(uv_coverage(_flat_mesh(square, faces), ImageSize(16, 16)), expected)


def test_padding_takes_the_nearest_covered_texel(generator: torch.Generator) -> None:
    albedo = torch.randint(0, 256, (9, 13, 3), generator=generator, dtype=torch.uint8).numpy()
    coverage = (torch.rand(9, 13, generator=generator) > 0.8).numpy()
    padded = pad_islands(albedo, coverage)
    covered = np.argwhere(coverage)
    assert np.array_equal(padded[coverage], albedo[coverage])
    for row, column in np.argwhere(~coverage):
        squared = ((covered - (row, column)) ** 2).sum(axis=1)
        nearest = covered[squared == squared.min()]
        assert any(np.array_equal(padded[row, column], albedo[r, c]) for r, c in nearest)


def test_a_minified_island_keeps_its_colour() -> None:
    """The average over 8x8 texels around a red island on green stays red once the island is padded."""
    albedo = np.zeros((32, 32, 3), dtype=np.uint8)
    albedo[..., 1] = 255
    triangle = _flat_mesh([[0.3, 0.3], [0.7, 0.35], [0.4, 0.7]], [[0, 1, 2]])
    coverage = uv_coverage(triangle, ImageSize(32, 32))
    albedo[coverage] = (255, 0, 0)
    minified = pad_islands(albedo, coverage).reshape(4, 8, 4, 8, 3).mean(axis=(1, 3))
    assert np.array_equal(minified, np.broadcast_to([255.0, 0.0, 0.0], (4, 4, 3)))


def test_nothing_covered_is_refused() -> None:
    outside = _flat_mesh([[2.0, 2.0], [3.0, 2.0], [2.0, 3.0]], [[0, 1, 2]])
    coverage = uv_coverage(outside, ImageSize(8, 8))
    with pytest.raises(ExportError, match="unwrap"):
        pad_islands(np.zeros((8, 8, 3), dtype=np.uint8), coverage)


def test_pictures_come_back_as_they_were(tmp_path: Path, generator: torch.Generator) -> None:
    picture = torch.randint(0, 256, (5, 7, 3), generator=generator, dtype=torch.uint8).numpy()
    write_image(tmp_path / "new" / "picture.png", picture)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "new" / "picture.png")), picture)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["picture.png"]
