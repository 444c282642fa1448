"""Work that only sleeps and writes down that it was done, for tests of who does what; and what hands it out.

Must be importable where the work is done.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from clipmatrix.batch.ray_crew import RayCrew, run_ray
from clipmatrix.batch.watching import Watch
from clipmatrix.runs.locks import FileLock

SECONDS = 0.5


@dataclass(frozen=True)
class QuickWork:
    """A job is a file: ``NAME.begun`` gets a line each time it is begun, ``NAME.done`` one when it is done."""

    folder: str

    def __call__(self, name: str) -> str:
        place = Path(self.folder) / name
        lock = FileLock(place.with_suffix(".lock"))
        if not lock.acquire():
            return "taken"
        try:
            if place.with_suffix(".done").exists():
                return "done"
            with place.with_suffix(".begun").open("a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(SECONDS)
            with place.with_suffix(".done").open("a") as file:
                file.write(f"{os.getpid()}\n")
            return "done"
        finally:
            lock.release()


def hand_out(address: str, folder: Path, num: int) -> dict[str, str]:
    """Lets the cluster do that many jobs, and returns those that were lost."""
    names = tuple(f"job-{number:02d}" for number in range(num))
    lost: dict[str, str] = {}

    def is_done(name: str) -> bool:
        return (folder / f"{name}.done").exists()

    watch = Watch(is_done, names, lambda standing: None)
    crew = RayCrew(address, 1_000_000)
    work = QuickWork(str(folder))
    run_ray(work, names, crew, watch, lambda name: is_done(name) or name in lost, lost.__setitem__, lambda: False)
    return lost
