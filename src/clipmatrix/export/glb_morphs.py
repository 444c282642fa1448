"""Facial actions as the morph targets of a GLB mesh, stored sparsely; knows nothing of what they show.

References:
    Khronos Group, glTF 2.0 Specification, 2021, sections 3.6.2.3 (sparse accessors) and 3.7.2.2 (morph targets).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int64

from clipmatrix.bodies.body import Morph
from clipmatrix.export.glb import BinaryChunk, Json, Sparse
from clipmatrix.geometry.mesh import Mesh, vertex_normals

_STILL_M = 1e-6
_SAME_NORMAL = 1e-3


def add_targets(
    chunk: BinaryChunk, mesh: Mesh, vertex_ids: Int64[np.ndarray, "n"], morphs: Sequence[Morph]
) -> tuple[list[Json], list[str]]:
    """The targets for a primitive whose vertices are ``vertex_ids`` of the mesh, and their names.

    Each holds the movement of positions and normals, and only of vertices that move. One that moves none is left out.
    """
    rest = mesh.vertices.double()
    normals = vertex_normals(rest, mesh.faces)
    tables, names = [], []
    for morph in morphs:
        offsets = morph.offsets.double()
        turned = (vertex_normals(rest + offsets, mesh.faces) - normals).numpy()[vertex_ids]
        position, turn = _rows(offsets.numpy()[vertex_ids], _STILL_M), _rows(turned, _SAME_NORMAL)
        if len(position.ids):
            names.append(morph.name)
            tables += [position, turn if len(turn.ids) else Sparse(position.ids[:1], np.zeros((1, 3), np.float32))]
    accessors = chunk.add_sparse(tables, len(vertex_ids))
    pairs = zip(accessors[::2], accessors[1::2], strict=True)
    return [{"POSITION": position, "NORMAL": normal} for position, normal in pairs], names


def _rows(values: Float[np.ndarray, "n 3"], smallest: float) -> Sparse:
    ids = np.flatnonzero(np.linalg.norm(values, axis=1) > smallest)
    return Sparse(ids, values[ids].astype(np.float32))
