"""Runs of two figures: each follows its own prompt, and both are in the file with a skin each."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.generate.small_run import small_config, small_parts
from tests.glb_reader import read_glb
from tests.support_body import build_support_body
from tests.synthetic_character import build_tube_character
from tests.toy_body import build_toy_body

from clipmatrix.bodies.clones import clone
from clipmatrix.config import figure_prompts
from clipmatrix.errors import MotionError, PromptError
from clipmatrix.export.character import Character, pose_vertices
from clipmatrix.export.gltf import pack_glb
from clipmatrix.export.group import join_characters, pack_group
from clipmatrix.export.motion import sample_clip
from clipmatrix.export.reading import read_character
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting, figures
from clipmatrix.generate.animating import AnimateConfig, animate_run
from clipmatrix.generate.figures import alone, prompts_of
from clipmatrix.generate.loop import stream
from clipmatrix.generate.search import SearchResult
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.motion.reading import Excerpt
from clipmatrix.runs.directory import Run
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start

PROMPTS = (Prompt("a red person", figure=1), Prompt("a blue person", figure=2))


@pytest.fixture(autouse=True)
def _short_film() -> Iterator[None]:
    film = TurntableConfig(parts=(Part("poses", 0.1),), size=16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "film_config", lambda config: film)
        yield


def _second(character: Character, shift: float) -> Character:
    """The same figure again, beside the first, with joints of other names."""
    rig = character.rig
    matrices = rig.joint_from_bind.clone()
    move = torch.tensor([shift, 0.0, 0.0])
    matrices[:, :3, 3] -= matrices[:, :3, :3] @ move
    names = tuple(f"{name}.2" for name in rig.joint_names)
    moved = dataclasses.replace(rig, joint_names=names, joint_from_bind=matrices)
    mesh = dataclasses.replace(character.mesh, vertices=character.mesh.vertices + move)
    return dataclasses.replace(character, mesh=mesh, rig=moved)


@pytest.mark.slow
def test_each_half_of_the_texture_follows_its_own_prompt(tmp_path: Path) -> None:
    config = dataclasses.replace(small_config(*PROMPTS, steps=40), views=4)
    assert config.num_figures == 2
    parts = small_parts(config, clone(build_toy_body(), 2))
    for _ in stream(config, tmp_path / "run", parts):
        pass
    character = read_character(Run(tmp_path / "run").glb_path).character
    side = character.albedo_srgb.shape[1] // 2
    left, right = (
        half.reshape(-1, 3).mean(axis=0) for half in (character.albedo_srgb[:, :side], character.albedo_srgb[:, side:])
    )
    assert left[0] - left[2] > 10
    assert right[2] - right[0] > 10


def test_the_file_has_two_skins_and_reads_back(tmp_path: Path) -> None:
    first = build_tube_character()
    figures = [first, _second(first, 1.5)]
    path = tmp_path / "group.glb"
    path.write_bytes(pack_group(figures))
    glb = read_glb(path.read_bytes())
    assert [len(glb.document[key]) for key in ("meshes", "skins", "images", "materials")] == [2, 2, 1, 1]
    names = [node["name"] for node in glb.document["nodes"]]
    assert len(set(names)) == len(names)
    assert len(glb.document["animations"]) <= len(first.clips)
    found = read_character(path)
    assert found.num_figures == 2
    whole = join_characters(figures)
    assert found.character.rig.joint_names == whole.rig.joint_names
    for clip, again in zip(whole.clips, found.character.clips, strict=True):
        time = torch.tensor([0.4 * float(clip.times[-1])])
        ours, theirs = (
            pose_vertices(one, sample_clip(c, time))[0] for one, c in ((whole, clip), (found.character, again))
        )
        # The file's vertices come in another order.
        assert float(torch.cdist(ours, theirs, compute_mode="donot_use_mm_for_euclid_dist").amin(1).max()) < 2e-4


def test_figures_play_as_they_do_alone() -> None:
    first = build_tube_character()
    second = _second(first, 1.5)
    whole = join_characters([first, second])
    num = len(first.mesh.vertices)
    for clip, own in zip(whole.clips, first.clips, strict=True):
        time = torch.tensor([0.3 * float(own.times[-1])])
        both = pose_vertices(whole, sample_clip(clip, time))[0]
        torch.testing.assert_close(both[:num], pose_vertices(first, sample_clip(own, time))[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(both[num:], pose_vertices(second, sample_clip(own, time))[0], atol=1e-5, rtol=0)


def test_views_of_one_figure_hide_the_others() -> None:
    body = clone(build_toy_body(), 2)
    num = len(body.template.vertices) // 2
    vertices = body.template.vertices.repeat(3, 1, 1).requires_grad_()
    prompts = (*PROMPTS, Prompt("two people"))
    seen = alone(vertices, body, prompts, torch.tensor([0, 1, 2]))
    assert torch.equal(seen[0, :num], vertices[0, :num])
    assert seen[0, num:].unique(dim=0).shape[0] == 1
    assert seen[1, :num].unique(dim=0).shape[0] == 1
    assert torch.equal(seen[2], vertices[2])
    seen[0].sum().backward()
    assert vertices.grad is not None
    assert not vertices.grad[0, num:].any()


def test_prompts_are_shared_out() -> None:
    prompts = figure_prompts(("a red person with a blue head", "a golden statue"))
    assert {prompt.figure for prompt in prompts} == {1, 2}
    assert all(prompt.figure == 0 for prompt in prompts_of(prompts, 2))
    assert [prompt.text for prompt in prompts_of(prompts, 2)] == ["a golden statue", "a golden statue"]
    assert {prompt.figure for prompt in figure_prompts(("a knight",))} == {0}
    with pytest.raises(PromptError, match="figure of 'x' must be from 1 to 4"):
        Prompt("x", figure=9)


def test_a_figure_of_which_nothing_is_wanted_stays_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    body = clone(build_toy_body(), 2)
    assert body.base is not None
    red = dataclasses.replace(neutral_start(body.base), albedo_srgb=torch.tensor([1.0, 0.0, 0.0]).expand(16, 16, 3))
    asked = []

    def search(base: object, prompts: tuple[Prompt, ...], *_: object) -> SearchResult:
        asked.append([prompt.text for prompt in prompts])
        return SearchResult(red, "a red person", np.zeros((1, 8, 8, 3), np.uint8))

    monkeypatch.setattr(figures, "search_start", search)
    config = small_config(PROMPTS[0], Prompt("a blue person", figure=2, weight=-1.0))
    found = figures.search_figures(body, load_fake(), config)
    assert asked == [["a red person"]]
    side = found.start.albedo_srgb.shape[1] // 2
    left, right = found.start.albedo_srgb[:, :side], found.start.albedo_srgb[:, side:]
    assert float(left[..., 0].mean()) > 0.9 > float(right[..., 0].mean())


def test_a_movement_for_two_is_refused(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.glb_path.parent.mkdir(parents=True)
    first = build_tube_character()
    run.glb_path.write_bytes(pack_group([first, _second(first, 1.5)]))
    motion = tmp_path / "walk.glb"
    motion.write_bytes(pack_glb(first))
    with pytest.raises(MotionError, match="holds 2 figures"):
        animate_run(run, motion, AnimateConfig(excerpt=Excerpt(take="wave")))


def test_clips_keep_the_figures_apart() -> None:
    """A humanoid's clips stand on the middle of the floor: each figure's on its own."""
    body = clone(build_support_body(), 2)
    config = small_config(*PROMPTS)
    scene = Scene(body, neutral_start(body), config.scene)
    whole = exporting.build_character(scene, body, config)
    num = len(body.template.vertices) // 2
    step = float(body.template.vertices[num, 0] - body.template.vertices[0, 0])
    assert whole.clips
    for clip in whole.clips:
        posed = pose_vertices(whole, sample_clip(clip, torch.tensor([0.5 * float(clip.times[-1])])))[0]
        assert float(posed[num:, 0].mean() - posed[:num, 0].mean()) == pytest.approx(step, rel=0.05)
