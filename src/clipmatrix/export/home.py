"""Characters brought back to the file that their body came from: its units, its nodes, its skins and clips.

Knows nothing of how the character was made.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.gltf_source import GltfSource, SourceAnimation, SourcePart, SourceSkin
from clipmatrix.bodies.rig import Rig
from clipmatrix.errors import ExportError
from clipmatrix.export.bumps import square_to, tangent_rows
from clipmatrix.export.character import Character
from clipmatrix.export.files import write_bytes
from clipmatrix.export.glb import BinaryChunk, Json, Target
from clipmatrix.export.glb_material import add_material
from clipmatrix.export.gltf import asset
from clipmatrix.geometry.mesh import Mesh, vertex_normals
from clipmatrix.geometry.tangent_frames import build_tangent_layout


def at_home(character: Character, body: Body) -> Character:
    """The character of a still mesh in its file's units and place; others as they are."""
    placement = body.placement
    if placement.scale == 1.0 and not any(placement.shift):
        return character
    shift = torch.tensor(placement.shift, dtype=torch.float64)
    vertices = (character.mesh.vertices.double() - shift) / placement.scale
    bind = character.rig.bind_from_joint.double()
    bind[:, :3, 3] = (bind[:, :3, 3] - shift) / placement.scale
    old = character.rig
    rig = Rig(old.joint_names, old.parents, torch.linalg.inv(bind).float(), old.joint_ids, old.joint_weights)
    mesh = Mesh(vertices.float(), character.mesh.faces, character.mesh.uvs, character.mesh.face_uvs)
    return replace(character, mesh=mesh, rig=rig, clips=())


def write_redressed(path: Path, character: Character, body: Body) -> None:
    """Writes the body's own file with the character's form and look; nodes, skins and clips stay value by value.

    Vertices are those of the file, split further only where new uvs ask for it. The same character gives the same
    bytes.

    Raises:
        ExportError: the file cannot be written, or the body came from no such file.
    """
    write_bytes(path, pack_redressed(character, body))


def pack_redressed(character: Character, body: Body) -> bytes:
    """The bytes of the file that ``write_redressed`` writes."""
    source = body.source
    if source is None:
        raise ExportError(f"wanted a body with a glTF file behind it, found {body.name}; write it as any other")
    chunk = BinaryChunk()
    nodes = [dict(node) for node in source.nodes]
    meshes: list[Json] = []
    corners = _corners(character.mesh, source)
    for part, primitive in _primitives(chunk, character, body, source, corners):
        nodes[part.node]["mesh"] = len(meshes)
        if part.skin is not None:
            nodes[part.node]["skin"] = part.skin
        meshes.append({"name": nodes[part.node].get("name", "body"), "primitives": [primitive]})
    document: Json = {
        "asset": asset(character),
        "scene": 0,
        "scenes": [{"nodes": list(source.roots)}],
        "nodes": nodes,
        "meshes": meshes,
    }
    add_material(document, chunk, character, is_double_sided=source.is_double_sided)
    if source.skins:
        document["skins"] = [_skin(chunk, skin) for skin in source.skins]
    if source.animations:
        document["animations"] = [_animation(chunk, animation) for animation in source.animations]
    return chunk.pack(document)


def _corners(mesh: Mesh, source: GltfSource) -> Int64[np.ndarray, "c 3"]:
    """For every corner of the front faces: its vertex in the file, in the body and in the uv layout.

    Back faces are there for our own pictures: a file says that its material has two sides.
    """
    num = len(source.corner_ids)
    columns = (source.corner_ids, mesh.faces[:num].numpy(), mesh.face_uvs[:num].numpy())
    return np.stack([column.reshape(-1) for column in columns], axis=1)


