"""The GLB container: accessors, buffer views and the two chunks; knows nothing of characters.

References:
    Khronos Group, glTF 2.0 Specification, 2021, sections 3.6 (buffers) and 4 (GLB).
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

Json = dict[str, Any]
"""A glTF object as the file spells it."""

COMPONENT_TYPES = {
    np.dtype(np.uint8): 5121,
    np.dtype(np.uint16): 5123,
    np.dtype(np.uint32): 5125,
    np.dtype(np.float32): 5126,
}
ELEMENT_TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}


class Target(IntEnum):
    """What the graphics card is to use a buffer view for."""

    VERTICES = 34962
    INDICES = 34963


@dataclass(frozen=True, eq=False)
class Sparse:
    """Rows of a table that is zero elsewhere, by their numbers in rising order."""

    ids: Int64[np.ndarray, "n"]
    values: Float32[np.ndarray, "n 3"]


class BinaryChunk:
    """Collects arrays and pictures into one buffer and describes them as glTF wants it."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.buffer_views: list[Json] = []
        self.accessors: list[Json] = []

    def add_blob(self, data: bytes) -> int:
        """The buffer view that holds ``data``, aligned to four bytes."""
        self._pad()
        self.buffer_views.append({"buffer": 0, "byteOffset": len(self._bytes), "byteLength": len(data)})
        self._bytes += data
        return len(self.buffer_views) - 1

    def add_arrays(self, arrays: Sequence[np.ndarray], target: Target | None = None) -> list[int]:
        """The accessors of the arrays, which share one buffer view; every array must fill whole groups of four bytes
        but for the last.
        """
        view = self.add_blob(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays))
        if target is not None:
            self.buffer_views[view]["target"] = int(target)
        first, offset = len(self.accessors), 0
        for array in arrays:
            assert offset % 4 == 0
            self.accessors.append(
                {
                    "bufferView": view,
                    "byteOffset": offset,
                    "componentType": COMPONENT_TYPES[array.dtype],
                    "count": len(array),
                    "type": ELEMENT_TYPES[array.shape[1:]],
                }
            )
            offset += array.nbytes
        return list(range(first, len(self.accessors)))

    def add_bounded(self, array: np.ndarray, target: Target | None = None) -> int:
        """The accessor of one array with its smallest and largest values, which glTF asks for positions and times."""
        (accessor,) = self.add_arrays([array], target)
        rows = array.reshape(len(array), -1)
        # The values pass through JSON as the shortest text of the same float32, so that they compare as equal.
        self.accessors[accessor]["min"] = [value.item() for value in rows.min(axis=0)]
        self.accessors[accessor]["max"] = [value.item() for value in rows.max(axis=0)]
        return accessor

    def add_sparse(self, tables: Sequence[Sparse], num_rows: int) -> list[int]:
        """The accessors of tables of ``num_rows`` by 3, of which only the rows that are not zero are stored.

        All of them share two buffer views. Their smallest and largest values are given, as glTF asks for positions.
        """
        if not tables:
            return []
        dtype = np.uint16 if num_rows <= 65535 else np.uint32
        columns = [table.ids.astype(dtype) for table in tables]
        rows = [np.ascontiguousarray(table.values) for table in tables]
        # Each begins at a multiple of its own element's size, four bytes at most.
        padded = [column.tobytes() + b"\0" * (-column.nbytes % 4) for column in columns]
        id_view, value_view = self.add_blob(b"".join(padded)), self.add_blob(b"".join(row.tobytes() for row in rows))
        first, id_offset, value_offset = len(self.accessors), 0, 0
        for column, row, stored in zip(columns, rows, padded, strict=True):
            is_whole = len(column) == num_rows
            low, high = row.min(axis=0), row.max(axis=0)
            self.accessors.append(
                {
                    "componentType": COMPONENT_TYPES[row.dtype],
                    "count": num_rows,
                    "type": "VEC3",
                    "min": (low if is_whole else np.minimum(low, 0)).tolist(),
                    "max": (high if is_whole else np.maximum(high, 0)).tolist(),
                    "sparse": {
                        "count": len(column),
                        "indices": {
                            "bufferView": id_view,
                            "byteOffset": id_offset,
                            "componentType": COMPONENT_TYPES[column.dtype],
                        },
                        "values": {"bufferView": value_view, "byteOffset": value_offset},
                    },
                }
            )
            id_offset, value_offset = id_offset + len(stored), value_offset + row.nbytes
        return list(range(first, len(self.accessors)))

    def pack(self, document: Json) -> bytes:
        """The whole GLB file: ``document``, completed by what this chunk holds, and the binary data."""
        self._pad()
        whole = {
            **document,
            "accessors": self.accessors,
            "bufferViews": self.buffer_views,
            "buffers": [{"byteLength": len(self._bytes)}],
        }
        text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
        chunks += struct.pack("<II", len(self._bytes), 0x004E4942) + bytes(self._bytes)
        return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks

    def _pad(self) -> None:
        self._bytes += b"\0" * (-len(self._bytes) % 4)
