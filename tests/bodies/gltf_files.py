"""A skinned, animated file as other programs write them: centimetres, z-up data, scaled nodes, awkward frames."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation
from tests.support_body import build_support_body

COMPONENTS = {
    np.dtype(np.uint8): 5121,
    np.dtype(np.uint16): 5123,
    np.dtype(np.uint32): 5125,
    np.dtype(np.float32): 5126,
}
KINDS = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
NAMES = {
    "hips": "Hips", "spine": "Spine", "chest": "Spine1", "neck": "Neck", "head": "Head", "upper_arm": "Arm",
    "lower_arm": "ForeArm", "hand": "Hand", "upper_leg": "UpLeg", "lower_leg": "Leg", "foot": "Foot",
}  # fmt: skip


class Packer:
    """Arrays into a document and its binary data; each array has a view of its own."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.document: dict[str, Any] = {"asset": {"version": "2.0"}, "accessors": [], "bufferViews": []}

    def add(self, array: np.ndarray, **more: Any) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": array.nbytes}
        self.document["bufferViews"].append(view)
        self.data += np.ascontiguousarray(array).tobytes()
        accessor = {
            "bufferView": len(self.document["bufferViews"]) - 1, "byteOffset": 0, "count": len(array),
            "componentType": COMPONENTS[array.dtype], "type": KINDS[array.shape[1:]], **more,
        }  # fmt: skip
        self.document["accessors"].append(accessor)
        return len(self.document["accessors"]) - 1

    def write(self, path: Path) -> Path:
        self.data += b"\0" * (-len(self.data) % 4)
        self.document["buffers"] = [{"byteLength": len(self.data)}]
        text = json.dumps(self.document).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
        chunks += struct.pack("<II", len(self.data), 0x004E4942) + bytes(self.data)
        path.write_bytes(struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks)
        return path


def joint_name(role: str) -> str:
    """Mixamo's name of a role of the support body."""
    bone, _, side = role.rpartition("_")
    if side in ("l", "r"):
        return f"mixamorig:{'Left' if side == 'l' else 'Right'}{NAMES[bone]}"
    return f"mixamorig:{NAMES[role]}"


def write_figure(path: Path, *, has_uvs: bool = True) -> Path:
    """The support body of 17 joints below an armature that scales by 0.01 and turns z up into y up, with one clip."""
    body = build_support_body()
    packer = Packer()
    rng = np.random.default_rng(5)
    stand = Rotation.from_euler("x", -90, degrees=True)
    heads = body.rig.bind_from_joint[:, :3, 3].double().numpy()
    # Armature space: centimetres, z up.
    frames = np.tile(np.eye(4), (len(heads), 1, 1))
    frames[:, :3, :3] = Rotation.random(len(heads), rng=rng).as_matrix()
    frames[:, :3, 3] = 100 * stand.inv().apply(heads)
    inverse_binds = np.linalg.inv(frames).transpose(0, 2, 1).astype(np.float32)
    nodes: list[dict[str, Any]] = []
    for joint, (role, parent) in enumerate(zip(body.rig.joint_names, body.rig.parents, strict=True)):
        local = frames[joint] if parent < 0 else np.linalg.inv(frames[parent]) @ frames[joint]
        # The file rests a little off its bind pose, as many do.
        turn = Rotation.from_matrix(local[:3, :3]) * Rotation.from_rotvec(0.08 * rng.standard_normal(3))
        nodes.append(
            {"name": joint_name(role), "translation": local[:3, 3].tolist(), "rotation": turn.as_quat().tolist()}
        )
        if parent >= 0:
            nodes[parent].setdefault("children", []).append(joint)
    num = len(nodes)
    scale = 0.01
    nodes.append({"name": "Armature", "children": [0], "rotation": stand.as_quat().tolist(), "scale": [scale] * 3})
    nodes.append({"name": "Figure", "mesh": 0, "skin": 0})
    packer.document |= {"nodes": nodes, "scenes": [{"nodes": [num, num + 1]}], "scene": 0}

    # One vertex per pair of place and uv point, as a file must have it.
    keys, corners = np.unique(
        np.stack([body.template.faces.reshape(-1), body.template.face_uvs.reshape(-1)], 1), axis=0, return_inverse=True
    )
    positions = 100 * stand.inv().apply(body.template.vertices.double().numpy())[keys[:, 0]]
    weights = np.rint(body.rig.joint_weights.numpy()[keys[:, 0]] * 255).astype(np.uint8)
    weights[:, 0] += (255 - weights.sum(1, dtype=np.int64)).astype(np.uint8)
    joints = np.where(weights > 0, body.rig.joint_ids.numpy()[keys[:, 0]], 0).astype(np.uint8)
    attributes = {
        "POSITION": packer.add(
            positions.astype(np.float32),
            min=positions.astype(np.float32).min(0).tolist(),
            max=positions.astype(np.float32).max(0).tolist(),
        ),
        "JOINTS_0": packer.add(joints),
        "WEIGHTS_0": packer.add(weights, normalized=True),
    }
    if has_uvs:
        attributes["TEXCOORD_0"] = packer.add(body.template.uvs.numpy()[keys[:, 1]].astype(np.float32))
    indices = packer.add(corners.reshape(-1).astype(np.uint16))
    packer.document["meshes"] = [{"primitives": [{"attributes": attributes, "indices": indices}]}]
    packer.document["skins"] = [{"joints": list(range(num)), "inverseBindMatrices": packer.add(inverse_binds)}]
    packer.document["animations"] = [_clip(packer, nodes, rng)]
    return packer.write(path)


def _clip(packer: Packer, nodes: list[dict[str, Any]], rng: np.random.Generator) -> dict[str, Any]:
    """Hips that rise, a chest that moves from the hips, and arms that turn."""
    times = np.array([0.0, 0.4, 1.0], np.float32)
    channels, samplers = [], []
    source = packer.add(times, min=[0.0], max=[1.0])
    for name, path in (
        ("Hips", "translation"),
        ("Spine1", "translation"),
        ("LeftArm", "rotation"),
        ("Spine", "rotation"),
    ):
        (node,) = [index for index, entry in enumerate(nodes) if entry["name"] == f"mixamorig:{name}"]
        rest = np.array(nodes[node][path])
        if path == "translation":
            values = rest + 4.0 * rng.standard_normal((3, 3))
        else:
            turns = Rotation.from_rotvec(np.outer([0.0, 0.5, -0.4], rng.standard_normal(3)))
            values = (Rotation.from_quat(rest) * turns).as_quat()
            values *= np.where((values @ values[0] < 0)[:, None], -1.0, 1.0)
        samplers.append({"input": source, "output": packer.add(values.astype(np.float32)), "interpolation": "LINEAR"})
        channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": path}})
    return {"name": "stretch", "channels": channels, "samplers": samplers}
