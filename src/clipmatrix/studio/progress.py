"""How far a run is, out of its event log as it grows; knows nothing of jobs or processes."""

import json
import math
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipmatrix.runs.directory import Run

_PACE_STEPS = 20
_MOST_KEPT = 64


@dataclass(frozen=True)
class Progress:
    """Where a run stands. ``phase`` is loading, searching, starting, descending, exporting or over.

    ``done`` of ``total`` counts what the phase counts; ``seconds_left`` of it is None where nothing is known yet.
    """

    phase: str
    done: int
    total: int
    score: float | None
    seconds_left: float | None
    warnings: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "phase": self.phase,
            "done": self.done,
            "total": self.total,
            "score": self.score,
            "secondsLeft": self.seconds_left,
            "warnings": list(self.warnings),
        }


class EventReader:
    """Follows one log. Each call reads only what came since the last; a log that was cut is read anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reset()

    def _reset(self) -> None:
        self._offset = 0
        self.phase = "loading"
        self.done = self.total = 0
        self.warnings: tuple[str, ...] = ()
        self.scores: list[float | None] = []
        self._first_step = 0
        self._paces: list[float] = []
        self._search_began: tuple[float, int] | None = None

    def update(self) -> None:
        """Reads on."""
        try:
            size = self._path.stat().st_size
            if size < self._offset:
                self._reset()
            if size == self._offset:
                return
            with self._path.open("rb") as log:
                log.seek(self._offset)
                data = log.read()
        except OSError:
            self._reset()
            return
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        for line in data[:whole].split(b"\n"):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                self._see(record)
        if self.phase == "searching" and self._search_began is None:
            # Events carry no time: the pace is that of what comes from now on.
            self._search_began = time.monotonic(), self.done

    def _see(self, record: dict[str, Any]) -> None:
        match record.get("event"):
            case "started":
                self.phase, self.done, self.total = "starting", _whole(record, "step"), _whole(record, "steps")
                self.warnings = tuple(str(line) for line in record.get("warnings") or ())
                self._paces.clear()
                # A resumed run begins with the steps that it kept.
                del self.scores[self.done :]
            case "search_progress":
                self.phase, self.done, self.total = "searching", _whole(record, "done"), _whole(record, "total")
            case "preview" if record.get("step") == 0:
                self.phase = "starting"
            case "step":
                self.phase, self.done, self.total = "descending", _whole(record, "step"), _whole(record, "steps")
                score = record.get("score")
                self.scores.append(score if isinstance(score, int | float) and math.isfinite(score) else None)
                seconds = record.get("seconds")
                if isinstance(seconds, dict):
                    self._paces.append(sum(value for value in seconds.values() if isinstance(value, int | float)))
                    del self._paces[:-_PACE_STEPS]
            case "checkpoint" if record.get("is_last"):
                self.phase = "exporting"
            case "done":
                self.phase = "over"

    def progress(self) -> Progress:
        """Where the run stands as of the last ``update``."""
        score = next((score for score in reversed(self.scores) if score is not None), None)
        return Progress(self.phase, self.done, self.total, score, self._seconds_left(), self.warnings)

    def _seconds_left(self) -> float | None:
        if self.phase == "descending" and self._paces:
            return sum(self._paces) / len(self._paces) * max(0, self.total - self.done)
        if self.phase == "searching" and self._search_began is not None:
            began, first = self._search_began
            seen = self.done - first
            return (time.monotonic() - began) / seen * max(0, self.total - self.done) if seen > 0 else None
        return None


class Readers:
    """A reader for each run that is asked for; the latest are kept. May be used from any thread."""

    def __init__(self) -> None:
        self._readers: dict[Path, EventReader] = {}
        self._guard = threading.Lock()

    def progress(self, run: Run) -> Progress:
        """Where the run stands now."""
        with self._guard:
            return self._reader(run).progress()

    def scores(self, run: Run, after: int) -> tuple[int, list[float | None]]:
        """How many steps were taken, and the scores of those behind the first ``after``."""
        with self._guard:
            scores = self._reader(run).scores
            return len(scores), scores[after:] if 0 <= after <= len(scores) else list(scores)

    def _reader(self, run: Run) -> EventReader:
        reader = self._readers.pop(run.events_path, None) or EventReader(run.events_path)
        self._readers[run.events_path] = reader
        while len(self._readers) > _MOST_KEPT:
            del self._readers[next(iter(self._readers))]
        reader.update()
        return reader


def _whole(record: dict[str, Any], key: str) -> int:
    value = record.get(key)
    return value if isinstance(value, int) else 0
