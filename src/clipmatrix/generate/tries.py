"""Several seeds run briefly, and the best of them to the end; knows nothing of how a run or an exam works.

Each try is a run of its own that is paused. The chosen one moves up and is resumed, so that it ends with the same bytes
as if its seed had been asked for; the others stay beside it and can be resumed as well.
"""

import dataclasses
import json
import math
import os
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

from clipmatrix.config import RunConfig, dump_yaml, load_config
from clipmatrix.config.resolving import resolve
from clipmatrix.errors import ConfigError, PromptError, RunError
from clipmatrix.export.images import contact_sheet
from clipmatrix.export.textures import write_image
from clipmatrix.generate import loop
from clipmatrix.generate.blank import blank_scene
from clipmatrix.generate.events import Chosen, Done, Event, Tried
from clipmatrix.generate.exam import Exam
from clipmatrix.generate.exporting import view_scene
from clipmatrix.generate.health import inspect_scene
from clipmatrix.generate.loading import load_parts
from clipmatrix.generate.parts import Parts
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.runs.directory import Run, begin_tries, check_target
from clipmatrix.runs.files import file_errors, read_file, write_whole
from clipmatrix.scene.checkpoint import restore_scene
from clipmatrix.scene.scene import Scene

BRIEF = 0.1
"""The share of a run's steps that each try takes: after a search the start says most of what is to come."""

MOST = 100
_BYTES_PER_TEXEL = 60
_COLUMNS = 4


@dataclass(frozen=True)
class _Result:
    seed: int
    score: float
    is_healthy: bool


@dataclass(frozen=True)
class _Record:
    """What is known of the tries so far. ``judge`` names an encoder, and is empty where the guiding one judges."""

    num: int
    judge: str
    results: tuple[_Result, ...] = ()
    chosen: int | None = None


def stream_tries(
    config: RunConfig, out: Path, num: int, judge: str = "", parts: Parts | None = None
) -> Generator[Event, None, None]:
    """The events of ``num`` brief runs, of the seed of the config and those after it, and of the best one's rest.

    A try's score is by the encoder called ``judge``, which should not be the one that guides: what a descent is led by
    praises it. Where none is named the guiding one judges, in views that no descent has seen. Healthy tries come before
    others. Stopping stops the try under way; ``resume_tries`` goes on.

    Raises:
        ClipMatrixError: the prompts, an encoder or the place cannot be used.
    """
    if not 1 <= num <= MOST:
        raise ConfigError(f"the number of tries must be from 1 to {MOST}, not {num}: use for instance 4")
    if not config.prompts:
        raise PromptError('there is no prompt: say what to create, as in "a zebra striped man"')
    check_target(out, (num + 1) * _BYTES_PER_TEXEL * config.scene.texture_size**2)
    parts = parts or load_parts(resolve(config))
    tries = _Tries(config, out, _Record(num, judge), parts)
    begin_tries(out, dump_yaml(config))
    tries.write()
    yield from tries.run()


def resume_tries(out: Path, parts: Parts | None = None) -> Generator[Event, None, None]:
    """The events of tries in ``out`` from where they were stopped or killed.

    Raises:
        ClipMatrixError: their record is damaged, or of another version.
    """
    folder = Run(out).tries_path
    config = load_config(folder / "config.yaml")
    record = read_record(folder / "tries.json")
    yield from _Tries(config, out, record, parts or load_parts(resolve(config))).run()


