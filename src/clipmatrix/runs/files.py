"""Files that appear whole or not at all, with errors that say what to do; knows nothing of what is in them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from clipmatrix.errors import RunError


def write_whole(path: Path, data: bytes) -> None:
    """Puts ``data`` at ``path`` through a scratch file beside it: readers see the old file or the new one.

    Raises:
        RunError: the place cannot be written to.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with file_errors(path):
            scratch.write_bytes(data)
            os.replace(scratch, path)
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turns the system's complaints inside the block into one line about ``path``.

    Raises:
        RunError: the block raised an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise RunError(
            f"{path} cannot be written ({error.strerror or error}): choose a place you may write to"
        ) from error
