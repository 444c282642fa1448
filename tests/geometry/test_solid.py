"""What is closed and what is not, holes filled, and thickness against closed forms."""

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull
from tests.synthetic_character import build_tube

from clipmatrix.geometry.mesh import Mesh
from clipmatrix.geometry.quality import signed_volume
from clipmatrix.geometry.solid import closed, solidity, thickness


def _without(mesh: Mesh, *face_ids: int) -> Mesh:
    keep = torch.tensor([index not in face_ids for index in range(len(mesh.faces))])
    return Mesh(mesh.vertices, mesh.faces[keep], mesh.uvs, mesh.face_uvs[keep])


def test_a_tube_is_closed_and_of_one_part() -> None:
    found = solidity(build_tube().faces)
    assert found.is_closed
    assert found.num_shells == 1


def test_two_tubes_are_two_parts() -> None:
    mesh = build_tube()
    assert solidity(torch.cat([mesh.faces, mesh.faces + len(mesh.vertices)])).num_shells == 2


def test_what_is_wrong_is_counted() -> None:
    mesh = build_tube()
    assert solidity(_without(mesh, 40).faces).open_edges == 3
    twisted = mesh.faces.clone()
    twisted[40] = twisted[40].flip(0)
    assert solidity(twisted).twisted_edges == 3
    fin = torch.cat([mesh.faces, torch.stack([mesh.faces[0, 0], mesh.faces[0, 1], mesh.faces[-1, 2]])[None]])
    assert solidity(fin).crowded_edges == 1


def test_a_hole_is_filled_and_the_volume_comes_back() -> None:
    mesh = build_tube()
    # Two faces that share an edge leave a hole of four sides in the wall.
    filled, num = closed(_without(mesh, 40, 41))
    assert num == 1
    assert solidity(filled.faces).is_closed
    whole, again = (float(signed_volume(m.vertices.double(), m.faces)) for m in (mesh, filled))
    assert again == pytest.approx(whole, rel=1e-4)
    assert filled.faces.shape == filled.face_uvs.shape


def test_two_holes_apart_are_both_filled() -> None:
    filled, num = closed(_without(build_tube(), 10, 150))
    assert num == 2
    assert solidity(filled.faces).is_closed


def test_a_closed_mesh_stays_as_it_is() -> None:
    mesh = build_tube()
    same, num = closed(mesh)
    assert (same is mesh, num) == (True, 0)


def test_a_ball_is_as_thick_as_its_diameter(generator: torch.Generator) -> None:
    points = torch.nn.functional.normalize(torch.randn(600, 3, generator=generator), dim=1)
    hull = ConvexHull(points.numpy())
    faces = torch.from_numpy(hull.simplices.astype(np.int64))
    corners = points[faces]
    outward = (torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) * corners[:, 0]).sum(1)
    faces = torch.where(outward[:, None] > 0, faces, faces.flip(1))
    found = thickness(Mesh(0.25 * points, faces, torch.zeros(1, 2), torch.zeros_like(faces)))
    assert np.median(found) == pytest.approx(0.5, rel=0.1)


def test_a_slab_is_as_thick_as_it_is() -> None:
    """Two sheets of a grid, 0.05 apart, facing away from each other."""
    rows, columns = np.mgrid[0:21, 0:21]
    grid = np.stack([columns.ravel() / 20, rows.ravel() / 20], 1)
    cells = (21 * np.arange(20)[:, None] + np.arange(20)).ravel()
    up = np.concatenate([np.stack([cells, cells + 1, cells + 22], 1), np.stack([cells, cells + 22, cells + 21], 1)])
    top, bottom = (np.c_[grid, np.full(441, height)] for height in (0.05, 0.0))
    faces = torch.from_numpy(np.concatenate([up, up[:, ::-1] + 441]))
    vertices = torch.from_numpy(np.concatenate([top, bottom])).float()
    found = thickness(Mesh(vertices, faces, torch.zeros(1, 2), torch.zeros_like(faces)))
    np.testing.assert_allclose(found, 0.05, rtol=1e-4)
