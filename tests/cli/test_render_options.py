"""Options of ``render`` that say how a picture is lit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.synthetic_character import build_tube_character

from clipmatrix.cli.app import run as clipmatrix
from clipmatrix.export.gltf import write_glb
from clipmatrix.runs.directory import begin_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that is a GLB and nothing else."""
    made = begin_run(tmp_path / "run", "steps: 1\n", {})
    made.glb_path.parent.mkdir(parents=True, exist_ok=True)
    write_glb(made.glb_path, replace(build_tube_character(), clips=()))
    return made.path


def test_shadow_darkens_the_floor_on_one_side(run: Path, tmp_path: Path) -> None:
    pictures = []
    for name, options in (("plain.png", ["--ground"]), ("shadow.png", ["--ground", "--shadow"])):
        path = tmp_path / name
        usual = ["--size", "96", "--turn", "0", "--out", str(path)]
        assert clipmatrix(["render", str(run), "still", *usual, *options]) == 0
        with Image.open(path) as picture:
            pictures.append(np.asarray(picture.convert("L")).astype(int))
    darker = (pictures[0] - pictures[1]) > 15
    assert darker.mean() > 0.003
    # The light comes from the left of the camera.
    assert darker[:, 48:].sum() > 5 * darker[:, :48].sum()
    assert (pictures[1] <= pictures[0] + 2).all()
