"""Jobs and the queue that they wait in, one small file each; knows nothing of processes or pages.

RUNS/.studio/  lock  worker.lock  stars.json  uploads/  thumbs/
RUNS/.studio/queue/  000001.json (the job)  000001.yaml (its settings)  000001.wish (what its worker is to do)
                     000001.end.json (how its worker ended)  000001.log (what its worker said)
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from clipmatrix.errors import ClipMatrixError, RunError
from clipmatrix.gallery.library import is_name
from clipmatrix.runs.directory import slug
from clipmatrix.runs.files import file_errors, write_whole

STUDIO_FOLDER = ".studio"
MOST_WAITING = 50
"""More jobs than this are not taken: a queue of a day, and a limit for a page gone wild."""

_KEPT_ENDED = 30
_LONGEST_NAME = 200

State = Literal["waiting", "running", "paused", "stopping", "done", "stopped", "failed"]
Wish = Literal["run", "pause", "stop", "leave"]

ACTIVE: tuple[State, ...] = ("running", "paused", "stopping")
ENDED: tuple[State, ...] = ("done", "stopped", "failed")


class QueueFullError(ClipMatrixError):
    """So many jobs wait that no more are taken."""


@dataclass(frozen=True)
class Job:
    """One piece of work: the settings of a run, or a run to go on with, under the run's ``name``.

    Waiting jobs are taken by ``rank``, lowest first. ``message`` says why a job failed.
    """

    number: int
    name: str
    title: str
    seed: int
    state: State = "waiting"
    rank: int = 0
    is_resumed: bool = False
    message: str = ""

    @property
    def is_ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in ENDED


class Queue:
    """The jobs under a folder of runs. One process at a time may use it; every change is on the disk when it returns.

    Raises:
        RunError: the folder cannot be written to.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._folder = runs / STUDIO_FOLDER / "queue"
        with file_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        self._jobs = {job.number: job for job in self._read()}

    def _read(self) -> Iterator[Job]:
        for path in sorted(self._folder.glob("[0-9]*.json")):
            job = None if path.name.endswith(".end.json") else _read_job(path)
            if job is not None:
                yield job

    def jobs(self) -> list[Job]:
        """All jobs: those at work, then those that wait in their order, then those that ended, newest first."""
        jobs = list(self._jobs.values())
        active = [job for job in jobs if job.state in ACTIVE]
        ended = [job for job in jobs if job.is_ended]
        return [*active, *self.waiting(), *sorted(ended, key=lambda job: -job.number)]

    def waiting(self) -> list[Job]:
        """Those that wait, next one first."""
        jobs = [job for job in self._jobs.values() if job.state == "waiting"]
        return sorted(jobs, key=lambda job: (job.rank, job.number))

    def get(self, number: int) -> Job | None:
        """The job of that number, if there is one."""
        return self._jobs.get(number)

    def add(self, title: str, seed: int, config_yaml: str, num_more: int = 0) -> Job:
        """A new job at the end of the queue; its run gets a name that no run and no job has.

        ``num_more`` is how many others are to be added with it, so that either all fit or none.

        Raises:
            QueueFullError: too many wait already.
            RunError: it cannot be written.
        """
        waiting = len(self.waiting())
        if waiting + num_more >= MOST_WAITING:
            raise QueueFullError(
                f"{waiting} jobs wait already, and the queue holds {MOST_WAITING}: let some finish, or remove some"
            )
        number = max(self._jobs, default=0) + 1
        job = Job(number, self._free_name(title, seed), title, seed, rank=number)
        write_whole(self.config_path(job), config_yaml.encode())
        self.put(job)
        self._forget_old()
        return job

    def resume(self, name: str, title: str, seed: int) -> Job:
        """A job that goes on with the run of that name, before all others that wait.

        Raises:
            RunError: the run has a job that has not ended, or it cannot be written.
        """
        for job in self._jobs.values():
            if job.name == name and not job.is_ended:
                raise RunError(f"{name} is in the queue already: let that job finish")
        number = max(self._jobs, default=0) + 1
        job = Job(number, name, title, seed, rank=self._first_rank(), is_resumed=True)
        self.put(job)
        return job

    def put(self, job: Job) -> None:
        """Writes the job as it now is.

        Raises:
            RunError: it cannot be written.
        """
        write_whole(self._folder / f"{job.number:06d}.json", json.dumps(asdict(job), ensure_ascii=False).encode())
        self._jobs[job.number] = job

    def remove(self, job: Job) -> None:
        """Forgets the job; its run stays.

        Raises:
            RunError: it cannot be removed.
        """
        with file_errors(self._folder):
            # The record last: files without one are ignored, a record without its settings would fail.
            for suffix in ("wish", "end.json", "log", "yaml", "json"):
                self._path(job, suffix).unlink(missing_ok=True)
        self._jobs.pop(job.number, None)

    def put_first(self, job: Job) -> Job:
        """The job, now the next to be taken.

        Raises:
            RunError: it cannot be written.
        """
        first = replace(job, rank=self._first_rank())
        self.put(first)
        return first

    def config_path(self, job: Job) -> Path:
        """The settings of its run."""
        return self._path(job, "yaml")

    def wish_path(self, job: Job) -> Path:
        """What its worker is to do: one word."""
        return self._path(job, "wish")

    def end_path(self, job: Job) -> Path:
        """How its worker ended."""
        return self._path(job, "end.json")

    def log_path(self, job: Job) -> Path:
        """What its worker wrote to the terminal."""
        return self._path(job, "log")

    def run_path(self, job: Job) -> Path:
        """The folder of its run."""
        return self._runs / job.name

    def read_end(self, job: Job) -> dict[str, Any] | None:
        """What its worker last wrote, or None where it came to no end."""
        try:
            record = json.loads(self.end_path(job).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return record if isinstance(record, dict) else None

    def _path(self, job: Job, suffix: str) -> Path:
        return self._folder / f"{job.number:06d}.{suffix}"

    def _first_rank(self) -> int:
        return min((job.rank for job in self._jobs.values()), default=1) - 1

    def _free_name(self, title: str, seed: int) -> str:
        base = f"{slug(title)[:_LONGEST_NAME]}-{seed}"
        taken = {job.name for job in self._jobs.values()}
        name, number = base, 2
        while name in taken or (self._runs / name).exists():
            name, number = f"{base}-{number}", number + 1
        return name

    def _forget_old(self) -> None:
        ended = sorted((job for job in self._jobs.values() if job.is_ended), key=lambda job: job.number)
        for job in ended[:-_KEPT_ENDED]:
            self.remove(job)


def _read_job(path: Path) -> Job | None:
    """The job in a file, or None where there is none that can be trusted."""
    try:
        record = json.loads(path.read_bytes())
        job = Job(**{field.name: record[field.name] for field in fields(Job) if field.name in record})
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    states = (*ACTIVE, *ENDED, "waiting")
    is_sound = isinstance(job.number, int) and isinstance(job.rank, int) and job.state in states
    return job if is_sound and isinstance(job.name, str) and is_name(job.name) else None
