"""What is known of each run in a folder, read fast enough for thousands; knows nothing of pages."""

import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipmatrix.errors import RunError
from clipmatrix.runs.directory import Run, open_run

_FIRST_BYTES, _LAST_BYTES = 20_000, 3_000
_CONFIG_BYTES = 4_000


@dataclass(frozen=True)
class Summary:
    """One run in a few words; ``made`` is when its log last grew, in seconds since 1970.

    ``state`` is ``done``, ``stopped`` or ``unfinished``; ``is_healthy`` is None before the result was looked at.
    """

    name: str
    prompts: tuple[str, ...]
    encoder: str
    body: str
    quality: str
    seed: int
    step: int
    steps: int
    score: float | None
    seconds: float | None
    state: str
    is_healthy: bool | None
    made: float
    has_model: bool
    has_film: bool

    @property
    def title(self) -> str:
        """The first prompt, or the folder's name."""
        return self.prompts[0] if self.prompts else self.name


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
                self._known[name] = (stamp, _read(run, stat.st_mtime))
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


def is_name(name: str) -> bool:
    """Whether it can be the name of a run's folder: one part of a path, and not a hidden one."""
    return bool(name) and len(name.encode(errors="replace")) <= 255 and not re.search(r"[/\\\x00-\x1f]|^\.|^$", name)


def _read(run: Run, made: float) -> Summary:
    with run.events_path.open("rb") as log:
        head = log.read(_FIRST_BYTES)
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - _LAST_BYTES))
        tail = log.read()
    started = next(_records(head.split(b"\n")), {})
    last = {record.get("event"): record for record in _records(tail.split(b"\n"))}
    done, step = last.get("done", {}), last.get("step", {})
    with run.config_path.open("rb") as file:
        config = file.read(_CONFIG_BYTES).decode("utf-8", errors="replace")
    quality = re.search(r"^quality: (\w+)", config, re.MULTILINE)
    state = ("stopped" if done.get("is_stopped") else "done") if done else "unfinished"
    prompts = started.get("prompts")
    return Summary(
        name=run.path.name,
        prompts=tuple(str(prompt) for prompt in prompts) if isinstance(prompts, list) else (),
        encoder=str(started.get("encoder", "")),
        body=Path(str(started.get("body", ""))).name,
        quality=quality[1] if quality else "",
        seed=_whole(started.get("seed")),
        step=_whole(done.get("step", step.get("step"))),
        steps=_whole(started.get("steps")),
        score=_number(done.get("score", step.get("score"))),
        seconds=_number(done.get("seconds")),
        state=state,
        is_healthy=last.get("inspected", {}).get("is_healthy"),
        made=made,
        has_model=run.glb_path.is_file(),
        has_film=run.turntable_path.is_file(),
    )


def _records(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
