"""Compiled kernels are kept apart for each state of their sources."""

import os
from pathlib import Path

import pytest

from clipmatrix import kernel_cache


def _folder(monkeypatch: pytest.MonkeyPatch, package: Path, root: Path) -> Path:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(root))
    monkeypatch.setattr(kernel_cache, "_PACKAGE", package)
    kernel_cache.place_kernel_cache()
    return Path(os.environ["NUMBA_CACHE_DIR"])


def test_a_changed_kernel_gets_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "package" / "procedural" / "noise.py"
    source.parent.mkdir(parents=True)
    source.write_text("a = 1\n")
    first = _folder(monkeypatch, tmp_path / "package", tmp_path / "cache")
    assert _folder(monkeypatch, tmp_path / "package", tmp_path / "cache") == first
    source.write_text("a = 2\n")
    assert _folder(monkeypatch, tmp_path / "package", tmp_path / "cache") != first
    assert first.parent == tmp_path / "cache" / "clipmatrix"


def test_the_users_own_choice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")
    kernel_cache.place_kernel_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == "elsewhere"


def test_folders_long_unused_are_dropped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old, young = tmp_path / "clipmatrix" / "numba-old", tmp_path / "clipmatrix" / "numba-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    _folder(monkeypatch, tmp_path / "package", tmp_path)
    assert not old.exists()
    assert young.exists()
