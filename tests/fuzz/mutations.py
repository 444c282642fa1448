"""Whole files made into broken ones, by bytes and by what their formats are made of; knows none of the readers."""

import io
import json
import random
import re
import struct
import zipfile
import zlib
from typing import Any

import numpy as np

NUMBERS = (
    "nan",
    "inf",
    "-inf",
    "1e308",
    "-1e308",
    "1e-320",
    "-1",
    "0",
    "4294967296",
    "9" * 400,
    "1_0",
    "0x10",
    "",
    "-",
)
TEXTS = (
    "", "\0", "\x1b[2J", "🦓" * 50, "\u202eabc", "é", "\ud7ff", "a" * 5000, "../../etc/passwd", "/dev/zero", "file:///x",
    "NUL", "null", "!!python/object:os.system",
)  # fmt: skip
MARKS = ("[", "{", "&a ", "*a", ": ", "- ", "\t", "\n", "'", '"', "#", "}", "]" * 500, "[" * 3000, *TEXTS)
VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 255, 65535, 2**31, 2**32, 2**53, 2**64, 1e308, -1e308, 1e-320, float("nan"),
    float("inf"), "", "x", "../x", [], {}, [[]], [0], [-1], [1e9], {"a": 1},
)  # fmt: skip
_INTS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """The file with one to four things wrong with it."""
    ways = [_bytes]
    if data[:4] == b"glTF":
        ways += [_glb] * 4
    elif data[:2] == b"PK":
        ways += [_npz] * 3
    elif _header_length(data) is not None:
        ways += [_safetensors] * 3
    elif data[:1] == b"{":
        ways += [_json] * 3
    elif _is_text(data):
        ways += [_text] * 4
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(ways)(data, rng)
    return data


def _bytes(data: bytes, rng: random.Random) -> bytes:
    """Bits turned, parts cut out, repeated, moved, overwritten; the end cut off."""
    out = bytearray(data)
    size = len(out)
    if not size:
        return rng.randbytes(rng.randrange(64))
    place, length = rng.randrange(size), rng.choice((1, 2, 4, 16, 256, 4096))
    match rng.randrange(8):
        case 0:
            for _ in range(rng.choice((1, 4, 64))):
                out[rng.randrange(size)] ^= 1 << rng.randrange(8)
        case 1:
            return bytes(out[:place])
        case 2:
            del out[place : place + length]
        case 3:
            out[place:place] = out[place : place + length] * rng.choice((1, 2, 50))
        case 4:
            out[place : place + length] = rng.randbytes(length)
        case 5:
            out[place : place + 4] = struct.pack("<I", rng.choice(_INTS))
        case 6:
            out[place : place + length] = bytes([rng.choice((0, 255, 32, 10))]) * length
        case _:
            other = rng.randrange(size)
            out[place : place + length] = out[other : other + length]
    return bytes(out)


def _is_text(data: bytes) -> bool:
    return b"\0" not in data[:2000]


