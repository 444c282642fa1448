"""Files that come from outside, read whole and never more than is allowed; knows nothing of what is in them."""

import errno
import stat
from pathlib import Path

LARGEST_BYTES = 1_000_000_000


def check_size(path: Path, most_bytes: int = LARGEST_BYTES) -> int:
    """How many bytes are at ``path``, once it is sure that reading them ends and fits into memory.

    Raises:
        OSError: it is not there, is larger than ``most_bytes``, or is no ordinary file: a pipe never ends, nor does a
            device.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
    if found.st_size > most_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {most_bytes / 1e6:.0f} MB", str(path))
    return found.st_size


def read_bounded(path: Path, most_bytes: int = LARGEST_BYTES) -> bytes:
    """The bytes at ``path``.

    Raises:
        OSError: see ``check_size``, or they cannot be read.
    """
    size = check_size(path, most_bytes)
    with path.open("rb") as file:
        # What has grown since is cut off; room is made for all that is asked for.
        return file.read(size)
