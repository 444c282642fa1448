"""A batch from its plan to its outcome; knows neither the terminal nor how a job is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clipmatrix.batch.local import Crew, run_local
from clipmatrix.batch.places import Places, new_call
from clipmatrix.batch.plan import Job, plan_matrix, plan_texts
from clipmatrix.batch.sizing import job_bytes, num_workers, this_machine
from clipmatrix.batch.watching import Standing, Watch
from clipmatrix.config import RunConfig, load_config, preset

_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class BatchConfig:
    """How a batch is made: so many ``workers`` (None: as many as fit), each with ``memory_bytes`` (None: estimated)."""

    workers: int | None = None
    memory_bytes: int | None = None


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
    clip: str | None = None,
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
    if clip is not None:
        base = _with_clip(base, clip)
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
        workers = num_workers(this_machine(), size, config.workers, len(missing))
        places.prepare(missing, call)
        try:
            run_local(places, call, Crew(workers), Watch(places, names, on_change), is_stopped)
        finally:
            places.forget_call(call)
    failures = places.failures(names)
    return Outcome(len(names), sum(places.is_done(name) for name in names), failures)


def _with_clip(base: RunConfig | None, clip: str) -> RunConfig:
    import dataclasses

    return dataclasses.replace(base or preset("standard"), clip=clip)
