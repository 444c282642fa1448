"""Arrays out of archives: what numpy writes is read, and nothing larger than allowed is ever allocated."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st

from clipmatrix.geometry.npz_file import NpzError, read_npz

_DTYPES = st.one_of(
    numpy_st.floating_dtypes(sizes=(16, 32, 64)),
    numpy_st.integer_dtypes(),
    numpy_st.boolean_dtypes(),
    numpy_st.unicode_string_dtypes(max_len=4),
)


@settings(max_examples=60, deadline=None)
@given(array=numpy_st.arrays(_DTYPES, numpy_st.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)))
def test_what_numpy_writes_is_read(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("arrays") / "a.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, first=array, second=np.asfortranarray(array), other=np.zeros(3))
        found = read_npz(path, ("first", "second"))
        assert sorted(found) == ["first", "second"]
        for values in found.values():
            np.testing.assert_array_equal(values, array)
            assert values.flags.writeable


def _archive(path: Path, descr: object, shape: object, data: bytes, kind: int = zipfile.ZIP_DEFLATED) -> Path:
    member = io.BytesIO()
    member.write(b"\x93NUMPY\x01\x00")
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    member.write(len(header).to_bytes(2, "little") + header + data)
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("a.npy", member.getvalue())
    return path


@pytest.mark.parametrize(
    ("descr", "shape", "message"),
    [
        ("<f8", (10_000_000_000,), "would take 80000 MB, and 250 are read at most"),
        ("<f8", (2**40, 2**40, 2**40), "are read at most"),
        ("<f8", (1000,), "promises 8000 bytes and has 800"),
        ("<f8", (-5,), "has the shape"),
        ("<f8", (1,) * 60, "has the shape"),
        ("|O", (1,), "only plain numbers"),
        ([("x", "<f8")], (1,), "only plain numbers"),
        ("<U500000", (1,), "holds texts of"),
        ("<U0", (10**12,), "has no bytes"),
        ("nonsense", (1,), "nonsense"),
        ("<f8", 3.5, "shape"),
    ],
)
def test_headers_that_promise_what_is_not_there(tmp_path: Path, descr: object, shape: object, message: str) -> None:
    path = _archive(tmp_path / "bad.npz", descr, shape, bytes(800))
    tracemalloc.start()
    try:
        with pytest.raises(NpzError, match=message) as caught:
            read_npz(path, ("a",))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
    assert "\n" not in str(caught.value)


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    """A hundred megabytes of zeros, packed to a thousandth, behind a header of one number: one number is read."""
    path = _archive(tmp_path / "bomb.npz", "<f8", (1,), bytes(100_000_000))
    assert path.stat().st_size < 200_000
    tracemalloc.start()
    try:
        assert read_npz(path, ("a",))["a"].tolist() == [0.0]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_all_arrays_share_one_bound(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.zeros(100), b=np.zeros(100), c=np.zeros(1000))
    assert set(read_npz(tmp_path / "a.npz", ("a", "b"), 1600)) == {"a", "b"}
    with pytest.raises(NpzError, match="b would take"):
        read_npz(tmp_path / "a.npz", ("a", "b"), 1599)


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packings_are_refused(tmp_path: Path, kind: int) -> None:
    with pytest.raises(NpzError, match="packed in a way"):
        read_npz(_archive(tmp_path / "a.npz", "<f8", (2,), bytes(16), kind), ("a",))


def test_other_files_and_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz", ("a",))
    np.save(tmp_path / "one.npy", np.zeros(3))
    for data in (b"", b"PK\x03\x04 not a zip", (tmp_path / "one.npy").read_bytes()):
        (tmp_path / "bad.npz").write_bytes(data)
        with pytest.raises(NpzError, match="begin and end as an archive"):
            read_npz(tmp_path / "bad.npz", ("a",))
