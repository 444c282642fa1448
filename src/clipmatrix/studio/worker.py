"""One job in a process of its own, ``clipmatrix studio-worker RUNS NUMBER``; knows neither page nor server.

It reads what it is to do from the job's file of wishes between two events, so that it goes on when the server that
started it is gone, and the next server finds it. It holds ``worker.lock`` as long as it lives.
"""

import json
import os
import time
from collections.abc import Generator
from pathlib import Path

from clipmatrix.errors import ClipMatrixError, RunError
from clipmatrix.runs.locks import FileLock
from clipmatrix.studio.jobs import STUDIO_FOLDER, Job, Queue

_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_FOR_LOCK = 10.0


def run_job(runs: Path, number: int) -> None:
    """Runs the job of that number to its end, and writes down how it ended.

    Raises:
        RunError: another worker is at work there, or there is no such job.
    """
    lock = FileLock(runs / STUDIO_FOLDER / "worker.lock")
    until = time.monotonic() + _SECONDS_FOR_LOCK
    while not lock.acquire():
        if time.monotonic() > until:
            raise RunError(f"another job is at work in {runs}: let it finish")
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    try:
        queue = Queue(runs)
        job = queue.get(number)
        if job is None:
            raise RunError(f"{runs} has no job {number}: the studio starts workers by itself")
        _work(queue, job)
    finally:
        lock.release()


def _work(queue: Queue, job: Job) -> None:
    """The events of the job, drawn one by one, as its wishes say."""
    from clipmatrix.generate.events import Done, Event

    write = queue.end_path(job).write_text
    is_stopped = False
    try:
        events = _events(queue, job)
        has_told = False
        event: Event | None = None
        while True:
            wish = _wait_for_go(queue.wish_path(job))
            if wish == "leave":
                # As when killed: closing the events would write out a model that nobody has asked for yet.
                os._exit(0)
            try:
                if wish == "stop" and not has_told and event is not None:
                    has_told = True
                    event = events.throw(KeyboardInterrupt())
                else:
                    event = next(events)
            except StopIteration:
                break
            if isinstance(event, Done):
                is_stopped = event.is_stopped
        write(json.dumps({"state": "stopped" if is_stopped else "done"}), encoding="utf-8")
    except ClipMatrixError as error:
        write(json.dumps({"state": "failed", "message": " ".join(str(error).split())}), encoding="utf-8")
    except MemoryError:
        message = "the memory did not suffice: choose a lower quality, or close other programs"
        write(json.dumps({"state": "failed", "message": message}), encoding="utf-8")


def _events(queue: Queue, job: Job) -> Generator:
    from clipmatrix.api import resume, stream
    from clipmatrix.config import load_config
    from clipmatrix.runs.directory import Run

    run = Run(queue.run_path(job))
    if job.is_resumed:
        return resume(run.path, run.live_path)
    return stream(load_config(queue.config_path(job)), run.path, run.live_path)


def _wait_for_go(path: Path) -> str:
    """The wish, once it is not to pause."""
    while True:
        try:
            wish = path.read_text(encoding="utf-8")
        except OSError:
            return "run"
        if wish != "pause":
            return wish
        time.sleep(_SECONDS_BETWEEN_LOOKS)
