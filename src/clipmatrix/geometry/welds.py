"""Meshes whose vertices are split where shading breaks, and what holds the halves together; knows no files."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from clipmatrix.geometry.mesh import vertex_normals

CREASE_COS = 0.5
"""Without normals in the file, faces that meet at more than 60 degrees have an edge between them."""

SAME_NORMAL_COS = 0.98
"""Normals in a file that differ by more than 11 degrees are meant to."""


@dataclass(frozen=True, eq=False)
class Welds:
    """Which vertices of a mesh lie at one place, and must stay there together.

    ``first_ids`` gives for each vertex the first one at its place. ``faces`` are the mesh's front faces in such first
    vertices: closed where the surface is, whatever is split for its shading.
    """

    first_ids: Int64[Tensor, "v"]
    faces: Int64[Tensor, "g 3"]

    def normals(self, vertices: Float[Tensor, "v 3"]) -> Float[Tensor, "v 3"]:
        """Unit normals that all vertices of a place share: moving along them tears nothing."""
        return vertex_normals(vertices, self.faces).index_select(0, self.first_ids)


def weld_points(points: Float[np.ndarray, "n 3"], tolerance: float) -> Int64[np.ndarray, "n"]:
    """For each point the number of its place, from 0 on in the order of first use; by a grid of ``tolerance``."""
    cells = np.round((points - points.min(axis=0)) / tolerance).astype(np.int64)
    _, first, inverse = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


def face_edges(faces: Int64[np.ndarray, "f 3"]) -> tuple[Int64[np.ndarray, "n 2"], Int64[np.ndarray, "n"]]:
    """The sides of the faces, smaller id first, and for each the number of its edge; side k of face f is row 3f + k."""
    sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    _, edge_ids = np.unique(sides[:, 0] * (faces.max(initial=0) + 1) + sides[:, 1], return_inverse=True)
    return sides, edge_ids.reshape(-1).astype(np.int64)


def split_creases(
    points: Float[np.ndarray, "p 3"],
    faces: Int64[np.ndarray, "f 3"],
    corner_normals: Float[np.ndarray, "f 3 3"] | None,
    corner_kinds: Int64[np.ndarray, "f 3"],
) -> Int64[np.ndarray, "f 3"]:
    """New vertex ids per corner: one for each smooth fan of faces around a place, from 0 on.

    Faces are smooth across an edge where their normals agree at both of its ends: those of the file, or where it has
    none those of the faces within 60 degrees. Corners of different ``corner_kinds`` never share a vertex.
    """
    if not len(faces):
        return faces
    _, edge_ids = face_edges(faces)
    order = np.argsort(edge_ids, kind="stable")
    is_pair = edge_ids[order][1:] == edge_ids[order][:-1]
    first, second = order[:-1][is_pair], order[1:][is_pair]
    if corner_normals is None:
        a, b, c = (points[faces[:, k]] for k in range(3))
        normals = np.cross(b - a, c - a)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
        corner_normals, least = np.repeat(normals[:, None], 3, axis=1), CREASE_COS
    else:
        least = SAME_NORMAL_COS
    normals, kinds, ids = corner_normals.reshape(-1, 3), corner_kinds.reshape(-1), faces.reshape(-1)

    def ends(side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The corners at the two ends of a side, that of the smaller id first."""
        here, there = side, side - side % 3 + (side + 1) % 3
        is_swapped = ids[here] > ids[there]
        return np.where(is_swapped, there, here), np.where(is_swapped, here, there)

    joined = []
    pairs = list(zip(ends(first), ends(second), strict=True))
    is_smooth = np.logical_and.reduce([(normals[p] * normals[q]).sum(1) >= least for p, q in pairs])
    for p, q in pairs:
        is_joined = is_smooth & (kinds[p] == kinds[q])
        joined.append(np.stack([p[is_joined], q[is_joined]]))
    rows, columns = np.concatenate(joined, axis=1)
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(len(ids), len(ids)))
    labels = connected_components(graph, directed=False)[1]
    # Numbered by first use, so that the order of the file is kept.
    _, where, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(where), np.int64)
    rank[np.argsort(where, kind="stable")] = np.arange(len(where))
    return rank[inverse.reshape(-1)].reshape(faces.shape)


