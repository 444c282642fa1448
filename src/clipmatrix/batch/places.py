"""Where a batch keeps its jobs, and what is known of each; knows nothing of how a job is done.

DIR/NAME/  the run of each job, as ``create`` leaves it
DIR/.batch/  jobs/NAME.yaml (its settings)  jobs/NAME.json (what came of it)  jobs/NAME.txt (an error's full text)
             locks/NAME.lock (held by who does it)  calls/ID.txt (the names that one call of the command is to make)

Several calls may share a folder: whoever holds a job's lock does it, and writes down what came of it. All of it but the
runs can be removed when no batch is at work.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from clipmatrix.batch.plan import Job
from clipmatrix.errors import RunError
from clipmatrix.runs.directory import Run
from clipmatrix.runs.files import file_errors, read_file, write_whole
from clipmatrix.runs.locks import FileLock
from clipmatrix.runs.summaries import last_event

BATCH_FOLDER = ".batch"
MOST_TRIES = 2
"""A job that fails is tried once more, after all others."""

_KEPT_CALLS = 8

State = Literal["new", "running", "done", "failed"]


@dataclass(frozen=True)
class JobRecord:
    """What came of a job: ``reason`` is one line on why it failed, ``tries`` how often each call has begun it."""

    state: State = "new"
    reason: str = ""
    tries: dict[str, int] = field(default_factory=dict)

    def begun(self, call: str) -> "JobRecord":
        """The record once that call has begun the job once more."""
        tries = dict(list(self.tries.items())[-_KEPT_CALLS:])
        return replace(self, state="running", reason="", tries={**tries, call: tries.get(call, 0) + 1})


@dataclass(frozen=True)
class Places:
    """The places of a batch in the folder ``out``."""

    out: Path

    def prepare(self, jobs: Sequence[Job], call: str) -> None:
        """Writes down the settings of all jobs, and what this call is to make.

        Raises:
            RunError: the folder is a file, or cannot be written to.
        """
        self.prepare_texts({job.name: job.yaml for job in jobs}, call)

    def prepare_texts(self, texts: Mapping[str, str], call: str) -> None:
        """As ``prepare``, of settings by their names.

        Raises:
            RunError: the folder is a file, or cannot be written to.
        """
        if self.out.exists() and not self.out.is_dir():
            raise RunError(f"{self.out} is a file, and a batch needs a folder: choose another --out")
        with file_errors(self.out):
            for name in ("jobs", "locks", "calls"):
                (self._folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            if not self.config_path(name).is_file():
                write_whole(self.config_path(name), text.encode())
        write_whole(self.call_path(call), "".join(f"{name}\n" for name in texts).encode())

    def names(self, call: str) -> tuple[str, ...]:
        """What the call is to make.

        Raises:
            RunError: there is no such call.
        """
        return tuple(read_file(self.call_path(call)).decode().split())

    def run(self, name: str) -> Run:
        """The run of a job."""
        return Run(self.out / name)

    def config_path(self, name: str) -> Path:
        """The settings of a job."""
        return self._folder / "jobs" / f"{name}.yaml"

    def call_path(self, call: str) -> Path:
        """The names that one call is to make."""
        return self._folder / "calls" / f"{call}.txt"

    def log_path(self, call: str) -> Path:
        """What the workers of one call complain of."""
        return self._folder / "calls" / f"{call}.log"

    def stop_path(self, call: str) -> Path:
        """Where there is this file, whoever works for the call leaves."""
        return self._folder / "calls" / f"{call}.stop"

    def error_path(self, name: str) -> Path:
        """The full text of an error that nobody foresaw."""
        return self._folder / "jobs" / f"{name}.txt"

    def lock(self, name: str) -> FileLock:
        """What only one process holds while it does the job.

        Raises:
            RunError: its folder cannot be written to.
        """
        path = self._folder / "locks" / f"{name}.lock"
        with file_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path)

    def is_done(self, name: str) -> bool:
        """Whether the job's run has come to its own end."""
        last = last_event(self.run(name))
        return last.get("event") == "done" and not last.get("is_stopped")

    def read(self, name: str) -> JobRecord:
        """What came of the job so far."""
        try:
            found: dict[str, Any] = json.loads(self._record_path(name).read_bytes())
            record = JobRecord(**found)
            is_sound = isinstance(record.tries, dict) and isinstance(record.reason, str)
        except (OSError, ValueError, TypeError, RecursionError):
            return JobRecord()
        return record if is_sound else JobRecord()

    def write(self, name: str, record: JobRecord) -> None:
        """Writes down what came of the job; for who holds its lock.

        Raises:
            RunError: it cannot be written.
        """
        write_whole(self._record_path(name), (json.dumps(asdict(record)) + "\n").encode())

    def failures(self, names: Iterable[str]) -> dict[str, str]:
        """Why those jobs have failed that have, and are not done."""
        records = {name: self.read(name) for name in names}
        return {
            name: record.reason
            for name, record in records.items()
            if record.state == "failed" and not self.is_done(name)
        }

    def forget_call(self, call: str) -> None:
        """Removes what a call that is over no longer needs."""
        for path in (self.call_path(call), self.log_path(call), self.stop_path(call)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    @property
    def _folder(self) -> Path:
        return self.out / BATCH_FOLDER

    def _record_path(self, name: str) -> Path:
        return self._folder / "jobs" / f"{name}.json"


def new_call() -> str:
    """A name for this call of the command that no other call has."""
    return f"{time.time_ns():x}-{os.getpid()}"
