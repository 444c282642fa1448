"""The one door for every front end: create, stream, open_run; knows no user interface."""

from collections.abc import Generator
from pathlib import Path

from clipmatrix.bodies.loading import body_regions
from clipmatrix.config import RunConfig
from clipmatrix.generate import loop
from clipmatrix.generate.events import Event
from clipmatrix.runs import directory
from clipmatrix.runs.directory import Run

__all__ = ["body_regions", "create", "open_run", "stream"]


def stream(config: RunConfig, out: Path) -> Generator[Event, None, None]:
    """The events of a run into the folder ``out``; the work is done as they are asked for.

    Closing it ends the run early and still exports what there is. Everything is checked and loaded before the first
    event, and nothing is written until then.

    Raises:
        ClipMatrixError: the prompts, the encoder or the folder cannot be used.
    """
    return loop.stream(config, out)


def create(config: RunConfig, out: Path) -> Run:
    """Runs to the end, and returns where everything is.

    Raises:
        ClipMatrixError: the prompts, the encoder or the folder cannot be used.
    """
    for _ in stream(config, out):
        pass
    return directory.open_run(out)


def open_run(path: Path) -> Run:
    """An earlier run: its settings, events, checkpoints and results.

    Raises:
        RunError: there is none in that folder.
    """
    return directory.open_run(path)
