"""Runs that set out from where another one ended."""

import dataclasses
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
from tests.generate.small_run import small_config, small_parts

from clipmatrix.config import RunConfig
from clipmatrix.errors import ClipMatrixError, ConfigError, RunError
from clipmatrix.generate import loop
from clipmatrix.generate.basing import read_base
from clipmatrix.generate.events import Started, Step
from clipmatrix.runs.directory import Run
from clipmatrix.scene.config import SceneConfig


def _make(config: RunConfig, out: Path) -> Run:
    for _ in loop.stream(config, out, small_parts(config)):
        pass
    return Run(out)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run."""
    return _make(small_config(steps=6), tmp_path_factory.mktemp("base") / "first")


@pytest.mark.slow
def test_the_descent_begins_with_the_state_of_the_other(first: Run, tmp_path: Path) -> None:
    frozen = SceneConfig(
        texture_size=32,
        learn_shape=False,
        learn_offset=False,
        learn_texture=False,
        learn_material=False,
        learn_lights=False,
    )
    config = dataclasses.replace(small_config(steps=2, scene=frozen), base=str(first.path))
    run = _make(config, tmp_path / "second")
    assert run.base_path.read_bytes() == first.best_path.read_bytes()
    theirs, ours = (safetensors.torch.load(path.read_bytes()) for path in (first.best_path, run.best_path))
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) for name in theirs)


def test_it_takes_small_steps_as_from_a_searched_start(first: Run) -> None:
    config = small_config()
    assert not config.is_refining
    assert dataclasses.replace(config, base=str(first.path)).is_refining
    assert dataclasses.replace(config, start="search").is_refining


@pytest.mark.slow
def test_it_is_resumed_from_its_own_copy_when_the_other_is_gone(first: Run, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(first.path, moved)
    config = dataclasses.replace(small_config(steps=4), base=str(moved))
    whole = _make(config, tmp_path / "whole").best_path.read_bytes()
    cut = loop.stream(config, tmp_path / "cut", small_parts(config))
    assert isinstance(next(cut), Started)
    del cut
    run = Run(tmp_path / "cut")
    # As after a kill before the first state was written.
    for path in (run.path / "checkpoints").glob("[!b]*"):
        path.unlink()
    run.best_path.unlink(missing_ok=True)
    run.events_path.write_text("")
    shutil.rmtree(moved)
    events = list(loop.resume(run.path, small_parts(config)))
    assert sum(isinstance(event, Step) for event in events) == 4
    assert run.best_path.read_bytes() == whole


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"base": "nowhere"}, RunError, "nowhere is no folder"),
        ({"body": "other.glb"}, ConfigError, "has the body anny, not other.glb: use --body anny"),
        ({"scene": SceneConfig(texture_size=64)}, ConfigError, "a texture of 32, not 64 pixels"),
    ],
)
def test_bases_that_do_not_fit_are_one_line_and_nothing_is_written(
    first: Run, tmp_path: Path, change: dict, kind: type[ClipMatrixError], message: str
) -> None:
    config = dataclasses.replace(small_config(), **{"base": str(first.path), **change})
    with pytest.raises(kind, match=message):
        next(loop.stream(config, tmp_path / "out", small_parts(small_config())))
    assert not (tmp_path / "out").exists()


def test_a_run_is_not_its_own_base(first: Run) -> None:
    with pytest.raises(ConfigError, match="base must be another run"):
        read_base(dataclasses.replace(small_config(), base=str(first.path)), first.path)


def test_a_base_without_a_checkpoint_is_one_line(first: Run, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(first.path, bare)
    shutil.rmtree(bare / "checkpoints")
    with pytest.raises(RunError, match="has no checkpoint yet"):
        read_base(dataclasses.replace(small_config(), base=str(bare)), tmp_path / "out")
