"""What lies in a run, as a page shows and gives it: facts, files, command, OBJ, stars; knows nothing of jobs."""

import dataclasses
import io
import json
import os
import shlex
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from clipmatrix.config import RunConfig, default_prompts, load_config, preset
from clipmatrix.errors import ClipMatrixError, RunError
from clipmatrix.export.obj import write_obj
from clipmatrix.export.reading import read_character
from clipmatrix.gallery.library import Library, Summary
from clipmatrix.gallery.thumbs import draw_thumb, thumb_source
from clipmatrix.runs.directory import Run
from clipmatrix.runs.files import file_errors, read_file, write_whole
from clipmatrix.studio.jobs import STUDIO_FOLDER

_MOST_PREVIEWS = 24

FILES: Mapping[str, str] = {
    "model.glb": "model/gltf-binary",
    "albedo.png": "image/png",
    "views.png": "image/png",
    "turntable.mp4": "video/mp4",
    "health.json": "application/json",
}
"""What a run gives out of its ``result`` folder, and of which kind it is."""


class Shelf:
    """The runs of a folder, and what is kept about them. May be used from any thread."""

    def __init__(self, runs: Path) -> None:
        self.library = Library(runs)
        self._folder = runs / STUDIO_FOLDER
        self._guard = threading.Lock()
        self._thumb_guard = threading.Lock()

    def records(self) -> list[dict[str, Any]]:
        """All runs, the newest first."""
        starred = self.starred()
        return [summary_record(summary, summary.name in starred) for summary in self.library.summaries()]

    def starred(self) -> set[str]:
        """The names of the runs with a star."""
        try:
            names = json.loads((self._folder / "stars.json").read_bytes())
        except (OSError, ValueError, RecursionError):
            return set()
        return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()

    def star(self, name: str, is_starred: bool) -> None:
        """Gives the run a star, or takes it.

        Raises:
            RunError: there is no such run, or the list cannot be written.
        """
        self.library.open(name)
        with self._guard:
            names = self.starred()
            names = names | {name} if is_starred else names - {name}
            with file_errors(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._folder / "stars.json", json.dumps(sorted(names), ensure_ascii=False).encode())

    def details(self, name: str) -> dict[str, Any]:
        """Everything that the page of one run shows.

        Raises:
            RunError: there is no such run.
        """
        run = self.library.open(name)
        record = summary_record(self.library.summary(name), name in self.starred())
        config = _config_of(run)
        config_text = read_file(run.config_path).decode("utf-8", errors="replace")
        return record | {
            "recipe": config_text,
            "command": repeat_command(run, config),
            "files": {file: path.stat().st_size for file in FILES if (path := run.result_path / file).is_file()},
            "health": _read_health(run),
            "previews": preview_steps(run),
            "hasCandidates": run.candidates_path.is_file(),
            "canResume": run.state_path.is_file(),
            "prompts": _prompt_records(config),
            "base": Path(config.base).name if config is not None and config.base else "",
        }

    def thumb(self, name: str) -> bytes | None:
        """The run's small picture, made once for each of its states.

        Raises:
            RunError: there is no such run.
        """
        run = self.library.open(name)
        source = thumb_source(run)
        if source is None:
            return None
        kept = self._folder / "thumbs" / f"{name}.jpg"
        with suppress(OSError):
            if kept.stat().st_mtime_ns >= source.stat().st_mtime_ns:
                return kept.read_bytes()
        # One at a time: a gallery asks for dozens at once, and a run is at work beside.
        with self._thumb_guard:
            data = draw_thumb(source)
            if data is not None:
                with suppress(RunError, OSError):
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    write_whole(kept, data)
            return data

    def file(self, name: str, file: str) -> tuple[Path, str]:
        """Where a file of the run's result lies, and of which kind it is.

        Raises:
            RunError: there is no such run or file.
        """
        run = self.library.open(name)
        path = run.result_path / file
        if file not in FILES or not path.is_file() or path.resolve().parent != run.result_path.resolve():
            raise RunError(f"{name} has no {file[:80]!r} yet: let it finish")
        return path, FILES[file]

    def preview(self, name: str, step: str) -> Path:
        """The picture after a step, ``live`` or ``candidates``.

        Raises:
            RunError: there is no such run or picture.
        """
        run = self.library.open(name)
        match step:
            case "live":
                path = run.live_path
            case "candidates":
                path = run.candidates_path
            case _ if step.isascii() and step.isdigit() and len(step) <= 9:
                path = run.preview_path(int(step))
            case _:
                raise RunError(f"there is no preview {step[:40]!r}: give a number of steps")
        if not path.is_file():
            raise RunError(f"{name} has no such preview yet")
        return path


