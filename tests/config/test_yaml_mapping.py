"""YAML in and out: round trip, and one line for every kind of mistake."""

import dataclasses
from pathlib import Path

import pytest

from clipmatrix.config import QUALITIES, RunConfig, default_prompts, dump_yaml, load_config, preset
from clipmatrix.config.yaml_mapping import load_yaml
from clipmatrix.errors import ClipMatrixError, ConfigError, PromptError
from clipmatrix.guidance.prompts import Prompt


def _load(text: str) -> RunConfig:
    return load_yaml(text, "run.yaml", RunConfig())


@pytest.mark.parametrize("quality", QUALITIES)
def test_every_preset_survives_the_round_trip(quality: str) -> None:
    config = dataclasses.replace(preset(quality), prompts=default_prompts('Zürich: ein "Löwe" #1, mit Mähne'), seed=7)
    assert load_yaml(dump_yaml(config), "x", RunConfig()) == config


def test_sections_are_filled_in_and_lists_replaced() -> None:
    config = _load(
        """
        steps: 20
        prompts:
          - text: a witch
          - {text: a green head, region: head, weight: 2, textured: no}
        scene: {texture_size: 256}
        optimiser:
          texture_rate: 1e-3
        """
    )
    assert config.steps == 20
    assert config.prompts == (Prompt("a witch"), Prompt("a green head", 2.0, "head", False))
    assert config.scene == dataclasses.replace(RunConfig().scene, texture_size=256)
    assert config.optimiser.texture_rate == 1e-3
    assert config.optimiser.shape_rate == RunConfig().optimiser.shape_rate


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz: 5", 'run.yaml:1: unknown key "stepz" in the file: did you mean "steps"?'),
        ("seed: 1\nscene:\n  smothing: 3", 'run.yaml:3: unknown key "smothing" in scene: did you mean "smoothing"?'),
        ("seed: 1\nsteps: many", 'run.yaml:2: steps must be a whole number, not "many"'),
        ("steps: 1.5", 'run.yaml:1: steps must be a whole number, not "1.5"'),
        ("steps: '5'", 'run.yaml:1: steps must be a whole number, not "5"'),
        ("steps: 0", "run.yaml:1: steps must be from 1 to 1e+06, not 0: use for instance 600"),
        ("seed: 1\nsteps: -3", "run.yaml:2: steps must be from 1 to 1e+06, not -3: use for instance 600"),
        ("steps:", "run.yaml:1: steps must be a whole number, not nothing"),
        ("steps: [1]", "run.yaml:1: steps must be a whole number, not a list"),
        ("steps: 1\nsteps: 2", 'run.yaml:2: "steps" stands twice in the file: remove one of them'),
        ("scene: {learn_shape: 1}", 'run.yaml:1: learn_shape must be true or false, not "1"'),
        ("scene:\n  smoothing: .nan", 'run.yaml:2: smoothing must be a number, not ".nan"'),
        ("scene: 3", 'run.yaml:1: scene must hold `key: value` lines, not "3"'),
        ("- 1", "run.yaml:1: the file must hold `key: value` lines, not a list"),
        ("start: middle", 'run.yaml:1: start must be one of search, neutral, not "middle"'),
        ("prompts: a witch", 'run.yaml:1: prompts must be a list, not "a witch"'),
        (
            "prompts:\n  - weight: 2",
            'run.yaml:2: the prompt is empty; say what the figure should be, such as "a zebra striped man"',
        ),
        (
            "prompts:\n  - text: x\n    region: nose",
            "run.yaml:3: unknown region 'nose' for 'x'; the regions are whole, head, torso, arms, hands, legs, feet",
        ),
        (
            "prompts:\n  - text: x\n    weight: 0",
            "run.yaml:3: the weight of 'x' must not be 0; use 1 to follow it, -1 to keep away from it",
        ),
        ("losses:\n  symmetry: -2", "run.yaml:2: symmetry must be at least 0, not -2: use 0 to leave the term out"),
    ],
)
def test_mistakes_are_one_line_with_their_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\tsteps: 3", "steps: *missing", "'", "steps: \x00"])
def test_broken_yaml_is_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^run.yaml:\d+: no valid YAML: .+") as caught:
        _load(text)
    assert "\n" not in str(caught.value)


def test_empty_prompts_keep_their_kind_of_error_and_line() -> None:
    with pytest.raises(ClipMatrixError, match=r"^run.yaml:2: the prompt is empty"):
        _load("prompts:\n  - weight: 1\n    text: ' '")
    with pytest.raises(PromptError):
        Prompt("")


def test_empty_files_change_nothing() -> None:
    assert _load("") == RunConfig()
    assert _load("# only a comment\n") == RunConfig()


def test_quality_of_the_file_is_the_base_and_that_of_the_caller_wins(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("quality: fine\nviews: 3\n")
    assert (load_config(path).steps, load_config(path).views) == (1200, 3)
    assert load_config(path, "draft") == dataclasses.replace(preset("draft"), views=3)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "image.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="no UTF-8 text"):
        load_config(tmp_path / "image.yaml")


def test_standard_is_the_papers_setting() -> None:
    config = preset("standard")
    assert (config.steps, config.views, config.resolution, config.scene.texture_size) == (600, 4, 224, 1024)


def test_unknown_quality_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match='did you mean "standard"'):
        preset("standart")
