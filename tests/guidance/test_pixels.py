"""The preparation of pictures against PIL, closed forms and the files that transformers writes."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers.utils.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from clipmatrix.errors import ModelError
from clipmatrix.guidance.pixels import Preparation, patches_of, prepare_images, read_preparation

PLAIN = Preparation(32, 32, "bicubic", "crop", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
SQUASHED = Preparation(32, 32, "bilinear", "squash", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def _pil(images: Tensor, size: int, resample: int) -> Tensor:
    picture = Image.fromarray((images[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
    return torch.from_numpy(np.array(picture.resize((size, size), resample))).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize(("preparation", "resample"), [(PLAIN, 3), (SQUASHED, 2)])
def test_shrinking_is_that_of_pil(preparation: Preparation, resample: int, generator: torch.Generator) -> None:
    # Smooth pictures, so that nothing overshoots: PIL would clip it.
    images = torch.nn.functional.avg_pool2d(torch.rand(1, 3, 104, 104, generator=generator), 5, stride=1)
    found = prepare_images(images, preparation)
    assert (found - _pil(images, 32, resample)).abs().max() < 1.6 / 255


def test_growing_and_native_sizes(generator: torch.Generator) -> None:
    small = torch.rand(1, 3, 20, 20, generator=generator)
    assert prepare_images(small, PLAIN).shape == (1, 3, 32, 32)
    native = torch.rand(2, 3, 32, 32, generator=generator)
    assert torch.equal(prepare_images(native, PLAIN), native)


def test_crop_keeps_the_middle_and_squash_keeps_all() -> None:
    images = torch.zeros(1, 3, 32, 64)
    images[..., :16] = 1.0
    assert prepare_images(images, PLAIN).sum() == 0
    assert prepare_images(images, SQUASHED)[..., :7].min() == pytest.approx(1.0, abs=1e-5)


def test_a_larger_resize_than_crop_cuts_the_border() -> None:
    images = torch.ones(1, 3, 40, 40)
    images[..., 5:-5, 5:-5] = 0.0
    # 40 pixels stay 40, of which the middle 32 are kept: a border of one pixel out of five is left.
    cropped = prepare_images(images, Preparation(32, 40, "bicubic", "crop", (0.0,) * 3, (1.0,) * 3))
    assert cropped[0, 0, 0].tolist() == [1.0] * 32
    assert cropped[0, 0, 1].tolist() == [1.0] + [0.0] * 30 + [1.0]


def test_normalising_with_the_constants_of_the_library() -> None:
    settings = {"image_mean": OPENAI_CLIP_MEAN, "image_std": OPENAI_CLIP_STD, "size": 32}
    preparation = read_preparation(settings, PLAIN)
    assert list(preparation.mean) == OPENAI_CLIP_MEAN
    assert list(preparation.std) == OPENAI_CLIP_STD
    found = prepare_images(torch.tensor(OPENAI_CLIP_MEAN)[None, :, None, None].expand(1, 3, 32, 32), preparation)
    assert found.abs().max() < 1e-6


def test_gradients_reach_every_pixel_of_a_square_picture(generator: torch.Generator) -> None:
    images = torch.rand(1, 3, 50, 50, generator=generator, dtype=torch.float64, requires_grad=True)
    prepare_images(images, PLAIN).square().sum().backward()
    assert images.grad is not None
    assert (images.grad != 0).all()
    tiny = torch.rand(1, 3, 9, 9, generator=generator, dtype=torch.float64, requires_grad=True)
    small = Preparation(5, 6, "bicubic", "crop", (0.2, 0.3, 0.4), (0.5, 0.6, 0.7))
    assert torch.autograd.gradcheck(lambda x: prepare_images(x, small), tiny)


def test_old_and_new_files_say_the_same() -> None:
    old = read_preparation({"size": 48, "crop_size": 40, "resample": 3}, PLAIN)
    new = read_preparation(
        {"size": {"shortest_edge": 48}, "crop_size": {"height": 40, "width": 40}, "resample": 3}, SQUASHED
    )
    assert (old.size, old.resize_to, old.framing) == (40, 48, "crop")
    assert old == new
    squashed = read_preparation({"size": {"height": 40, "width": 40}, "resample": 2}, PLAIN)
    assert (squashed.size, squashed.framing, squashed.filter) == (40, "squash", "bilinear")


def test_switches_of_the_file_are_honoured() -> None:
    base = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    assert read_preparation({**base, "do_normalize": False}, PLAIN).mean == (0.0, 0.0, 0.0)
    # Bytes over 127.5 minus 1 is our [0, 1] minus 0.5, over 0.5.
    doubled = read_preparation({"image_mean": [1.0] * 3, "image_std": [1.0] * 3, "rescale_factor": 1 / 127.5}, PLAIN)
    assert doubled.mean == pytest.approx((0.5, 0.5, 0.5))
    assert doubled.std == pytest.approx((0.5, 0.5, 0.5))
    raw = read_preparation({"image_mean": [127.5] * 3, "image_std": [127.5] * 3, "do_rescale": False}, PLAIN)
    assert raw.mean == pytest.approx((0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    "settings",
    [
        {"image_mean": "half"},
        {"image_mean": [0.5, 0.5]},
        {"image_std": [0.5, None, 0.5]},
        {"size": {"height": "big"}},
        {"image_std": [0.5, 0.0, 0.5]},
        {"size": 0},
        {"size": 2.5},
        {"crop_size": {"width": 3}},
        {"rescale_factor": float("nan")},
    ],
)
def test_nonsense_is_refused_in_one_line(settings: dict) -> None:
    with pytest.raises(ModelError, match="preprocessor_config") as caught:
        read_preparation(settings, PLAIN)
    assert "\n" not in str(caught.value)


def test_patches_run_over_rows_then_columns() -> None:
    images = torch.arange(2 * 4 * 6, dtype=torch.float32).reshape(1, 2, 4, 6)
    # The second patch starts two columns to the right; its rows, columns and channels are flattened in this order.
    expected = [images[0, c, y, x].item() for y in (0, 1) for x in (2, 3) for c in (0, 1)]
    assert patches_of(images.repeat(1, 1, 1, 1), 2).shape == (1, 6, 8)
    assert patches_of(images, 2)[0, 1].tolist() == expected
