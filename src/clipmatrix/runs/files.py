"""Files that appear whole or not at all, with errors that say what to do; knows nothing of what is in them."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from clipmatrix.durable import is_full, put_in_place
from clipmatrix.errors import RunError
from clipmatrix.intake import read_bounded


def free_bytes(path: Path) -> int:
    """How much more fits on the disk that ``path``, or the nearest folder above it that exists, lies on."""
    while not path.exists() and path != path.parent:
        path = path.parent
    usage = shutil.disk_usage(path)
    # What is no disk, such as /proc, has no size; whether it can be written to is for others to find out.
    return usage.free if usage.total else sys.maxsize


def write_whole(path: Path, data: bytes) -> None:
    """Puts ``data`` at ``path`` through a scratch file beside it: readers see the old file or the new one.

    So do those who come after a power cut: the bytes are on the disk before the name is.

    Raises:
        RunError: the place cannot be written to.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with file_errors(path):
            scratch.write_bytes(data)
            put_in_place(scratch, path)
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


def read_file(path: Path) -> bytes:
    """The bytes at ``path``.

    Raises:
        RunError: they cannot be read.
    """
    try:
        return read_bounded(path)
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror or error}): name another run") from error


@contextlib.contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turns the system's complaints inside the block into one line about ``path``.

    Raises:
        RunError: the block raised an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise RunError(f"{path} cannot be written ({error.strerror}): make room on that disk") from error
        raise RunError(
            f"{path} cannot be written ({error.strerror or error}): choose a place you may write to"
        ) from error
