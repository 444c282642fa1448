"""The run as a stream of events; knows neither who listens nor how the stages do their work."""

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from clipmatrix.config import RunConfig, dump_yaml
from clipmatrix.config.resolving import resolve
from clipmatrix.errors import ExportError, PromptError, RunError
from clipmatrix.generate.basing import read_base
from clipmatrix.generate.best import BestState
from clipmatrix.generate.blank import blank_scene
from clipmatrix.generate.detail import choose_detail
from clipmatrix.generate.distributions import build_habits
from clipmatrix.generate.events import (
    Checkpoint,
    Done,
    Event,
    Preview,
    SearchProgress,
    Started,
    event_record,
)
from clipmatrix.generate.exporting import export_result, write_candidates, write_preview
from clipmatrix.generate.guessing import in_known_words
from clipmatrix.generate.health import report_health
from clipmatrix.generate.live import LivePicture
from clipmatrix.generate.loading import load_parts, text_warnings
from clipmatrix.generate.parts import Parts, StockedPoses
from clipmatrix.generate.plateau import Plateau, first_judged
from clipmatrix.generate.probe import probe_colors
from clipmatrix.generate.resuming import Resumption, prepare_resume, settings_digest
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.searching import ProgressStream
from clipmatrix.generate.starts import Starts, neutral_starts, num_searches, search_starts
from clipmatrix.generate.state import Progress, SavedState, dump_state
from clipmatrix.generate.stepper import Stepper
from clipmatrix.render.pipeline import rasterizer_for
from clipmatrix.runs.directory import begin_run, check_target, reopen_run
from clipmatrix.runs.environment import describe_environment
from clipmatrix.runs.files import write_whole
from clipmatrix.scene.checkpoint import dump_scene, restore_scene
from clipmatrix.scene.scene import Scene, snapshot

_BYTES_PER_TEXEL = 200
_BYTES_BESIDE = 50_000_000


def stream(
    config: RunConfig,
    out: Path,
    parts: Parts | None = None,
    pause: int | None = None,
    live: Path | None = None,
) -> Generator[Event, None, None]:
    """The events of a run into ``out``; the work is done as they are asked for.

    Everything is checked and loaded before the first event, and nothing is written until then. Closing the iterator,
    or a KeyboardInterrupt inside it, ends the descent and exports what there is; after an interrupt the last events
    still come. ``parts`` are loaded as the config says where none are given. After ``pause`` steps the run is saved and
    left as it is, without results: ``resume`` ends it. At ``live`` a small picture is kept fresh while the run
    descends; see ``LivePicture``.

    Raises:
        ClipMatrixError: the prompts, the encoder or the place cannot be used.
    """
    if not config.prompts:
        raise PromptError('there is no prompt: say what to create, as in "a zebra striped man"')
    # Scratch files and states of old and new lie side by side for a moment.
    check_target(out, _BYTES_BESIDE + _BYTES_PER_TEXEL * config.scene.texture_size**2)
    base = read_base(config, out)
    found = parts or load_parts(resolve(config))
    yield from _follow(_Run(config, found, out, pause=pause, base=base, live=live))


def resume(
    out: Path, parts: Parts | None = None, pause: int | None = None, live: Path | None = None
) -> Generator[Event, None, None]:
    """The events of the run in ``out`` from where it was stopped or killed; its end is that of one never stopped.

    A run that was still searching begins anew, and finds the same. ``pause`` is as in ``stream``.

    Raises:
        ClipMatrixError: there is no run to resume, or not by this version; what it has made stays as it is.
    """
    found = prepare_resume(out)
    base = None if found.state else read_base(found.config, out, is_begun=True)
    run = _Run(found.config, parts or load_parts(resolve(found.config)), out, found, pause, base, live)
    yield from _follow(run)


def _follow(run: "_Run") -> Generator[Event, None, None]:
    yield run.begin()
    is_closed = False
    try:
        try:
            yield from run.descend()
        except GeneratorExit:
            run.is_stopped = is_closed = True
        except KeyboardInterrupt:
            run.is_stopped = True
        for event in run.finish():
            if not is_closed:
                yield event
    except (RunError, ExportError) as error:
        # The disk is full, or gone: what was saved before is still there.
        raise type(error)(f"{error}; then: clipmatrix create --resume {run.out}") from error


