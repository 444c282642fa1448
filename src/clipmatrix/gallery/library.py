"""What is known of each run in a folder, read fast enough for thousands; knows nothing of pages."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

from clipmatrix.errors import RunError
from clipmatrix.runs.directory import Run, open_run
from clipmatrix.runs.summaries import Summary, is_name, read_summary

__all__ = ["Library", "Summary", "is_name"]


class Library:
    """The runs directly in one folder. Summaries are kept until a run's log changes."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._known: dict[str, tuple[tuple[int, int], Summary]] = {}
        self._guard = threading.Lock()

    def summaries(self) -> list[Summary]:
        """All runs, the newest first; a folder that is no run is passed over."""
        with self._guard:
            found = list(self._scan())
        return sorted(found, key=lambda summary: (-summary.made, summary.name))

    def _scan(self) -> Iterator[Summary]:
        try:
            entries = [entry for entry in os.scandir(self.runs) if not entry.name.startswith(".")]
        except OSError:
            return
        known = {}
        for entry in entries:
            summary = self._summary(entry.name)
            if summary is not None:
                known[entry.name] = self._known[entry.name]
                yield summary
        self._known = known

    def _summary(self, name: str) -> Summary | None:
        run = Run(self.runs / name)
        try:
            stat = run.events_path.stat()
        except OSError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_size)
        if name not in self._known or self._known[name][0] != stamp:
            try:
                self._known[name] = (stamp, read_summary(run, stat.st_mtime))
            except OSError:
                return None
        return self._known[name][1]

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
        self.open(name)
        with self._guard:
            found = self._summary(name)
        if found is None:
            raise RunError(f"the run {name!r} cannot be read: look into its folder")
        return found
