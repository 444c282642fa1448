"""The one door for every front end: create, stream, resume, open_run, animate, render, export, inspect."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from clipmatrix.bodies.loading import body_regions
from clipmatrix.config import RunConfig
from clipmatrix.config.schema import recipe_schema
from clipmatrix.generate import animating, checkup, converting, health, loop, rendering, resuming, tries
from clipmatrix.generate.animating import AnimateConfig, Animated
from clipmatrix.generate.checkup import Finding
from clipmatrix.generate.converting import ExportConfig
from clipmatrix.generate.events import Event
from clipmatrix.generate.recipes import Recipe
from clipmatrix.generate.recipes import check_recipe as _check_recipe
from clipmatrix.generate.rendering import RenderConfig
from clipmatrix.health.verdicts import Health
from clipmatrix.runs import directory
from clipmatrix.runs.directory import Run

__all__ = ["body_regions", "create", "open_run", "recipe_schema", "stream"]


def stream(config: RunConfig, out: Path, live: Path | None = None) -> Generator[Event, None, None]:
    """The events of a run into the folder ``out``; the work is done as they are asked for.

    Closing it ends the run early and still exports what there is. Everything is checked and loaded before the first
    event, and nothing is written until then. At ``live`` a small JPEG of the character is kept fresh for who watches.

    Raises:
        ClipMatrixError: the prompts, the encoder or the folder cannot be used.
    """
    return loop.stream(config, out, live=live)


def create(config: RunConfig, out: Path) -> Run:
    """Runs to the end, and returns where everything is.

    Raises:
        ClipMatrixError: the prompts, the encoder or the folder cannot be used.
    """
    for _ in stream(config, out):
        pass
    return directory.open_run(out)


def resume(path: Path, live: Path | None = None) -> Generator[Event, None, None]:
    """The events of the run in that folder from where it was stopped, killed or cut off, to the same end.

    Raises:
        ClipMatrixError: there is no run to go on with; what it has made stays as it is.
    """
    return tries.resume_tries(path) if directory.holds_tries(path) else loop.resume(path, live=live)


def stream_tries(config: RunConfig, out: Path, num: int, judge: str = "") -> Generator[Event, None, None]:
    """The events of ``num`` seeds tried briefly, and of the best of them run to its end.

    The encoder called ``judge``, or the guiding one where none is named, scores the tries in views of its own.

    Raises:
        ClipMatrixError: the prompts, an encoder or the folder cannot be used.
    """
    return tries.stream_tries(config, out, num, judge)


def load_record(path: Path) -> tuple[RunConfig, tuple[str, ...]]:
    """The settings of an earlier run, to repeat it with, and warnings where this machine differs from that one.

    Raises:
        ClipMatrixError: there is no run in that folder, or its settings are of another version.
    """
    return resuming.load_record(path)


def inspect(path: Path) -> Health:
    """The verdicts on a run's character, or on a GLB from anywhere.

    Raises:
        ClipMatrixError: it can be read as neither.
    """
    return health.inspect_run(path) if path.is_dir() else health.inspect_file(path)


def check_recipe(path: Path) -> Recipe:
    """What a recipe comes to, without running it.

    Raises:
        ClipMatrixError: it cannot be run; with the file and the line.
    """
    return _check_recipe(path)


def check_up(folder: Path, seconds: float) -> Iterator[Finding]:
    """What this machine has for runs into ``folder``; with a self-test of that many ``seconds`` at the end.

    Writes nothing and asks no network.
    """
    return checkup.check_up(folder, seconds)


def animate(
    run: Run,
    motion: Path,
    config: AnimateConfig | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Animated:
    """Adds the movement of a BVH, GLB or AMASS/SMPL-X file to the run's GLB, and writes its film beside it.

    Raises:
        ClipMatrixError: the motion file or the run cannot be used, or a file cannot be written.
    """
    return animating.animate_run(run, motion, config or AnimateConfig(), on_progress)


def render(
    run: Run,
    path: Path,
    config: RenderConfig | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes a picture or a film of the run, or a folder of its frames, by the path's ending.

    Raises:
        ClipMatrixError: the run lacks what is asked for, or the file cannot be written.
    """
    rendering.render_run(run, path, config or RenderConfig(), on_progress)


def export(run: Run, path: Path, config: ExportConfig | None = None) -> tuple[str, ...]:
    """Writes the run's character in another format or with other options, and returns lines on what is to be known.

    Raises:
        ClipMatrixError: the character cannot be had that way, or the file cannot be written.
    """
    return converting.export_run(run, path, config or ExportConfig())


def open_run(path: Path) -> Run:
    """An earlier run: its settings, events, checkpoints and results.

    Raises:
        RunError: there is none in that folder.
    """
    return directory.open_run(path)
