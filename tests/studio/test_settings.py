"""Forms and recipes as settings, and every mistake as one line."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tests.studio.run_files import write_run

from clipmatrix.config import default_prompts, dump_yaml, load_config, preset
from clipmatrix.errors import ClipMatrixError, ConfigError
from clipmatrix.studio.settings import (
    config_of_form,
    config_of_yaml,
    continued,
    mistake_of_yaml,
    varied,
)


def test_a_form_gives_the_same_settings_as_the_command_line() -> None:
    config = config_of_form({"prompt": " a zebra striped man ", "quality": "draft", "seed": "7"})
    expected = dataclasses.replace(preset("draft"), prompts=default_prompts("a zebra striped man"), seed=7)
    assert config == expected
    assert config_of_yaml(dump_yaml(config)) == config


def test_regions_steps_and_encoder() -> None:
    form = {
        "prompt": "a monster",
        "regions": [{"text": "a red head", "region": "head"}, {"text": "  ", "region": "feet"}],
        "steps": "12",
        "clip": "fake",
    }
    config = config_of_form(form)
    assert [(prompt.text, prompt.region) for prompt in config.prompts][-1] == ("a red head", "head")
    assert len(config.prompts) == len(default_prompts("a monster")) + 1
    assert (config.steps, config.clip, config.quality) == (12, "fake", "standard")


def test_an_empty_seed_draws_one() -> None:
    assert 0 <= config_of_form({"prompt": "a man"}).seed < 10_000


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "the prompt is empty"),
        ({"prompt": "   "}, "the prompt is empty"),
        ({"prompt": ["a man"]}, "prompt must be text, not list"),
        ({"prompt": "x" * 501}, "prompt has 501 characters"),
        ({"prompt": "a\x00man"}, "control character"),
        ({"prompt": "a man", "quality": "fien"}, 'did you mean "fine"'),
        ({"prompt": "a man", "seed": "many"}, "seed must be a whole number, not 'many'"),
        ({"prompt": "a man", "seed": -1}, "seed must be from 0"),
        ({"prompt": "a man", "seed": True}, "seed must be a whole number"),
        ({"prompt": "a man", "steps": "0"}, "steps must be from 1"),
        ({"prompt": "a man", "refine": "nan"}, "refine must be from 0 to 1"),
        ({"prompt": "a man", "refine": {}}, "refine must be a number"),
        ({"prompt": "a man", "regions": "head"}, "at most 12 prompts for regions"),
        ({"prompt": "a man", "regions": [3]}, "wanted a text and one of"),
        ({"prompt": "a man", "regions": [{"text": "red", "region": "hed"}]}, "did you mean 'head'"),
        ({"prompt": "a man", "body": "dog.glb"}, "dog.glb"),
    ],
)
def test_mistakes_in_forms(form: dict[str, Any], message: str) -> None:
    with pytest.raises(ClipMatrixError) as caught:
        config_of_form(form)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "there is no prompt"),
        ("stepz: 3", 1, 'unknown key "stepz" in the file: did you mean "steps"?'),
        ("seed: 1\nsteps: 0", 2, "steps must be from 1"),
        ("prompts: [", 1, "no valid YAML"),
        ("prompts:\n  - {text: a man, region: hed}", 2, "unknown region 'hed'"),
        ("[" * 3000, 1, "nested too deeply"),
        ("a: &a [1]\nb: *c", 2, "no valid YAML"),
        ("x" * 100_001, 1, "100000 are the most"),
        ("prompts: [{text: a man}]\n\x00", 1, "no valid YAML"),
    ],
)
def test_mistakes_in_recipes_have_their_line(text: str, line: int, message: str) -> None:
    mistake = mistake_of_yaml(text)
    assert mistake is not None
    assert mistake.line == line
    assert message in mistake.message
    assert "\n" not in mistake.message


def test_a_good_recipe_has_no_mistake() -> None:
    assert mistake_of_yaml("prompts:\n  - {text: a man}\nseed: 3\n") is None


def test_variations_have_seeds_of_their_own() -> None:
    base = config_of_form({"prompt": "a man", "seed": 5})
    assert [config.seed for config in varied(base, 3)] == [5, 6, 7]
    assert all(dataclasses.replace(config, seed=5) == base for config in varied(base, 3))
    for num in (0, -1, 13):
        with pytest.raises(ConfigError, match="variations must be from 1 to 12"):
            varied(base, num)


def test_going_on_keeps_the_settings_and_names_the_base(tmp_path: Path) -> None:
    run = write_run(tmp_path, "zebra")
    before = load_config(run.config_path)
    same = continued(run.path, {"steps": "50", "refine": 0.4})
    assert same.prompts == before.prompts
    assert (same.steps, same.base, same.optimiser.refine) == (50, str(run.path), 0.4)
    other = continued(run.path, {"prompt": "a leopard"})
    assert other.prompts == default_prompts("a leopard")
    assert other.steps == before.steps