def summary_record(summary: Summary, is_starred: bool) -> dict[str, Any]:
    """A run in a list, as JSON-able values."""
    record = {key: value for key, value in dataclasses.asdict(summary).items() if key != "prompts"}
    return record | {"title": summary.title, "texts": list(summary.prompts), "isStarred": is_starred}


def preview_steps(run: Run) -> list[int]:
    """The steps with a preview, thinned out evenly where there are many."""
    steps = sorted(int(path.stem[5:]) for path in (run.path / "previews").glob("step_[0-9]*.png"))
    if len(steps) <= _MOST_PREVIEWS:
        return steps
    last = len(steps) - 1
    return [steps[round(index * last / (_MOST_PREVIEWS - 1))] for index in range(_MOST_PREVIEWS)]


def repeat_command(run: Run, config: RunConfig | None) -> str:
    """The command line that repeats the run: its prompt and options where these say all, else its record."""
    words = _plain_words(config) if config is not None and config.prompts else None
    if words is None:
        words = ["--from", str(run.path), "--out", f"{run.path}-again"]
    return shlex.join(["clipmatrix", "create", *words])


def _plain_words(config: RunConfig) -> list[str] | None:
    """The prompt and the options that say all of the settings, or None where these are more than can be said so."""
    text, usual = config.prompts[0].text, preset(config.quality)
    if not text or not isinstance(config.clip, str):
        return None
    options = ("steps", "clip", "start")
    said = dataclasses.replace(
        usual,
        prompts=default_prompts(text),
        seed=config.seed,
        **{option: getattr(config, option) for option in options},
    )
    if said != config:
        return None
    words = [text, "--seed", str(config.seed), "--quality", config.quality]
    for option in options:
        if getattr(config, option) != getattr(usual, option):
            words += [f"--{option}", str(getattr(config, option))]
    return words


def pack_obj(run: Run) -> bytes:
    """A ZIP of the character as OBJ, its material and its texture; one or two seconds.

    Raises:
        ExportError: the run has no model yet, or it cannot be read.
    """
    character = read_character(run.glb_path).character
    stream = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        write_obj(Path(folder) / "model.obj", character)
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=5) as archive:
            for name in sorted(os.listdir(folder)):
                archive.write(Path(folder) / name, name)
    return stream.getvalue()


def _prompt_records(config: RunConfig | None) -> list[dict[str, Any]]:
    return [
        {"text": prompt.text, "region": prompt.region, "weight": prompt.weight, "isTextured": prompt.textured}
        for prompt in (config.prompts if config else ())
    ]


def _config_of(run: Run) -> RunConfig | None:
    """The run's settings, or None where they are damaged or of another version."""
    try:
        stat = run.config_path.stat()
        return _load(run.config_path, stat.st_mtime_ns, stat.st_size)
    except (OSError, ClipMatrixError):
        return None


@lru_cache(maxsize=256)
def _load(path: Path, _changed_ns: int, _size: int) -> RunConfig:
    """Reading YAML with its lines takes a tenth of a second, which a page would wait for."""
    return load_config(path)


def _read_health(run: Run) -> dict[str, Any] | None:
    try:
        record = json.loads(run.health_path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
