"""``clipmatrix recipe``: what a recipe means in some lines, a mistake in one, and the schema for editors."""

import json
from pathlib import Path

import pytest

from clipmatrix.cli.app import run

RECIPES = Path(__file__).parents[2] / "recipes"


def _mistake(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The line after the program's name, of a call that must fail."""
    assert run(["recipe", *map(str, arguments)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("clipmatrix: error: ")
    return lines[0].removeprefix("clipmatrix: error: ")


def test_a_good_recipe_says_what_it_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", "check", str(RECIPES / "figure3.yaml")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        f"{RECIPES / 'figure3.yaml'}: good",
        "  +1.00  whole  texture main: an undead sorcerer",
        "  +1.00  head   texture main, own cameras: head of undead sorcerer.",
        "  +1.00  whole  plain form: a skeleton with long thin limbs",
    ]


def test_all_recipes_that_ship_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(path) for path in sorted(RECIPES.glob("*.yaml"))]
    assert run(["recipe", "check", *paths]) == 0
    assert capsys.readouterr().out.count(": good\n") == len(paths)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            "prompts:\n  - text: a man\n    regoin: head\n",
            3,
            'unknown key "regoin" in prompts[0]: did you mean "region"?',
        ),
        ("prompts: [{text: a man}]\nlosses:\n  edge_lenght: 1\n", 3, 'did you mean "edge_length"?'),
        ("prompts: [{text: a man, region: heat}]\n", 1, "did you mean 'head'?"),
        ("prompts: [{text: a man}]\nquality: fein\n", 2, "quality must be one of draft, standard, fine"),
        ("prompts: [{text: a man}]\nwildness: 1.5\n", 2, "wildness must be from 0 to 1, not 1.5"),
        ("prompts: [{text: a man}]\nviews: four\n", 2, 'views must be a whole number, not "four"'),
        ("prompts:\n  - text: a man\n    cameras: {grid: [3]}\n", 3, "grid must be a list of 2 values, not of 1"),
        ("seed: 3\n", 1, "a recipe needs prompts"),
        ("prompts: [{text: a man]\n", 1, "no valid YAML"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, line: int, said: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    found = _mistake(capsys, "check", path)
    assert found.startswith(f"{path}:{line}: ")
    assert said in found


def test_the_first_bad_one_of_several_ends_the_check(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("prompt: a man\n")
    assert run(["recipe", "check", str(RECIPES / "spiky.yaml"), str(bad), str(RECIPES / "figure1.yaml")]) == 2
    out, err = capsys.readouterr()
    assert "spiky.yaml: good" in out
    assert "figure1" not in out
    assert 'did you mean "prompts"?' in err


@pytest.mark.parametrize("name", ["none.yaml", ""])
def test_what_is_no_file_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    assert "cannot be read" in _mistake(capsys, "check", tmp_path / name)


def test_no_file_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", "check"]) == 2
    assert "FILE" in capsys.readouterr().err


def test_the_schema_goes_to_the_terminal_or_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["recipe", "schema"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["title"] == "ClipMatrix recipe"
    assert run(["recipe", "schema", "--out", str(tmp_path / "recipe.schema.json")]) == 0
    assert (tmp_path / "recipe.schema.json").read_text() == printed
    assert "nowhere" in _mistake(capsys, "schema", "--out", tmp_path / "nowhere" / "a.json")
    assert not (tmp_path / "nowhere").exists()
