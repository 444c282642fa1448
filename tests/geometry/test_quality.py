"""Measures of a mesh on shapes whose answer is known."""

import pytest
import torch
from tests.toy_body import build_toy_body

from clipmatrix.geometry.quality import is_degenerate, is_flipped, is_folded, signed_volume, uv_stretch

CUBE = torch.tensor([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
CUBE_FACES = torch.tensor(
    [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]
)  # fmt: skip


def test_the_volume_of_a_cube_anywhere_and_inside_out() -> None:
    assert float(signed_volume(2.0 * CUBE + 7.0, CUBE_FACES)) == pytest.approx(8.0, rel=1e-5)
    assert float(signed_volume(CUBE, CUBE_FACES.flip(1))) == pytest.approx(-1.0, rel=1e-5)


def test_a_pushed_in_vertex_flips_its_faces() -> None:
    mesh = build_toy_body().template
    pushed = mesh.vertices.clone()
    pushed[60, 1] += 0.5
    around = (mesh.faces == 60).any(dim=1)
    found = is_flipped(pushed, mesh.vertices, mesh.faces)
    assert 0 < int(found.sum()) < int(around.sum())
    assert not (found & ~around).any()
    assert not is_flipped(3.0 * mesh.vertices, mesh.vertices, mesh.faces).any()


def test_a_single_face_turned_over_is_told_by_its_neighbours() -> None:
    mesh = build_toy_body().template
    assert not is_folded(mesh.vertices, mesh.faces).any()
    faces = mesh.faces.clone()
    faces[40] = faces[40].flip(0)
    assert is_folded(mesh.vertices, faces).nonzero().flatten().tolist() == [40]


def test_needles_points_and_undefined_faces_are_degenerate() -> None:
    points = [[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0.5, 1e-6, 0], [0, 0, float("nan")]]
    faces = torch.tensor([[0, 1, 2], [0, 1, 3], [0, 0, 0], [0, 1, 4]])
    assert is_degenerate(torch.tensor(points), faces).tolist() == [False, True, True, True]
    tiny = 1e-5 * torch.tensor(points)
    assert is_degenerate(tiny, faces).tolist() == [False, True, True, True]


def test_uv_stretch_of_an_even_map_is_one_and_grows_with_unevenness() -> None:
    """A square drawn out to twice its width keeps its texels' area on average: sqrt((2 + 1/2) / 2) = 1.118."""
    uvs = torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    flat = torch.cat([uvs, torch.zeros(4, 1)], dim=1)
    assert float(uv_stretch(flat, faces, 0.3 * uvs + 0.1, faces)) == pytest.approx(1.0, rel=1e-5)
    wide = flat * torch.tensor([2.0, 1.0, 1.0])
    assert float(uv_stretch(wide, faces, uvs, faces)) == pytest.approx(1.118, rel=1e-3)
    assert float(uv_stretch(wide, faces, torch.zeros_like(uvs), faces)) == 0.0
