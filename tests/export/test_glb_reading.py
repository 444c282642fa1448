"""Reading any GLB's surface: ours, small ones written by hand, and broken ones of all kinds."""

import contextlib
import json
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from tests.synthetic_character import build_tube_character

from clipmatrix.errors import ExportError
from clipmatrix.export.glb_reading import read_glb_surface
from clipmatrix.export.gltf import pack_glb
from clipmatrix.health.verdicts import judge


def _glb(document: dict, binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks


def _triangle(**changes) -> tuple[dict, bytes]:
    """Interleaved positions of one triangle, byte indices behind them."""
    points = np.array([[0, 0, 0, 9], [1, 0, 0, 9], [0, 1, 0, 9]], dtype="<f4")
    accessor = {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": 52}],
        "bufferViews": [{"buffer": 0, "byteLength": 48, "byteStride": 16}, {"byteOffset": 48, "byteLength": 3}],
        "accessors": [accessor, {"bufferView": 1, "componentType": 5121, "count": 3, "type": "SCALAR"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
    }
    for path, value in changes.items():
        target = document
        *above, last = path.split("__")
        for key in above:
            target = target[int(key) if key.isdigit() else key]
        target[int(last) if last.isdigit() else last] = value
    return document, points.tobytes() + bytes([0, 1, 2, 0])


def _read(tmp_path: Path, data: bytes):
    (tmp_path / "a.glb").write_bytes(data)
    return read_glb_surface(tmp_path / "a.glb")


def test_our_own_file_comes_back_welded_with_its_texture(tmp_path: Path) -> None:
    character = build_tube_character()
    surface = _read(tmp_path, pack_glb(character))
    assert surface.mesh.vertices.shape == character.mesh.vertices.shape
    assert surface.mesh.faces.shape == character.mesh.faces.shape
    assert np.array_equal(surface.albedo_srgb, character.albedo_srgb)
    assert judge(surface.mesh).verdicts[0].is_healthy


def test_strides_and_small_indices_are_understood(tmp_path: Path) -> None:
    surface = _read(tmp_path, _glb(*_triangle()))
    assert sorted(surface.mesh.vertices.tolist()) == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert surface.albedo_srgb is None


def test_undefined_vertices_are_kept_for_the_verdict(tmp_path: Path) -> None:
    document, binary = _triangle()
    surface = _read(tmp_path, _glb(document, struct.pack("<f", float("nan")) + binary[4:]))
    assert not judge(surface.mesh).is_healthy


@pytest.mark.parametrize(
    "changes",
    [
        {"accessors__0__count": 4},
        {"accessors__0__count": 2**40},
        {"accessors__0__count": -1},
        {"accessors__0__componentType": 1},
        {"accessors__0__type": "MAT4"},
        {"accessors__0__bufferView": 7},
        {"accessors__0__bufferView": "x"},
        {"accessors__0__byteOffset": -8},
        {"accessors__0__sparse": {}},
        {"accessors__1__count": 2},
        {"bufferViews__0__byteLength": 2**40},
        {"bufferViews__0__byteOffset": -16},
        {"bufferViews__0__byteStride": 1},
        {"buffers__0__uri": "../../etc/passwd"},
        {"meshes": []},
        {"meshes": {"a": 1}},
        {"meshes__0__primitives__0__attributes": {}},
        {"meshes__0__primitives__0__mode": 1},
        {"accessors": None},
        {"meshes__0__primitives__0__material": 3},
    ],
)
def test_nonsense_is_one_clear_line(tmp_path: Path, changes: dict) -> None:
    with pytest.raises(ExportError) as caught:
        _read(tmp_path, _glb(*_triangle(**changes)))
    assert "a.glb is no sound GLB (" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_faces_that_name_missing_vertices_are_refused(tmp_path: Path) -> None:
    document, binary = _triangle()
    with pytest.raises(ExportError, match="vertices that are not there"):
        _read(tmp_path, _glb(document, binary[:48] + bytes([0, 1, 9, 0])))


def test_missing_files_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be read"):
        read_glb_surface(tmp_path / "none.glb")
    for data in (b"", b"glTF", b"PK\x03\x04" + bytes(99), b"glTF" + bytes(60), pack_glb(build_tube_character())[:-5]):
        with pytest.raises(ExportError):
            _read(tmp_path, data)


def test_cut_and_scrambled_files_end_in_a_surface_or_a_clear_line(tmp_path: Path) -> None:
    whole, rng = pack_glb(build_tube_character()), random.Random(0)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 20)):
            data[rng.randrange(min(len(data), 6000))] = rng.randrange(256)
        data = data[: rng.randrange(len(data))] if rng.random() < 0.3 else data
        with contextlib.suppress(ExportError):
            surface = _read(tmp_path, bytes(data))
            assert surface.mesh.faces.max() < len(surface.mesh.vertices)
