"""Plain arrays out of ``.npz`` archives, never more bytes than are allowed; knows nothing of what the arrays mean.

An array's header says how large it is going to be. It is read before anything is allocated: a file of a kilobyte may
promise terabytes, and deflate packs zeros a thousand times smaller. Nothing is ever unpickled.

References:
    NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays", 2007.
"""

import math
import struct
import zipfile
import zlib
from collections.abc import Container
from io import BufferedIOBase, BufferedReader
from pathlib import Path

import numpy as np

from clipmatrix.errors import short_reason
from clipmatrix.intake import check_size

LARGEST_BYTES = 250_000_000
"""What is read out of one archive, unpacked: two SMPL-X models, or half an hour of movement at 120 frames a second."""

_SUFFIX = ".npy"
_KINDS = "biufUS"
_LONGEST_TEXT = 1_000_000
# What zipfile and numpy raise on bytes that make no sense; encrypted members are RuntimeErrors.
_BROKEN = (
    ValueError,
    OverflowError,
    SyntaxError,
    RecursionError,
    EOFError,
    KeyError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


class NpzError(Exception):
    """The file is no archive of plain arrays; the text says in a few words why. Callers make a message of it."""


def read_npz(path: Path, names: Container[str], largest_bytes: int = LARGEST_BYTES) -> dict[str, np.ndarray]:
    """Those arrays of the archive that are in ``names``, at most ``largest_bytes`` of them together.

    Raises:
        OSError: the file cannot be opened, or is larger than a gigabyte.
        NpzError: it is no whole archive, or one of the arrays is too large or not of plain numbers or texts.
    """
    check_size(path)
    with path.open("rb") as stream:
        try:
            return _read(stream, names, largest_bytes)
        except OSError as error:
            # So the system answers to places before the file's beginning, which a damaged list of contents may name.
            raise NpzError("its list of contents is damaged") from error
        except _BROKEN as error:
            raise NpzError(short_reason(error)) from error


def _read(stream: BufferedReader, names: Container[str], largest_bytes: int) -> dict[str, np.ndarray]:
    if not zipfile.is_zipfile(stream):
        raise NpzError("it does not begin and end as an archive")
    arrays, left = {}, largest_bytes
    with zipfile.ZipFile(stream) as archive:
        for entry in archive.infolist():
            name = entry.filename.removesuffix(_SUFFIX)
            if name not in names or name == entry.filename:
                continue
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise NpzError(f"{name} is packed in a way that numpy does not")
            with archive.open(entry) as member:
                assert isinstance(member, BufferedIOBase)
                arrays[name] = _array(member, name, left)
            left -= arrays[name].nbytes
    return arrays


def _array(member: BufferedIOBase, name: str, most_bytes: int) -> np.ndarray:
    version = np.lib.format.read_magic(member)
    match version:
        case (1, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(member)
        case (2, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(member)
        case _:
            raise NpzError(f"{name} is of format {version[0]}.{version[1]}")
    if dtype.kind not in _KINDS:
        raise NpzError(f"{name} holds {dtype.name}s, and only plain numbers are read")
    if not dtype.itemsize:
        raise NpzError(f"{name} has no bytes")
    if dtype.kind in "US" and dtype.itemsize > _LONGEST_TEXT:
        raise NpzError(f"{name} holds texts of {dtype.itemsize} bytes")
    if len(shape) > 8 or any(size < 0 for size in shape):
        raise NpzError(f"{name} has the shape {shape}"[:80])
    num_bytes = math.prod(shape) * dtype.itemsize
    if num_bytes > most_bytes:
        raise NpzError(f"{name} would take {num_bytes / 1e6:.0f} MB, and {most_bytes / 1e6:.0f} are read at most")
    data = member.read(num_bytes)
    if len(data) < num_bytes:
        raise NpzError(f"{name} promises {num_bytes} bytes and has {len(data)}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C").copy()
