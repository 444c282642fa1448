"""What a run looks like on a terminal, and in a log; knows only the events."""

import time
from pathlib import Path
from typing import Protocol, runtime_checkable

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from clipmatrix.generate.events import (
    Checkpoint,
    Chosen,
    Done,
    Event,
    Exported,
    Inspected,
    SearchProgress,
    Started,
    Step,
    Tried,
)

_QUIET_SECONDS = 15.0
_SMOOTHING = 0.9


@runtime_checkable
class Reporter(Protocol):
    """Shows the events of one run to a person."""

    def begin(self, loaded: str) -> None:
        """Says that loading has begun."""
        ...

    def show(self, event: Event) -> None:
        """Shows one event."""
        ...

    def end(self) -> None:
        """Gives the terminal back, whatever happened."""
        ...


def build_reporter(is_terminal: bool) -> Reporter:
    """A live line for a terminal, occasional lines for everything else; both on stderr."""
    return LiveReporter() if is_terminal else PlainReporter()


class _Pace:
    """The running mean of the score, and the seconds that are left."""

    def __init__(self) -> None:
        self._score: float | None = None
        self._began = time.monotonic()
        self._first = self._steps = 0

    def see(self, step: Step) -> tuple[float, float]:
        """Score and seconds left after this step."""
        if self._score is None:
            self._score, self._began, self._first = step.score, time.monotonic(), step.step
        self._score = _SMOOTHING * self._score + (1.0 - _SMOOTHING) * step.score
        elapsed, num_steps = time.monotonic() - self._began, step.step - self._first
        left = elapsed / num_steps * (step.steps - step.step) if num_steps else float("nan")
        return self._score, left

    def shortened(self, step: Step) -> str:
        """What to say where the run has just become shorter than it was to be; nothing otherwise."""
        before, self._steps = self._steps, step.steps
        if step.steps >= before:
            return ""
        return f"the score no longer rises: cooling down, to end after step {step.steps} of {before}"


class PlainReporter:
    """A line at each turn of the run, and one every quarter of a minute."""

    def __init__(self) -> None:
        self._pace = _Pace()
        self._spoke = -_QUIET_SECONDS

    def begin(self, loaded: str) -> None:
        """Says that loading has begun."""
        self._say(f"loading {loaded}")

    def show(self, event: Event) -> None:
        """Writes a line where there is something to say."""
        match event:
            case Started():
                _warn(event)
                self._say(_begun(event))
            case SearchProgress() if self._is_due() or event.done >= event.total:
                self._say(f"search {event.done}/{event.total}")
            case Step():
                score, left = self._pace.see(event)
                if news := self._pace.shortened(event):
                    self._say(news)
                if self._is_due() or event.step == event.steps:
                    self._say(f"step {event.step}/{event.steps}  score {score:.3f}  {_left(left)}")
            case Checkpoint() if event.is_last:
                self._say("writing the results")
            case Tried() | Chosen():
                self._pace = _Pace()
                self._say(_tried(event))
            case Exported() | Inspected() | Done():
                _conclude(event)

    def end(self) -> None:
        """Nothing to give back."""

    def _is_due(self) -> bool:
        return time.monotonic() - self._spoke >= _QUIET_SECONDS

    def _say(self, text: str) -> None:
        self._spoke = time.monotonic()
        click.echo(text, err=True)


class LiveReporter:
    """One line that moves: what is being done, a bar, and figures."""

    def __init__(self) -> None:
        self._pace = _Pace()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None

    def begin(self, loaded: str) -> None:
        """Starts the line."""
        self._progress.start()
        self._phase(f"loading {loaded}", None)

    def show(self, event: Event) -> None:
        """Moves the line."""
        match event:
            case Started():
                with _paused(self._progress):
                    _warn(event)
                    click.echo(_begun(event), err=True)
                self._phase("starting", None)
            case SearchProgress():
                self._phase("searching a start", event.total)
                self._move(event.done, "")
            case Step():
                score, left = self._pace.see(event)
                if news := self._pace.shortened(event):
                    with _paused(self._progress):
                        click.echo(news, err=True)
                self._phase("descending", event.steps)
                self._extend(event.steps)
                self._move(event.step, f"step {event.step}/{event.steps}  score {score:.3f}  {_left(left)}")
            case Checkpoint() if event.is_last:
                self._phase("writing the results", None)
            case Tried() | Chosen():
                self._pace = _Pace()
                with _paused(self._progress):
                    click.echo(_tried(event), err=True)
            case Exported() | Inspected() | Done():
                with _paused(self._progress):
                    _conclude(event)

    def end(self) -> None:
        """Takes the line away."""
        self._progress.stop()

    def _phase(self, description: str, total: int | None) -> None:
        if self._task is not None:
            if self._progress.tasks[0].description == description:
                return
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(description, total=total, figures="")

    def _extend(self, total: int) -> None:
        assert self._task is not None
        self._progress.update(self._task, total=total)

    def _move(self, done: int, figures: str) -> None:
        assert self._task is not None
        self._progress.update(self._task, completed=done, figures=figures)


class _paused:
    """The live line out of the way, so that plain output does not run into it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __enter__(self) -> None:
        self._progress.stop()

    def __exit__(self, *_: object) -> None:
        self._progress.start()


def _warn(event: Started) -> None:
    for warning in event.warnings:
        click.echo(f"clipmatrix: warning: {warning}", err=True)


def _begun(event: Started) -> str:
    return f"run in {shown(event.out)}" + (f", going on after step {event.step}" if event.step else "")


def _conclude(event: Exported | Inspected | Done) -> None:
    match event:
        case Exported():
            click.echo(f"model          {shown(event.glb)}")
            click.echo(f"video          {shown(event.turntable)}")
            click.echo(f"contact sheet  {shown(event.views)}")
            click.echo(f"texture        {shown(event.albedo)}")
        case Inspected():
            click.echo(
                f"health         {'healthy' if event.is_healthy else 'not healthy: ' + '; '.join(event.complaints)}"
            )
        case Done(is_stopped=True):
            click.echo(f"stopped after {event.step} steps", err=True)
        case Done():
            click.echo(f"{event.step} steps in {event.seconds:.0f} s, score {event.score:.3f}", err=True)


def _tried(event: Tried | Chosen) -> str:
    match event:
        case Tried():
            health = "healthy" if event.is_healthy else "not healthy"
            return f"seed {event.seed}: {event.score:.3f} by {event.judge}, {health}"
        case Chosen():
            return f"seed {event.seed} is the best, see {shown(event.sheet)}"


def _left(seconds: float) -> str:
    if seconds != seconds:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s left" if minutes else f"{rest} s left"


def shown(path: Path) -> str:
    """The path from here, where that is shorter."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
