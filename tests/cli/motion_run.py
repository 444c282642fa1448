"""A finished run for tests of commands: the capsule humanoid in a run directory, made in no time."""

from pathlib import Path

from tests.humanoid_character import build_humanoid_character

from clipmatrix.export.gltf import write_glb
from clipmatrix.runs.directory import Run, begin_run


def build_motion_run(path: Path) -> Run:
    """A run whose result is the capsule humanoid with the clips walk and wave."""
    run = begin_run(path, "seed: 1\n", {})
    write_glb(run.glb_path, build_humanoid_character())
    return run
