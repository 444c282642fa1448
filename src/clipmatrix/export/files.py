"""Files that appear whole or not at all; knows nothing of what is in them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from clipmatrix.durable import is_full, put_in_place
from clipmatrix.errors import ExportError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A scratch path beside ``path`` that takes its place when the block ends well, and vanishes when it does not.

    Makes the folders above where they are missing. The scratch path keeps the suffix, by which encoders choose formats.

    Raises:
        ExportError: the target, or what is written inside the block, cannot be written.
    """
    scratch = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield scratch
        put_in_place(scratch, path)
    except OSError as error:
        what = "make room on that disk" if is_full(error) else "choose a folder that can be written to"
        raise ExportError(f"wanted to write {path}, but: {error.strerror or error}; {what}") from error
    finally:
        with suppress(OSError):
            scratch.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path``, whole or not at all.

    Raises:
        ExportError: the target cannot be written.
    """
    with replacing(path) as scratch:
        scratch.write_bytes(data)
