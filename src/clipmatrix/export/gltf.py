"""Skinned, textured, animated GLB files; knows nothing of how the character was made.

References:
    Khronos Group, glTF 2.0 Specification, 2021.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8, UInt16
from scipy.spatial.transform import Rotation

from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.rig import NUM_INFLUENCES, Rig, parent_from_joint
from clipmatrix.errors import ExportError
from clipmatrix.export.bumps import tangent_rows
from clipmatrix.export.character import Character
from clipmatrix.export.files import write_bytes
from clipmatrix.export.glb import BinaryChunk, Json, Target
from clipmatrix.export.glb_lights import add_lights
from clipmatrix.export.glb_material import PNG, TextureFormat, add_material
from clipmatrix.export.glb_morphs import add_targets
from clipmatrix.geometry.mesh import Mesh, vertex_normals
from clipmatrix.geometry.tangent_frames import TangentLayout, build_tangent_layout

ROOT_NAME = "ClipMatrix"
BODY_NAME = "ClipMatrix_body"
WEIGHT_STEPS = 1 << 20
"""Weights are multiples of 1/WEIGHT_STEPS: float32 adds these without rounding, so that sums are exactly one."""
STILL = 1e-6
"""A joint whose quaternion (or root whose position in metres) stays this close to the bind pose gets no channel."""


@dataclass(frozen=True, eq=False)
class SplitMesh:
    """A mesh with one vertex for each pair of vertex and uv point that a face uses, sorted by vertex, then uv point."""

    vertex_ids: Int64[np.ndarray, "n"]
    uv_ids: Int64[np.ndarray, "n"]
    faces: Int64[np.ndarray, "f 3"]


@dataclass(frozen=True)
class GlbOptions:
    """What a file may hold beside the character: how its pictures are stored, and the studio's lights."""

    texture_format: TextureFormat = PNG
    has_lights: bool = False


PLAIN = GlbOptions()


