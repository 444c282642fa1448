"""Triangles split in four, and where Loop's smooth surface puts the new points; knows no rigs and no files.

References: Loop, Smooth Subdivision Surfaces Based on Triangles, thesis, University of Utah, 1987, with Warren's
simpler factors: 3/16 for corners of three edges, 3/(8n) for those of n. Boundaries follow the cubic spline of their own
points. Edges of more than two faces are taken for boundaries.
"""

import numpy as np
from jaxtyping import Float, Int64
from scipy.sparse import coo_array, csr_array


def split_in_four(
    faces: Int64[np.ndarray, "f 3"], num_points: int
) -> tuple[Int64[np.ndarray, "4*f 3"], Int64[np.ndarray, "e 2"]]:
    """Four faces for each, its middle one last, and the edges whose middles are the new points.

    The middle of edge i is point ``num_points + i``; edges are sorted, smaller end first. Quarters follow one another
    in the order of the faces.
    """
    ends = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    edges, where = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
    ab, bc, ca = (where.reshape(-1, 3) + num_points).T
    a, b, c = faces.T
    quarters = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.stack([np.stack(q, axis=1) for q in quarters], axis=1).reshape(-1, 3), edges.astype(np.int64)


def middles(values: Float[np.ndarray, "n c"], edges: Int64[np.ndarray, "e 2"]) -> Float[np.ndarray, "m c"]:
    """The values, and after them those of the edges' middles."""
    return np.concatenate([values, 0.5 * (values[edges[:, 0]] + values[edges[:, 1]])])


def loop_weights(faces: Int64[np.ndarray, "f 3"], edges: Int64[np.ndarray, "e 2"], num_points: int) -> csr_array:
    """The matrix from old points to old and new ones; ``edges`` are those of ``split_in_four``. Its rows sum to one."""
    sides = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    keys = edges[:, 0] * num_points + edges[:, 1]
    low, high = sides.min(axis=1), sides.max(axis=1)
    edge_ids = np.searchsorted(keys, low * num_points + high)
    opposite = np.roll(faces, 1, axis=1).reshape(-1)
    is_inner = np.bincount(edge_ids, minlength=len(edges)) == 2
    new = num_points + np.arange(len(edges))
    share = np.where(is_inner, 3 / 8, 1 / 2)
    across = is_inner[edge_ids]
    rows = [new, new, new[edge_ids[across]]]
    columns = [edges[:, 0], edges[:, 1], opposite[across]]
    values = [share, share, np.full(across.sum(), 1 / 8)]

    # Old points: those on a boundary see its points only.
    on_rim = np.zeros(num_points, bool)
    on_rim[edges[~is_inner].reshape(-1)] = True
    both = np.concatenate([edges, edges[:, ::-1]])
    is_rim_edge = np.concatenate([~is_inner, ~is_inner])
    counts = ~on_rim[both[:, 0]] | is_rim_edge
    here, there = both[counts].T
    degree = np.bincount(here, minlength=num_points)
    # Where several boundaries meet there is no curve to follow: the point stays.
    stays = (on_rim & (degree != 2)) | (degree == 0)
    factor = np.where(degree == 3, 3 / 16, 3 / (8 * np.maximum(degree, 1)))
    factor = np.where(on_rim, 1 / 8, factor) * ~stays
    rows += [here, np.arange(num_points)]
    columns += [there, np.arange(num_points)]
    values += [factor[here], 1.0 - factor * degree]
    shape = (num_points + len(edges), num_points)
    return csr_array(coo_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape))
