"""A file that only one process can hold, and that is let go whatever happens to that process; knows nothing else."""

import os
from pathlib import Path
from typing import IO

if os.name == "nt":
    import msvcrt
else:
    import fcntl


class FileLock:
    """A lock on the file at ``path``, held until ``release`` or the end of this process, by whatever cause."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Whether this process holds it now; False where another one does.

        Raises:
            OSError: the file cannot be made.
        """
        if self._file is not None:
            return True
        file = self._path.open("ab")
        try:
            _lock(file)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Lets it go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def is_free(self) -> bool:
        """Whether no process holds it at this moment.

        Raises:
            OSError: the file cannot be made.
        """
        if self._file is not None or not self.acquire():
            return False
        self.release()
        return True


def _lock(file: IO[bytes]) -> None:
    """Raises: OSError where another process holds the lock."""
    if os.name == "nt":
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