def _primitives(
    chunk: BinaryChunk, character: Character, body: Body, source: GltfSource, corners: Int64[np.ndarray, "c 3"]
) -> list[tuple[SourcePart, Json]]:
    mesh = character.mesh
    positions = mesh.vertices.detach()
    if not bool(torch.isfinite(positions).all()):
        raise ExportError("wanted finite vertices, found some that are not numbers; lower the learning rates")
    moved = (positions.double() - body.template.vertices.double()).numpy() / body.placement.scale
    normals = vertex_normals(positions.double(), mesh.faces).numpy()
    uvs = mesh.uvs.float().numpy()
    num_fronts = len(body.welds.faces) if body.welds is not None else len(mesh.faces)
    corners = corners[: 3 * num_fronts]
    tangents = None
    if character.normal_map is not None:
        layout = build_tangent_layout(mesh.faces, mesh.uvs, mesh.face_uvs)
        tangents = tangent_rows(mesh, layout)
        corners = np.concatenate([corners, layout.corner_ids.numpy().reshape(-1, 1)[: len(corners)]], axis=1)
    made, first = [], 0
    for part in source.parts:
        last = first + len(part.positions)
        own = corners[(corners[:, 0] >= first) & (corners[:, 0] < last)]
        if len(own):
            unique, indices = np.unique(own, axis=0, return_inverse=True)
            ids, vertex_ids = unique[:, 0], unique[:, 1]
            back = source.file_from_rest[ids]
            placed = part.positions[ids - first] + np.einsum("nij,nj->ni", back, moved[vertex_ids])
            attributes = {
                "POSITION": placed.astype(np.float32),
                "NORMAL": _file_normals(back, normals[vertex_ids]),
                "TEXCOORD_0": uvs[unique[:, 2]],
                **_influences(part, ids - first),
            }
            if tangents is not None:
                attributes["TANGENT"] = _file_tangents(back, attributes["NORMAL"], tangents[unique[:, 3]])
            faces = indices.reshape(-1, 3)
            is_mirrored = np.linalg.det(back)[faces[:, 0]] < 0.0
            faces = np.where(is_mirrored[:, None], faces[:, ::-1], faces)
            made.append((part, _primitive(chunk, attributes, faces)))
        first = last
    return made


def _file_normals(
    file_from_rest: Float[np.ndarray, "n 3 3"], normals: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, "n 3"]:
    """Unit normals at rest as they are in the file's own space: by the transpose of the way there."""
    rest_from_file = np.linalg.pinv(file_from_rest)
    turned = np.einsum("nji,nj->ni", rest_from_file, normals)
    length = np.linalg.norm(turned, axis=1, keepdims=True)
    # A vertex without area has no normal, yet glTF wants unit length.
    return np.where(length > 1e-12, turned / np.maximum(length, 1e-12), (0.0, 1.0, 0.0)).astype(np.float32)


def _file_tangents(
    file_from_rest: Float[np.ndarray, "n 3 3"], normals: Float[np.ndarray, "n 3"], tangents: Float[np.ndarray, "n 4"]
) -> Float[np.ndarray, "n 4"]:
    """Tangents at rest as they are in the file's own space; viewers apply the sign after the way back to rest."""
    turned = np.einsum("nij,nj->ni", file_from_rest, tangents[:, :3].astype(np.float64))
    length = np.linalg.norm(turned, axis=1, keepdims=True)
    direction = square_to(turned / np.maximum(length, 1e-12), normals.astype(np.float64))
    return np.concatenate([direction, tangents[:, 3:]], axis=1).astype(np.float32)


def _influences(part: SourcePart, ids: Int64[np.ndarray, "n"]) -> dict[str, np.ndarray]:
    """JOINTS and WEIGHTS in sets of four, the values of the file."""
    found: dict[str, np.ndarray] = {}
    for index in range(part.joints.shape[1] // 4):
        columns = slice(4 * index, 4 * index + 4)
        weights = part.weights[ids][:, columns]
        joints = part.joints[ids][:, columns]
        found[f"JOINTS_{index}"] = joints.astype(np.uint8 if part.joints.max(initial=0) < 256 else np.uint16)
        found[f"WEIGHTS_{index}"] = weights
    return found


def _primitive(chunk: BinaryChunk, attributes: dict[str, np.ndarray], faces: Int64[np.ndarray, "f 3"]) -> Json:
    index_dtype = np.uint16 if len(attributes["POSITION"]) < 65535 else np.uint32
    return {
        "attributes": {name: chunk.add_bounded(array, Target.VERTICES) for name, array in attributes.items()},
        "indices": chunk.add_bounded(np.ascontiguousarray(faces).reshape(-1).astype(index_dtype), Target.INDICES),
        "material": 0,
        "mode": 4,
    }


def _skin(chunk: BinaryChunk, skin: SourceSkin) -> Json:
    # glTF stores matrices column by column.
    (accessor,) = chunk.add_arrays([np.ascontiguousarray(skin.inverse_binds.transpose(0, 2, 1))])
    document: Json = {"inverseBindMatrices": accessor, "joints": list(skin.joints)}
    if skin.name is not None:
        document["name"] = skin.name
    if skin.skeleton is not None:
        document["skeleton"] = skin.skeleton
    return document


def _animation(chunk: BinaryChunk, animation: SourceAnimation) -> Json:
    times: dict[bytes, int] = {}
    samplers, channels = [], []
    for track in animation.tracks:
        key = track.times.tobytes()
        if key not in times:
            times[key] = chunk.add_bounded(track.times)
        (output,) = chunk.add_arrays([track.values])
        channels.append({"sampler": len(samplers), "target": {"node": track.node, "path": track.path}})
        samplers.append({"input": times[key], "output": output, "interpolation": track.interpolation})
    document: Json = {"channels": channels, "samplers": samplers}
    if animation.name is not None:
        document["name"] = animation.name
    return document
