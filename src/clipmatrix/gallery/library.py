"""What is known of each run in a folder, read fast enough for thousands; knows nothing of pages."""

import threading
from pathlib import Path

from clipmatrix.errors import RunError
from clipmatrix.runs.directory import Run, open_run
from clipmatrix.runs.index import RunIndex
from clipmatrix.runs.summaries import Summary, is_name, read_summary

__all__ = ["Library", "Summary", "is_name"]


class Library:
    """The runs directly in one folder, by its index, for any number of threads."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._index: RunIndex | None = None
        self._guard = threading.Lock()

    def summaries(self) -> list[Summary]:
        """All runs, the newest first; a folder that is no run is passed over.

        Raises:
            RunError: the folder's index can neither be used nor made anew.
        """
        with self._guard:
            if not self.runs.is_dir():
                return []
            try:
                return self._look()
            except RunError:
                # Somebody may have removed or damaged the index's file under us.
                self._close()
                return self._look()

    def _look(self) -> list[Summary]:
        if self._index is None:
            self._index = RunIndex(self.runs)
        self._index.refresh()
        return self._index.summaries()

    def _close(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None

    def open(self, name: str) -> Run:
        """The run of that name.

        Raises:
            RunError: there is none directly in this folder; names with slashes, dots in front or links to elsewhere
                are none.
        """
        if not is_name(name):
            raise RunError("there is no run of that name here: choose one in the gallery")
        path = self.runs / name
        try:
            is_inside = path.resolve().parent == self.runs.resolve()
        except (OSError, ValueError, RuntimeError):
            is_inside = False
        if not is_inside or not path.is_dir():
            raise RunError(f"there is no run {name!r} here: choose one in the gallery")
        return open_run(path)

    def summary(self, name: str) -> Summary:
        """What is known of the run of that name.

        Raises:
            RunError: there is none, or it cannot be read.
        """
        run = self.open(name)
        try:
            return read_summary(run, run.events_path.stat().st_mtime)
        except OSError as error:
            raise RunError(f"the run {name!r} cannot be read ({error.strerror}): look into its folder") from error
