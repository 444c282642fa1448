"""The run directory: its layout, how it is begun, written and opened again; knows nothing of scenes or encoders.

config.yaml  environment.json  events.jsonl  checkpoints/  previews/
checkpoints/  step_000200.safetensors ...  best.safetensors  base.safetensors (where it set out from)
             state.safetensors (only while there is something to resume)
result/  model.glb  albedo.png  views.png  turntable.mp4  health.json  looks/NAME/ (model.glb  albedo.png  views.png)
tries/  seed-0 ...  config.yaml  tries.json  tries.png  (where several seeds were tried; all but the chosen one)
"""

import json
import os
import re
import shutil
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipmatrix.errors import RunError
from clipmatrix.intake import read_bounded
from clipmatrix.runs.files import file_errors, free_bytes, read_file, write_whole

_FOLDERS = ("checkpoints", "previews", "result")
_LONGEST_SLUG = 60
_LARGEST_RECORD = 1_000_000


@dataclass(frozen=True)
class Run:
    """The places of one run under ``path``; they need not exist yet."""

    path: Path

    @property
    def config_path(self) -> Path:
        """The settings, as YAML."""
        return self.path / "config.yaml"

    @property
    def events_path(self) -> Path:
        """One JSON object per line and event."""
        return self.path / "events.jsonl"

    @property
    def result_path(self) -> Path:
        """The folder of the finished files."""
        return self.path / "result"

    @property
    def glb_path(self) -> Path:
        """The rigged, textured and animated character."""
        return self.result_path / "model.glb"

    @property
    def albedo_path(self) -> Path:
        """The texture."""
        return self.result_path / "albedo.png"

    @property
    def views_path(self) -> Path:
        """The contact sheet."""
        return self.result_path / "views.png"

    @property
    def turntable_path(self) -> Path:
        """The video."""
        return self.result_path / "turntable.mp4"

    @property
    def health_path(self) -> Path:
        """The verdicts on the result."""
        return self.result_path / "health.json"

    @property
    def environment_path(self) -> Path:
        """What the run ran on."""
        return self.path / "environment.json"

    @property
    def state_path(self) -> Path:
        """What the run needs to be resumed; gone when it is finished."""
        return self.path / "checkpoints" / "state.safetensors"

    @property
    def best_path(self) -> Path:
        """The scene's best-scoring state, which the result shows."""
        return self.path / "checkpoints" / "best.safetensors"

    def look_path(self, name: str) -> Path:
        """The folder of one more texture set of the same figure."""
        return self.result_path / "looks" / name

    @property
    def tries_path(self) -> Path:
        """The folder of the seeds that were tried, where there were several."""
        return self.path / "tries"

    @property
    def base_path(self) -> Path:
        """The state of another run that this one set out from."""
        return self.path / "checkpoints" / "base.safetensors"

    @property
    def live_path(self) -> Path:
        """The picture that is kept fresh while someone watches."""
        return self.path / "previews" / "live.jpg"

    @property
    def candidates_path(self) -> Path:
        """The picture of what the search found."""
        return self.path / "previews" / "candidates.png"

    def preview_path(self, step: int) -> Path:
        """The preview picture after that many steps."""
        return self.path / "previews" / f"step_{step:06d}.png"

    def checkpoint_path(self, step: int) -> Path:
        """The scene's state after that many steps."""
        return self.path / "checkpoints" / f"step_{step:06d}.safetensors"

    def latest_checkpoint(self) -> Path | None:
        """The checkpoint with the most steps behind it, or None."""
        found = sorted((self.path / "checkpoints").glob("step_*.safetensors"))
        return found[-1] if found else None

    def result_checkpoint(self) -> Path | None:
        """The checkpoint that the result is made from: the best one, or else the latest; None before the first."""
        return self.best_path if self.best_path.is_file() else self.latest_checkpoint()

    def log_bytes(self) -> int:
        """How long the event log is, all of it on the disk from now on.

        Raises:
            RunError: the log cannot be written.
        """
        with file_errors(self.events_path), self.events_path.open("ab") as log:
            os.fsync(log.fileno())
            return log.tell()

    def cut_log(self, num_bytes: int) -> None:
        """Forgets what the event log says beyond its first ``num_bytes``, and a last line that is not whole.

        Raises:
            RunError: the log cannot be written.
        """
        with file_errors(self.events_path):
            kept = self.events_path.read_bytes()[:num_bytes]
            write_whole(self.events_path, kept[: kept.rfind(b"\n") + 1])

    def remove_state(self) -> None:
        """Removes what only a run that is to be resumed needs.

        Raises:
            RunError: it cannot be removed.
        """
        with file_errors(self.state_path):
            self.state_path.unlink(missing_ok=True)

    def write_event(self, record: Mapping[str, Any]) -> None:
        """Appends one line to the event log, whole.

        Raises:
            RunError: the log cannot be written.
        """
        line = json.dumps(record, ensure_ascii=False) + "\n"
        with file_errors(self.events_path), self.events_path.open("a", encoding="utf-8") as log:
            log.write(line)

    def write_checkpoint(self, step: int, data: bytes) -> Path:
        """Where the checkpoint now lies.

        Raises:
            RunError: it cannot be written.
        """
        path = self.checkpoint_path(step)
        write_whole(path, data)
        return path

    def read_events(self) -> list[dict[str, Any]]:
        """The event log; a last line that was cut off is left out.

        Raises:
            RunError: it cannot be read.
        """
        records = []
        for line in read_file(self.events_path).decode("utf-8", errors="replace").split("\n"):
            try:
                records.append(json.loads(line))
            except (json.JSONDecodeError, RecursionError):
                break
        return [record for record in records if isinstance(record, dict)]

    def read_environment(self) -> dict[str, Any]:
        """What the run ran on; empty where the record is missing or damaged."""
        try:
            record = json.loads(read_bounded(self.environment_path, _LARGEST_RECORD))
        except (OSError, ValueError, RecursionError):
            return {}
        return record if isinstance(record, dict) else {}


