"""The JSON schema of recipes: all that ship keep it, and what it refuses the reader refuses too."""

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from clipmatrix.config import load_config
from clipmatrix.config.schema import recipe_schema
from clipmatrix.errors import ClipMatrixError

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = recipe_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_keeps_it(validator: jsonschema.Draft202012Validator, path: Path) -> None:
    validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


GOOD = {
    "prompts": [{"text": "a man", "cameras": {"grid": [3, 3]}}],
    "clip": ["mini", "fake"],
    "parameters": {"shape": {"start": {"height": 0.7}}},
}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("wildnes",), 0.5),
        (("wildness",), "half"),
        (("steps",), 1.5),
        (("quality",), "fein"),
        (("clip",), {"name": "mini"}),
        (("prompts",), {"text": "a man"}),
        (("prompts", 0, "txt"), "a"),
        (("prompts", 0, "textured"), "maybe"),
        (("prompts", 0, "cameras", "grid"), [3]),
        (("prompts", 0, "cameras", "grid"), [3, 3, 3]),
        (("prompts", 0, "cameras", "projection"), "fisheye"),
        (("parameters", "shape", "start"), {"height": "tall"}),
        (("parameters", "shape", "mode"), "learnt"),
    ],
)
def test_what_it_refuses_the_reader_refuses_too(
    validator: jsonschema.Draft202012Validator, tmp_path: Path, place: tuple, value: Any
) -> None:
    recipe: Any = copy.deepcopy(GOOD)
    assert validator.is_valid(recipe)
    inner = recipe
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert not validator.is_valid(recipe)
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump(recipe))
    with pytest.raises(ClipMatrixError, match=str(path)):
        load_config(path)


def test_editors_find_defaults_and_descriptions() -> None:
    properties = recipe_schema()["properties"]
    assert properties["steps"] == {"type": "integer", "default": 600}
    assert "regularisers" in properties["losses"]["description"]
    assert properties["prompts"]["items"]["properties"]["region"]["default"] == "whole"
