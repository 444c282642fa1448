"""Starts one worker process at a time and keeps the queue true to what workers do; knows nothing of pages.

A worker outlives the server: the next one finds it by its lock. One that was killed in mid-run is started again, and
goes on from the run's last saved state.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from clipmatrix.errors import RunError
from clipmatrix.runs.directory import Run
from clipmatrix.runs.files import file_errors, write_whole
from clipmatrix.runs.locks import FileLock
from clipmatrix.runs.summaries import last_event
from clipmatrix.studio.jobs import ACTIVE, STUDIO_FOLDER, Job, Queue, State, Wish

_SECONDS_BETWEEN_LOOKS = 0.25
_MOST_RESTARTS = 3


class Foreman:
    """The one owner of the queue in a studio. All methods may be called from any thread.

    Raises:
        RunError: another studio has the same folder, or it cannot be written to.
    """

    def __init__(self, runs: Path) -> None:
        folder = runs / STUDIO_FOLDER
        with file_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._own = FileLock(folder / "lock")
            if not self._own.acquire():
                raise RunError(f"another studio is open on {runs}: close it, or choose another --runs")
        self._runs = runs
        self.queue = Queue(runs)
        self._worker_lock = FileLock(folder / "worker.lock")
        self._worker: subprocess.Popen[bytes] | None = None
        self._restarts: dict[int, int] = {}
        self._guard = threading.RLock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="foreman", daemon=True)

    def start(self) -> None:
        """Begins to look after the queue."""
        self._thread.start()

    def close(self, ends_worker: bool) -> None:
        """Stops looking after it. A worker that is ended so is started again by the next studio on this folder."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        with self._guard:
            if ends_worker:
                self._end_worker()
        self._own.release()

    def _end_worker(self) -> None:
        """Ends the worker: our own at once, one that an earlier studio started at its next step."""
        if self._worker is not None and self._worker.poll() is None:
            self._worker.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._worker.wait(10.0)
        elif self._is_at_work():
            for job in self.queue.jobs():
                if job.state in ACTIVE:
                    with suppress(RunError):
                        write_whole(self.queue.wish_path(job), b"leave")

    def jobs(self) -> list[Job]:
        """All jobs, the active first."""
        with self._guard:
            return self.queue.jobs()

    def add(self, items: Sequence[tuple[str, int, str]]) -> list[Job]:
        """New jobs of title, seed and settings each; all or none.

        Raises:
            QueueFullError: too many wait.
            RunError: they cannot be written.
        """
        with self._guard:
            return [self.queue.add(*item, num_more=len(items) - 1 - index) for index, item in enumerate(items)]

    def resume(self, name: str, title: str, seed: int) -> Job:
        """A job that goes on with an earlier run, next in the queue.

        Raises:
            RunError: it is in the queue already, or cannot be written.
        """
        with self._guard:
            return self.queue.resume(name, title, seed)

    def pause(self, number: int) -> Job:
        """Halts the job between two steps; it keeps its memory, and the queue waits behind it.

        Raises:
            RunError: it is not running.
        """
        return self._wish(number, ("running",), "pause", "paused")

    def go_on(self, number: int) -> Job:
        """Ends the pause.

        Raises:
            RunError: it is not paused.
        """
        return self._wish(number, ("paused",), "run", "running")

    def stop(self, number: int) -> Job:
        """Ends the job after this step; what it has made so far is exported.

        Raises:
            RunError: it is not at work.
        """
        return self._wish(number, ("running", "paused"), "stop", "stopping")

    def remove(self, number: int) -> None:
        """Takes a job that waits or has ended out of the list.

        Raises:
            RunError: it is at work, or there is none.
        """
        with self._guard:
            job = self._get(number)
            if job.state in ACTIVE:
                raise RunError(f"{job.name} is at work: stop it first")
            self.queue.remove(job)

    def put_first(self, number: int) -> Job:
        """Makes a waiting job the next one.

        Raises:
            RunError: it does not wait.
        """
        with self._guard:
            job = self._get(number)
            if job.state != "waiting":
                raise RunError(f"{job.name} does not wait: only waiting jobs have a place in the queue")
            return self.queue.put_first(job)

    def _get(self, number: int) -> Job:
        job = self.queue.get(number)
        if job is None:
            raise RunError(f"there is no job {number}: it was removed, or has made room for later ones")
        return job

    def _wish(self, number: int, from_states: tuple[State, ...], wish: Wish, state: State) -> Job:
        with self._guard:
            job = self._get(number)
            if job.state not in from_states:
                raise RunError(f"{job.name} is {job.state}, not {' or '.join(from_states)}: nothing was changed")
            write_whole(self.queue.wish_path(job), wish.encode())
            changed = replace(job, state=state)
            self.queue.put(changed)
            return changed

    def _look_after(self) -> None:
        while not self._is_over.is_set():
            # A disk that is full for a while must not end the studio.
            with suppress(RunError, OSError):
                self.look()
            self._is_over.wait(_SECONDS_BETWEEN_LOOKS)

    def look(self) -> None:
        """Closes the job whose worker has ended, and starts the next one.

        Raises:
            RunError: the queue cannot be written.
        """
        with self._guard:
            active = [job for job in self.queue.jobs() if job.state in ACTIVE]
            if self._is_at_work():
                return
            for job in active:
                self._close_job(job)
            self._worker = None
            waiting = self.queue.waiting()
            if waiting and not any(job.state in ACTIVE for job in self.queue.jobs()):
                self._start(waiting[0])

    def _is_at_work(self) -> bool:
        if self._worker is not None and self._worker.poll() is None:
            return True
        return not self._worker_lock.is_free()

    def _close_job(self, job: Job) -> None:
        """Writes down how a job ended whose worker is gone; one that came to no end is put back in the queue."""
        end = self.queue.read_end(job)
        if end is not None and end.get("state") in ("done", "stopped", "failed"):
            self.queue.put(replace(job, state=end["state"], message=str(end.get("message", ""))))
            return
        last = last_event(Run(self.queue.run_path(job)))
        if last.get("event") == "done":
            self.queue.put(replace(job, state="stopped" if last.get("is_stopped") else "done"))
            return
        if job.state in ("stopping", "paused"):
            # Who paused it did not ask for it to run on by itself.
            self.queue.put(replace(job, state="stopped"))
            return
        self._restarts[job.number] = self._restarts.get(job.number, 0) + 1
        if self._worker is not None and self._restarts[job.number] > _MOST_RESTARTS:
            message = f"its process ended {_MOST_RESTARTS} times without a word{self._last_words(job)}"
            self.queue.put(replace(job, state="failed", message=message))
            return
        is_begun = (self.queue.run_path(job) / "events.jsonl").is_file()
        self.queue.put_first(replace(job, state="waiting", is_resumed=job.is_resumed or is_begun))

    def _last_words(self, job: Job) -> str:
        with suppress(OSError):
            lines = self.queue.log_path(job).read_text(encoding="utf-8", errors="replace").split("\n")
            said = [line.strip() for line in lines if line.strip()]
            if said:
                return f" ({said[-1][:200]})"
        return ""

    def _start(self, job: Job) -> None:
        self.queue.end_path(job).unlink(missing_ok=True)
        write_whole(self.queue.wish_path(job), b"run")
        self.queue.put(replace(job, state="running"))
        command = [sys.executable, "-m", "clipmatrix", "studio-worker", str(self._runs), str(job.number)]
        with self.queue.log_path(job).open("ab") as log:
            # A session of its own: Ctrl-C in the server's terminal is not meant for it.
            self._worker = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=_environment()
            )


def _environment() -> dict[str, str]:
    """This process's environment, without what the web library put there."""
    return {key: value for key, value in os.environ.items() if not key.startswith("GRADIO_")}
