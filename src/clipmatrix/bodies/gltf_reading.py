"""The meshes, skins and animations of a glTF file's scene as plain arrays; knows nothing of bodies."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64, UInt16

from clipmatrix.bodies.gltf_file import GltfFile
from clipmatrix.bodies.gltf_nodes import PATHS
from clipmatrix.bodies.gltf_source import SourceAnimation, SourceSkin, SourceTrack
from clipmatrix.errors import BodyError
from clipmatrix.geometry.subdivision import middles, split_in_four

_TRIANGLES = 4
_KEPT = ("name", "children", "matrix", "translation", "rotation", "scale")


@dataclass(frozen=True, eq=False)
class NodeMesh:
    """The triangles of one node, in the mesh's own space, its primitives one after the other."""

    positions: Float32[np.ndarray, "n 3"]
    normals: Float[np.ndarray, "n 3"] | None
    uvs: Float[np.ndarray, "n 2"] | None
    joints: UInt16[np.ndarray, "n k"]
    weights: Float32[np.ndarray, "n k"]
    faces: Int64[np.ndarray, "f 3"]
    is_two_sided: Bool[np.ndarray, "f"]
    num_materials: int
    has_morphs: bool


def plain_nodes(file: GltfFile) -> tuple[dict[str, Any], ...]:
    """The nodes' JSON: names, children and places, and nothing else."""
    return tuple({key: node[key] for key in _KEPT if key in node} for node in file.items("nodes"))


def scene_roots(file: GltfFile) -> tuple[int, ...]:
    """The root nodes of the scene that a viewer shows."""
    scenes = file.items("scenes")
    if scenes:
        return tuple(scenes[file.document.get("scene", 0)].get("nodes", []))
    children = {child for node in file.items("nodes") for child in node.get("children", [])}
    return tuple(index for index in range(len(file.items("nodes"))) if index not in children)


def read_skins(file: GltfFile) -> tuple[SourceSkin, ...]:
    """The skins; where one has no inverse bind matrices they are the identity.

    Raises:
        BodyError: a skin names joints that are not there.
    """
    skins = []
    for skin in file.items("skins"):
        joints = tuple(int(joint) for joint in skin.get("joints", []))
        if not joints or max(joints) >= len(file.items("nodes")) or min(joints) < 0:
            raise file.broken("a skin has no joints, or some that are not there")
        binds = np.broadcast_to(np.eye(4, dtype=np.float32), (len(joints), 4, 4))
        if "inverseBindMatrices" in skin:
            # glTF stores matrices column by column.
            binds = file.accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)[: len(joints)]
        if len(binds) != len(joints) or not np.isfinite(binds).all():
            raise file.broken("a skin's inverse bind matrices are too few, or no numbers")
        skins.append(
            SourceSkin(skin.get("name"), joints, skin.get("skeleton"), np.ascontiguousarray(binds, np.float32))
        )
    return tuple(skins)


def read_animations(file: GltfFile) -> tuple[SourceAnimation, ...]:
    """The animations of nodes; channels of morph targets are left out, and so is what is then empty.

    Raises:
        BodyError: a channel has not as many values as times.
    """
    animations = []
    for animation in file.items("animations"):
        tracks = []
        for channel in animation.get("channels", []):
            target, sampler = channel["target"], animation["samplers"][channel["sampler"]]
            if "node" not in target or target["path"] not in PATHS:
                continue
            times = file.accessor(sampler["input"])[:, 0].astype(np.float32)
            values = file.accessor(sampler["output"]).astype(np.float32)
            interpolation = sampler.get("interpolation", "LINEAR")
            per_key = 3 if interpolation == "CUBICSPLINE" else 1
            if len(values) != per_key * len(times) or values.shape[1] != len(PATHS[target["path"]]):
                raise file.broken("an animation has not as many values as times")
            if not (np.isfinite(times).all() and np.isfinite(values).all()):
                raise file.broken("an animation has values that are no numbers")
            tracks.append(SourceTrack(target["node"], target["path"], interpolation, times, values))
        if tracks:
            animations.append(SourceAnimation(animation.get("name"), tuple(tracks)))
    return tuple(animations)


def read_node_mesh(file: GltfFile, mesh: Mapping[str, Any], num_joints: int) -> NodeMesh | None:
    """The triangles of a mesh; None where it has points or lines only. ``num_joints`` is 0 for a mesh without skin.

    Raises:
        BodyError: attributes are missing, of different length, or name joints or vertices that are not there.
    """
    primitives = [primitive for primitive in mesh.get("primitives", []) if primitive.get("mode", 4) >= _TRIANGLES]
    if not primitives:
        return None
    read = [_primitive(file, primitive, num_joints) for primitive in primitives]
    width = max(part.joints.shape[1] for part in read)
    starts = np.cumsum([0, *(len(part.positions) for part in read[:-1])])
    uvs, normals = [part.uvs for part in read], [part.normals for part in read]
    materials = {primitive.get("material") for primitive in primitives}
    return NodeMesh(
        positions=np.concatenate([part.positions for part in read]),
        normals=np.concatenate([n for n in normals if n is not None]) if all(n is not None for n in normals) else None,
        uvs=np.concatenate([uv for uv in uvs if uv is not None]) if all(uv is not None for uv in uvs) else None,
        joints=np.concatenate([_widened(part.joints, width) for part in read]),
        weights=np.concatenate([_widened(part.weights, width) for part in read]),
        faces=np.concatenate([part.faces + start for part, start in zip(read, starts, strict=True)]),
        is_two_sided=np.concatenate([part.is_two_sided for part in read]),
        num_materials=len(materials),
        has_morphs=any(part.has_morphs for part in read),
    )


