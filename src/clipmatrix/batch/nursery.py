"""The processes that do a batch's jobs on this machine; knows neither the terminal nor what a job is.

One process loads encoder and body once and forks the workers off itself, so that they share that memory; a worker that
is killed is replaced. What they do goes to stdout, a JSON object a line. All of them leave when stdin is closed, which
it also is when the command that started them is killed.
"""

import contextlib
import json
import os
import select
import sys
import traceback
from pathlib import Path

import torch

from clipmatrix.batch.places import Places
from clipmatrix.batch.worker import Shift, is_ended, work
from clipmatrix.config import load_config
from clipmatrix.errors import ClipMatrixError
from clipmatrix.generate.sharing import PartsShelf


def run_nursery(out: Path, call: str, workers: int) -> None:
    """Works until all jobs of the call are done or have failed, or until stdin is closed.

    Raises:
        ClipMatrixError: the encoder or the body that all jobs need cannot be had.
    """
    torch.set_num_threads(1)
    places, shelf = Places(out), PartsShelf()
    shift = Shift(places, call, _tell, _is_over)
    _load_shared(places, call, shelf)
    if not hasattr(os, "fork") or sys.platform != "linux":
        # Elsewhere a forked process cannot use what the system's libraries have begun: each nursery works itself.
        work(shift, shelf)
        return
    living = {_fork(shift, shelf) for _ in range(workers)}
    while living:
        child, status = os.waitpid(-1, 0)
        living.discard(child)
        if os.waitstatus_to_exitcode(status) != 0 and not _is_over() and not _all_ended(places, call):
            living.add(_fork(shift, shelf))


def _load_shared(places: Places, call: str, shelf: PartsShelf) -> None:
    """Loads what the first job needs; if that cannot be had and all jobs need it, none can be done."""
    names = [name for name in places.names(call) if not is_ended(places, name, call)]
    if not names:
        return
    config = load_config(places.config_path(names[0]))
    try:
        shelf.guidance(config)
        shelf.body(config)
    except ClipMatrixError:
        needs = {_need(places.config_path(name)) for name in names}
        if len(needs) == 1:
            raise


def _need(path: Path) -> tuple[object, ...]:
    config = load_config(path)
    return (config.clip, config.device, config.body, config.subdivide, config.body_up)


def _fork(shift: Shift, shelf: PartsShelf) -> int:
    """The process of a new worker."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work(shift, shelf)
        code = 0
    except ClipMatrixError as error:
        sys.stderr.write(f"{error}\n")
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # Leaving in the usual way would run what belongs to the parent.
        os._exit(code)


def _all_ended(places: Places, call: str) -> bool:
    return all(is_ended(places, name, call) for name in places.names(call))


def _is_over() -> bool:
    """Whether stdin was closed."""
    if os.name == "nt":
        return False
    ready, _, _ = select.select([0], [], [], 0)
    return bool(ready) and not os.read(0, 1)


def _tell(name: str, state: str, share: float) -> None:
    # One write, shorter than what a pipe takes as a whole: lines of several workers do not mix.
    line = json.dumps({"job": name, "state": state, "share": round(share, 4)}) + "\n"
    with contextlib.suppress(OSError):
        os.write(1, line.encode())
