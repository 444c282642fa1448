"""Arrays out of pickles: those of every protocol are read, and nothing that a file asks for is ever run."""

import os
import pickle
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from clipmatrix.bodies.pickled import read_pickled_arrays
from clipmatrix.errors import BodyError

RNG = np.random.default_rng(0)
ARRAYS = {
    "points": RNG.random((5, 3)),
    "faces": np.arange(6, dtype=np.uint32).reshape(2, 3),
    "columns": np.asfortranarray(RNG.random((3, 4)).astype(np.float32)),
    "swapped": np.arange(4, dtype=">i2"),
    "nothing": np.zeros((0, 3)),
}


def _pickled(path: Path, content: object, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_all_protocols(tmp_path: Path, protocol: int) -> None:
    sparse = scipy.sparse.csc_matrix(np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]]))
    path = _pickled(tmp_path / "a.pkl", {**ARRAYS, "sparse": sparse, "name": "neutral", "other": {1, 2}}, protocol)
    found = read_pickled_arrays(path, (*ARRAYS, "sparse", "name", "missing"))
    assert found.keys() == {*ARRAYS, "sparse"}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
    np.testing.assert_array_equal(found["sparse"], sparse.toarray())


def test_what_python_2_wrote(tmp_path: Path) -> None:
    """There, bytes are a text of Latin letters."""
    written = (
        b"\x80\x02}U\x01vcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x08" + np.array([1.5, -2.0], dtype="<f4").tobytes() + b"tbs."
    )
    (tmp_path / "a.pkl").write_bytes(written)
    np.testing.assert_array_equal(read_pickled_arrays(tmp_path / "a.pkl", ["v"])["v"], [1.5, -2.0])


class _Hostile:
    def __init__(self, *told: object) -> None:
        self.told = told

    def __reduce__(self) -> tuple[object, ...]:
        return self.told  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(
    "told",
    [(os.system, ("touch {}",)), (eval, ("open('{}', 'w')",)), (exec, ("open('{}', 'w')",)), (open, ("{}", "w"))],
    ids=["system", "eval", "exec", "open"],
)
def test_nothing_in_the_file_is_run(tmp_path: Path, told: tuple) -> None:
    mark = tmp_path / "mark"
    call, (first, *rest) = told
    content = {"faces": ARRAYS["faces"], "evil": _Hostile(call, (first.format(mark), *rest))}
    found = read_pickled_arrays(_pickled(tmp_path / "a.pkl", content), ["faces", "evil"])
    assert found.keys() == {"faces"}
    assert not mark.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle",
        pickle.dumps([1, 2]),
        b"\x80\x05\x96\xff\xff\xff\xff\x0f\x00\x00\x00.",
        b"\x80\x02}r\xff\xff\xff\x7f(.",
        b"\x80\x02cos\nsystem\nU\x04trueR.",
    ],
    ids=["empty", "text", "list", "64 gigabytes", "a long memory", "a call"],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(BodyError, match=r"a\.pkl (is no pickle|holds no named arrays)"):
            read_pickled_arrays(path, ["v"])
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BodyError, match="cannot be read"):
        read_pickled_arrays(tmp_path / "none.pkl", ["v"])


def test_damage_is_refused_or_read(tmp_path: Path) -> None:
    """Bytes changed at random: an answer of arrays, or one line, whatever they say."""
    whole = pickle.dumps({**ARRAYS, "sparse": scipy.sparse.csc_matrix(np.eye(3))}, protocol=2)
    rng, path = random.Random(0), tmp_path / "a.pkl"
    num_refused = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        try:
            found = read_pickled_arrays(path, (*ARRAYS, "sparse"))
        except BodyError:
            num_refused += 1
        else:
            assert all(array.dtype.kind in "fiu" for array in found.values())
    assert 50 < num_refused < 400