def split_node_mesh(mesh: NodeMesh) -> NodeMesh:
    """The mesh with every triangle split in four; its own vertices come first, as they were."""
    faces, edges = split_in_four(mesh.faces, len(mesh.positions))
    joints, weights = mesh.joints, mesh.weights
    if joints.shape[1]:
        new_joints, new_weights = _middle_influences(joints, weights, edges)
        joints, weights = np.concatenate([joints, new_joints]), np.concatenate([weights, new_weights])
    return replace(
        mesh,
        positions=middles(mesh.positions.astype(np.float64), edges).astype(np.float32),
        normals=None if mesh.normals is None else middles(mesh.normals, edges),
        uvs=None if mesh.uvs is None else middles(mesh.uvs, edges),
        joints=joints,
        weights=weights,
        faces=faces,
        is_two_sided=np.repeat(mesh.is_two_sided, 4),
    )


def _middle_influences(
    joints: UInt16[np.ndarray, "n k"], weights: Float32[np.ndarray, "n k"], edges: Int64[np.ndarray, "e 2"]
) -> tuple[UInt16[np.ndarray, "e k"], Float32[np.ndarray, "e k"]]:
    """The joints of the edges' middles: half of each end's, the heaviest as many as a vertex has room for."""
    ids = np.concatenate([joints[edges[:, 0]], joints[edges[:, 1]]], axis=1)
    shares = 0.5 * np.concatenate([weights[edges[:, 0]], weights[edges[:, 1]]], axis=1).astype(np.float64)
    # A joint that holds both ends counts once, with both shares.
    same = ids[:, :, None] == ids[:, None, :]
    is_first = ~np.tril(same, -1).any(axis=2)
    shares = (shares[:, None, :] * same).sum(axis=2) * is_first
    order = np.argsort(-shares, axis=1, kind="stable")[:, : joints.shape[1]]
    total = shares.sum(axis=1, keepdims=True)
    kept, shares = np.take_along_axis(ids, order, axis=1), np.take_along_axis(shares, order, axis=1)
    shares *= total / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
    return np.where(shares > 0, kept, 0).astype(np.uint16), shares.astype(np.float32)


def _primitive(file: GltfFile, primitive: Mapping[str, Any], num_joints: int) -> NodeMesh:
    attributes: Mapping[str, int] = primitive.get("attributes", {})
    if "POSITION" not in attributes:
        raise file.broken("a mesh has no positions")
    positions = file.accessor(attributes["POSITION"]).astype(np.float32)
    num = len(positions)

    def optional(name: str) -> np.ndarray | None:
        if name not in attributes:
            return None
        rows = file.accessor(attributes[name])
        if len(rows) != num:
            raise file.broken(f"{name} has {len(rows)} rows for {num} vertices")
        return rows

    joints, weights = np.zeros((num, 0), np.uint16), np.zeros((num, 0), np.float32)
    for index in range(4 if num_joints else 0):
        more_joints, more_weights = optional(f"JOINTS_{index}"), optional(f"WEIGHTS_{index}")
        if more_joints is not None and more_weights is not None:
            joints = np.concatenate([joints, more_joints.astype(np.uint16)], axis=1)
            weights = np.concatenate([weights, more_weights.astype(np.float32)], axis=1)
    if num_joints and not joints.shape[1]:
        raise file.broken("a skinned mesh has no joints or weights")
    is_bad = not np.isfinite(weights).all() or weights.min(initial=0.0) < 0.0
    if num_joints and (is_bad or joints[weights > 0].max(initial=0) >= num_joints):
        raise file.broken("a skinned mesh has weights below zero, or of joints that are not there")
    if num_joints and bool((weights.sum(axis=1) <= 0.0).any()):
        raise BodyError(f"{file.name} has vertices that no joint moves: give each a weight in a modelling program")
    ids = file.accessor(primitive["indices"])[:, 0].astype(np.int64) if "indices" in primitive else np.arange(num)
    faces = _triangles(ids, primitive.get("mode", _TRIANGLES))
    material = file.items("materials")[primitive["material"]] if "material" in primitive else {}
    two_sided = np.full(len(faces), bool(material.get("doubleSided", False)))
    uvs = optional("TEXCOORD_0")
    return NodeMesh(
        positions, optional("NORMAL"), None if uvs is None else uvs.astype(np.float64), joints, weights, faces,
        two_sided, 1, "targets" in primitive,
    )  # fmt: skip


def _triangles(ids: Int64[np.ndarray, "n"], mode: int) -> Int64[np.ndarray, "f 3"]:
    """Triangles of a list, a strip (every second one turned round) or a fan."""
    match mode:
        case 5:
            strip = np.stack([ids[:-2], ids[1:-1], ids[2:]], axis=1)
            strip[1::2] = strip[1::2][:, [1, 0, 2]]
            return strip
        case 6:
            return np.stack([np.full(max(len(ids) - 2, 0), ids[0]), ids[1:-1], ids[2:]], axis=1)
        case _:
            return ids[: len(ids) // 3 * 3].reshape(-1, 3)


def _widened(rows: np.ndarray, width: int) -> np.ndarray:
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
