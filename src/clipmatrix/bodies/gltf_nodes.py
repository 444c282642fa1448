"""The tree of a glTF scene and where its nodes are, at rest and at moments of its animations; knows no mesh.

References:
    Khronos Group, glTF 2.0 Specification, 2021, sections 3.5 (scenes, transformations) and 3.11 (animations).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp

from clipmatrix.bodies.gltf_source import SourceAnimation, SourceTrack

PATHS = {"translation": (0.0, 0.0, 0.0), "rotation": (0.0, 0.0, 0.0, 1.0), "scale": (1.0, 1.0, 1.0)}
"""What an animation may move, and what it is where a node does not say."""


def walk(nodes: Sequence[Mapping[str, Any]], roots: Sequence[int]) -> list[tuple[int, int]]:
    """The nodes below the roots with their parents (-1 for roots), parents first; each node once."""
    found: list[tuple[int, int]] = []
    seen: set[int] = set()
    stack = [(root, -1) for root in reversed(roots)]
    while stack:
        node, parent = stack.pop()
        if node in seen or not 0 <= node < len(nodes):
            continue
        seen.add(node)
        found.append((node, parent))
        stack += [(child, node) for child in reversed(nodes[node].get("children", []))]
    return found


def rest_frames(
    nodes: Sequence[Mapping[str, Any]], tree: Sequence[tuple[int, int]]
) -> dict[int, Float[np.ndarray, "4 4"]]:
    """World from node, as the file shows it at rest."""
    frames: dict[int, np.ndarray] = {}
    for node, parent in tree:
        local = _local(nodes[node], {})[0]
        frames[node] = local if parent < 0 else frames[parent] @ local
    return frames


def moving_frames(
    nodes: Sequence[Mapping[str, Any]],
    tree: Sequence[tuple[int, int]],
    animation: SourceAnimation,
    times: Float[np.ndarray, "n"],
) -> dict[int, Float[np.ndarray, "_ 4 4"]]:
    """World from node at each of the times in seconds; one frame for nodes that nothing moves."""
    moved: dict[int, dict[str, np.ndarray]] = {}
    for track in animation.tracks:
        if track.path in PATHS:
            moved.setdefault(track.node, {})[track.path] = sample_track(track, times)
    frames: dict[int, np.ndarray] = {}
    for node, parent in tree:
        local = _local(nodes[node], moved.get(node, {}))
        frames[node] = local if parent < 0 else frames[parent] @ local
    return frames


def sample_track(track: SourceTrack, times: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n c"]:
    """The values of a track at the times, as glTF interpolates them; still before the first key and after the last."""
    keys = track.times.astype(np.float64)
    values = track.values.astype(np.float64)
    tangents = None
    if track.interpolation == "CUBICSPLINE":
        values = values.reshape(len(keys), 3, -1)
        tangents, values = values[:, [0, 2]], values[:, 1]
    moments = np.clip(times, keys[0], keys[-1])
    if len(keys) == 1:
        return np.repeat(values, len(times), axis=0)
    if track.interpolation == "STEP":
        return values[np.clip(np.searchsorted(keys, moments, side="right") - 1, 0, len(keys) - 1)]
    after = np.clip(np.searchsorted(keys, moments, side="right"), 1, len(keys) - 1)
    span = np.maximum(keys[after] - keys[after - 1], 1e-9)
    t = ((moments - keys[after - 1]) / span)[:, None]
    if tangents is not None:
        span = span[:, None]
        leaving, coming = span * tangents[after - 1, 1], span * tangents[after, 0]
        start, end = values[after - 1], values[after]
        return (
            (2 * t**3 - 3 * t**2 + 1) * start + (t**3 - 2 * t**2 + t) * leaving
            + (3 * t**2 - 2 * t**3) * end + (t**3 - t**2) * coming
        )  # fmt: skip
    if track.path == "rotation":
        is_key = np.concatenate([[True], np.diff(keys) > 0])
        return Slerp(keys[is_key], Rotation.from_quat(values[is_key]))(moments).as_quat()
    return values[after - 1] + t * (values[after] - values[after - 1])


def _local(node: Mapping[str, Any], moved: Mapping[str, Float[np.ndarray, "n c"]]) -> Float[np.ndarray, "_ 4 4"]:
    """Parent from node, with what is moved in place of what the node says."""
    if "matrix" in node and not moved:
        return np.asarray(node["matrix"], np.float64).reshape(1, 4, 4).transpose(0, 2, 1)
    shift, quat, scale = (
        moved.get(path, np.asarray(node.get(path, usual), np.float64)[None]) for path, usual in PATHS.items()
    )
    num = max(len(shift), len(quat), len(scale))
    local = np.broadcast_to(np.eye(4), (num, 4, 4)).copy()
    local[:, :3, :3] = Rotation.from_quat(quat).as_matrix() * scale[:, None, :]
    local[:, :3, 3] = shift
    return local
