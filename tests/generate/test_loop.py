"""Whole runs on a tube with the fake encoder: what moves, what must not, and how a run ends."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from tests.generate.small_run import FROZEN, learn_only, small_config, small_parts

from clipmatrix.config import OptimiserConfig, RunConfig
from clipmatrix.errors import PromptError, RunError
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting, figures
from clipmatrix.generate.events import Checkpoint, Done, Exported, Inspected, Preview, SearchProgress, Started, Step
from clipmatrix.generate.loop import stream
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.silhouette import TOLERANCE
from clipmatrix.generate.stepper import Stepper
from clipmatrix.guidance.fake import FakeGuidance
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.losses.weights import LossWeights
from clipmatrix.scene.scene import Scene, snapshot
from clipmatrix.scene.start import neutral_start


@pytest.fixture(autouse=True)
def _short_film(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second instead of ten."""
    film = TurntableConfig(parts=(Part("poses", 0.5),), size=16)
    monkeypatch.setattr(exporting, "film_config", lambda config: film)


KINDS = ("shape", "offset", "texture", "material", "lights")


def _descend(config, num_steps=None):
    parts = small_parts(config)
    scene = Scene(parts.body, neutral_start(parts.body), config.scene)
    before = snapshot(scene)
    generator = torch.Generator().manual_seed(config.seed)
    stepper = Stepper(parts, scene, Scorer(parts.guidance, config.prompts, config.score), config, generator)
    reports = [stepper.step(index) for index in range(num_steps or config.steps)]
    return scene, before, reports


def _changed(scene: Scene, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, value in scene.state_dict().items() if not torch.equal(value, before[name])}


def _watch(scene: Scene, config: RunConfig) -> list[Step]:
    """Reports on eight steps that move nothing, always with the same views and backgrounds."""
    still = OptimiserConfig(texture_rate=0.0, shape_rate=0.0, offset_rate=0.0, material_rate=0.0, lights_rate=0.0)
    config = dataclasses.replace(config, optimiser=still, seed=99)
    parts = small_parts(config)
    scorer = Scorer(parts.guidance, config.prompts, config.score)
    stepper = Stepper(parts, scene, scorer, config, torch.Generator().manual_seed(99))
    return [stepper.step(index) for index in range(8)]


def test_descent_raises_the_score_and_lowers_the_loss() -> None:
    config = small_config(steps=40)
    scene, _, _ = _descend(config)
    before, after = _watch(Scene(scene.body, neutral_start(scene.body), config.scene), config), _watch(scene, config)
    assert sum(r.score for r in after) > sum(r.score for r in before) + 0.5
    assert sum(r.losses.guidance for r in after) < sum(r.losses.guidance for r in before)


def test_a_red_prompt_makes_the_texture_red() -> None:
    scene, _, _ = _descend(small_config(steps=40))
    red, green, blue = scene.texture.srgb().detach().mean(dim=(0, 1)).tolist()
    assert red > max(green, blue) + 0.15


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_group_moves_alone(kind: str) -> None:
    scene, before, _ = _descend(small_config(scene=learn_only(kind)))
    changed = _changed(scene, before)
    prefixes = {"shape": "deform.shape", "offset": "deform.diff", "material": "material", "lights": "lights"}
    assert changed
    assert all(name.startswith(prefixes.get(kind, "texture")) for name in changed)


def test_texture_only_runs_leave_the_vertices_alone_bit_for_bit() -> None:
    config = small_config(scene=learn_only("texture"))
    scene, _, _ = _descend(config)
    fresh = Scene(scene.body, neutral_start(scene.body), config.scene)
    assert torch.equal(scene.surface().vertices_world, fresh.surface().vertices_world)
    assert not torch.equal(scene.surface().albedo, fresh.surface().albedo)


def test_untextured_prompts_leave_the_look_alone_bit_for_bit() -> None:
    scene, before, _ = _descend(small_config(Prompt("a fat red person", textured=False)))
    assert _changed(scene, before) == {"deform.shape_change", "deform.differential"}


def test_mixed_prompts_serve_both() -> None:
    prompts = Prompt("a red person"), Prompt("a fat person", weight=0.5, textured=False)
    scene, before, reports = _descend(small_config(*prompts))
    assert {"deform.shape_change", "texture.luma.0"} <= _changed(scene, before)
    assert all(r.losses.offset_size > 0 for r in reports[-3:])


def test_the_silhouette_term_sees_offsets_and_nothing_else() -> None:
    """Wider by half all round: the area grows by about half, far over the tolerance; a fat shape alone is free."""
    config = small_config(scene=learn_only("offset"), steps=3)
    config = dataclasses.replace(config, losses=LossWeights(silhouette_area=1.0))
    parts = small_parts(config)
    body = parts.body
    wide = body.template.vertices * torch.tensor([0.5, 0.0, 0.5])
    starts = {
        "plain": neutral_start(body),
        "fat": dataclasses.replace(neutral_start(body), shape=torch.tensor([1.0, 1.9])),
        "swollen": dataclasses.replace(neutral_start(body), offset=wide),
    }
    found = {}
    for name, start in starts.items():
        scorer = Scorer(parts.guidance, config.prompts, config.score)
        scene = Scene(body, start, config.scene)
        stepper = Stepper(parts, scene, scorer, config, torch.Generator().manual_seed(0))
        found[name] = stepper.step(0).losses.silhouette_area
    assert found["plain"] == found["fat"] == 0.0
    assert found["swollen"] == pytest.approx((0.5 - TOLERANCE) ** 2, rel=0.5)


