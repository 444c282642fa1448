"""Files that a page sends: bodies to dress, kept under names of our own; knows nothing of what is in them."""

import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from clipmatrix.config import RunConfig
from clipmatrix.errors import BodyError, ConfigError
from clipmatrix.runs.directory import slug
from clipmatrix.runs.files import file_errors
from clipmatrix.studio.jobs import STUDIO_FOLDER

LARGEST_UPLOAD = 64_000_000
_MOST_BYTES = 2_000_000_000
_SUFFIXES = (".glb", ".obj", ".ply", ".npz", ".pkl")
_SMPLX = "smplx:"


class Uploads:
    """The folder of sent files under a folder of runs."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self.folder = runs / STUDIO_FOLDER / "uploads"

    async def take(self, name: str, chunks: AsyncIterator[bytes]) -> str:
        """The setting for a body that now lies in the folder; of ``name`` only letters, digits and the ending count.

        Raises:
            BodyError: it is none of the kinds that can be dressed, too large, or there is no room.
            RunError: it cannot be written.
        """
        suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
        if suffix not in _SUFFIXES:
            raise BodyError(f"a body is a {', '.join(_SUFFIXES)} file, not {name[:60]!r}: choose another file")
        with file_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            used = sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())
        scratch = self.folder / f".{os.getpid()}.{id(chunks)}"
        digest, size = hashlib.sha256(), 0
        try:
            with file_errors(scratch), scratch.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > LARGEST_UPLOAD:
                        raise BodyError(
                            f"{name[:60]!r} is larger than {LARGEST_UPLOAD // 1_000_000} MB: make it simpler"
                        )
                    if used + size > _MOST_BYTES:
                        raise BodyError(f"the folder of uploads is full: remove some files from {self.folder}")
                    digest.update(chunk)
                    file.write(chunk)
            if not size:
                raise BodyError(f"{name[:60]!r} is empty: choose another file")
            stem = slug(PurePosixPath(name.replace("\\", "/")).stem)[:40]
            path = self.folder / f"{stem}-{digest.hexdigest()[:8]}{suffix}"
            with file_errors(path):
                os.replace(scratch, path)
        finally:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
        return f"{_SMPLX}{path}" if suffix in (".npz", ".pkl") else str(path)

    def check_reach(self, config: RunConfig, pictures: Sequence[Path] = ()) -> None:
        """Lets settings from a page read only what was sent here, runs of this folder, and pictures in those folders.

        Raises:
            ConfigError: they name another file.
        """
        body = config.body.removeprefix(_SMPLX)
        if body != "anny" and not _is_in(Path(body), self.folder):
            raise ConfigError(f"body must be anny or a file that was uploaded here, not {config.body[:80]!r}")
        if config.base and not _is_in(Path(config.base), self._runs):
            raise ConfigError(f"base must be a run of this studio, not {config.base[:80]!r}")
        for path in pictures_of(config):
            if not any(_is_under(path, folder) for folder in pictures):
                raise ConfigError(f"image must be a picture beside the studio's recipes, not {str(path)[:80]!r}")


def pictures_of(config: RunConfig) -> list[Path]:
    """The pictures that the settings read."""
    named = (*(prompt.image for prompt in config.prompts), config.parameters.texture.start_image)
    return [Path(name) for name in named if name]


def _is_under(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        return False


def _is_in(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().parent == folder.resolve()
    except (OSError, ValueError, RuntimeError):
        return False
