"""States of runs with everything that a recipe can ask for, read back: by inspection, the film of growth, and tries."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from tests.generate.small_run import small_config, small_parts
from tests.support_body import build_support_body

from clipmatrix.config import RunConfig
from clipmatrix.config.parameters import Distribution, ParametersConfig
from clipmatrix.config.resolving import resolve
from clipmatrix.export.film import Look
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import evolution, exporting, health
from clipmatrix.generate.blank import blank_scene
from clipmatrix.generate.events import Chosen, Tried
from clipmatrix.generate.evolution import evolution_frames
from clipmatrix.generate.exam import Exam
from clipmatrix.generate.health import inspect_run
from clipmatrix.generate.loop import stream
from clipmatrix.generate.tries import stream_tries
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.runs.directory import Run
from clipmatrix.scene.scene import snapshot
from clipmatrix.shapes import ImageSize


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    film = TurntableConfig(parts=(Part("poses", 0.1),), size=16)
    monkeypatch.setattr(exporting, "film_config", lambda config: film)
    for module in (health, evolution):
        monkeypatch.setattr(module, "load_figures", lambda *settings: build_support_body())


def _rich_config(**changes: object) -> RunConfig:
    """Two looks, a plain twin, cameras that learn, and a dial that is turned up."""
    prompts = Prompt("a red person", texture="red", twin=0.5), Prompt("a blue person", texture="blue")
    parameters = ParametersConfig(cameras=Distribution("learned"))
    config = dataclasses.replace(
        small_config(*prompts, steps=6), parameters=parameters, wildness=0.9, views=4, checkpoint_every=2, patience=0
    )
    return dataclasses.replace(config, **changes)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    config = _rich_config()
    for _ in stream(config, tmp_path / "run", small_parts(resolve(config), build_support_body())):
        pass
    return Run(tmp_path / "run")


def test_a_blank_scene_has_all_that_a_state_holds() -> None:
    scene = blank_scene(build_support_body(), _rich_config())
    assert list(scene.textures()) == ["main", "blue"]
    assert "habits.cameras" in {name.rpartition(".")[0] for name in snapshot(scene)}
    # As loose at the hands as the dial says, which stands in no checkpoint.
    tame = blank_scene(build_support_body(), _rich_config(wildness=0.1))
    assert float(scene.deform.mobility.mean()) > float(tame.deform.mobility.mean())


@pytest.mark.slow
def test_inspection_finds_what_the_run_found(run: Run) -> None:
    assert json.loads(run.health_path.read_text()) == inspect_run(run.path).record()


@pytest.mark.slow
def test_growth_is_filmed_from_the_checkpoints(run: Run) -> None:
    frames = list(evolution_frames(run, Look(ImageSize(64, 48)), 1.0, 8))
    assert len(frames) == 8
    assert all(frame.shape == (64, 48, 3) and frame.std() > 1 for frame in frames)
    # It turns and grows, and stands still at the end but for the turn.
    assert (frames[0] != frames[4]).any()


@pytest.mark.slow
def test_growth_is_leafed_from_previews_where_checkpoints_are_few(run: Run) -> None:
    for path in (run.path / "checkpoints").iterdir():
        path.unlink()
    for step, grey in ((0, 0), (6, 200)):
        Image.new("RGB", (80, 40), (grey, grey, grey)).save(run.path / "previews" / f"step_{step:06d}.png")
    frames = list(evolution_frames(run, Look(ImageSize(64, 64)), 1.0, 8))
    middles = [int(frame[-1, -1, 0]) for frame in frames]
    assert middles[0] == 0
    assert middles == sorted(middles)
    assert middles[-1] == 200


@pytest.mark.slow
def test_tries_follow_every_prompt_and_finish_with_every_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = _rich_config()
    loaded = []
    monkeypatch.setattr(
        "clipmatrix.generate.tries.load_parts",
        lambda given: loaded.append(given) or small_parts(given, build_support_body()),
    )
    events = list(stream_tries(config, tmp_path / "tried", 2))
    assert loaded == [resolve(config)]
    assert sum(isinstance(event, Tried) for event in events) == 2
    assert any(isinstance(event, Chosen) for event in events)
    assert (tmp_path / "tried" / "result" / "looks" / "blue" / "model.glb").is_file()
    assert next(event.sheet for event in events if isinstance(event, Chosen)).is_file()


def _exam(*prompts: Prompt) -> tuple[Exam, RunConfig]:
    config = resolve(small_config(*prompts))
    return Exam(small_parts(config), load_fake(), config), config


def test_exams_look_at_each_look_and_not_at_what_is_kept_away_from(tmp_path: Path) -> None:
    looks = Prompt("a red person", texture="red"), Prompt("a blue person", texture="blue")
    exam, config = _exam(*looks)
    scene = blank_scene(small_parts(config).body, config)
    with torch.no_grad():
        for name, color in (("main", (4.0, -4.0, -4.0)), ("blue", (-4.0, -4.0, 4.0))):
            scene.textures()[name].start_logit.copy_(torch.tensor(color)[:, None, None].expand(3, 32, 32))
    right = exam(scene)
    with torch.no_grad():
        scene.textures()["blue"].start_logit.copy_(scene.textures()["main"].start_logit)
    assert right > exam(scene)
    # A red figure is not asked to be blue as well where blue is what it should not be.
    red = Prompt("a red person")
    asked, avoided = _exam(red, Prompt("a blue person"))[0], _exam(red, Prompt("a blue person", -1.0))[0]
    assert avoided(scene) > asked(scene) + 0.1


def test_exams_know_pictures(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (220, 20, 20)).save(tmp_path / "red.png")
    exam, config = _exam(Prompt(image=str(tmp_path / "red.png")))
    assert 0.0 < exam(blank_scene(small_parts(config).body, config)) <= 1.0
