"""A batch done by a Ray cluster: the only door to ``ray``; knows nothing of how a job is done.

Each job is a task with a processor and memory of its own. Ray begins a task again where its worker or its machine is
lost; the run then goes on from its last saved state where the folder is shared, and anew where results go elsewhere.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from clipmatrix.batch.places import MOST_TRIES, Places
from clipmatrix.batch.watching import Watch
from clipmatrix.errors import ConfigError

LOCAL = "local"
MOST_LOSSES = 3
"""How often a job is begun again whose worker or machine was lost."""

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_ASKING = 2.0


@dataclass(frozen=True)
class RayCrew:
    """The cluster at ``address``, or one on this machine for ``local``, and what one job takes there."""

    address: str
    memory_bytes: int
    processors: float = 1.0


@runtime_checkable
class Work(Protocol):
    """What is done for one job, on whichever machine: its name, and the outcome."""

    def __call__(self, name: str) -> str:
        """``done``, ``failed``, ``left`` or ``taken``; may be called in any process of the cluster."""
        ...


@dataclass(frozen=True)
class SharedFolderWork:
    """A job of a batch in a folder that all machines see under one path."""

    out: str
    call: str

    def __call__(self, name: str) -> str:
        from clipmatrix.batch.worker import Shift, do_job

        places = Places(Path(self.out))
        stop = places.stop_path(self.call)
        shift = Shift(places, self.call, lambda *_: None, stop.exists, MOST_TRIES + MOST_LOSSES)
        return do_job(shift, name, process_shelf())


_shelf: list[Any] = []


def process_shelf() -> Any:
    """The encoder and the body that this process has loaded: Ray gives it one task after another."""
    # Ray lets a task's libraries have as many threads as it has processors; numba has to be told, before its import.
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    import torch

    from clipmatrix.generate.sharing import PartsShelf

    if not _shelf:
        torch.set_num_threads(1)
        _shelf.append(PartsShelf())
    return _shelf[0]


def run_ray(
    work: Work,
    names: tuple[str, ...],
    crew: RayCrew,
    watch: Watch,
    is_ended: Callable[[str], bool],
    on_loss: Callable[[str, str], None],
    is_stopped: Callable[[], bool],
) -> None:
    """Does the named jobs on the cluster; returns when ``is_ended`` of each, or when ``is_stopped``.

    ``on_loss`` is told of a job whose workers were lost too often, and why.

    Raises:
        ConfigError: Ray is not here, or no cluster answers at the address.
    """
    ray = _load_ray()
    with _connected(ray, crew):
        task = ray.remote(num_cpus=crew.processors, memory=crew.memory_bytes, max_retries=MOST_LOSSES)(_run_task)
        shared = ray.put(work)
        waiting = {task.remote(shared, name): name for name in names if not is_ended(name)}
        again: list[tuple[float, str]] = []
        while (waiting or again) and not is_stopped():
            ready, _ = ray.wait(list(waiting), timeout=_SECONDS_BETWEEN_LOOKS) if waiting else ([], [])
            for reference in ready:
                name = waiting.pop(reference)
                _hear(ray, reference, name, watch, on_loss)
                if not is_ended(name):
                    again.append((time.monotonic() + _SECONDS_BETWEEN_ASKING, name))
            if not waiting and again:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
            due = [name for moment, name in again if moment <= time.monotonic()]
            again = [(moment, name) for moment, name in again if name not in due]
            waiting |= {task.remote(shared, name): name for name in due if not is_ended(name)}
            watch.look()
        for reference in waiting:
            # What has begun is asked to leave by its folder; what has not is forgotten.
            with suppress(Exception):
                ray.cancel(reference, force=False)


def _run_task(work: Work, name: str) -> str:
    return work(name)


def _hear(ray: Any, reference: Any, name: str, watch: Watch, on_loss: Callable[[str, str], None]) -> None:
    try:
        watch.hear(name, str(ray.get(reference)), 0.0)
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())[:300]
        on_loss(name, f"its worker was lost {MOST_LOSSES + 1} times: {type(error).__name__}: {reason}")
        watch.hear(name, "failed", 0.0)


@contextmanager
def _connected(ray: Any, crew: RayCrew) -> Iterator[None]:
    """A connection to the cluster, closed again if it was made here."""
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"log_to_driver": False}
    if crew.address == LOCAL:
        options["include_dashboard"] = False
    else:
        options["address"] = crew.address
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"no Ray cluster answers at {crew.address} ({reason}): start one with ray start --head, or use --ray local"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _load_ray() -> Any:
    import importlib

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ConfigError("--ray needs Ray, which is not here: pip install 'clipmatrix[ray]'") from error


def failed_by_loss(places: Places, call: str, name: str, reason: str) -> None:
    """Writes down that a job's workers were lost too often, unless another process is at it."""
    lock = places.lock(name)
    if lock.acquire():
        try:
            record = places.read(name)
            tries = {**record.tries, call: MOST_TRIES + MOST_LOSSES}
            places.write(name, replace(record, state="failed", reason=reason, tries=tries))
        finally:
            lock.release()
