"""The compiled rasteriser shows the faces that the torch twin shows: interpreted anywhere, compiled on a GPU."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from tests.render.triton_check import scenes

from clipmatrix.render.pipeline import rasterizer_for
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.rasterize_reference import ReferenceRasterizer

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with PyTorch's CUDA wheels")
def test_interpreted_it_shows_the_same_faces() -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.render.triton_check"],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("all the same") == len(scenes())


@pytest.mark.slow
def test_without_a_gpu_nothing_of_it_is_imported() -> None:
    code = (
        "import sys, torch; from clipmatrix.render.pipeline import rasterizer_for; "
        "rasterizer_for(torch.device('cpu')); rasterizer_for(torch.device('meta')); "
        "sys.exit('triton' in sys.modules or 'clipmatrix.render.rasterize_triton' in sys.modules)"
    )
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=False, timeout=300)
    assert done.returncode == 0


@pytest.mark.gpu
@pytest.mark.parametrize("number", range(5))
def test_compiled_it_shows_the_same_faces(number: int) -> None:
    vertices, faces, size = scenes()[number]
    mine = rasterizer_for(torch.device("cuda")).visibility(vertices.cuda(), faces.cuda(), size)
    wanted = CpuRasterizer().visibility(vertices, faces, size)
    assert torch.equal(mine.face_ids.cpu(), wanted.face_ids)
    assert torch.allclose(mine.depth.cpu(), wanted.depth, rtol=0, atol=1e-6)


def test_the_scenes_show_something_on_the_cpu() -> None:
    for vertices, faces, size in scenes()[:4]:
        mine = CpuRasterizer().visibility(vertices, faces, size)
        assert torch.equal(mine.face_ids, ReferenceRasterizer().visibility(vertices, faces, size).face_ids)
        assert (mine.face_ids >= 0).any()
    assert isinstance(rasterizer_for(torch.device("cpu")), CpuRasterizer)
