"""Tangents: the fast kernel against its twin, closed forms, mirrored layouts, faces without area."""

import math

import torch
from tests.toy_body import build_toy_body
from torch import Tensor

from clipmatrix.geometry.mesh import vertex_normals
from clipmatrix.geometry.tangent_frames import build_tangent_layout, tangents, tangents_reference


def _tube(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Two poses of a tube, its normals and its faces."""
    mesh = build_toy_body().template
    poses = torch.stack([mesh.vertices, mesh.vertices * torch.tensor([1.3, 0.7, 1.0])]).to(dtype)
    return poses, vertex_normals(poses, mesh.faces), mesh.faces


def test_kernel_equals_its_twin() -> None:
    mesh = build_toy_body().template
    vertices, normals, faces = _tube(torch.float64)
    layout = build_tangent_layout(faces, mesh.uvs.double(), mesh.face_uvs)
    fast = tangents(vertices, normals, faces, layout)
    torch.testing.assert_close(fast, tangents_reference(vertices, normals, faces, layout), atol=1e-12, rtol=0)
    torch.testing.assert_close(fast.norm(dim=-1), torch.ones_like(fast[..., 0]))
    assert (fast * normals[:, layout.vertex_ids]).sum(-1).abs().max() < 1e-12


def test_tangents_of_a_tube_run_round_it() -> None:
    """u grows with the angle from +Z to +X, so that the tangent at (sin a, y, cos a) is (cos a, 0, -sin a)."""
    mesh = build_toy_body().template
    vertices, normals, faces = _tube(torch.float64)
    layout = build_tangent_layout(faces, mesh.uvs.double(), mesh.face_uvs)
    found = tangents(vertices[:1], normals[:1], faces, layout)[0]
    place = vertices[0, layout.vertex_ids]
    is_side = torch.hypot(place[:, 0], place[:, 2]) > 0.1
    angle = torch.atan2(place[:, 0], place[:, 2])
    wanted = torch.stack([angle.cos(), torch.zeros_like(angle), -angle.sin()], dim=1)
    # Seam vertices see faces of one side only: half a segment, 15 degrees, off.
    assert ((found * wanted).sum(1)[is_side] > math.cos(math.radians(16))).all()
    assert (layout.signs == 1.0).all()
    up = torch.linalg.cross(normals[0, layout.vertex_ids], found) * layout.signs[:, None]
    assert (up[is_side][:, 1] > 0.5).all()


def test_a_mirrored_half_has_tangents_of_its_own() -> None:
    """Two squares that share their middle edge and its uvs; the left one reads the texture from right to left."""
    points = torch.tensor([[-1.0, 0, 0], [0, 0, 0], [1, 0, 0], [-1, 1, 0], [0, 1, 0], [1, 1, 0]])
    faces = torch.tensor([[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4]])
    uvs = torch.stack([points[:, 0].abs(), 1.0 - points[:, 1]], dim=1)
    layout = build_tangent_layout(faces, uvs, faces)
    normals = torch.tensor([0.0, 0.0, 1.0]).expand(1, 6, 3)
    found = tangents(points[None], normals, faces, layout)[0]
    assert len(found) == 8
    for row, vertex in enumerate(layout.vertex_ids.tolist()):
        side = 1.0 if layout.signs[row] > 0 else -1.0
        assert points[vertex, 0] * side >= 0.0
        torch.testing.assert_close(found[row], torch.tensor([side, 0.0, 0.0]))


def test_faces_without_area_give_no_direction() -> None:
    """A vertex whose faces all lie in one uv point has some tangent at right angles, and no NaN."""
    points = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]])
    faces, face_uvs = torch.tensor([[0, 1, 2], [0, 3, 2]]), torch.tensor([[0, 0, 0], [0, 1, 2]])
    layout = build_tangent_layout(faces, torch.tensor([[0.5, 0.5], [0.7, 0.5], [0.5, 0.7]]), face_uvs)
    normals = torch.tensor([1.0, 0.0, 0.0]).expand(1, 4, 3)
    for found in (
        tangents(points[None], normals, faces, layout),
        tangents_reference(points[None], normals, faces, layout),
    ):
        torch.testing.assert_close(found.norm(dim=-1), torch.ones(1, len(layout.vertex_ids)))
        assert found[..., 0].abs().max() < 1e-6