def check_target(path: Path, num_bytes: int = 0) -> None:
    """Makes sure that a run of about ``num_bytes`` can be begun at ``path``, and writes nothing.

    Raises:
        RunError: it is a file, or a folder of something else, cannot be written, or the disk is full.
    """
    if path.exists() and not path.is_dir():
        raise RunError(f"{path} is a file, and a run needs a folder: choose another --out")
    if path.is_dir():
        try:
            is_foreign = not _is_run(path) and not holds_tries(path) and not _is_barely_begun(path)
        except OSError as error:
            raise RunError(f"{path} cannot be read ({error.strerror}): choose another --out") from error
        if is_foreign:
            raise RunError(f"{path} holds files that are no run of clipmatrix: choose an empty or a new folder")
    parent = path
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise RunError(f"{path} cannot be made, since {parent} cannot be written to: choose another --out")
    free = free_bytes(parent)
    if free < num_bytes:
        raise RunError(
            f"a run needs about {num_bytes / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free at {parent}: "
            "make room, or choose another --out"
        )


def begin_run(path: Path, config_yaml: str, environment: Mapping[str, Any]) -> Run:
    """A fresh run directory at ``path``; an earlier run there is replaced, nothing else is ever removed.

    Raises:
        RunError: see ``check_target``.
    """
    check_target(path)
    run = Run(path)
    with file_errors(path):
        # Without a log it is no run: who is killed between these lines leaves nothing that looks like one.
        run.events_path.unlink(missing_ok=True)
        _clear(run)
        for folder in _FOLDERS:
            (path / folder).mkdir(parents=True)
    write_whole(run.environment_path, (json.dumps(environment, indent=2) + "\n").encode())
    write_whole(run.config_path, config_yaml.encode())
    write_whole(run.events_path, b"")
    return run


def begin_tries(path: Path, config_yaml: str) -> Run:
    """A folder at ``path`` that is going to be a run once several seeds were tried; replaces what ``begin_run`` does.

    Raises:
        RunError: see ``check_target``.
    """
    check_target(path)
    run = Run(path)
    with file_errors(path):
        run.events_path.unlink(missing_ok=True)
        _clear(run)
        run.config_path.unlink(missing_ok=True)
        run.tries_path.mkdir(parents=True, exist_ok=True)
    write_whole(run.tries_path / "config.yaml", config_yaml.encode())
    return run


def holds_tries(path: Path) -> bool:
    """Whether seeds are being tried at ``path``, and none has been chosen yet."""
    return (path / "tries" / "config.yaml").is_file() and not _is_run(path)


def _clear(run: Run) -> None:
    for folder in _FOLDERS:
        shutil.rmtree(run.path / folder, ignore_errors=True)
    if (run.tries_path / "config.yaml").is_file():
        shutil.rmtree(run.tries_path, ignore_errors=True)


def reopen_run(path: Path) -> Run:
    """The run directory at ``path``, to be written to again.

    Raises:
        RunError: there is none, or it cannot be written to.
    """
    run = open_run(path)
    if not os.access(path, os.W_OK | os.X_OK) or not os.access(run.events_path, os.W_OK):
        raise RunError(f"{path} cannot be written to: copy it to a place that can, and resume it there")
    with file_errors(path):
        for folder in _FOLDERS:
            (path / folder).mkdir(exist_ok=True)
    return run


def open_run(path: Path) -> Run:
    """The run directory at ``path``.

    Raises:
        RunError: there is none.
    """
    if not path.is_dir():
        raise RunError(f"{path} is no folder: name the folder of a run, the one with config.yaml in it")
    if not _is_run(path):
        raise RunError(
            f"{path} is no run of clipmatrix, since it has no config.yaml and events.jsonl: name one that is"
        )
    return Run(path)


def free_path(base: Path, text: str, seed: int) -> Path:
    """``base``/<words of the text>-<seed>, with a number behind where that exists."""
    name = f"{slug(text)}-{seed}"
    path, number = base / name, 2
    while path.exists():
        path, number = base / f"{name}-{number}", number + 1
    return path


def slug(text: str) -> str:
    """The text as a folder's name: its letters and digits in lower case, hyphens between, at most 60 characters."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower().replace("_", " "))
    name = "-".join(words) or "run"
    if len(name) > _LONGEST_SLUG:
        name = name[:_LONGEST_SLUG].rsplit("-", 1)[0]
    # Letters of other scripts take up to four bytes, and file systems allow 255 a name.
    return name.encode()[:200].decode(errors="ignore")


def _is_barely_begun(path: Path) -> bool:
    """Whether the folder is empty, or all that it holds is what ``begin_run`` leaves when it is killed."""
    return all(
        (item.name in (*_FOLDERS, "tries") and item.is_dir() and not any(item.iterdir()))
        or item.name.lstrip(".").startswith(("config.yaml", "environment.json", "events.jsonl"))
        for item in path.iterdir()
    )


def _is_run(path: Path) -> bool:
    return (path / "config.yaml").is_file() and (path / "events.jsonl").is_file()
