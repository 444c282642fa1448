"""One run in a few words, read from the ends of its log: fast enough for thousands; knows nothing of pages."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipmatrix.runs.directory import Run

_FIRST_BYTES, _LAST_BYTES = 20_000, 3_000
_CONFIG_BYTES = 4_000
_LARGEST_WHOLE = 2**62
_LARGEST_NUMBER = 1e300


@dataclass(frozen=True)
class Summary:
    """One run in a few words; ``made`` is when its log last grew, in seconds since 1970.

    ``state`` is ``done``, ``stopped`` or ``unfinished``; ``is_healthy`` is None before the result was looked at, and
    ``complaints`` says what is not.
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
    complaints: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The first prompt, or the folder's name."""
        return self.prompts[0] if self.prompts else self.name


def is_name(name: str) -> bool:
    """Whether it can be the name of a run's folder: one part of a path, and not a hidden one."""
    return bool(name) and len(name.encode(errors="replace")) <= 255 and not re.search(r"[/\\\x00-\x1f]|^\.|^$", name)


def read_summary(run: Run, made: float) -> Summary:
    """What is known of the run, whose log last grew at ``made``.

    Raises:
        OSError: it cannot be read.
    """
    with run.events_path.open("rb") as log:
        head = log.read(_FIRST_BYTES)
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - _LAST_BYTES))
        tail = log.read()
    started = next(_records(head.split(b"\n")), {})
    last = {str(record.get("event")): record for record in _records(tail.split(b"\n"))}
    done, step, seen = last.get("done", {}), last.get("step", {}), last.get("inspected", {})
    with run.config_path.open("rb") as file:
        config = file.read(_CONFIG_BYTES).decode("utf-8", errors="replace")
    quality = re.search(r"^quality: (\w+)", config, re.MULTILINE)
    state = ("stopped" if done.get("is_stopped") else "done") if done else "unfinished"
    return Summary(
        name=run.path.name,
        prompts=_texts(started.get("prompts")),
        encoder=str(started.get("encoder", "")),
        body=Path(str(started.get("body", ""))).name,
        quality=quality[1] if quality else "",
        seed=_whole(started.get("seed")),
        step=_whole(done.get("step", step.get("step"))),
        steps=_whole(started.get("steps")),
        score=_number(done.get("score", step.get("score"))),
        seconds=_number(done.get("seconds")),
        state=state,
        is_healthy=value if isinstance(value := seen.get("is_healthy"), bool) else None,
        made=made,
        has_model=run.glb_path.is_file(),
        has_film=run.turntable_path.is_file(),
        complaints=_texts(seen.get("complaints")),
    )


def last_event(run: Run) -> dict[str, Any]:
    """The last whole line of the run's log; empty where there is none."""
    try:
        with run.events_path.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - _LAST_BYTES))
            lines = log.read().split(b"\n")
        record = json.loads(lines[-2])
    except (OSError, ValueError, IndexError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _records(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and abs(value) < _LARGEST_WHOLE else 0


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and abs(value) < _LARGEST_NUMBER else None
