"""What a skinned or animated glTF file holds beside its look, kept value by value; knows no body and no way to write.

Matrices are row by row here, as everywhere in the package; positions and matrices are in the file's own units.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int64, UInt16


@dataclass(frozen=True, eq=False)
class SourceSkin:
    """A skin: its joints as node ids, and their inverse bind matrices."""

    name: str | None
    joints: tuple[int, ...]
    skeleton: int | None
    inverse_binds: Float32[np.ndarray, "m 4 4"]


@dataclass(frozen=True, eq=False)
class SourceTrack:
    """One channel of an animation: the times in seconds, and what ``path`` of the node is at each.

    ``values`` (n c) are as in the file: for CUBICSPLINE three rows (in-tangent, value, out-tangent) a key.
    """

    node: int
    path: str
    interpolation: str
    times: Float32[np.ndarray, "n"]
    values: Float32[np.ndarray, "m c"]


@dataclass(frozen=True, eq=False)
class SourceAnimation:
    """A clip of the file."""

    name: str | None
    tracks: tuple[SourceTrack, ...]


@dataclass(frozen=True, eq=False)
class SourcePart:
    """The mesh of one node: its vertices as in the file, the node's primitives one after the other.

    ``joints`` number the skin's joints. A part without skin is fixed to its node, and has no influences.
    """

    node: int
    skin: int | None
    positions: Float32[np.ndarray, "n 3"]
    joints: UInt16[np.ndarray, "n k"]
    weights: Float32[np.ndarray, "n k"]


@dataclass(frozen=True, eq=False)
class GltfSource:
    """A file's nodes, skins, animations and meshes, and how a body's corners and offsets lead back to them.

    The parts' vertices are numbered through. ``corner_ids`` gives for each face corner of the body its vertex in the
    file, and ``file_from_rest`` takes a change at rest, in the file's units, to one of the vertex as it stands there.
    ``nodes`` are the JSON of the file without cameras, lights, meshes and skins; ``is_double_sided`` as its materials
    were.
    """

    nodes: tuple[dict[str, Any], ...]
    roots: tuple[int, ...]
    skins: tuple[SourceSkin, ...]
    animations: tuple[SourceAnimation, ...]
    parts: tuple[SourcePart, ...]
    corner_ids: Int64[np.ndarray, "f 3"]
    file_from_rest: Float[np.ndarray, "n 3 3"]
    joint_nodes: tuple[int, ...]
    is_double_sided: bool
    copyright: str | None
