"""What an earlier run's record says about going on with it, or repeating it; knows nothing of steps."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from clipmatrix.config import RunConfig, dump_yaml, load_config
from clipmatrix.errors import RunError
from clipmatrix.generate.state import SavedState, read_state
from clipmatrix.runs.directory import Run, open_run, reopen_run
from clipmatrix.runs.environment import describe_environment, differences
from clipmatrix.runs.files import read_file


@dataclass(frozen=True)
class Resumption:
    """The settings of a run that is to go on, its last state (None: it has to begin anew), and lines for the user."""

    config: RunConfig
    state: SavedState | None
    warnings: tuple[str, ...]


def prepare_resume(path: Path) -> Resumption:
    """What is needed to go on with the run at ``path``; uses as many threads as it did, and writes nothing.

    Raises:
        RunError: there is no run, it is finished, cannot be written to, or was made by a version that kept no state.
        ConfigError: its settings are of another version.
    """
    run = reopen_run(path)
    again = f"repeat it with clipmatrix create --from {path}"
    if not run.state_path.is_file():
        _require_unbegun(run, again)
        config, warnings = load_record(path)
        return Resumption(config, None, warnings)
    config, warnings = load_record(path)
    state = read_state(read_file(run.state_path), str(run.state_path))
    if state.progress.settings != settings_digest(config):
        raise RunError(f"{run.config_path} was changed since the run was stopped: put it back as it was, or {again}")
    return Resumption(config, state, warnings)


def load_record(path: Path) -> tuple[RunConfig, tuple[str, ...]]:
    """The settings of the run at ``path``, and a warning where something here differs from what it ran on.

    Torch then uses as many threads as the run did: sums come out otherwise with another number.

    Raises:
        RunError: it is no run.
        ConfigError: its settings are of another version.
    """
    run = open_run(path)
    config = load_config(run.config_path)
    recorded = run.read_environment()
    threads = recorded.get("torch_threads")
    if type(threads) is int and 0 < threads <= 4 * (os.cpu_count() or 1):
        torch.set_num_threads(threads)
    found = differences(recorded, describe_environment(config.clip))
    if not found:
        return config, ()
    return config, (f"the result may differ, since {path} ran on another machine or version: {found}",)


def settings_digest(config: RunConfig) -> str:
    """A digest of everything that decides the result."""
    return hashlib.sha256(dump_yaml(config).encode()).hexdigest()


def _require_unbegun(run: Run, again: str) -> None:
    """Raises: RunError when the run has taken steps, but left no state to go on from."""
    records = run.read_events()
    last = records[-1] if records else {}
    if last.get("event") == "done" and not last.get("is_stopped"):
        raise RunError(f"{run.path} is finished, so that there is nothing to resume: {again}")
    if any(record.get("event") == "step" for record in records):
        raise RunError(f"{run.path} has kept no state to go on from, as older versions do: {again}")
