"""A finished scratch file put in place so that a power cut leaves the old file or the new one; knows no errors."""

import errno
import os
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full(error: OSError) -> bool:
    """Whether the system refused for want of room."""
    return error.errno in _FULL


def put_in_place(scratch: Path, path: Path) -> None:
    """Renames ``scratch`` to ``path`` once its bytes are on the disk, and waits until the name is there as well.

    Raises:
        OSError: the system refuses.
    """
    handle = os.open(scratch, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(scratch, path)
    if os.name == "posix":
        # Elsewhere folders cannot be opened, and renaming is written through.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
