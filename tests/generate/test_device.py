"""Runs on another device: nothing of two devices meets, the numbers are the CPU's, and a stopped run goes on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.generate.small_run import small_config
from tests.pretend_gpu import place_of, pretended_gpu
from tests.support_body import build_support_body
from tests.toy_body import build_toy_body

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.clones import clone
from clipmatrix.bodies.moving import moved
from clipmatrix.bodies.subdivide import subdivide
from clipmatrix.config import RunConfig, load_config
from clipmatrix.config.resolving import resolve
from clipmatrix.errors import ConfigError
from clipmatrix.generate import stepper as stepping
from clipmatrix.generate.events import Done, Exported, Step
from clipmatrix.generate.loading import build_parts, find_device
from clipmatrix.generate.loop import resume, stream
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.scene.config import SceneConfig
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


def _run(config: RunConfig, out: Path, device: torch.device | None = None, body: Body | None = None) -> list[Step]:
    guidance = load_fake() if device is None else load_fake(device)
    body = clone(subdivide(body or build_support_body(), config.subdivide), config.num_figures)
    parts = build_parts(guidance, body, resolve(config), device)
    events = list(stream(config, out, parts))
    assert isinstance(events[-1], Done)
    assert next(event for event in events if isinstance(event, Exported)).glb.is_file()
    return [event for event in events if isinstance(event, Step)]


def _own_draws(generator: torch.Generator, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(generator.initial_seed())


@pytest.fixture
def draws_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets runs on the CPU draw their looks as those on another device do."""
    monkeypatch.setattr(stepping, "look_generator", _own_draws)


@pytest.mark.slow
@pytest.mark.usefixtures("draws_apart")
def test_a_run_on_another_device_has_the_same_numbers(tmp_path: Path) -> None:
    config = small_config(Prompt("a red person"), Prompt("a blue head", region="head"), steps=4)
    plain = _run(config, tmp_path / "cpu")
    with pretended_gpu() as device:
        other = _run(config, tmp_path / "gpu", device)
    for one, two in zip(plain, other, strict=True):
        assert two.score == pytest.approx(one.score, abs=2e-4)
        assert two.losses.guidance == pytest.approx(one.losses.guidance, abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_runs_on_another_device(path: Path, tmp_path: Path) -> None:
    loaded = load_config(path)
    config = replace(
        loaded, steps=2, views=2, resolution=32, clip="fake", preview_every=1, checkpoint_every=1, video_size=16,
        search=replace(loaded.search, num_sentences=8, num_candidates=4, num_rounds=1, num_variations=2),
        scene=replace(loaded.scene, texture_size=32),
    )  # fmt: skip
    with pretended_gpu() as device:
        # One recipe begins with coefficients that Anny alone has.
        body = load_anny() if path.stem == "portrait" else None
        assert len(_run(config, tmp_path / "run", device, body)) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda config: replace(config, scene=SceneConfig(texture_size=32, normal_map=True, shadow=True)),
        lambda config: replace(config, losses=replace(config.losses, silhouette_area=1.0, laplacian=1.0, symmetry=1.0)),
        lambda config: replace(config, score=replace(config.score, delta_weight=1.0)),
        lambda config: replace(config, prompts=(Prompt("a red person", figure=1), Prompt("a blue person", figure=2))),
        lambda config: replace(config, scene=SceneConfig(texture_size=32, smoothing_start=40.0)),
        lambda config: replace(config, subdivide=1),
    ],
    ids=["normals", "losses", "changes", "figures", "smoothing", "fine"],
)
def test_what_recipes_leave_out_runs_on_another_device(
    change: Callable[[RunConfig], RunConfig], tmp_path: Path
) -> None:
    config = change(small_config(Prompt("a red person"), steps=2))
    with pretended_gpu() as device:
        assert len(_run(config, tmp_path / "run", device)) == 2


@pytest.mark.slow
def test_a_run_stopped_on_another_device_goes_on_to_the_same_end(tmp_path: Path) -> None:
    config = small_config(Prompt("a red person"), steps=6)
    with pretended_gpu() as device:
        parts = build_parts(load_fake(device), build_support_body(), resolve(config), device)
        list(stream(config, tmp_path / "whole", parts))
        list(stream(config, tmp_path / "stopped", parts, pause=3))
        list(resume(tmp_path / "stopped", parts))
    ends = [(tmp_path / name / "result" / "model.glb").read_bytes() for name in ("whole", "stopped")]
    assert ends[0] == ends[1]


def test_everything_of_a_scene_lies_on_the_device() -> None:
    with pretended_gpu() as device:
        body = moved(build_support_body(), device)
        start = neutral_start(body)
        scene = Scene(body, start, SceneConfig(texture_size=32, normal_map=True), {"other": start})
        tensors = {**dict(scene.named_parameters()), **dict(scene.named_buffers())}
        assert {name for name, tensor in tensors.items() if place_of(tensor) != "cuda"} == {"deform.strength"}


def test_bodies_are_moved_with_all_that_they_hold() -> None:
    body = build_toy_body()
    with pretended_gpu() as device:
        there = moved(body, device)
        assert place_of(there.template.faces) == "cuda"
        assert place_of(there.rest(there.neutral_shape).vertices) == "cuda"
        assert {place_of(member) for member in there.regions.values()} == {"cuda"}
        assert place_of(body.template.faces) != "cuda"
    assert moved(body, torch.device("cpu")) is body


def test_the_embedded_encoder_works_on_another_device() -> None:
    pictures = torch.rand(2, 3, 112, 112)
    here = load_guidance("mini")
    with pretended_gpu() as device:
        there = load_guidance("mini", device)
        embedded = there.encode_images(pictures.to(device))
        assert place_of(embedded) == place_of(there.encode_texts(["a red person"])) == "cuda"
        assert torch.allclose(embedded.cpu(), here.encode_images(pictures), atol=1e-5)


def test_the_pretended_device_refuses_what_a_real_one_does() -> None:
    with pretended_gpu() as device:
        there, here = torch.ones(3, device=device), torch.ones(3)
        for wrong in (
            lambda: there + here,
            lambda: torch.stack([there, here]),
            lambda: there.index_select(0, torch.tensor([0])),
            lambda: torch.rand(2, generator=torch.Generator(device)),
            lambda: torch.rand(2, generator=torch.Generator(), device=device),
        ):
            with pytest.raises(RuntimeError, match="Expected a"):
                wrong()
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        assert place_of(there * torch.tensor(2.0)) == "cuda"
        assert place_of(there[torch.tensor([0])]) == "cuda"
        assert (there + here.to(device)).device.type == "cuda"
        assert there.cpu().numpy().tolist() == [1, 1, 1]
        assert place_of(here) == "cpu"
    assert torch.ones(1).device.type == "cpu"


def test_a_device_that_is_not_there_is_said_so() -> None:
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="leave --device out"):
            find_device("cuda")


@pytest.mark.gpu
@pytest.mark.usefixtures("draws_apart")
def test_a_run_on_a_gpu_comes_near_the_cpus(tmp_path: Path) -> None:
    config = small_config(Prompt("a red person"), Prompt("a blue head", region="head"), steps=4)
    plain = _run(config, tmp_path / "cpu")
    other = _run(config, tmp_path / "gpu", torch.device("cuda"))
    # Looks are drawn by another generator, so that only the sizes can be compared.
    assert all(abs(one.score - two.score) < 0.3 for one, two in zip(plain, other, strict=True))
    assert not any(step.is_skipped for step in other)
