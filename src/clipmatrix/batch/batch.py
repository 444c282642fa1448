"""A batch from its plan to its outcome; knows neither the terminal nor how a job is done."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clipmatrix.batch.local import Crew, run_local
from clipmatrix.batch.places import MOST_TRIES, Places, new_call
from clipmatrix.batch.plan import Job, plan_matrix, plan_texts
from clipmatrix.batch.ray_crew import RayCrew, SharedFolderWork, failed_by_loss, run_ray
from clipmatrix.batch.remote import AddressWork, Store
from clipmatrix.batch.sizing import job_bytes, num_workers, this_machine
from clipmatrix.batch.watching import Standing, Watch
from clipmatrix.batch.worker import is_ended
from clipmatrix.config import RunConfig, load_config, preset
from clipmatrix.errors import ConfigError
from clipmatrix.runs.files import write_whole

_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class BatchConfig:
    """How a batch is made: so many ``workers`` (None: as many as fit), each with ``memory_bytes`` (None: estimated).

    ``ray`` is the address of a Ray cluster that does it instead, or ``local`` for one on this machine.
    """

    workers: int | None = None
    memory_bytes: int | None = None
    ray: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of a batch: how many jobs it has, how many are done, and why the others failed, by name."""

    total: int
    done: int
    failures: dict[str, str]


def plan(
    path: Path,
    quality: str | None = None,
    config: Path | None = None,
    seeds: Sequence[int] = (),
    clip: tuple[str, ...] = (),
) -> tuple[Job, ...]:
    """The jobs of a text file with a prompt a line, or of a YAML file with a matrix.

    Raises:
        ClipMatrixError: a file says something that makes no sense; with its line.
    """
    base: RunConfig | None = None
    if config is not None:
        base = load_config(config, quality)
    elif quality is not None:
        base = preset(quality)
    if clip:
        base = dataclasses.replace(base or preset("standard"), clip=clip)
    if path.suffix.lower() in _YAML:
        return plan_matrix(path, base, seeds)
    return plan_texts(path, base or preset("standard"), seeds)


def run_batch(
    jobs: Sequence[Job],
    out: Path,
    config: BatchConfig,
    on_change: Callable[[Standing], None],
    is_stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Does what is missing of the jobs, in ``out``; what was done before is left as it is.

    Raises:
        ClipMatrixError: the folder cannot be used, or what all jobs need cannot be had.
    """
    places, call, names = Places(out), new_call(), [job.name for job in jobs]
    missing = [job for job in jobs if not places.is_done(job.name)]
    if missing:
        size = config.memory_bytes or job_bytes(job.config for job in missing)
        # Before anything is written: so many workers may be a mistake.
        workers = 0 if config.ray else num_workers(this_machine(), size, config.workers, len(missing))
        watch = Watch(places.is_done, names, on_change)
        places.prepare(missing, call)
        try:
            if config.ray:
                _run_on_cluster(places, call, RayCrew(config.ray, size), watch, is_stopped)
            else:
                run_local(places, call, Crew(workers), watch, is_stopped)
        finally:
            places.forget_call(call)
    failures = places.failures(names)
    return Outcome(len(names), sum(places.is_done(name) for name in names), failures)


def run_remote_batch(
    jobs: Sequence[Job],
    store: Store,
    config: BatchConfig,
    on_change: Callable[[Standing], None],
    is_stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """As ``run_batch``, with results in a store; a run that was begun is made anew.

    Raises:
        ClipMatrixError: the store cannot be used, or there is no cluster to do it.
    """
    if not config.ray:
        raise ConfigError(f"{store.address} is filled by a Ray cluster: add --ray ADDRESS, or --ray local")
    done, names, call = store.done(), [job.name for job in jobs], new_call()
    missing = [job for job in jobs if job.name not in done]
    tries: dict[str, int] = {}

    def is_over(name: str) -> bool:
        return name in done or tries.get(name, 0) >= MOST_TRIES

    class _Counting(Watch):
        def hear(self, name: str, state: str, share: float) -> None:
            if state == "done":
                done.add(name)
            tries[name] = tries.get(name, 0) + 1
            super().hear(name, state, share)

    if missing:
        size = config.memory_bytes or job_bytes(job.config for job in missing)
        work = AddressWork(store, call, tuple((job.name, job.yaml) for job in missing))
        watch = _Counting(done.__contains__, names, on_change)
        todo = tuple(job.name for job in missing)
        run_ray(work, todo, RayCrew(config.ray, size), watch, is_over, store.put_failure, is_stopped)
    done, failures = store.done(), store.failures()
    told = {name: failures[name] for name in names if name not in done and name in failures}
    return Outcome(len(names), sum(name in done for name in names), told)


def _run_on_cluster(places: Places, call: str, crew: RayCrew, watch: Watch, is_stopped: Callable[[], bool]) -> None:
    """The jobs of a call on a cluster that sees the folder."""
    out = places.out.resolve()

    def on_loss(name: str, reason: str) -> None:
        failed_by_loss(places, call, name, reason)

    def stop() -> bool:
        if is_stopped():
            write_whole(places.stop_path(call), b"")
            return True
        return False

    run_ray(
        SharedFolderWork(str(out), call),
        places.names(call),
        crew,
        watch,
        lambda name: is_ended(places, name, call),
        on_loss,
        stop,
    )
