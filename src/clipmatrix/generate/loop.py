"""The run as a stream of events; knows neither who listens nor how the stages do their work."""

import time
from collections.abc import Generator, Iterator
from pathlib import Path

import torch

from clipmatrix.config import RunConfig, dump_yaml
from clipmatrix.errors import PromptError
from clipmatrix.generate.best import BestState
from clipmatrix.generate.events import (
    Checkpoint,
    Done,
    Event,
    Preview,
    SearchProgress,
    Started,
    Step,
    event_record,
)
from clipmatrix.generate.exporting import export_result, write_candidates, write_preview
from clipmatrix.generate.loading import load_parts, text_warnings
from clipmatrix.generate.parts import Parts
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.search import num_steps, search_start
from clipmatrix.generate.searching import ProgressStream
from clipmatrix.generate.stepper import Stepper
from clipmatrix.runs.directory import begin_run, check_target
from clipmatrix.runs.environment import describe_environment
from clipmatrix.scene.checkpoint import dump_scene
from clipmatrix.scene.scene import Scene, snapshot
from clipmatrix.scene.start import Start, neutral_start


def stream(
    config: RunConfig,
    out: Path,
    parts: Parts | None = None,
) -> Generator[Event, None, None]:
    """The events of a run into ``out``; the work is done as they are asked for.

    Everything is checked and loaded before the first event, and nothing is written until then. Closing the iterator,
    or a KeyboardInterrupt inside it, ends the descent and exports what there is; after an interrupt the last events
    still come. ``parts`` are loaded as the config says where none are given.

    Raises:
        ClipMatrixError: the prompts, the encoder or the place cannot be used.
    """
    if not config.prompts:
        raise PromptError('there is no prompt: say what to create, as in "a zebra striped man"')
    check_target(out)
    parts = parts or load_parts(config)
    run = _Run(config, parts, out)
    yield run.begin()
    is_closed = False
    try:
        yield from run.descend()
    except GeneratorExit:
        run.is_stopped = is_closed = True
    except KeyboardInterrupt:
        run.is_stopped = True
    for event in run.finish():
        if not is_closed:
            yield event


class _Run:
    """One run under way: what the events before and after the descent have in common."""

    def __init__(self, config: RunConfig, parts: Parts, out: Path) -> None:
        self.config, self.parts, self.out = config, parts, out
        self.is_stopped = False
        self._began = time.monotonic()
        self._scene: Scene | None = None
        self._best: BestState | None = None
        self._step = self._skipped = 0
        self._scorer = Scorer(parts.guidance, config.prompts, config.score)

    def begin(self) -> Event:
        """Makes the run directory."""
        self._run = begin_run(self.out, dump_yaml(self.config), describe_environment())
        texts = tuple(dict.fromkeys(prompt.text for prompt in self.config.prompts))
        body, name = self.parts.body, self.parts.guidance.name
        warnings = (*text_warnings(self.parts.guidance, texts), *(f"{body.name}: {note}" for note in body.notes))
        return self._tell(Started(self.out, texts, name, self.config.seed, self.config.steps, warnings, body.name))

    def descend(self) -> Iterator[Event]:
        """Finds the start and steps from there, with previews and checkpoints between."""
        config = self.config
        generator = torch.Generator().manual_seed(config.seed)
        start = yield from self._find_start()
        self._scene = scene = Scene(self.parts.body, start, config.scene)
        self._best = BestState(scene, config.steps)
        stepper = Stepper(self.parts, scene, self._scorer, config, generator)
        yield self._preview(0)
        for index in range(config.steps):
            report: Step = stepper.step(index)
            self._step, self._skipped = report.step, self._skipped + report.is_skipped
            if not report.is_skipped:
                self._best.see(report.step, report.score)
            yield self._tell(report)
            if config.preview_every and report.step % config.preview_every == 0:
                yield self._preview(report.step)
            if config.checkpoint_every and report.step % config.checkpoint_every == 0 and report.step < config.steps:
                yield self._checkpoint(is_last=False)

    def finish(self) -> Iterator[Event]:
        """Goes back to the best state and writes it out; without a scene there is nothing to write."""
        score = 0.0
        if self._scene is not None and self._best is not None:
            self._best.restore()
            score = self._best.score
            yield self._checkpoint(is_last=True)
            yield self._tell(export_result(self._scene, self.parts.body, self.config, self._run))
        seconds = time.monotonic() - self._began
        yield self._tell(Done(self._step, score, seconds, self._skipped, self.is_stopped))

    def _find_start(self) -> Generator[Event, None, Start]:
        config, parts = self.config, self.parts
        if config.start == "neutral":
            return neutral_start(parts.body)
        total, done = num_steps(config.search), 0
        size = config.scene.texture_size
        work = ProgressStream(
            lambda tell: search_start(
                parts.body, config.prompts, parts.guidance, config.search, size, config.seed, tell
            )
        )
        steps = iter(work)
        while True:
            try:
                done += next(steps)
            except StopIteration as end:
                write_candidates(self._run.candidates_path, end.value)
                return end.value.start
            yield self._tell(SearchProgress(done, total))

    def _preview(self, step: int) -> Event:
        path = self._run.preview_path(step)
        assert self._scene is not None
        write_preview(path, self._scene, self.parts.body, self.config)
        return self._tell(Preview(step, path))

    def _checkpoint(self, is_last: bool) -> Event:
        assert self._scene is not None
        path = self._run.write_checkpoint(self._step, dump_scene(snapshot(self._scene), self._step))
        return self._tell(Checkpoint(self._step, path, is_last))

    def _tell(self, event: Event) -> Event:
        self._run.write_event(event_record(event, self.out))
        return event
