"""glTF 2.0 files as a JSON document and its arrays; knows nothing of bodies.

References:
    Khronos Group, glTF 2.0 Specification, 2021, sections 3.6 (buffers, accessors) and 4 (GLB).
"""

import base64
import binascii
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from clipmatrix.errors import BodyError, short_reason
from clipmatrix.geometry.glb_file import DAMAGED
from clipmatrix.intake import read_bounded

_COMPONENTS = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_MOST_ROWS = 10_000_000
"""An accessor without data is zeros, as many as it likes: more than any body that is read here has."""
_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
# What changes how a file's geometry is stored, and is understood here; any other extension that a file requires is
# one without which it cannot be read.
_UNDERSTOOD = frozenset(("KHR_mesh_quantization", "KHR_materials_unlit", "KHR_texture_transform"))


@dataclass(frozen=True, eq=False)
class GltfFile:
    """An open file: its document and buffers."""

    name: str
    document: dict[str, Any]
    buffers: tuple[bytes, ...]

    def items(self, key: str) -> list[dict[str, Any]]:
        """The document's list of that name; empty where there is none."""
        return self.document.get(key, [])

    def accessor(self, index: int) -> np.ndarray:
        """The rows of an accessor (n c): float32 for floats and normalised integers, else the file's integers.

        Raises:
            BodyError: the accessor reaches beyond its buffer, or is of an unknown kind.
        """
        try:
            return self._accessor(self.items("accessors")[index])
        except DAMAGED as error:
            raise self.broken(f"accessor {index} cannot be read ({short_reason(error)})") from error

    def broken(self, what: str) -> BodyError:
        """The error that says so; export it anew is all that a user can do."""
        return BodyError(f"{self.name} is a broken glTF file: {what}; export it anew")

    def _accessor(self, accessor: dict[str, Any]) -> np.ndarray:
        dtype, width, count = _COMPONENTS[accessor["componentType"]], _WIDTHS[accessor["type"]], accessor["count"]
        if "bufferView" in accessor:
            rows = self._rows(accessor["bufferView"], accessor.get("byteOffset", 0), dtype, width, count)
        elif 0 < count <= _MOST_ROWS:
            rows = np.zeros((count, width), dtype)
        else:
            raise ValueError(f"{count} rows of nothing")
        if "sparse" in accessor:
            sparse = accessor["sparse"]
            where, what = sparse["indices"], sparse["values"]
            index_type = _COMPONENTS[where["componentType"]]
            ids = self._rows(where["bufferView"], where.get("byteOffset", 0), index_type, 1, sparse["count"])
            rows = rows.copy()
            rows[ids[:, 0]] = self._rows(what["bufferView"], what.get("byteOffset", 0), dtype, width, sparse["count"])
        if accessor.get("normalized", False):
            return np.maximum(rows.astype(np.float32) / np.float32(np.iinfo(dtype).max), np.float32(-1.0))
        return rows

    def _rows(self, view_id: int, offset: int, dtype: Any, width: int, count: int) -> np.ndarray:
        view = self.items("bufferViews")[view_id]
        size = np.dtype(dtype).itemsize
        stride = view.get("byteStride") or size * width
        data = self.buffers[view["buffer"]]
        start = view.get("byteOffset", 0) + offset
        end = start + stride * (count - 1) + size * width
        if count < 1 or end > len(data) or min(start, offset) < 0:
            raise ValueError(f"bytes {start} to {end} of {len(data)}")
        shape, strides = (count, width), (stride, size)
        little = np.dtype(dtype).newbyteorder("<")
        view_of = np.ndarray(shape, little, buffer=data, offset=start, strides=strides)
        return np.ascontiguousarray(view_of).astype(dtype)


def read_gltf(path: Path) -> GltfFile:
    """Opens a ``.glb`` or ``.gltf`` file with all of its buffers.

    Raises:
        BodyError: the file, or one beside it, is missing, broken or needs an extension that is not understood here.
    """
    data = _read(path)
    try:
        return _opened(path, data)
    except DAMAGED as error:
        raise BodyError(f"{path.name} is a broken glTF file ({short_reason(error)}): export it anew") from error


def _opened(path: Path, data: bytes) -> GltfFile:
    binary: bytes | None = None
    if data[:4] == b"glTF":
        text, binary = _chunks(path.name, data)
    else:
        text = data
    try:
        document = json.loads(text)
        version = str(document["asset"]["version"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BodyError(f"{path.name} is no glTF file (its JSON cannot be read): export it as .glb") from error
    if not version.startswith("2."):
        raise BodyError(f"{path.name} is glTF {version}, wanted 2.0: export it anew")
    needed = sorted(set(document.get("extensionsRequired", [])) - _UNDERSTOOD)
    if needed:
        raise BodyError(f"{path.name} cannot be read without {', '.join(needed)}: export it without compression")
    buffers = tuple(_buffer(path, buffer, binary) for buffer in document.get("buffers", []))
    return GltfFile(path.name, document, buffers)


def _chunks(name: str, data: bytes) -> tuple[bytes, bytes | None]:
    try:
        magic, version, length = struct.unpack_from("<III", data)
        text_length, text_kind = struct.unpack_from("<II", data, 12)
        end = 20 + text_length
        if (magic, version, text_kind) != (_MAGIC, 2, _JSON) or length > len(data) or end > length:
            raise ValueError
        if end + 8 > length:
            return data[20:end], None
        size, kind = struct.unpack_from("<II", data, end)
        if end + 8 + size > length or kind != _BIN:
            raise ValueError
    except (struct.error, ValueError) as error:
        raise BodyError(f"{name} is cut off or no GLB file: export it anew") from error
    return data[20:end], data[end + 8 : end + 8 + size]


def _buffer(path: Path, buffer: dict[str, Any], binary: bytes | None) -> bytes:
    uri = buffer.get("uri")
    if uri is None:
        if binary is None:
            raise BodyError(f"{path.name} is a broken glTF file: it has no binary chunk; export it anew")
        return binary
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except binascii.Error as error:
            raise BodyError(f"{path.name} is a broken glTF file: a buffer is no base64; export it anew") from error
    if "://" in uri:
        raise BodyError(f"{path.name} keeps its data at {uri}: export it as one .glb file")
    place = Path(unquote(uri))
    if place.is_absolute() or ".." in place.parts:
        raise BodyError(f"{path.name} keeps its data outside of its folder: export it as one .glb file")
    return _read(path.parent / place, f"{path.name} needs ")


def _read(path: Path, before: str = "") -> bytes:
    try:
        return read_bounded(path)
    except OSError as error:
        raise BodyError(
            f"{before}{path}, which cannot be read ({error.strerror}): name a .glb, .gltf, .obj or .ply file"
        ) from error
