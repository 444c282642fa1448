"""The page of all controls: every setting and every test that it names exists, and none of a recipe is missing."""

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from clipmatrix.cli.create import create
from clipmatrix.config.schema import recipe_schema

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "controls.md"


@cache
def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("controls", ROOT / "docs" / "controls.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _paths(schema: dict[str, Any], path: str = "") -> set[str]:
    """All keys that the schema knows, as the page writes them."""
    found: set[str] = set()
    for option in schema.get("anyOf", []):
        found |= _paths(option, path)
    for name, inner in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        found |= {below} | _paths(inner, below)
    items = schema.get("items")
    return found | _paths(items, f"{path}[]") if isinstance(items, dict) else found


def _rows() -> list[list[str]]:
    """The cells of the first part's tables, without their heads."""
    text = PAGE.read_text(encoding="utf-8").partition(_generator().MARK)[0]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [row for row in rows if "`" in row[-1]]


def _quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def _tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_there_is_a_row_for_everything() -> None:
    """The paper's parameters, samplers, losses and prompts, and the later code's: some ninety."""
    rows = _rows()
    assert len(rows) >= 80
    assert all(len(row) == 4 for row in rows), [row for row in rows if len(row) != 4]


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row[0][:40])
def test_settings_and_tests_of_a_row_exist(row: list[str]) -> None:
    settings, tests = _quoted(row[1]), _quoted(row[3])
    known = _paths(recipe_schema())
    options = {option for parameter in create.params for option in parameter.opts}
    unknown = [name for name in settings if name not in (options if name.startswith("--") else known)]
    assert not unknown
    # What has no setting says that it is deliberate, or that it is always so.
    assert settings or row[1] == "-"
    assert settings or row[2].startswith(("Deliberately", "always"))
    assert len(tests) == 1
    file, _, function = tests[0].partition("::")
    assert function in _tests(ROOT / file)


def test_no_setting_of_a_recipe_is_missing() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [path for path in sorted(_paths(recipe_schema())) if f"`{path}`" not in text]
    assert not missing


def test_the_second_part_is_up_to_date() -> None:
    """Written anew by ``python docs/controls.py``."""
    generator = _generator()
    assert PAGE.read_text(encoding="utf-8").partition(generator.MARK)[2] == generator.all_settings()


def test_named_recipes_and_pages_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in set(re.findall(r"recipes/\w+\.yaml", text)):
        assert (ROOT / name).is_file()
    for name in re.findall(r"\]\(([\w./-]+)\)", text):
        assert (PAGE.parent / name).exists()
