"""One bar with the time left for work of known length, or a line now and then; knows nothing of the work."""

import sys
import time
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_QUIET_SECONDS = 15.0


class Bar:
    """Shows how much is done, on stderr: live on a terminal, elsewhere a line every quarter of a minute. A context."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = self._spoke = time.monotonic()
        self._live: Progress | None = None

    def __enter__(self) -> "Bar":
        if sys.stderr.isatty():
            self._live = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("left{task.fields[note]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._live.start()
            self._task = self._live.add_task(self._title, total=None, note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, done: float | int, total: int, note: str = "") -> None:
        """Moves to ``done`` of ``total``, which may be a part; the ``note`` stands behind."""
        if self._live is not None:
            self._live.update(self._task, completed=done, total=total, note=note)
            return
        now = time.monotonic()
        if now - self._spoke >= _QUIET_SECONDS and done >= 1:
            self._spoke = now
            left = (now - self._began) / done * (total - done)
            click.echo(f"{self._title} {int(done)}/{total}, {left:.0f} s left{note}", err=True)
