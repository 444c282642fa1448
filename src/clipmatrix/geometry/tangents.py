"""Tangents of textured meshes, for normal maps; knows no pictures and no files.

References:
    Mikkelsen, Simulation of Wrinkled Surfaces Revisited, 2008 (tangents weighted by the corners' angles).
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def uv_sides(uvs: Float[Tensor, "t 2"], face_uvs: Int64[Tensor, "f 3"]) -> Int64[Tensor, "f"]:
    """1 for faces that lie in the texture as they are seen from outside, 0 for those that are mirrored there."""
    a, b, c = uvs[face_uvs].unbind(1)
    u, v = b - a, c - a
    # The origin is at the top left, so that what is counter-clockwise to the eye has a negative determinant.
    return ((u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) <= 0).long()


def vertex_tangents(
    vertices: Float[Tensor, "v 3"],
    normals: Float[Tensor, "v 3"],
    uvs: Float[Tensor, "v 2"],
    faces: Int64[Tensor, "f 3"],
) -> Float[Tensor, "v 4"]:
    """Unit tangents across the normals, along which u grows, and as fourth value the sign of glTF's bitangent.

    ``cross(normal, tangent) * sign`` points up in the picture, where v falls. The mean over a vertex's faces, weighted
    by their angles there. Each vertex must have one uv point, and faces of one side (see ``uv_sides``) only; one whose
    faces have no area in the texture gets any direction across its normal.
    """
    corners = vertices[faces].double()
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across, down = (uvs[faces[:, index]].double() - uvs[faces[:, 0]].double() for index in (1, 2))
    determinant = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    # dP/du without its length, which the mean does not need; the determinant's sign it does.
    along = (first * down[:, 1:] - second * across[:, 1:]) * determinant.sign()[:, None]
    unit = normals.double()
    total = torch.zeros_like(unit)
    for index in range(3):
        ids = faces[:, index]
        here = unit[ids]
        flat = torch.nn.functional.normalize(along - (along * here).sum(1, keepdim=True) * here, dim=1, eps=1e-30)
        total.index_add_(0, ids, flat * _angles(corners, index)[:, None])
    total = total - (total * unit).sum(1, keepdim=True) * unit
    is_lost = total.norm(dim=1) < 1e-12
    total = torch.where(is_lost[:, None], _any_across(unit), total)
    sides = torch.zeros(len(vertices), dtype=torch.float64)
    sides[faces.reshape(-1)] = torch.where(determinant <= 0, 1.0, -1.0).repeat_interleave(3).double()
    sides = torch.where(sides == 0, 1.0, sides)
    return torch.cat([torch.nn.functional.normalize(total, dim=1), sides[:, None]], dim=1).to(vertices.dtype)


def _angles(corners: Float[Tensor, "f 3 3"], index: int) -> Float[Tensor, "f"]:
    here, after, before = (corners[:, (index + step) % 3] for step in range(3))
    a, b = after - here, before - here
    return torch.atan2(torch.linalg.cross(a, b).norm(dim=1), (a * b).sum(1))


def _any_across(normals: Float[Tensor, "v 3"]) -> Float[Tensor, "v 3"]:
    """A vector across each normal."""
    axis = torch.nn.functional.one_hot(normals.abs().argmin(1), 3).to(normals.dtype)
    return axis - (axis * normals).sum(1, keepdim=True) * normals
