"""Triangle meshes: the container, normals and edges; knows nothing of rigs, textures or cameras."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh with its own uv points, so that uv seams do not split vertices.

    Vertices are in metres, +Y up, the figure facing +Z. Faces are counter-clockwise seen from outside.
    ``uvs`` have their origin at the top left as in glTF. ``face_uvs`` indexes ``uvs`` per face corner.
    """

    vertices: Float[Tensor, "v 3"]
    faces: Int64[Tensor, "f 3"]
    uvs: Float[Tensor, "t 2"]
    face_uvs: Int64[Tensor, "f 3"]


@dataclass(frozen=True, eq=False)
class Edges:
    """The undirected edges of a mesh.

    ``vertex_ids`` are the two ends, smaller id first. ``opposite_ids`` are the third vertices of the one or two
    faces that share the edge, -1 where the edge is a boundary. Edges of more than two faces keep the first two.
    """

    vertex_ids: Int64[Tensor, "e 2"]
    opposite_ids: Int64[Tensor, "e 2"]


def build_edges(faces: Int64[Tensor, "f 3"]) -> Edges:
    """The unique edges of the faces, sorted by vertex ids; the same faces give the same order."""
    ends = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    opposite = torch.cat([faces[:, 2], faces[:, 0], faces[:, 1]])
    ends = ends.sort(dim=1).values
    num_vertices = int(faces.max()) + 1 if faces.numel() else 1
    key = ends[:, 0] * num_vertices + ends[:, 1]
    key, order = key.sort(stable=True)
    is_first = torch.ones_like(key, dtype=torch.bool)
    is_first[1:] = key[1:] != key[:-1]
    first = torch.nonzero(is_first).squeeze(1)
    second = first + 1
    next_key = torch.cat([key, key.new_full((1,), -1)])
    has_second = next_key[second] == key[first]
    opposite_second = torch.full_like(first, -1)
    opposite_second[has_second] = opposite[order[second[has_second]]]
    return Edges(ends[order[first]], torch.stack([opposite[order[first]], opposite_second], dim=1))


def face_normals(vertices: Float[Tensor, "*b v 3"], faces: Int64[Tensor, "f 3"]) -> Float[Tensor, "*b f 3"]:
    """Normals of the faces, their length twice the face's area."""
    corners = vertices.index_select(-2, faces.reshape(-1)).unflatten(-2, faces.shape)
    a, b, c = corners.unbind(-2)
    return torch.linalg.cross(b - a, c - a)


def vertex_normals(vertices: Float[Tensor, "*b v 3"], faces: Int64[Tensor, "f 3"]) -> Float[Tensor, "*b v 3"]:
    """Unit normals of the vertices: the sum of the face normals weighted by area.

    A vertex without area gets the zero vector. Deterministic on the CPU (``index_add``).
    """
    normals = face_normals(vertices, faces)
    per_corner = normals.unsqueeze(-2).expand(*normals.shape[:-1], 3, 3).flatten(-3, -2)
    total = torch.zeros_like(vertices).index_add(-2, faces.reshape(-1), per_corner)
    return torch.nn.functional.normalize(total, dim=-1, eps=1e-12)