def flat_faces(points: Float[np.ndarray, "p 3"], faces: Int64[np.ndarray, "f 3"]) -> Bool[np.ndarray, "f"]:
    """Which faces have no area to speak of."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    longest = np.maximum.reduce([((q - p) ** 2).sum(1) for p, q in ((a, b), (b, c), (c, a))])
    return area <= 1e-9 * longest


def repeated_faces(faces: Int64[np.ndarray, "f 3"]) -> tuple[Bool[np.ndarray, "f"], Bool[np.ndarray, "f"]]:
    """Which faces stand on the places of an earlier one, and which earlier ones are there the other way round too."""
    _, first, inverse = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_inverse=True)
    inverse = inverse.reshape(-1)
    is_repeated = np.ones(len(faces), bool)
    is_repeated[first] = False
    is_even = _turn_parity(faces) != _turn_parity(faces[first[inverse]])
    is_both = np.zeros(len(faces), bool)
    is_both[first[inverse[is_even]]] = True
    return is_repeated, is_both


def _turn_parity(faces: Int64[np.ndarray, "f 3"]) -> Bool[np.ndarray, "f"]:
    """Whether the ids of each face go upwards when read round from the smallest one."""
    turned = np.take_along_axis(faces, (faces.argmin(axis=1)[:, None] + np.arange(3)) % 3, axis=1)
    return turned[:, 1] < turned[:, 2]


def inward_faces(
    points: Float[np.ndarray, "p 3"], faces: Int64[np.ndarray, "f 3"]
) -> tuple[Bool[np.ndarray, "f"], Bool[np.ndarray, "f"]]:
    """Which faces to turn round so that all of a piece look outward, and which belong to a piece that is open.

    Neighbours across an edge of two faces are made to agree; a piece as a whole looks outward when its volume, seen
    from its middle, is positive.
    """
    sides, edge_ids = face_edges(faces)
    counts = np.bincount(edge_ids)
    order = np.argsort(edge_ids, kind="stable")
    starts = np.searchsorted(edge_ids[order], np.flatnonzero(counts == 2))
    first, second = order[starts], order[starts + 1]
    # A side runs upwards when its face names the smaller end first; two that run alike have faces that disagree.
    runs_up = faces.reshape(-1) == sides[:, 0]
    differs = runs_up[first] == runs_up[second]
    num = len(faces)
    graph = coo_array((np.ones(len(first)), (first // 3, second // 3)), shape=(num, num)).tocsr()
    labels = connected_components(graph, directed=False)[1]
    parity = _parities(first // 3, second // 3, differs, labels)
    a, b, c = (points[faces[:, k]] for k in range(3))
    size = np.bincount(labels)[:, None]
    middle = np.stack([np.bincount(labels, (a + b + c)[:, k]) for k in range(3)], axis=1) / (3 * size)
    volume = ((a - middle[labels]) * np.cross(b - middle[labels], c - middle[labels])).sum(1)
    total = np.bincount(labels, np.where(parity, -volume, volume))
    is_open = np.bincount(labels[np.flatnonzero(counts[edge_ids] == 1) // 3], minlength=len(total)) > 0
    return parity ^ (total < 0)[labels], is_open[labels]


def _parities(
    first: Int64[np.ndarray, "n"],
    second: Int64[np.ndarray, "n"],
    differs: Bool[np.ndarray, "n"],
    labels: np.ndarray,
) -> Bool[np.ndarray, "f"]:
    """For each face whether it is to be turned to agree with the first face of its piece."""
    num = len(labels)
    both = np.concatenate([np.stack([first, second], 1), np.stack([second, first], 1)])
    is_other = np.concatenate([differs, differs])
    order = np.argsort(both[:, 0], kind="stable")
    neighbours, is_other = both[order, 1], is_other[order]
    starts = np.searchsorted(both[order, 0], np.arange(num + 1))
    parity, is_seen = np.zeros(num, bool), np.zeros(num, bool)
    front = np.unique(labels, return_index=True)[1]
    is_seen[front] = True
    while len(front):
        counts = starts[front + 1] - starts[front]
        rows = np.repeat(starts[front] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        reached, where = np.unique(neighbours[rows], return_index=True)
        came_from = np.repeat(front, counts)[where]
        turned = parity[came_from] ^ is_other[rows[where]]
        is_new = ~is_seen[reached]
        front = reached[is_new]
        parity[front], is_seen[front] = turned[is_new], True
    return parity


def to_welds(first_ids: np.ndarray, faces: np.ndarray) -> Welds:
    """The welds as tensors."""
    return Welds(torch.from_numpy(first_ids.astype(np.int64)), torch.from_numpy(faces.astype(np.int64)))
