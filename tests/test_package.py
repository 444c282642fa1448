"""The package as a whole: its public names, what importing it costs, and its layers."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import clipmatrix

WEB = ("gradio", "fastapi", "starlette", "uvicorn")
HEAVY = (
    *("torch", "numpy", "transformers", "anny", "numba", "scipy", "av", "click", "rich", "PIL", "yaml", "cholespy"),
    *("ray", "optuna", "pyarrow", "fsspec"),
    *WEB,
)


def test_public_names_are_exactly_these() -> None:
    assert sorted(clipmatrix.__all__) == [
        "ClipMatrixError",
        "Prompt",
        "Run",
        "RunConfig",
        "__version__",
        "animate",
        "create",
        "default_prompts",
        "inspect",
        "load_config",
        "open_run",
        "preset",
        "render",
        "resume",
        "stream",
    ]
    assert dir(clipmatrix) == sorted(clipmatrix.__all__)


@pytest.mark.parametrize("name", sorted(set(clipmatrix.__all__)))
def test_every_public_name_loads(name: str) -> None:
    assert getattr(clipmatrix, name) is not None


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = clipmatrix.nothing


def _loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_no_heavy_one() -> None:
    assert _loaded_after("import clipmatrix").isdisjoint(HEAVY)


def test_the_command_line_waits_with_torch_until_it_is_needed() -> None:
    assert "torch" not in _loaded_after("import clipmatrix.cli")


@pytest.mark.slow
def test_the_api_opens_no_door_that_a_run_may_not_need() -> None:
    assert {"transformers", "click", "rich"}.isdisjoint(_loaded_after("import clipmatrix.api"))


@pytest.mark.slow
@pytest.mark.parametrize("module", ["clipmatrix.cli.app", "clipmatrix.gallery.site", "clipmatrix.studio.studio"])
def test_the_web_library_enters_with_the_server_alone(module: str) -> None:
    assert set(WEB).isdisjoint(_loaded_after(f"import {module}"))


def test_layers_import_downwards_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_wheels_carry_every_file_of_the_package() -> None:
    root = Path(clipmatrix.__file__).parent
    settings = tomllib.loads((root.parents[1] / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["clipmatrix"]
    carried = {path for pattern in patterns for path in root.glob(pattern)}
    others = {path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    left = {path for path in others if path.suffix != ".py"} - carried
    assert not left, left
    assert root / "guidance" / "mini" / "checkpoint" / "model.safetensors" in carried
