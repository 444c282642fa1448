"""One job done, or gone on with, by whoever holds its lock; and one process that does job after job.

Knows neither who else is at work nor how the work is shown.
"""

import contextlib
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Literal

from clipmatrix.batch.places import MOST_TRIES, JobRecord, Places
from clipmatrix.config import load_config
from clipmatrix.errors import ClipMatrixError, RunError
from clipmatrix.generate import loop
from clipmatrix.generate.events import Done, Event, Exported, SearchProgress, Step
from clipmatrix.generate.sharing import PartsShelf

_SECONDS_BETWEEN_NEWS = 0.5
_SECONDS_BETWEEN_LOOKS = 1.0
_SEARCH_SHARE, _STEP_SHARE = 0.1, 0.8
"""Of a run's time, about what the search and the steps take; the rest is the export."""

Outcome = Literal["done", "failed", "left", "taken"]
Tell = Callable[[str, str, float], None]
"""Is told a job's name, what it does (running, done, failed or left), and the share of it that is done."""


@dataclass(frozen=True)
class Shift:
    """What a worker works for: a call of the command on the places of a batch.

    ``is_over`` is asked between two events of a run: once it says so, the worker leaves the run as if it were killed.
    A job that was begun ``most_begun`` times, and whose processes were killed each time, is given up.
    """

    places: Places
    call: str
    tell: Tell
    is_over: Callable[[], bool]
    most_begun: int = MOST_TRIES


def work(shift: Shift, shelf: PartsShelf) -> None:
    """Does all jobs of the call that nobody else does, one after another, until each is done or has failed.

    Jobs that others hold are waited for, since whoever holds them may be killed.
    """
    names = shift.places.names(shift.call)
    open_names = list(names)
    while open_names and not shift.is_over():
        has_worked = False
        for num_tries in range(MOST_TRIES):
            for name in tuple(open_names):
                if shift.is_over():
                    return
                if is_ended(shift.places, name, shift.call):
                    open_names.remove(name)
                elif min(shift.places.read(name).tries.get(shift.call, 0), MOST_TRIES - 1) <= num_tries:
                    has_worked |= do_job(shift, name, shelf) in ("done", "failed")
        if open_names and not has_worked:
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def is_ended(places: Places, name: str, call: str) -> bool:
    """Whether the call has nothing more to do for that job."""
    if places.is_done(name):
        return True
    record = places.read(name)
    return record.state == "failed" and record.tries.get(call, 0) >= MOST_TRIES


def do_job(shift: Shift, name: str, shelf: PartsShelf) -> Outcome:
    """What came of the job: done, failed, left where the shift was over, or taken by another process.

    Raises:
        RunError: the batch's own files cannot be written.
    """
    lock = shift.places.lock(name)
    try:
        if not lock.acquire():
            return "taken"
        return _do_locked(shift, name, shelf)
    finally:
        lock.release()


def _do_locked(shift: Shift, name: str, shelf: PartsShelf) -> Outcome:
    places = shift.places
    if places.is_done(name):
        return "done"
    record = places.read(name)
    num_begun = record.tries.get(shift.call, 0)
    if is_ended(places, name, shift.call):
        return "failed"
    if num_begun >= shift.most_begun:
        # Nobody holds the lock, and nobody has written down how it ended.
        reason = f"its process was killed {num_begun} times, for instance for want of memory: try fewer --workers"
        return _fail(shift, name, replace(record, state="failed", reason=reason))
    record = record.begun(shift.call)
    places.write(name, record)
    try:
        if not _follow(shift, name, shelf):
            shift.tell(name, "left", 0.0)
            return "left"
    except ClipMatrixError as error:
        return _fail(shift, name, replace(record, state="failed", reason=" ".join(str(error).split())))
    except MemoryError:
        reason = "the memory did not suffice: choose fewer --workers, or smaller textures"
        return _fail(shift, name, replace(record, state="failed", reason=reason))
    except Exception as error:
        # One job's trouble is not to end the others; what it was is kept beside the settings.
        with contextlib.suppress(OSError):
            places.error_path(name).write_text(traceback.format_exc(), encoding="utf-8")
        line = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}; see {places.error_path(name)}"
        return _fail(shift, name, replace(record, state="failed", reason=line))
    places.write(name, replace(record, state="done", reason=""))
    shift.tell(name, "done", 1.0)
    return "done"


def _fail(shift: Shift, name: str, record: JobRecord) -> Outcome:
    shift.places.write(name, record)
    shift.tell(name, "failed", 0.0)
    return "failed"


def _follow(shift: Shift, name: str, shelf: PartsShelf) -> bool:
    """Whether the run was followed to its end."""
    events = _events(shift.places, name, shelf)
    spoke = -_SECONDS_BETWEEN_NEWS
    shift.tell(name, "running", 0.0)
    for event in events:
        now = time.monotonic()
        if now - spoke >= _SECONDS_BETWEEN_NEWS:
            spoke = now
            shift.tell(name, "running", _share(event))
        if isinstance(event, Done):
            return not event.is_stopped
        if shift.is_over():
            _leave(events)
            return False
    return True


def _events(places: Places, name: str, shelf: PartsShelf) -> Generator[Event, None, None]:
    """The events of the job's run, from where it was left if it was begun."""
    path, config = places.run(name).path, load_config(places.config_path(name))
    parts = shelf.parts(config)
    if (path / "config.yaml").is_file() and (path / "events.jsonl").is_file():
        resumed = loop.resume(path, parts)
        try:
            first = next(resumed)
        except RunError:
            # There is nothing to go on from: what it has made is made again.
            return loop.stream(config, path, parts)
        return _after(first, resumed)
    return loop.stream(config, path, parts)


def _after(first: Event, rest: Generator[Event, None, None]) -> Generator[Event, None, None]:
    yield first
    yield from rest


def _leave(events: Generator[Event, None, None]) -> None:
    """Ends a run where it is. Closing it would write out a model that nobody has asked for yet."""
    with contextlib.suppress(_Left, StopIteration):
        events.throw(_Left())


class _Left(Exception):
    """The shift is over."""


def _share(event: Event) -> float:
    """About how much of a run is done."""
    match event:
        case SearchProgress():
            return _SEARCH_SHARE * event.done / max(event.total, 1)
        case Step():
            return _SEARCH_SHARE + _STEP_SHARE * event.step / max(event.steps, 1)
        case Exported():
            return 0.97
        case _:
            return 0.0
