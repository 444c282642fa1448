"""A small reader of GLB files, written from the specification and sharing nothing with the writer."""

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

COMPONENTS = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
SHAPES = {"SCALAR": (), "VEC2": (2,), "VEC3": (3,), "VEC4": (4,), "MAT4": (4, 4)}


@dataclass(frozen=True, eq=False)
class Glb:
    """The two chunks of a file."""

    document: dict[str, Any]
    binary: bytes

    def view(self, index: int) -> bytes:
        """The bytes of a buffer view."""
        view = self.document["bufferViews"][index]
        return self.binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]

    def accessor(self, index: int) -> np.ndarray:
        """The values of an accessor; matrices stay column by column as stored."""
        accessor = self.document["accessors"][index]
        dtype, shape = COMPONENTS[accessor["componentType"]], SHAPES[accessor["type"]]
        count = accessor["count"] * int(np.prod(shape, dtype=int))
        values = np.frombuffer(self.view(accessor["bufferView"]), dtype, count, accessor["byteOffset"])
        return values.reshape(accessor["count"], *shape)

    @property
    def attributes(self) -> dict[str, np.ndarray]:
        """The vertex attributes of the only mesh."""
        primitive = self.document["meshes"][0]["primitives"][0]
        return {name: self.accessor(index) for name, index in primitive["attributes"].items()}

    @property
    def triangles(self) -> np.ndarray:
        """The only mesh's vertex indices, three in a row."""
        return self.accessor(self.document["meshes"][0]["primitives"][0]["indices"]).reshape(-1, 3).astype(np.int64)

    def posed_positions(self, clip: str | None, time: float) -> np.ndarray:
        """The skinned vertices at one moment, in float64."""
        frames = self._joint_frames(self._moved_nodes(clip, time))
        skin = self.document["skins"][0]
        inverse_binds = self.accessor(skin["inverseBindMatrices"]).transpose(0, 2, 1).astype(np.float64)
        matrices = np.stack([frames[node] for node in skin["joints"]]) @ inverse_binds
        attributes = self.attributes
        blended = (attributes["WEIGHTS_0"][..., None, None] * matrices[attributes["JOINTS_0"]]).sum(axis=1)
        homogeneous = np.pad(attributes["POSITION"].astype(np.float64), ((0, 0), (0, 1)), constant_values=1)
        return np.einsum("vij,vj->vi", blended, homogeneous)[:, :3]

    def _moved_nodes(self, clip: str | None, time: float) -> list[dict[str, Any]]:
        nodes = [dict(node) for node in self.document["nodes"]]
        for animation in self.document.get("animations", []):
            if animation["name"] != clip:
                continue
            for channel in animation["channels"]:
                sampler = animation["samplers"][channel["sampler"]]
                times, values = self.accessor(sampler["input"]), self.accessor(sampler["output"]).astype(np.float64)
                after = int(np.clip(np.searchsorted(times, time, side="right"), 1, len(times) - 1))
                span = float(times[after]) - float(times[after - 1])
                share = min(max((time - float(times[after - 1])) / span, 0.0), 1.0)
                path = channel["target"]["path"]
                mixed = (slerp if path == "rotation" else lerp)(values[after - 1], values[after], share)
                nodes[channel["target"]["node"]][path] = mixed
        return nodes

    def _joint_frames(self, nodes: list[dict[str, Any]]) -> dict[int, np.ndarray]:
        frames: dict[int, np.ndarray] = {}

        def visit(index: int, parent: np.ndarray) -> None:
            node = nodes[index]
            local = np.eye(4)
            local[:3, :3] = matrix_from_quat(np.asarray(node.get("rotation", (0.0, 0.0, 0.0, 1.0)), np.float64))
            local[:3, :3] *= np.asarray(node.get("scale", (1.0, 1.0, 1.0)), np.float64)
            local[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
            frames[index] = parent @ local
            for child in node.get("children", []):
                visit(child, frames[index])

        for root in self.document["scenes"][self.document["scene"]]["nodes"]:
            visit(root, np.eye(4))
        return frames


def read_glb(data: bytes) -> Glb:
    """The file's two chunks; fails on lengths or alignments that are wrong."""
    magic, version, length = struct.unpack_from("<III", data)
    assert (magic, version, length) == (0x46546C67, 2, len(data))
    json_length, json_kind = struct.unpack_from("<II", data, 12)
    binary_length, binary_kind = struct.unpack_from("<II", data, 20 + json_length)
    assert (json_kind, binary_kind) == (0x4E4F534A, 0x004E4942)
    assert json_length % 4 == 0
    assert binary_length % 4 == 0
    assert 28 + json_length + binary_length == length
    return Glb(json.loads(data[20 : 20 + json_length]), data[28 + json_length :])


def lerp(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """The point ``share`` of the way from start to end."""
    return start + share * (end - start)


def slerp(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """The unit quaternion ``share`` of the way along the arc between the two as given, be it the longer one."""
    angle = np.arccos(np.clip(start @ end, -1, 1))
    if angle < 1e-6:
        return lerp(start, end, share)
    return (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)


def matrix_from_quat(quat_xyzw: np.ndarray) -> np.ndarray:
    """The rotation of a unit quaternion."""
    x, y, z, w = quat_xyzw
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
