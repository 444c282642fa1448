"""Arrays out of a pickle that nobody has to trust: nothing in the file is ever called; knows no body model.

A pickle is a program, and running one may do anything. Here every name that it looks up is answered by a class of this
file: those that stand for arrays note down what they are given, all others swallow it. Arrays are then built from
their raw bytes, of plain numbers only.
"""

import io
import pickle
import struct
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeGuard

import numpy as np

from clipmatrix.errors import BodyError

LARGEST_FILE = 2_000_000_000
"""Bytes; the largest models that are given out have some 550 million."""

PICKLES = (".pkl", ".pickle")
"""How the names of such files end."""

_NUMBERS = "fiu"


class _Inert:
    """Anything that is no array: takes whatever a pickle does to it, and does nothing."""

    state: Any = None

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, value: object) -> None:
        pass

    def extend(self, values: object) -> None:
        pass

    def add(self, value: object) -> None:
        pass


class _Dtype(_Inert):
    """What ``numpy.dtype`` was told: a code such as ``f8``, and the order of bytes."""

    code = ""

    def __init__(self, code: object = "", *_: object) -> None:
        super().__init__()
        if isinstance(code, str):
            self.code = code

    def build(self) -> np.dtype | None:
        """The type of numbers, or None where it is of anything else."""
        state = self.state
        order = state[1] if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|") else "="
        try:
            found = np.dtype(self.code)
        except TypeError:
            return None
        return found.newbyteorder(order) if found.kind in _NUMBERS and found.itemsize in (1, 2, 4, 8) else None


class _Array(_Inert):
    """What ``numpy.ndarray`` was told: its version, shape, type, order of axes and bytes."""

    def build(self) -> np.ndarray | None:
        """The array, or None where it is not one of plain numbers."""
        state = self.state
        if not isinstance(state, tuple) or len(state) != 5:
            return None
        _, shape, kind, is_fortran, data = state
        return _array(data, kind, shape, "F" if is_fortran else "C")


class _Sparse(_Inert):
    """What ``scipy.sparse.csc_matrix`` was told."""

    def build(self) -> np.ndarray | None:
        """The matrix with all its zeros, or None where the parts do not fit."""
        state = self.state if isinstance(self.state, dict) else {}
        data, rows, ends = (_plain(state.get(name)) for name in ("data", "indices", "indptr"))
        shape = state.get("_shape", state.get("shape"))
        if data is None or rows is None or ends is None or not _is_shape(shape) or len(shape) != 2:
            return None
        if shape[0] * shape[1] > LARGEST_FILE // 8 or len(ends) != shape[1] + 1 or len(data) != len(rows):
            return None
        counts = np.diff(ends.astype(np.int64))
        if (counts < 0).any() or counts.sum() != len(data) or (rows < 0).any() or (rows >= shape[0]).any():
            return None
        dense = np.zeros(shape)
        np.add.at(dense, (rows.astype(np.int64), np.repeat(np.arange(shape[1]), counts)), data)
        return dense


class _Wrapped(_Inert):
    """What ``chumpy.Ch``, an array that older models are saved as, was told."""

    def build(self) -> np.ndarray | None:
        """The array in it."""
        return _plain(self.state.get("x")) if isinstance(self.state, dict) else None


class _FromBuffer(_Inert):
    """What numpy's own function for protocol 5 was told: bytes, type, shape and order of axes."""

    told: tuple[Any, ...] = ()

    def __init__(self, *told: object) -> None:
        super().__init__()
        self.told = told

    def build(self) -> np.ndarray | None:
        """The array, or None where it is not one of plain numbers."""
        return _array(*self.told) if len(self.told) == 4 else None


def _reconstruct(kind: object = None, *_: object) -> _Inert:
    """What makes an empty object of a class, which its state then fills."""
    return kind() if isinstance(kind, type) and issubclass(kind, _Inert) else _Inert()


def _encode(text: object = "", *_: object) -> bytes:
    """Bytes that an old protocol wrote down as text."""
    return text.encode("latin-1", errors="replace") if isinstance(text, str) else b""


def _no_bytes(*_: object) -> bytes:
    """How the oldest protocols write no bytes at all."""
    return b""


_MEANINGS: Mapping[str, Any] = {
    "dtype": _Dtype,
    "ndarray": _Array,
    "_reconstruct": _reconstruct,
    "_reconstructor": _reconstruct,
    "_frombuffer": _FromBuffer,
    "csc_matrix": _Sparse,
    "Ch": _Wrapped,
    "encode": _encode,
    "bytes": _no_bytes,
}
_PACKAGES = ("numpy", "scipy", "chumpy", "copyreg", "copy_reg", "_codecs", "builtins", "__builtin__")


# The one in C keeps what it remembers in a table as long as a number in the file says: gigabytes for a few bytes.
class _Reader(pickle._Unpickler):  # pyright: ignore[reportAttributeAccessIssue, reportUntypedBaseClass]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)  # pyright: ignore[reportAttributeAccessIssue]

    def load_bytearray8(self) -> None:
        """The bytes that there are: the original makes room for as many as the file says first."""
        (size,) = struct.unpack("<Q", self.read(8))  # pyright: ignore[reportAttributeAccessIssue]
        self.append(bytearray(self.read(size)))  # pyright: ignore[reportAttributeAccessIssue]

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def find_class(self, module: str, name: str) -> Any:
        """One of the classes above, whatever is asked for."""
        return _MEANINGS.get(name, _Inert) if module.split(".")[0] in _PACKAGES else _Inert


def read_pickled_arrays(path: Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """Those arrays of plain numbers that a pickled dictionary has under the given names.

    Raises:
        BodyError: the file cannot be read, is too large, or is no pickle of a dictionary.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise BodyError(f"{path.name} has {size / 1e9:.1f} GB, and {LARGEST_FILE / 1e9:.0f} are the most")
        data = path.read_bytes()
    except OSError as error:
        raise BodyError(f"{path} cannot be read ({error.strerror}): name a model file") from error
    try:
        content = _Reader(io.BytesIO(data), encoding="latin1").load()
    # What a broken or hostile file makes the reader's machine stumble over has no common type.
    except Exception as error:
        raise BodyError(f"{path.name} is no pickle that can be read: download it again") from error
    if not isinstance(content, dict):
        raise BodyError(f"{path.name} holds no named arrays, wanted a model's dictionary: name a model file")
    found = {name: _plain(content.get(name)) for name in names}
    return {name: array for name, array in found.items() if array is not None}


def _plain(value: object) -> np.ndarray | None:
    return value.build() if isinstance(value, _Array | _Sparse | _Wrapped | _FromBuffer) else None


def _array(data: object, kind: object, shape: object, order: object) -> np.ndarray | None:
    """The array of those bytes, or None where they are no plain numbers of that shape."""
    dtype = kind.build() if isinstance(kind, _Dtype) else None
    if isinstance(data, str):
        data = _encode(data)
    if dtype is None or not isinstance(data, bytes | bytearray) or not _is_shape(shape):
        return None
    count = 1
    for side in shape:
        count *= side
    if count * dtype.itemsize != len(data):
        return None
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if order == "F" else "C")
    return array.astype(dtype.newbyteorder("="))


def _is_shape(shape: object) -> TypeGuard[tuple[int, ...]]:
    return isinstance(shape, tuple) and all(isinstance(side, int) and side >= 0 for side in shape)
