"""Where compiled kernels are kept: numba sees changes of a kernel's own file only, not of those that it calls."""

import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

_PACKAGE = Path(__file__).parent
_SOURCES = ("procedural/*.py", "render/*.py", "scene/*.py", "losses/*.py", "guidance/*.py")
_KEPT_DAYS = 30


def place_kernel_cache() -> None:
    """Give each state of the kernels' sources a folder of its own under the user's cache; old ones are dropped.

    ``NUMBA_CACHE_DIR`` in the environment wins. Without a writable folder numba keeps its cache beside the sources.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(_PACKAGE.glob(pattern)):
            digest.update(path.read_bytes())
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clipmatrix"
    folder = root / f"numba-{digest.hexdigest()[:16]}"
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    numba = sys.modules.get("numba")
    if numba is not None and not numba.config.CACHE_DIR:
        numba.config.CACHE_DIR = str(folder)
    if not folder.exists():
        _drop_old(root)


def _drop_old(root: Path) -> None:
    limit = time.time() - _KEPT_DAYS * 86_400
    for old in root.glob("numba-*"):
        try:
            if old.stat().st_mtime < limit:
                shutil.rmtree(old, ignore_errors=True)
        except OSError:
            continue
