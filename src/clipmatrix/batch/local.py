"""A batch done by processes of this machine, watched from outside; knows nothing of how a job is done."""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from clipmatrix.batch.places import Places
from clipmatrix.batch.watching import Watch
from clipmatrix.batch.worker import is_ended
from clipmatrix.errors import ClipMatrixError, RunError

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_LEAVE = 60.0
_MOST_RESTARTS = 3
_MISTAKE = 2


@dataclass(frozen=True)
class Crew:
    """How many worker processes there are to be."""

    workers: int


def run_local(
    places: Places, call: str, crew: Crew, watch: Watch, is_stopped: Callable[[], bool] = lambda: False
) -> None:
    """Does the jobs of the call; returns when each is done or has failed, or soon after ``is_stopped`` says so.

    Raises:
        ClipMatrixError: what all jobs need cannot be had, or the workers end without a word.
    """
    names, words = places.names(call), ""
    for _ in range(_MOST_RESTARTS):
        nursery = _Nursery(places, call, crew)
        try:
            nursery.follow(watch, is_stopped)
        finally:
            words = nursery.last_words()
            nursery.end()
        if is_stopped() or all(is_ended(places, name, call) for name in names):
            return
    raise RunError(f"the workers ended {_MOST_RESTARTS} times without finishing{words}: try fewer --workers")


class _Nursery:
    """The process that the workers are forked off, and what it says."""

    def __init__(self, places: Places, call: str, crew: Crew) -> None:
        command = [sys.executable, "-m", "clipmatrix", "batch-workers", str(places.out), call, str(crew.workers)]
        self._log = places.log_path(call).open("a+b")
        # A session of its own: Ctrl-C in this terminal is not meant for it. It leaves when its stdin is closed.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
            env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1")},
        )

    def follow(self, watch: Watch, is_stopped: Callable[[], bool]) -> None:
        """Hands on what it says until it ends; asks it to leave once ``is_stopped``."""
        assert self._process.stdout is not None
        stream = self._process.stdout.fileno()
        selector = selectors.DefaultSelector()
        selector.register(stream, selectors.EVENT_READ)
        rest = b""
        left_at = 0.0
        while True:
            if selector.select(_SECONDS_BETWEEN_LOOKS):
                data = os.read(stream, 65_536)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    _hand_on(line, watch)
            watch.look()
            if is_stopped():
                left_at = left_at or time.monotonic()
                self._ask_to_leave()
                if time.monotonic() - left_at > _SECONDS_TO_LEAVE:
                    break
        if self._process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5.0)
        if self._process.returncode == _MISTAKE:
            raise ClipMatrixError(self.last_words().strip(" ()").removeprefix("clipmatrix: error: "))

    def end(self) -> None:
        """Ends it and its workers, whatever they do; a job at work is gone on with by the next call."""
        self._ask_to_leave()
        # Who is left of the session; the process itself may be gone already.
        with suppress(OSError):
            os.killpg(self._process.pid, 9)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10.0)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def last_words(self) -> str:
        """The last line of what it complained of, in brackets."""
        self._log.seek(0)
        said = [line.strip() for line in self._log.read().decode(errors="replace").split("\n") if line.strip()]
        return f" ({said[-1][:500]})" if said else ""

    def _ask_to_leave(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            with suppress(OSError):
                self._process.stdin.close()


def _hand_on(line: bytes, watch: Watch) -> None:
    with suppress(ValueError, KeyError, TypeError):
        said = json.loads(line)
        watch.hear(str(said["job"]), str(said["state"]), float(said["share"]))
