"""Whether a surface encloses a body, how to close it, and how thick that body is; knows no units and no printers.

References:
    Ma, Bae, Choi, 3D medial axis point approximation using nearest neighbors and the normal field, The Visual Computer
    2012 (the shrinking ball that gives the thickness).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.sparse import coo_array, csgraph
from scipy.spatial import KDTree

from clipmatrix.geometry.mesh import Mesh, vertex_normals

_ROUNDS = 24
_NEAR = 1e-9
_BESIDE = 0.5
"""The cosine of 60 degrees."""


@dataclass(frozen=True)
class Solidity:
    """What keeps a surface from enclosing a body, as numbers of edges, and how many closed parts it has.

    An open edge has one face, a crowded one more than two; along a twisted one two faces disagree on what is outside.
    """

    open_edges: int
    crowded_edges: int
    twisted_edges: int
    num_shells: int

    @property
    def is_closed(self) -> bool:
        """Whether every edge parts exactly two faces that agree on the outside."""
        return not (self.open_edges or self.crowded_edges or self.twisted_edges)


def solidity(faces: Int64[torch.Tensor, "f 3"]) -> Solidity:
    """How far the faces are from a closed surface."""
    ids = faces.numpy()
    starts, ends = _directed(ids)
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    num = int(ids.max()) + 1
    _, edge_ids, counts = np.unique(low * num + high, return_inverse=True, return_counts=True)
    balance = np.bincount(edge_ids, weights=np.where(starts < ends, 1.0, -1.0))
    graph = coo_array((np.ones(len(starts)), (starts, ends)), shape=(num, num))
    _, labels = csgraph.connected_components(graph, directed=False)
    return Solidity(
        open_edges=int((counts == 1).sum()),
        crowded_edges=int((counts > 2).sum()),
        twisted_edges=int(((counts == 2) & (balance != 0)).sum()),
        num_shells=len(np.unique(labels[np.unique(ids)])),
    )


def closed(mesh: Mesh) -> tuple[Mesh, int]:
    """The mesh with every hole filled by a fan around the middle of its rim, and how many were filled.

    Rims that meet themselves are left open. The new faces take their texture from the rim.
    """
    faces, face_uvs = mesh.faces.numpy(), mesh.face_uvs.numpy()
    starts, ends = _directed(faces)
    start_uvs, end_uvs = _directed(face_uvs)
    num = int(faces.max()) + 1
    is_open = ~np.isin(starts * num + ends, ends * num + starts)
    # A hole's rim runs against the edges of the faces beside it.
    after: dict[int, tuple[int, int, int]] = {}
    fork: set[int] = set()
    for start, end, start_uv, end_uv in np.stack([starts, ends, start_uvs, end_uvs], 1)[is_open].tolist():
        if end in after:
            fork.add(end)
        after[end] = (start, end_uv, start_uv)
    new_faces, new_uvs, centres = [], [], []
    while after:
        rim, place = [], next(iter(after))
        while place in after:
            following, uv, next_uv = after.pop(place)
            rim.append((place, following, uv, next_uv))
            place = following
        if len(rim) < 3 or place != rim[0][0] or any(one[0] in fork for one in rim):
            continue
        centre = len(mesh.vertices) + len(centres)
        centres.append(mesh.vertices[[one[0] for one in rim]].mean(0))
        new_faces += [(start, end, centre) for start, end, _, _ in rim]
        new_uvs += [(uv, next_uv, uv) for _, _, uv, next_uv in rim]
    if not centres:
        return mesh, 0
    vertices = torch.cat([mesh.vertices, torch.stack(centres)])
    filled = torch.cat([mesh.faces, torch.tensor(new_faces)])
    return Mesh(vertices, filled, mesh.uvs, torch.cat([mesh.face_uvs, torch.tensor(new_uvs)])), len(centres)


def thickness(mesh: Mesh) -> Float[np.ndarray, "v"]:
    """For each vertex the diameter of the largest ball inside the body that touches it there.

    Edges and tips count as what lies behind them. Infinite where there is no body behind the surface. Cost: some
    nearest-neighbour queries per vertex, tenths of a second for ten thousand.
    """
    points = mesh.vertices.double().numpy()
    normals = vertex_normals(mesh.vertices.double(), mesh.faces).numpy()
    tree = KDTree(points)
    radius = np.full(len(points), float(np.ptp(points, axis=0).max()))
    active = np.flatnonzero(np.linalg.norm(normals, axis=1) > 0.5)
    for _ in range(_ROUNDS):
        centre = points[active] - radius[active, None] * normals[active]
        distance, nearest = tree.query(centre)
        away = points[active] - points[nearest]
        along = (away * normals[active]).sum(1)
        fits = (distance >= radius[active] * (1 - 1e-6)) | (nearest == active) | (along <= _NEAR)
        smaller = (away**2).sum(1) / (2 * np.maximum(along, _NEAR))
        # From the ball's middle a wall lies opposite the vertex; a neighbour with its normal a little off, beside it.
        opposite = points[nearest] - points[active] + smaller[:, None] * normals[active]
        cosine = (opposite * normals[active]).sum(1) / np.maximum(smaller, _NEAR)
        fits |= cosine > _BESIDE
        radius[active[~fits]] = smaller[~fits]
        active = active[~fits]
        if not len(active):
            break
    return 2 * radius


def _directed(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of all edges as the faces run through them."""
    return faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
