"""GLB files taken apart and put together again: the JSON document, its binary chunk and the arrays in it.

Knows nothing of what the arrays mean. Files with their binary data beside them (.gltf and .bin) are read too.

References:
    Khronos Group, glTF 2.0 Specification, 2021, sections 3.6 (buffers) and 4 (GLB).
"""

import base64
import binascii
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clipmatrix.intake import read_bounded

Json = dict[str, Any]

_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_DTYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_MOST_VALUES = 1 << 25
"""Files that announce more zeros than this are taken to be broken."""
_SHAPES = {"SCALAR": (), "VEC2": (2,), "VEC3": (3,), "VEC4": (4,), "MAT2": (2, 2), "MAT3": (3, 3), "MAT4": (4, 4)}


DAMAGED = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RuntimeError, struct.error)
"""What comes of taking a damaged document at its word."""


class GlbError(Exception):
    """The bytes are no whole glTF; the text says in a few words why. Callers make a message of it."""


@dataclass(frozen=True, eq=False)
class GlbFile:
    """The document, and the bytes of its only buffer."""

    document: Json
    binary: bytes

    def view(self, index: int) -> bytes:
        """The bytes of a buffer view."""
        view = self._item("bufferViews", index)
        start = int(view.get("byteOffset", 0))
        end = start + int(view["byteLength"])
        if start < 0 or end > len(self.binary):
            raise GlbError(f"its buffer view {index} reaches beyond the file's end")
        return self.binary[start:end]

    def array(self, index: int) -> np.ndarray:
        """The values of an accessor as they are stored; matrices column by column.

        Normalised integers come as floats. Raises:
            GlbError: it reaches beyond the file, or is of a kind that glTF does not know.
        """
        accessor = self._item("accessors", index)
        try:
            dtype, shape = np.dtype(_DTYPES[accessor["componentType"]]), _SHAPES[accessor["type"]]
            count = int(accessor["count"])
        except KeyError as error:
            raise GlbError(f"its accessor {index} lacks or has an unknown {error}") from None
        if "sparse" in accessor:
            return self._sparse(index, accessor, dtype, shape)
        width = int(np.prod(shape, dtype=int)) * dtype.itemsize
        if "bufferView" not in accessor:
            if not 0 < count * int(np.prod(shape, dtype=int)) <= _MOST_VALUES:
                raise GlbError(f"its accessor {index} announces {count} rows and stores none")
            return np.zeros((count, *shape), dtype)
        data = self.view(int(accessor["bufferView"]))
        stride = int(self._item("bufferViews", int(accessor["bufferView"])).get("byteStride", width))
        first = int(accessor.get("byteOffset", 0))
        if count < 1 or stride < width or first + (count - 1) * stride + width > len(data):
            raise GlbError(f"its accessor {index} reaches beyond its buffer view")
        rows = np.lib.stride_tricks.as_strided(
            np.frombuffer(data, np.uint8, offset=first), (count, width), (stride, 1), writeable=False
        )
        values = np.ascontiguousarray(rows).view(dtype).reshape(count, *shape)
        if accessor.get("normalized") and dtype.kind in "iu":
            return np.maximum(values / np.float32(np.iinfo(dtype).max), -1.0).astype(np.float32)
        return values

    def _sparse(self, index: int, accessor: Json, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        """A table of which the file stores some rows only."""
        sparse, num_rows = accessor["sparse"], int(accessor["count"])
        dense = {key: value for key, value in accessor.items() if key != "sparse"}
        whole = GlbFile({**self.document, "accessors": [dense]}, self.binary).array(0).copy()
        num = int(sparse["count"])
        ids, rows = (
            GlbFile({**self.document, "accessors": [{**part, "count": num, "type": kind}]}, self.binary).array(0)
            for part, kind in (
                (sparse["indices"], "SCALAR"),
                ({**sparse["values"], "componentType": accessor["componentType"]}, accessor["type"]),
            )
        )
        if ids.dtype.kind != "u" or int(ids.max()) >= num_rows:
            raise GlbError(f"its accessor {index} stores rows that it has not")
        whole[ids] = rows / np.float32(np.iinfo(dtype).max) if whole.dtype != dtype else rows
        return whole

    def items(self, key: str) -> list[Json]:
        """The document's list of that name, empty where it has none."""
        found = self.document.get(key, [])
        if not isinstance(found, list):
            raise GlbError(f"its {key} are no list")
        return found

    def _item(self, key: str, index: int) -> Json:
        found = self.items(key)
        if not 0 <= index < len(found):
            raise GlbError(f"it names number {index} of its {key} and has {len(found)}")
        return found[index]


def read_glb_file(path: Path) -> GlbFile:
    """The file at ``path``.

    Raises:
        OSError: it cannot be read.
        GlbError: it is no whole GLB or glTF file.
    """
    return parse_glb(read_bounded(path), path.parent)


def parse_glb(data: bytes, folder: Path | None = None) -> GlbFile:
    """The file with these bytes; a .gltf file's buffers are looked for in ``folder``."""
    if data[:1] in (b"{", b" ", b"\n", b"\r", b"\t", b"\xef"):
        document = _json(data)
        return GlbFile(document, _outer_buffer(document, folder))
    if len(data) < 20 or struct.unpack_from("<I", data)[0] != _MAGIC:
        raise GlbError("it does not begin as a GLB file does")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2 or length > len(data):
        raise GlbError(
            f"it is cut off: {length} bytes announced, {len(data)} there"
            if version == 2
            else f"it is of version {version}"
        )
    place, document, binary = 12, None, b""
    while place + 8 <= length:
        size, kind = struct.unpack_from("<II", data, place)
        chunk = data[place + 8 : place + 8 + size]
        if len(chunk) < size:
            raise GlbError("one of its chunks is cut off")
        if kind == _JSON:
            document = _json(chunk)
        elif kind == _BIN:
            binary = chunk
        place += 8 + size
    if document is None:
        raise GlbError("it has no JSON chunk")
    if not binary:
        binary = _outer_buffer(document, folder)
    return GlbFile(document, binary)


def pack_glb_file(file: GlbFile) -> bytes:
    """The bytes of a GLB file with this document and binary chunk, whose length is set right."""
    binary = file.binary + b"\0" * (-len(file.binary) % 4)
    document = {**file.document, "buffers": [{"byteLength": len(file.binary)}]} if binary else file.document
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), _JSON) + text
    if binary:
        chunks += struct.pack("<II", len(binary), _BIN) + binary
    return struct.pack("<III", _MAGIC, 2, 12 + len(chunks)) + chunks


def _json(data: bytes) -> Json:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise GlbError("its JSON cannot be read") from None
    if not isinstance(document, dict):
        raise GlbError("its JSON is no object")
    return document


def _outer_buffer(document: Json, folder: Path | None) -> bytes:
    buffers = document.get("buffers", [])
    if not buffers:
        return b""
    if len(buffers) > 1:
        raise GlbError(f"it has {len(buffers)} buffers, and only files of one are read here")
    uri = buffers[0].get("uri", "")
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except binascii.Error:
            raise GlbError("its embedded data cannot be read") from None
    if not uri or folder is None or Path(uri).is_absolute() or ".." in Path(uri).parts:
        raise GlbError("its data is not in it")
    try:
        return read_bounded(folder / uri)
    except OSError:
        raise GlbError(f"its data is missing: {uri} beside it") from None
