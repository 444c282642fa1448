"""The surface and the texture out of any GLB file; knows neither skeletons nor animations.

References:
    Khronos Group, glTF 2.0 Specification, 2021, sections 3.6 (accessors) and 4 (GLB).
"""

import io
import json
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from clipmatrix.errors import ExportError, short_reason
from clipmatrix.geometry.glb_file import DAMAGED
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.intake import read_bounded

LARGEST_PIXELS = 8192 * 8192
_DTYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}
_TRIANGLES = 4


@dataclass(frozen=True, eq=False)
class GlbSurface:
    """All triangles of a file in one mesh, vertices at the same place made one; the base colour's picture if any."""

    mesh: Mesh
    albedo_srgb: UInt8[np.ndarray, "th tw 3"] | None


def read_glb_surface(path: Path) -> GlbSurface:
    """The surface of a GLB in its bind pose, as its accessors hold it: transforms of nodes are not applied.

    Reads what is inside the file and nothing else; vertices that are not finite are kept as they are.

    Raises:
        ExportError: it cannot be read, is larger than a gigabyte, or is no valid GLB with triangles.
    """
    try:
        data = read_bounded(path)
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror}): name a GLB file") from error
    try:
        return _surface(_File(*_chunks(data)))
    except _Broken as error:
        raise ExportError(f"{path} is no sound GLB ({error}): export it anew") from error
    except DAMAGED as error:
        raise ExportError(f"{path} is no sound GLB ({_reason(error)}): export it anew") from error


def read_picture(data: bytes) -> UInt8[np.ndarray, "th tw 3"]:
    """The colours of a picture of any format that Pillow reads, of at most 8192 x 8192 pixels.

    Raises:
        ValueError: it is larger, which is found out before it is unpacked, or cannot be read.
    """
    try:
        # Pillow warns of pictures that are too large before it refuses them; the size is checked here.
        with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            if image.width * image.height > LARGEST_PIXELS:
                raise ValueError(f"its picture of {image.width}x{image.height} is larger than 8192x8192")
            return np.array(image.convert("RGB"))
    except (OSError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise ValueError(f"its picture cannot be read: {short_reason(error)}") from error


class _Broken(Exception):
    """What is wrong with the file."""


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:80]
    return f"no {text}" if isinstance(error, KeyError) else text or type(error).__name__


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The document and the binary chunk."""
    if data[:4] != b"glTF" or len(data) < 20:
        raise _Broken("it does not begin as one")
    if struct.unpack_from("<I", data, 8)[0] > len(data):
        raise _Broken("its end is missing")
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length].decode("utf-8"))
    rest = data[20 + length :]
    if len(rest) < 8:
        return document, b""
    (size,) = struct.unpack_from("<I", rest)
    if size > len(rest) - 8:
        raise _Broken("its end is missing")
    return document, rest[8 : 8 + size]


@dataclass(frozen=True, eq=False)
class _File:
    document: dict[str, Any]
    binary: bytes

    def view(self, index: int) -> tuple[bytes, int]:
        """The bytes of a buffer view, and its stride or 0."""
        view = self.item("bufferViews", index)
        if view.get("buffer", 0) != 0 or "uri" in self.item("buffers", 0):
            raise _Broken("its data lie in other files")
        begin, size = int(view.get("byteOffset", 0)), int(view["byteLength"])
        if begin < 0 or size < 0 or begin + size > len(self.binary):
            raise _Broken(f"buffer view {index} reaches beyond the data")
        return self.binary[begin : begin + size], int(view.get("byteStride", 0))

    def accessor(self, index: int, kind: str) -> np.ndarray:
        """The values (n, width) of an accessor, in float64 or int64."""
        accessor = self.item("accessors", index)
        if accessor["type"] != kind or "sparse" in accessor or "bufferView" not in accessor:
            raise _Broken(f"accessor {index} is not a plain {kind}")
        dtype, width, count = np.dtype(_DTYPES[accessor["componentType"]]), _WIDTHS[kind], int(accessor["count"])
        data, stride = self.view(accessor["bufferView"])
        begin, row = int(accessor.get("byteOffset", 0)), dtype.itemsize * width
        stride = stride or row
        if begin < 0 or count < 1 or stride < row or begin + (count - 1) * stride + row > len(data):
            raise _Broken(f"accessor {index} reaches beyond its data")
        values = np.ndarray((count, width), dtype, data, begin, (stride, dtype.itemsize))
        if dtype.kind == "f":
            return values.astype(np.float64)
        if accessor.get("normalized"):
            return values / np.iinfo(dtype).max
        return values.astype(np.int64)

    def picture(self, index: int) -> UInt8[np.ndarray, "th tw 3"]:
        """The embedded picture of a texture."""
        source = self.item("images", int(self.item("textures", index)["source"]))
        if "bufferView" not in source:
            raise _Broken("its pictures lie in other files")
        return read_picture(self.view(source["bufferView"])[0])

    def item(self, name: str, index: int) -> dict[str, Any]:
        items = self.document.get(name, [])
        if not 0 <= index < len(items):
            raise _Broken(f"no {name} {index}")
        return items[index]


def _surface(file: _File) -> GlbSurface:
    points, maps, corners, albedo, offset = [], [], [], None, 0
    for mesh in file.document.get("meshes", []):
        for primitive in mesh["primitives"]:
            if primitive.get("mode", _TRIANGLES) != _TRIANGLES:
                continue
            position = file.accessor(primitive["attributes"]["POSITION"], "VEC3")
            indices = np.arange(len(position))
            if "indices" in primitive:
                indices = file.accessor(primitive["indices"], "SCALAR")[:, 0]
            if len(indices) % 3 or (len(indices) and not 0 <= indices.min() <= indices.max() < len(position)):
                raise _Broken("its faces name vertices that are not there")
            uv = np.zeros((len(position), 2))
            if "TEXCOORD_0" in primitive["attributes"]:
                uv = file.accessor(primitive["attributes"]["TEXCOORD_0"], "VEC2").astype(np.float64)
            if len(uv) != len(position):
                raise _Broken("it has not as many texture coordinates as vertices")
            points.append(position)
            maps.append(uv)
            corners.append(indices.reshape(-1, 3) + offset)
            offset += len(position)
            if albedo is None and "material" in primitive:
                albedo = _albedo(file, primitive["material"])
    if not sum(len(part) for part in corners):
        raise _Broken("it holds no triangles")
    position, uv, face_uvs = np.concatenate(points), np.concatenate(maps), np.concatenate(corners)
    # Bitwise, so that vertices that are not numbers can be compared as well.
    _, first, welded = np.unique(position.astype("<f4").view("<u4"), axis=0, return_index=True, return_inverse=True)
    vertices = torch.from_numpy(position[first].astype(np.float32))
    faces = torch.from_numpy(welded.reshape(-1)[face_uvs])
    uvs = torch.from_numpy(np.nan_to_num(uv).astype(np.float32))
    return GlbSurface(Mesh(vertices, faces, uvs, torch.from_numpy(face_uvs)), albedo)


def _albedo(file: _File, material: int) -> UInt8[np.ndarray, "th tw 3"] | None:
    texture = file.item("materials", material).get("pbrMetallicRoughness", {}).get("baseColorTexture")
    return None if texture is None else file.picture(int(texture["index"]))
