"""CLIP and SigLIP at the sizes that are published, from folders in the real format with random weights."""

from pathlib import Path

import pytest
import torch
from tests.guidance.checkpoints import write_clip, write_siglip

from clipmatrix.guidance.clip import load_clip
from clipmatrix.guidance.panel import build_panel


@pytest.mark.parametrize("size", [224, 256, 336, 384])
@pytest.mark.parametrize("write", [write_clip, write_siglip])
def test_published_sizes(write, size: int, tmp_path: Path, generator: torch.Generator) -> None:
    guidance = load_clip(str(write(tmp_path / "model", size)), precision="float32")
    assert guidance.image_size == size
    pixels = torch.rand(1, 3, 224, 224, generator=generator, requires_grad=True)
    row = guidance.encode_images(pixels)
    assert row.norm().item() == pytest.approx(1.0, abs=1e-5)
    (row @ guidance.encode_texts(["a zebra striped man"]).T).sum().backward()
    assert pixels.grad is not None
    # Every part of the picture is looked at, up to its corners.
    corners = pixels.grad[..., [0, 0, -1, -1], [0, -1, 0, -1]]
    assert bool((corners.abs().sum(dim=1) > 0).all())


def test_two_sizes_in_one_panel_see_the_same_picture(tmp_path: Path, generator: torch.Generator) -> None:
    members = [
        load_clip(str(write_clip(tmp_path / "clip", 224)), precision="float32"),
        load_clip(str(write_siglip(tmp_path / "siglip", 384)), precision="float32"),
    ]
    panel = build_panel(members)
    assert panel.image_size == 384
    picture = torch.rand(1, 3, 384, 384, generator=generator)
    assert panel.encode_images(picture).shape[1] == sum(m.encode_images(picture).shape[1] for m in members)