class _Tries:
    """Tries under way in one folder."""

    def __init__(self, config: RunConfig, out: Path, record: _Record, parts: Parts) -> None:
        self._config, self._out, self._record, self._parts = config, out, record, parts
        self._folder = Run(out).tries_path
        guide = parts.guidance
        judge: Guidance = load_guidance(record.judge) if record.judge else guide
        self._judge = judge.name if judge.name != guide.name else f"{guide.name} itself"
        self._exam = Exam(parts, judge, resolve(config))

    def run(self) -> Generator[Event, None, None]:
        """What is left to be done."""
        record = self._record
        if record.chosen is None:
            for seed in range(self._config.seed + len(record.results), self._config.seed + record.num):
                is_stopped = yield from self._try(seed)
                if is_stopped:
                    return
                yield self._judged(seed)
            best = max(self._record.results, key=lambda result: (result.is_healthy, result.score))
            self._put(dataclasses.replace(self._record, chosen=best.seed))
            self._draw()
        chosen = self._record.chosen
        assert chosen is not None
        self._move_up(chosen)
        yield Chosen(self._out, chosen, self._folder / "tries.png")
        yield from loop.resume(self._out, self._parts)

    def _try(self, seed: int) -> Generator[Event, None, bool]:
        """One try's events but its last, and whether the user has stopped it."""
        place = self._place(seed)
        config = dataclasses.replace(self._config, seed=seed)
        pause = max(1, round(BRIEF * config.steps))
        if Run(place).state_path.is_file():
            events = loop.resume(place, self._parts, pause)
        else:
            events = loop.stream(config, place, self._parts, pause)
        done, is_stopped = yield from _relay(events)
        if is_stopped:
            yield done
        return is_stopped

    def _judged(self, seed: int) -> Tried:
        """Scores a try, and writes the score down."""
        place, scene = self._place(seed), self._scene(seed)
        score = self._exam(scene)
        health = inspect_scene(scene, self._parts.body)
        result = _Result(seed, score if math.isfinite(score) else 0.0, health.is_healthy)
        self._put(dataclasses.replace(self._record, results=(*self._record.results, result)))
        return Tried(place, seed, result.score, result.is_healthy, self._judge)

    def _scene(self, seed: int) -> Scene:
        checkpoint = Run(self._place(seed)).latest_checkpoint()
        if checkpoint is None:
            raise RunError(f"{self._place(seed)} has lost its checkpoint: try again with a new --out")
        scene = blank_scene(self._parts.body, self._config)
        restore_scene(scene, read_file(checkpoint), str(checkpoint))
        return scene

    def _draw(self) -> None:
        """Writes the sheet: a row for each try, best first, with its seed, score and health."""
        pictures, labels = [], []
        ranked = sorted(self._record.results, key=lambda result: (result.is_healthy, result.score), reverse=True)
        for result in ranked:
            views = view_scene(self._scene(result.seed), self._parts.body, self._config)
            pictures += list(views)
            health = "" if result.is_healthy else ", not healthy"
            labels += [f"seed {result.seed}: {result.score:.3f}{health}"] + [""] * (len(views) - 1)
        write_image(self._folder / "tries.png", contact_sheet(pictures, _COLUMNS, labels))

    def _move_up(self, seed: int) -> None:
        """Makes the chosen try the run of the folder; who is killed here goes on here."""
        place = self._place(seed)
        if not place.is_dir():
            return
        with file_errors(self._out):
            # The log comes last, since without it there is no run.
            for item in sorted(place.iterdir(), key=lambda item: item.name == "events.jsonl"):
                os.replace(item, self._out / item.name)
            place.rmdir()

    def _place(self, seed: int) -> Path:
        return self._folder / f"seed-{seed}"

    def write(self) -> None:
        """Writes down what is known."""
        write_whole(self._folder / "tries.json", (json.dumps(asdict(self._record), indent=2) + "\n").encode())

    def _put(self, record: _Record) -> None:
        self._record = record
        self.write()


def _relay(events: Generator[Event, None, None]) -> Generator[Event, None, tuple[Done, bool]]:
    """The events of a run but its last, which is returned, and whether the user has stopped it."""
    is_stopped = False
    try:
        event = next(events)
        while not isinstance(event, Done):
            try:
                yield event
            except KeyboardInterrupt as stop:
                is_stopped = True
                event = events.throw(stop)
            else:
                event = next(events)
        return event, is_stopped
    finally:
        events.close()


def read_record(path: Path) -> _Record:
    """What an earlier process wrote down.

    Raises:
        RunError: it cannot be read, or is damaged.
    """
    try:
        found = json.loads(read_file(path))
        results = tuple(_Result(**result) for result in found.pop("results"))
        record = _Record(**found, results=results)
        is_sound = 1 <= record.num <= MOST and len(results) <= record.num and isinstance(record.judge, str)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} is damaged: try again with a new --out") from error
    if not is_sound:
        raise RunError(f"{path} is damaged: try again with a new --out")
    return record
