"""Files from outside: bounded in size, and ordinary ones only."""

import os
from pathlib import Path

import pytest

from clipmatrix.bodies.loading import load_body
from clipmatrix.config import load_config
from clipmatrix.errors import ClipMatrixError
from clipmatrix.intake import check_size, read_bounded
from clipmatrix.motion.reading import Excerpt, read_motion


def test_files_are_read_whole_up_to_the_bound(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bounded(tmp_path / "a", 5) == b"12345"
    assert check_size(tmp_path / "a") == 5
    with pytest.raises(OSError, match="is larger than"):
        read_bounded(tmp_path / "a", 4)
    with pytest.raises(IsADirectoryError):
        read_bounded(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "none")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    for name in ("a.yaml", "a.bvh", "a.glb", "a.npz"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(ClipMatrixError, match="no ordinary file"):
        load_config(tmp_path / "a.yaml")
    for name in ("a.bvh", "a.glb", "a.npz"):
        with pytest.raises(ClipMatrixError, match="no ordinary file"):
            read_motion(tmp_path / name, Excerpt())
    for name in (f"{tmp_path / 'a.glb'}", f"smplx:{tmp_path / 'a.npz'}"):
        with pytest.raises(ClipMatrixError, match=r"no ordinary file|is no file"):
            load_body(name)


def test_files_that_are_too_large_are_refused_unread(tmp_path: Path) -> None:
    """Sparse files: two gigabytes that take no room."""
    for name in ("a.bvh", "a.glb", "a.npz", "a.obj"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2_000_000_001)
    for name in ("a.bvh", "a.glb", "a.npz"):
        with pytest.raises(ClipMatrixError, match="larger than 1000 MB"):
            read_motion(tmp_path / name, Excerpt())
    for name in (f"{tmp_path / 'a.glb'}", f"{tmp_path / 'a.obj'}", f"smplx:{tmp_path / 'a.npz'}"):
        with pytest.raises(ClipMatrixError, match="larger than 1000 MB"):
            load_body(name)