def test_nothing_to_learn_is_no_error() -> None:
    scene, before, reports = _descend(small_config(scene=FROZEN, steps=2))
    assert _changed(scene, before) == set()
    assert not any(report.is_skipped for report in reports)


def test_undefined_gradients_move_nothing_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    encode = FakeGuidance.encode_images
    calls = []

    def sometimes_broken(self, images):
        calls.append(1)
        return encode(self, images) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(FakeGuidance, "encode_images", sometimes_broken)
    scene, _, reports = _descend(small_config(steps=6))
    assert [report.is_skipped for report in reports] == [False, False, True, False, False, False]
    assert all(torch.isfinite(parameter).all() for parameter in scene.parameters())


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    config = small_config(steps=6)
    first, second = (snapshot(_descend(config)[0]) for _ in range(2))
    other = snapshot(_descend(dataclasses.replace(config, seed=1))[0])
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["texture.luma.0"], other["texture.luma.0"])


def test_events_of_a_run_and_its_folder(tmp_path: Path) -> None:
    config = dataclasses.replace(small_config(steps=4), preview_every=2, checkpoint_every=2)
    out = tmp_path / "run"
    events = list(stream(config, out, small_parts(config)))
    kinds = [type(event) for event in events]
    assert kinds == [
        Started, Preview, Step, Step, Preview, Checkpoint, Step, Step, Preview, Checkpoint, Exported, Inspected, Done,
    ]  # fmt: skip
    done = events[-1]
    assert isinstance(done, Done)
    assert (done.step, done.is_stopped, done.skipped) == (4, False, 0)
    exported = events[-3]
    assert isinstance(exported, Exported)
    for path in (exported.glb, exported.albedo, exported.views, exported.turntable):
        assert path.stat().st_size > 100
    assert exported.glb.read_bytes()[:4] == b"glTF"
    with Image.open(exported.albedo) as texture:
        assert texture.size == (32, 32)
    lines = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines][-4:] == ["checkpoint", "exported", "inspected", "done"]
    step = next(line for line in lines if line["event"] == "step")
    assert set(step["seconds"]) == {"body", "render", "encoder", "optimiser"}
    assert step["losses"]["guidance"] != 0
    assert str(tmp_path) not in (out / "events.jsonl").read_text()


@pytest.mark.slow
def test_two_runs_write_the_same_checkpoint_bytes(tmp_path: Path) -> None:
    config = small_config(steps=3)
    files = []
    for name in ("a", "b"):
        events = list(stream(config, tmp_path / name, small_parts(config)))
        files.append(next(event.path.read_bytes() for event in events if isinstance(event, Checkpoint)))
    assert files[0] == files[1]


def test_closing_a_run_exports_what_there_is(tmp_path: Path) -> None:
    config = small_config(steps=1000)
    events = stream(config, tmp_path, small_parts(config))
    for event in events:
        if isinstance(event, Step) and event.step == 3:
            break
    events.close()
    last = json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["step"], last["is_stopped"]) == ("done", 3, True)
    assert (tmp_path / "result" / "model.glb").is_file()


def test_an_interrupt_between_events_ends_with_the_export(tmp_path: Path) -> None:
    config = small_config(steps=1000)
    events = stream(config, tmp_path, small_parts(config))
    while not isinstance(next(events), Step):
        pass
    rest = [events.throw(KeyboardInterrupt()), *events]
    assert [type(event) for event in rest] == [Checkpoint, Exported, Inspected, Done]


def test_an_interrupt_inside_a_step_ends_with_the_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(steps=1000)
    step = Stepper.step

    def interrupted(self, index, place):
        if index == 2:
            raise KeyboardInterrupt
        return step(self, index, place)

    monkeypatch.setattr(Stepper, "step", interrupted)
    events = list(stream(config, tmp_path, small_parts(config)))
    done = events[-1]
    assert isinstance(done, Done)
    assert (done.step, done.is_stopped) == (2, True)


def test_an_interrupt_during_the_search_leaves_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def search(body, prompts, guidance, config, texture_size, seed, on_progress):
        while True:
            on_progress(1)

    monkeypatch.setattr(figures, "search_start", search)
    config = dataclasses.replace(small_config(), start="search")
    events = stream(config, tmp_path, small_parts(config))
    while not isinstance(next(events), SearchProgress):
        pass
    rest = [events.throw(KeyboardInterrupt()), *events]
    assert [type(event) for event in rest] == [Done]
    assert list((tmp_path / "result").iterdir()) == []


def test_mistakes_are_found_before_anything_is_written(tmp_path: Path) -> None:
    config = small_config()
    with pytest.raises(PromptError):
        next(stream(dataclasses.replace(config, prompts=()), tmp_path / "new", small_parts(config)))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("x")
    with pytest.raises(RunError):
        next(stream(config, tmp_path / "mine", small_parts(config)))
    assert not (tmp_path / "new").exists()


def test_cut_prompts_are_warned_of(tmp_path: Path) -> None:
    config = small_config(Prompt("word " * 40 + "and a crown"), steps=1)
    started = next(stream(config, tmp_path, small_parts(config)))
    assert isinstance(started, Started)
    assert len(started.warnings) == 1
    assert '"and a crown"' in started.warnings[0]
