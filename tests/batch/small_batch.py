"""Jobs that take a second each: the tube for a body, the fake encoder, tiny pictures."""

from pathlib import Path

from tests.studio.small_recipe import small_recipe, write_tube

from clipmatrix.batch.plan import Job, plan_matrix


def write_matrix(folder: Path, prompts: list[str], seeds: str = "0", steps: int = 6, more: str = "") -> Path:
    """A file with a matrix of small jobs, and the tube beside it."""
    if not (folder / "tube.obj").exists():
        write_tube(folder / "tube.obj")
    recipe = small_recipe(str(folder / "tube.obj"), steps)
    base = "".join(f"  {line}\n" for line in recipe.splitlines() if not line.lstrip().startswith(("prompts", "-")))
    listed = "".join(f"  - {prompt}\n" for prompt in prompts)
    path = folder / "matrix.yaml"
    path.write_text(f"base:\n{base}prompts:\n{listed}seeds: {seeds}\n{more}", encoding="utf-8")
    return path


def small_jobs(folder: Path, prompts: list[str], seeds: str = "0", steps: int = 6) -> tuple[Job, ...]:
    """Its jobs."""
    return plan_matrix(write_matrix(folder, prompts, seeds, steps), None, ())