def split_seams(mesh: Mesh) -> SplitMesh:
    """The mesh with its vertices split where a uv seam passes, and nowhere else; unused vertices are left out."""
    num_uvs = mesh.uvs.shape[0]
    keys = (mesh.faces * num_uvs + mesh.face_uvs).reshape(-1).numpy()
    unique, corners = np.unique(keys, return_inverse=True)
    return SplitMesh(unique // num_uvs, unique % num_uvs, corners.reshape(-1, 3).astype(np.int64))


def _split_at_tangents(layout: TangentLayout) -> SplitMesh:
    """The mesh split at uv seams, and where the layout turns into its mirror image."""
    return SplitMesh(layout.vertex_ids.numpy(), layout.uv_ids.numpy(), layout.corner_ids.numpy())


def write_glb(path: Path, character: Character, options: GlbOptions = PLAIN) -> None:
    """Writes the character as a binary glTF file that contains its textures, skeleton, skin, facial actions and clips.

    Tangents are there where a normal map is. The same character gives the same bytes.

    Raises:
        ExportError: the file cannot be written, or the rig holds what glTF cannot (scaled joints, more than 4
            influences, weights that are not numbers or do not sum to one).
    """
    write_bytes(path, pack_glb(character, options))


def pack_glb(character: Character, options: GlbOptions = PLAIN) -> bytes:
    """The bytes of the file that ``write_glb`` writes."""
    chunk = BinaryChunk()
    num_joints = len(character.rig.parents)
    root_node, body_node = num_joints, num_joints + 1
    roots = [joint for joint, parent in enumerate(character.rig.parents) if parent < 0]
    primitive, names = _primitive(chunk, character)
    mesh: Json = {"name": BODY_NAME, "primitives": [primitive]}
    if names:
        # The specification has no place for the targets' names; all clients read them here.
        mesh |= {"weights": [0.0] * len(names), "extras": {"targetNames": names}}
    document: Json = {
        "asset": asset(character),
        "scene": 0,
        "scenes": [{"nodes": [root_node, body_node]}],
        "nodes": [
            *joint_nodes(character.rig),
            {"name": ROOT_NAME, "children": roots},
            {"name": BODY_NAME, "mesh": 0, "skin": 0},
        ],
        "meshes": [mesh],
        "skins": [_skin(chunk, character.rig, root_node)],
    }
    add_material(document, chunk, character, options.texture_format)
    if options.has_lights:
        add_lights(document)
    animations = [
        animation for clip in character.clips if (animation := _animation(chunk, character.rig, clip)) is not None
    ]
    if animations:
        document["animations"] = animations
    return chunk.pack(document)


def asset(character: Character) -> Json:
    """What the file says about itself."""
    extras = character.extras
    return {
        "version": "2.0",
        "generator": extras.generator,
        "copyright": extras.licence,
        "extras": extras.record(),
    }


def joint_nodes(rig: Rig) -> list[Json]:
    """One node per joint, placed by translation and rotation from its parent.

    Raises:
        ExportError: a joint's frame is scaled, sheared, mirrored or not a number.
    """
    frames = _local_frames(rig)
    quats_xyzw = Rotation.from_matrix(frames[:, :3, :3]).as_quat(canonical=True)
    nodes: list[Json] = [
        {"name": name, "translation": frame[:3, 3].tolist(), "rotation": quat.tolist()}
        for name, frame, quat in zip(rig.joint_names, frames, quats_xyzw, strict=True)
    ]
    for joint, parent in enumerate(rig.parents):
        if parent >= 0:
            nodes[parent].setdefault("children", []).append(joint)
    return nodes


def skin_attributes(
    rig: Rig,
) -> tuple[UInt8[np.ndarray, "v 4"] | UInt16[np.ndarray, "v 4"], Float32[np.ndarray, "v 4"]]:
    """JOINTS_0 and WEIGHTS_0: the strongest joint first, none twice, weights that sum to exactly one.

    Raises:
        ExportError: more than 4 influences, or weights that are not numbers or do not sum to one.
    """
    ids, weights = rig.joint_ids.numpy().copy(), rig.joint_weights.detach().double().numpy().copy()
    if ids.shape[1] > NUM_INFLUENCES:
        raise ExportError(
            f"wanted at most {NUM_INFLUENCES} joints per vertex, found {ids.shape[1]}; prune the rig's weights"
        )
    if not bool(np.all(np.abs(weights.sum(axis=1) - 1) < 1e-3)) or weights.min() < 0:
        raise ExportError("wanted joint weights that sum to one for each vertex, found others; normalise the rig")
    missing = NUM_INFLUENCES - ids.shape[1]
    ids, weights = np.pad(ids, ((0, 0), (0, missing))), np.pad(weights, ((0, 0), (0, missing)))
    for second in range(1, NUM_INFLUENCES):
        for first in range(second):
            moved = np.where(ids[:, first] == ids[:, second], weights[:, second], 0)
            weights[:, first] += moved
            weights[:, second] -= moved
    order = np.argsort(-weights, axis=1, kind="stable")
    ids, weights = np.take_along_axis(ids, order, axis=1), np.take_along_axis(weights, order, axis=1)
    steps = np.rint(weights / weights.sum(axis=1, keepdims=True) * WEIGHT_STEPS)
    steps[:, 0] += WEIGHT_STEPS - steps.sum(axis=1)
    joint_dtype = np.uint8 if len(rig.parents) <= 256 else np.uint16
    return np.where(steps > 0, ids, 0).astype(joint_dtype), (steps / WEIGHT_STEPS).astype(np.float32)


def continuous_quats(quats_xyzw: Float[np.ndarray, "n j 4"]) -> Float[np.ndarray, "n j 4"]:
    """The same rotations with signs chosen so that neighbours in time lie in one hemisphere, the first with w >= 0."""
    first = np.where(quats_xyzw[:1, :, 3:] < 0, -1.0, 1.0)
    flips = np.where((quats_xyzw[1:] * quats_xyzw[:-1]).sum(axis=-1, keepdims=True) < 0, -1.0, 1.0)
    return quats_xyzw * np.cumprod(np.concatenate([first, flips]), axis=0)


def _local_frames(rig: Rig) -> Float[np.ndarray, "j 4 4"]:
    # In float64, so that the chain of nodes ends where the inverse bind matrices begin.
    exact = Rig(rig.joint_names, rig.parents, rig.joint_from_bind.detach().double(), rig.joint_ids, rig.joint_weights)
    frames = parent_from_joint(exact).numpy()
    rotation = frames[:, :3, :3]
    gram = rotation @ rotation.transpose(0, 2, 1)
    is_rigid = (np.abs(gram - np.eye(3)).max(axis=(1, 2)) < 1e-3) & (np.linalg.det(rotation) > 0)
    if not is_rigid.all():
        name = rig.joint_names[int(np.argmin(is_rigid))]
        raise ExportError(
            f"wanted joints that are turned and moved only, found joint '{name}' scaled, sheared or mirrored; "
            "take the scale out of the rig's bind matrices"
        )
    return frames


def _primitive(chunk: BinaryChunk, character: Character) -> tuple[Json, list[str]]:
    """The primitive, and the names of its morph targets."""
    mesh = character.mesh
    layout = None if character.normal_map is None else build_tangent_layout(mesh.faces, mesh.uvs, mesh.face_uvs)
    split = split_seams(mesh) if layout is None else _split_at_tangents(layout)
    positions = mesh.vertices.detach().float()
    if not bool(torch.isfinite(positions).all()):
        raise ExportError("wanted finite vertices, found some that are not numbers; lower the learning rates")
    normals = vertex_normals(positions.double(), mesh.faces).float().numpy()
    # A vertex without area has no normal, yet glTF wants unit length.
    normals[np.linalg.norm(normals, axis=1) < 0.5] = (0.0, 1.0, 0.0)
    joints, weights = skin_attributes(character.rig)
    # 65535 is the value that restarts a strip, so that it cannot be an index.
    index_dtype = np.uint16 if len(split.vertex_ids) < 65535 else np.uint32
    attributes = {
        "POSITION": positions.numpy()[split.vertex_ids],
        "NORMAL": normals[split.vertex_ids],
        "TEXCOORD_0": mesh.uvs.detach().float().numpy()[split.uv_ids],
        "JOINTS_0": joints[split.vertex_ids],
        "WEIGHTS_0": weights[split.vertex_ids],
    }
    if layout is not None:
        attributes["TANGENT"] = tangent_rows(mesh, layout)
    primitive: Json = {
        "attributes": {name: chunk.add_bounded(array, Target.VERTICES) for name, array in attributes.items()},
        "indices": chunk.add_bounded(split.faces.reshape(-1).astype(index_dtype), Target.INDICES),
        "material": 0,
        "mode": 4,
    }
    targets, names = add_targets(chunk, mesh, split.vertex_ids, character.morphs)
    if targets:
        primitive["targets"] = targets
    return primitive, names


def _skin(chunk: BinaryChunk, rig: Rig, root_node: int) -> Json:
    inverse_binds = rig.joint_from_bind.detach().float().numpy().copy()
    inverse_binds[:, 3] = (0.0, 0.0, 0.0, 1.0)
    # glTF stores matrices column by column.
    (accessor,) = chunk.add_arrays([inverse_binds.transpose(0, 2, 1)])
    return {
        "name": "skeleton",
        "inverseBindMatrices": accessor,
        "joints": list(range(len(rig.parents))),
        "skeleton": root_node,
    }


def animation_tracks(rig: Rig, clip: Clip) -> list[tuple[str, int, Float32[np.ndarray, "n _"]]]:
    """What the clip moves: ``rotation`` (quaternions, xyzw) or ``translation``, the joint, and its values at the keys.

    Joints that never leave the bind pose have no track.
    """
    frames = _local_frames(rig)
    bind = Rotation.from_matrix(frames[:, :3, :3])
    turns = clip.joint_rotations.detach().double().numpy()
    num_keys, num_joints = turns.shape[:2]
    bind_quats = bind.as_quat(canonical=True)
    local = frames[None, :, :3, :3] @ turns
    quats = Rotation.from_matrix(local.reshape(-1, 3, 3)).as_quat().reshape(num_keys, num_joints, 4)
    quats = continuous_quats(quats)
    shift = clip.root_translation.detach().double().numpy()
    far = 1 - np.abs((quats * bind_quats).sum(axis=-1)) > STILL**2
    moving = np.flatnonzero(far.any(axis=0))
    tracks = [("rotation", int(joint), quats[:, joint].astype(np.float32)) for joint in moving]
    if np.abs(shift).max() > STILL:
        roots = [joint for joint, parent in enumerate(rig.parents) if parent < 0]
        tracks += [("translation", joint, (frames[joint, :3, 3] + shift).astype(np.float32)) for joint in roots]
    return tracks


def _animation(chunk: BinaryChunk, rig: Rig, clip: Clip) -> Json | None:
    tracks = animation_tracks(rig, clip)
    if not tracks:
        return None
    times = chunk.add_bounded(clip.times.detach().float().numpy())
    outputs = chunk.add_arrays([values for _, _, values in tracks])
    return {
        "name": clip.name,
        "channels": [
            {"sampler": index, "target": {"node": joint, "path": kind}} for index, (kind, joint, _) in enumerate(tracks)
        ],
        "samplers": [{"input": times, "output": output, "interpolation": "LINEAR"} for output in outputs],
    }