class _Run:
    """One run under way: what the events before and after the descent have in common."""

    def __init__(
        self,
        config: RunConfig,
        parts: Parts,
        out: Path,
        found: Resumption | None = None,
        pause: int | None = None,
        base: bytes | None = None,
        live: Path | None = None,
    ) -> None:
        # What is written down is what the user said; what is followed has its dials turned into single settings.
        self.record, self.config = config, resolve(config)
        self.parts, self.out = parts, out
        self.is_stopped = self._is_paused = False
        self._pause, self._base = pause, base
        self._live = LivePicture(live, rasterizer_for(torch.device("cpu"))) if live else None
        self._saved: SavedState | None = found.state if found else None
        self._warnings = found.warnings if found else ()
        self._step = self._skipped = 0
        self._began = self._last_save = time.monotonic()
        if self._saved is not None:
            progress = self._saved.progress
            self._step, self._skipped = progress.step, progress.skipped
            self._began -= progress.seconds
        self._scene: Scene | None = None
        self._mirror: Scene | None = None
        self._is_between_steps = True
        self._saved_step = self._step if self._saved else -1
        self._generator = torch.Generator().manual_seed(config.seed)
        self._plateau = Plateau(config.patience, config.steps, first_judged(self.config))
        said = in_known_words(self.config.prompts, parts.guidance)
        self._scorer = Scorer(parts.guidance, said, config.score)

    def begin(self) -> Event:
        """Makes the run directory, or goes on in it."""
        if self._saved is None:
            self._run = begin_run(self.out, dump_yaml(self.record), describe_environment(self.config.clip))
            if self._base is not None:
                write_whole(self._run.base_path, self._base)
        else:
            self._run = reopen_run(self.out)
            self._run.cut_log(self._saved.progress.log_bytes)
        if isinstance(self.parts.poses, StockedPoses):
            # What an earlier run drew ahead is no part of this one.
            self.parts.poses.stock = None
        prompts = self.config.prompts
        labels = tuple(dict.fromkeys(prompt.label for prompt in prompts))
        texts = tuple(dict.fromkeys(prompt.text for prompt in prompts if not prompt.image))
        body, name = self.parts.body, self.parts.guidance.name
        notes = (f"{body.name}: {note}" for note in body.notes)
        warnings = (*text_warnings(self.parts.guidance, texts), *notes, *self._warnings)
        return self._tell(
            Started(self.out, labels, name, self.config.seed, self.config.steps, warnings, self._step, body.name)
        )

    def descend(self) -> Iterator[Event]:
        """Finds the start and steps from there, with previews and checkpoints between."""
        config, saved = self.config, self._saved
        is_given = saved is not None or self._base is not None
        starts = neutral_starts(self.parts.body, config) if is_given else (yield from self._find_start())
        light, habits = config.parameters.lights.start, build_habits(self.parts.body, config)
        starts = starts.to(self.parts.device)
        scene = Scene(self.parts.stage, starts.main, config.scene, starts.outfits, light, habits)
        if saved:
            saved.load_start(scene)
        elif self._base is not None:
            restore_scene(scene, self._base, config.base)
        self._detail = saved.progress.detail if saved else self._probe(scene)
        self._best = BestState(scene, config.steps)
        self._stepper = Stepper(self.parts, scene, self._scorer, config, self._generator, self._detail)
        if saved:
            optimiser, poses = self._stepper.optimiser, self.parts.poses
            generators = self._generator, self._stepper.look_generator
            saved.load(scene, self._best, self._plateau, optimiser, poses, *generators)
        self._scene = scene
        if not saved:
            yield self._preview(0)
            self._save()
        while True:
            yield from self._milestones()
            if self._pause is not None and self._step >= self._pause:
                self.is_stopped = self._is_paused = True
                return
            if self._step >= self._plateau.end:
                return
            if time.monotonic() - self._last_save >= config.save_every_s:
                self._save()
            yield self._advance()

    def _probe(self, scene: Scene) -> float:
        """Gives a neutral start the plain colours that score best; how finely to go on from there."""
        found = []
        if not self.config.is_refining:
            for name in scene.textures():
                found.append(probe_colors(scene, self.parts, self._scorer, self.config, self._generator, name))
        losses = [one.loss for one in found if one is not None]
        return choose_detail(self.config, self.parts.guidance, max(losses) if losses else None)

    def finish(self) -> Iterator[Event]:
        """Writes out the last state and the best one, and the files of the best; without a scene there is nothing."""
        score = 0.0
        if self._scene is not None:
            if self._is_between_steps and self._saved_step != self._step:
                self._save()
            score = self._best.score
            last = self._run.write_checkpoint(self._step, self._dump_scene())
            if not self._is_paused:
                yield from self._export(self._scene, last)
        seconds = time.monotonic() - self._began
        done = self._tell(Done(self._step, score, seconds, self._skipped, self.is_stopped))
        if not self.is_stopped:
            self._run.remove_state()
        yield done

    def _export(self, scene: Scene, last: Path) -> Iterator[Event]:
        self._best.restore()
        write_whole(self._run.best_path, self._dump_scene())
        if self._live is not None:
            self._live.see_last(self._shown())
        yield self._tell(Checkpoint(self._step, last, True, self._run.best_path))
        yield self._tell(export_result(self._shown(), self.parts.body, self.config, self._run))
        yield self._tell(report_health(self._shown(), self.parts.body, self._run))

    def _advance(self) -> Event:
        self._is_between_steps = False
        if self._plateau.settled is not None:
            self._best.count_from(self._plateau.settled)
        report = self._stepper.step(self._step, self._plateau.place(self._step))
        self._step, self._skipped = report.step, self._skipped + report.is_skipped
        if not report.is_skipped:
            self._best.see(report.step, report.score)
        self._plateau.see(report.step, report.score)
        self._is_between_steps = True
        if self._live is not None and self._scene is not None:
            self._live.see(self._shown)
        return self._tell(replace(report, steps=self._plateau.end))

    def _milestones(self) -> Iterator[Event]:
        """The preview and the checkpoint that are due after this step, unless they were made before."""
        config, step = self.config, self._step
        is_due = step > 0 and config.preview_every and step % config.preview_every == 0
        if is_due and not self._run.preview_path(step).exists():
            yield self._preview(step)
        is_due = 0 < step < self._plateau.end and config.checkpoint_every and step % config.checkpoint_every == 0
        if is_due and not self._run.checkpoint_path(step).exists():
            assert self._scene is not None
            yield self._tell(Checkpoint(step, self._run.write_checkpoint(step, self._dump_scene())))

    def _find_start(self) -> Generator[Event, None, Starts]:
        config, parts = self.config, self.parts
        if config.start == "neutral":
            return neutral_starts(parts.body, config)
        total, done = parts.body.num_figures * num_searches(config), 0
        work = ProgressStream(lambda tell: search_starts(parts.body, parts.guidance, config, tell))
        steps = iter(work)
        while True:
            try:
                done += next(steps)
            except StopIteration as end:
                if end.value.found is not None:
                    write_candidates(self._run.candidates_path, end.value.found)
                return end.value
            yield self._tell(SearchProgress(done, total))

    def _preview(self, step: int) -> Event:
        path = self._run.preview_path(step)
        assert self._scene is not None
        write_preview(path, self._shown(), self.parts.body, self.config)
        return self._tell(Preview(step, path))

    def _shown(self) -> Scene:
        """The scene where pictures and files are made of it: on the CPU."""
        assert self._scene is not None
        if self.parts.device.type == "cpu":
            return self._scene
        if self._mirror is None:
            self._mirror = blank_scene(self.parts.body, self.config)
        self._mirror.load_state_dict(self._scene.state_dict())
        return self._mirror

    def _dump_scene(self) -> bytes:
        assert self._scene is not None
        return dump_scene(snapshot(self._scene), self._step)

    def _save(self) -> None:
        """Writes down what a resumed run needs."""
        assert self._scene is not None
        progress = Progress(
            step=self._step,
            skipped=self._skipped,
            seconds=time.monotonic() - self._began,
            log_bytes=self._run.log_bytes(),
            settings=settings_digest(self.record),
            detail=self._detail,
        )
        optimiser, poses = self._stepper.optimiser, self.parts.poses
        generators = self._generator, self._stepper.look_generator
        data = dump_state(progress, self._scene, self._best, self._plateau, optimiser, poses, *generators)
        write_whole(self._run.state_path, data)
        self._last_save, self._saved_step = time.monotonic(), self._step

    def _tell(self, event: Event) -> Event:
        self._run.write_event(event_record(event, self.out))
        return event
