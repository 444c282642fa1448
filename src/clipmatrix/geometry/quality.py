"""How well formed a mesh is, as plain numbers; knows nothing of what is good enough."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from clipmatrix.geometry.mesh import face_normals

_THIN = 1e-4
"""A face whose height is under this share of its longest side has no direction of its own."""


def edge_lengths(vertices: Float[Tensor, "v 3"], edge_ids: Int64[Tensor, "e 2"]) -> Float[Tensor, "e"]:
    """The lengths of the edges, in the vertices' unit."""
    first, second = edge_ids.unbind(1)
    return (vertices.index_select(0, first) - vertices.index_select(0, second)).norm(dim=1)


def is_flipped(
    vertices: Float[Tensor, "v 3"], reference: Float[Tensor, "v 3"], faces: Int64[Tensor, "f 3"]
) -> Bool[Tensor, "f"]:
    """Whether each face looks to the other side than it does in ``reference``; one without area does not."""
    return (face_normals(vertices, faces) * face_normals(reference, faces)).sum(dim=1) < 0.0


def is_folded(vertices: Float[Tensor, "v 3"], faces: Int64[Tensor, "f 3"]) -> Bool[Tensor, "f"]:
    """Whether each face looks against the faces around each of its corners: flipped, where no reference tells.

    The neighbours are weighed by area. A fold that is wider than some faces is not seen.
    """
    normals = face_normals(vertices, faces)
    corner = normals.unsqueeze(1).expand(-1, 3, 3).reshape(-1, 3)
    total = torch.zeros_like(vertices).index_add(0, faces.reshape(-1), corner)
    others = total.index_select(0, faces.reshape(-1)) - corner
    against = (others * corner).sum(dim=1).reshape(-1, 3) < 0.0
    return against.all(dim=1)


def is_degenerate(vertices: Float[Tensor, "v 3"], faces: Int64[Tensor, "f 3"]) -> Bool[Tensor, "f"]:
    """Whether each face is a point, a needle, or not finite: its height is next to nothing of its longest side."""
    corners = vertices.index_select(0, faces.reshape(-1)).unflatten(0, faces.shape)
    longest = (corners - corners.roll(1, dims=1)).square().sum(dim=2).amax(dim=1)
    return ~(face_normals(vertices, faces).norm(dim=1) > _THIN * longest)


def signed_volume(vertices: Float[Tensor, "v 3"], faces: Int64[Tensor, "f 3"]) -> Float[Tensor, ""]:
    """The enclosed volume; negative where the faces look inwards.

    Of a surface with holes it is the volume between the surface and its centre.

    References: Zhang, Chen, "Efficient Feature Extraction for 2D/3D Objects in Mesh Representation", ICIP 2001, eq. 6.
    """
    corners = (vertices - vertices.mean(dim=0)).index_select(0, faces.reshape(-1)).unflatten(0, faces.shape)
    a, b, c = corners.unbind(1)
    return (torch.linalg.cross(a, b) * c).sum() / 6.0


def uv_stretch(
    vertices: Float[Tensor, "v 3"],
    faces: Int64[Tensor, "f 3"],
    uvs: Float[Tensor, "t 2"],
    face_uvs: Int64[Tensor, "f 3"],
) -> Float[Tensor, ""]:
    """How unevenly the texture lies on the surface: 1 where each texel has the same size and form, larger elsewhere.

    The root mean square over the surface of how far a texel is drawn out, relative to a map that keeps all areas.
    Faces without area, in space or in the texture, are left out; 0 where none is left.

    References: Sander, Snyder, Gortler, Hoppe, "Texture Mapping Progressive Meshes", SIGGRAPH 2001, section 3.
    """
    corners = vertices.index_select(0, faces.reshape(-1)).unflatten(0, faces.shape).double()
    flat = uvs.index_select(0, face_uvs.reshape(-1)).unflatten(0, face_uvs.shape).double()
    (p, q), (s, t) = ((c[:, 1] - c[:, 0], c[:, 2] - c[:, 0]) for c in (corners, flat))
    twice_area_uv = s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]
    twice_area = torch.linalg.cross(p, q).norm(dim=1)
    keep = (twice_area_uv.abs() > 1e-14) & (twice_area > 0.0) & torch.isfinite(twice_area)
    if not bool(keep.any()):
        return vertices.new_zeros(())
    p, q, s, t = p[keep], q[keep], s[keep], t[keep]
    area, area_uv = twice_area[keep], twice_area_uv[keep]
    along_u = (p * t[:, 1:] - q * s[:, 1:]) / area_uv[:, None]
    along_v = (q * s[:, :1] - p * t[:, :1]) / area_uv[:, None]
    squared = 0.5 * (along_u.square().sum(dim=1) + along_v.square().sum(dim=1))
    mean = (squared * area).sum() / area.sum()
    return (mean * area_uv.abs().sum() / area.sum()).sqrt().to(vertices.dtype)