def _text(data: bytes, rng: random.Random) -> bytes:
    """Numbers, words and lines exchanged for others, left out, or there twice."""
    text = data.decode("utf-8", errors="replace")
    match rng.randrange(6):
        case 0:
            found = list(re.finditer(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", text))
            if found:
                hit = rng.choice(found)
                text = text[: hit.start()] + rng.choice(NUMBERS) + text[hit.end() :]
        case 1:
            found = list(re.finditer(r"\S+", text))
            if found:
                hit = rng.choice(found)
                text = text[: hit.start()] + rng.choice((*NUMBERS, *TEXTS)) + text[hit.end() :]
        case 2:
            lines = text.split("\n")
            del lines[rng.randrange(len(lines))]
            text = "\n".join(lines)
        case 3:
            lines = text.split("\n")
            place = rng.randrange(len(lines))
            lines[place:place] = [lines[rng.randrange(len(lines))]] * rng.choice((1, 2, 200))
            text = "\n".join(lines)
        case 4:
            place = rng.randrange(len(text) + 1)
            text = text[:place] + rng.choice(MARKS) + text[place:]
        case _:
            lines = text.split("\n")
            rng.shuffle(lines)
            text = "\n".join(lines)
    return text.encode("utf-8", errors="replace")


def _spoil(document: Any, rng: random.Random) -> Any:
    """A JSON value with one of its parts exchanged, left out, or there twice."""
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            places.append((value, key))
            walk(item)

    walk(document)
    if not places:
        return rng.choice(VALUES)
    value, key = rng.choice(places)
    match rng.randrange(5):
        case 0:
            del value[key]
        case 1 if isinstance(value[key], int | float) and not isinstance(value[key], bool):
            value[key] = rng.choice((value[key] + 1, value[key] - 1, -value[key], 1000 * value[key], value[key] + 0.5))
        case 2:
            other, other_key = rng.choice(places)
            # A copy, since a document that holds itself cannot be written.
            value[key] = json.loads(json.dumps(other[other_key])) if other_key in _keys(other) else None
        case 3 if isinstance(value, list):
            value.extend([value[key]] * rng.choice((1, 3, 300)))
        case _:
            value[key] = rng.choice(VALUES)
    return document


def _keys(value: Any) -> Any:
    return value if isinstance(value, dict) else range(len(value))


def _dumped(document: Any) -> bytes:
    return json.dumps(document).encode("utf-8", errors="replace")


def _json(data: bytes, rng: random.Random) -> bytes:
    try:
        return _dumped(_spoil(json.loads(data), rng))
    except (ValueError, RecursionError):
        return _text(data, rng)


def _glb(data: bytes, rng: random.Random) -> bytes:
    """A GLB whose document says something else, or whose numbers are others, and whose lengths are right."""
    try:
        (length,) = struct.unpack_from("<I", data, 12)
        document, rest = json.loads(data[20 : 20 + length]), bytearray(data[20 + length :])
    except (ValueError, struct.error, RecursionError):
        return _bytes(data, rng)
    if rng.random() < 0.25 and len(rest) > 16:
        place = rng.randrange(8, len(rest) - 4)
        rest[place : place + 4] = struct.pack("<f", rng.choice((float("nan"), float("inf"), 1e38, 0.0, -1.0, 1e-40)))
    else:
        document = _spoil(document, rng)
    text = _dumped(document)
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + bytes(rest)
    return struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body


def _header_length(data: bytes) -> int | None:
    if len(data) < 10 or data[8:9] != b"{":
        return None
    (length,) = struct.unpack_from("<Q", data)
    return length if length <= len(data) - 8 else None


def _safetensors(data: bytes, rng: random.Random) -> bytes:
    length = _header_length(data)
    try:
        header = json.loads(data[8 : 8 + (length or 0)])
    except ValueError:
        return _bytes(data, rng)
    record = header.get("__metadata__", {}) if isinstance(header, dict) else {}
    if rng.random() < 0.4 and isinstance(record, dict) and isinstance(record.get("clipmatrix"), str):
        record["clipmatrix"] = _json(record["clipmatrix"].encode(), rng).decode()
    else:
        header = _spoil(header, rng)
    text = _dumped(header)
    return struct.pack("<Q", len(text)) + text + data[8 + (length or 0) :]


def _npz(data: bytes, rng: random.Random) -> bytes:
    """An archive of arrays with one of them of another size, kind or name, pickled, or a bomb."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, KeyError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error):
        # An earlier mutation has broken it; an array that promises 80 GB is refused by the system.
        return _bytes(data, rng)
    if not arrays:
        return data
    name = rng.choice(list(arrays))
    array = arrays[name]
    match rng.randrange(8):
        case 0:
            del arrays[name]
        case 1:
            arrays[name] = array[: len(array) // 2] if array.ndim else np.zeros(3)
        case 2:
            arrays[name] = array[..., None] if rng.random() < 0.5 else array.reshape(-1)
        case 3:
            arrays[name] = rng.choice((np.array("text"), np.array([{}], object), np.zeros(0), np.array(True)))
        case 4 if array.dtype.kind == "f" and array.size:
            arrays[name] = array.copy()
            arrays[name].reshape(-1)[rng.randrange(array.size)] = rng.choice((np.nan, np.inf, 1e300, -1e300))
        case 5 if array.dtype.kind in "iu" and array.size:
            arrays[name] = array.copy()
            arrays[name].reshape(-1)[rng.randrange(array.size)] = rng.choice((0, 1, 100, np.iinfo(array.dtype).max))
        case 6 if array.dtype.kind in "fiub":
            with np.errstate(all="ignore"):
                arrays[name] = array.astype(rng.choice((np.float16, np.int8, np.complex64, "S4")))
        case _:
            arrays[name], arrays[rng.choice(list(arrays))] = arrays[rng.choice(list(arrays))], array
    return _archive(arrays, bomb=name if rng.random() < 0.05 else None)


def _archive(arrays: dict[str, np.ndarray], bomb: str | None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            if name == bomb:
                # A header that promises 80 GB, and some zeros.
                np.lib.format.write_array_header_1_0(
                    member, {"descr": "<f8", "fortran_order": False, "shape": (10_000_000_000,)}
                )
                member.write(bytes(1_000_000))
            else:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=True)
            # Without a date, so that the same seed gives the same bytes.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED)
    return out.getvalue()
