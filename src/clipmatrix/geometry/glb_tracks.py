"""The animations and node trees of glTF files as arrays; knows nothing of what moves.

References:
    Khronos Group, glTF 2.0 Specification, 2021, section 3.11 and appendix C (interpolation).
"""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from clipmatrix.geometry.glb_file import GlbError, GlbFile, Json

TRACK_WIDTHS = {"translation": 3, "rotation": 4, "scale": 3}
"""The tracks that move nodes, and how many numbers each of their values has."""
NEAR_ZERO = 1e-9


def node_order(nodes: list[Json]) -> tuple[list[int], list[int]]:
    """The node ids with parents before children, and each one's parent by its place in that order.

    Raises:
        GlbError: the nodes are no forest.
    """
    above = {int(child): index for index, node in enumerate(nodes) for child in node.get("children", [])}
    order: list[int] = []
    waiting = [index for index in range(len(nodes)) if index not in above]
    while waiting:
        index = waiting.pop(0)
        order.append(index)
        waiting[:0] = [int(child) for child in nodes[index].get("children", [])]
        if len(order) > len(nodes):
            raise GlbError("its nodes run in a circle")
    place = {index: joint for joint, index in enumerate(order)}
    return order, [place[above[index]] if index in above else -1 for index in order]


def sample_track(file: GlbFile, sampler: Json, times: Float[np.ndarray, "n"], kind: str) -> Float[np.ndarray, "n c"]:
    """The values of an animation's track at ``times`` in seconds, interpolated as it says; still before and after.

    Raises:
        GlbError: the track's times and values do not fit each other.
    """
    keys = file.array(int(sampler["input"])).astype(np.float64)
    values = file.array(int(sampler["output"])).astype(np.float64)
    way = sampler.get("interpolation", "LINEAR")
    num_values = 3 * len(keys) if way == "CUBICSPLINE" else len(keys)
    if (
        len(values) != num_values
        or values.ndim != 2
        or values.shape[1] != TRACK_WIDTHS[kind]
        or (np.diff(keys) < 0).any()
    ):
        raise GlbError(f"a track of its animation has {len(keys)} times and {len(values)} values")
    after = np.searchsorted(keys, times, side="right").clip(1, max(len(keys) - 1, 1)).clip(max=len(keys) - 1)
    before = np.maximum(after - 1, 0)
    span = np.maximum(keys[after] - keys[before], NEAR_ZERO)
    share = ((times - keys[before]) / span).clip(0.0, 1.0)[:, None]
    if way == "CUBICSPLINE":
        values = values.reshape(len(keys), 3, -1)
        start, end = values[before, 1], values[after, 1]
        leave, arrive = values[before, 2] * span[:, None], values[after, 0] * span[:, None]
        t2, t3 = share**2, share**3
        mixed = (
            (2 * t3 - 3 * t2 + 1) * start + (t3 - 2 * t2 + share) * leave + (3 * t2 - 2 * t3) * end + (t3 - t2) * arrive
        )
        return mixed / np.linalg.norm(mixed, axis=1, keepdims=True) if kind == "rotation" else mixed
    if way == "STEP":
        share = (share >= 1.0).astype(np.float64)
    if kind == "rotation":
        start = Rotation.from_quat(values[before])
        return (
            start * Rotation.from_rotvec(share * (start.inv() * Rotation.from_quat(values[after])).as_rotvec())
        ).as_quat()
    return values[before] + share * (values[after] - values[before])
