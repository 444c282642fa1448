"""Looks at renders: compositing by closed forms, windows that keep the figure, gradients, and the seed."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from clipmatrix.colour import linear_from_srgb, srgb_from_linear
from clipmatrix.errors import ConfigError
from clipmatrix.guidance.augment import AugmentConfig, compose, homography, look
from clipmatrix.guidance.backgrounds import KINDS, sample_backgrounds

STRAIGHT = AugmentConfig(
    num_looks=1, perspective_probability=0.0, crop_min=1.0, crop_max=1.0, detail_probability=0.0, min_foreground=0.0
)
SOLID = (1.0, 0.0, 0.0, 0.0, 0.0)


def _render(size: int, radius: float = 0.5, num: int = 1) -> tuple[Tensor, Tensor]:
    """A disc with a soft edge whose colours run over the picture, premultiplied."""
    line = (torch.arange(size) * 2 + 1) / size - 1
    distance = (line[:, None] ** 2 + line[None, :] ** 2).sqrt()
    alpha = ((radius - distance) * size / 4).clamp(0, 1)[None, ..., None].repeat(num, 1, 1, 1)
    color = torch.stack([(line[None] + 1).expand(size, size), (line[:, None] + 1).expand(size, size)], dim=-1) / 2
    color = torch.cat([color, torch.full((size, size, 1), 0.3)], dim=-1)
    return color * alpha, alpha


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_compose_mixes_light() -> None:
    """Half covered by linear 0.5 (premultiplied 0.25), over white: 0.25 + 0.5 = 0.75 linear."""
    rgb, alpha = torch.full((1, 2, 2, 3), 0.25), torch.full((1, 2, 2, 1), 0.5)
    found = compose(rgb, alpha, torch.ones(1, 1, 1, 3))
    assert found.shape == (1, 3, 2, 2)
    assert torch.allclose(found, srgb_from_linear(torch.full((1, 3, 2, 2), 0.75)))
    empty = compose(torch.zeros(2, 2, 2, 3), torch.zeros(2, 2, 2, 1), torch.full((1, 1, 1, 3), 0.4))
    assert torch.allclose(empty, torch.full((2, 3, 2, 2), 0.4), atol=1e-6)


def test_a_straight_look_is_the_composed_render() -> None:
    rgb, alpha = _render(48)
    found = look(rgb, alpha, 48, STRAIGHT, _seeded(0))
    background = found[0, :, 0, 0]
    corner_free = compose(rgb, alpha, background.expand(1, 48, 48, 3))
    config = replace(STRAIGHT, background_weights=SOLID)
    solid = look(rgb, alpha, 48, config, _seeded(3))
    expected = compose(rgb, alpha, solid[0, :, 0, 0].expand(1, 1, 1, 3))
    assert torch.allclose(solid, expected, atol=1e-5)
    # Whatever the background is, the middle of the figure hides it.
    assert torch.allclose(found[..., 20:28, 20:28], corner_free[..., 20:28, 20:28], atol=1e-5)


def test_shrinking_averages() -> None:
    rgb, alpha = _render(96)
    config = replace(STRAIGHT, background_weights=SOLID)
    found = look(rgb, alpha, 48, config, _seeded(3))
    background = linear_from_srgb(found[0, :, 0, 0])
    small = [torch.nn.functional.avg_pool2d(x.permute(0, 3, 1, 2), 2) for x in (rgb, alpha)]
    expected = srgb_from_linear(small[0] + (1 - small[1]) * background[:, None, None])
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("render_size", [24, 40, 72])
def test_sizes_and_order_of_looks(render_size: int) -> None:
    rgb, alpha = _render(render_size, 0.9, num=3)
    rgb = rgb * torch.tensor([0.0, 0.5, 1.0])[:, None, None, None]
    pictures = look(rgb, alpha, 32, AugmentConfig(num_looks=4, min_foreground=0.3), _seeded(1))
    assert pictures.shape == (12, 3, 32, 32)
    # The first four are of the black render: where its disc is black, nothing else is.
    darkest = pictures.amax(dim=1).amin(dim=(1, 2))
    assert (darkest[:4] < 1e-3).all()
    assert (darkest[8:] > 0.05).all()


def test_views_do_not_bleed_into_their_neighbours() -> None:
    """A white view, covered up to its borders, between two empty ones: these show their plain backgrounds."""
    rgb, alpha = torch.zeros(3, 40, 40, 3), torch.zeros(3, 40, 40, 1)
    rgb[1], alpha[1] = 1.0, 1.0
    config = AugmentConfig(num_looks=6, background_weights=SOLID)
    pictures = look(rgb, alpha, 40, config, _seeded(2)).reshape(3, 6, 3, -1)
    assert torch.equal(pictures[0], pictures[0][..., :1].expand_as(pictures[0]))
    assert torch.equal(pictures[2], pictures[2][..., :1].expand_as(pictures[2]))
    # A thin rim aside, white where it is not background.
    assert (pictures[1].amin(dim=1) > 1 - 1e-5).float().mean() > 0.4


def test_windows_keep_enough_of_the_figure() -> None:
    """A black disc of 0.2 in NDC through windows of a third: blind ones see it in few looks, redrawn ones in most."""
    rgb, alpha = _render(64, 0.2)
    blind = AugmentConfig(
        num_looks=300,
        background_weights=SOLID,
        perspective_probability=0.0,
        detail_probability=1.0,
        detail_min=0.3,
        detail_max=0.35,
        min_foreground=0.0,
    )
    shares = []
    for least in (0.0, 0.1):
        config = replace(blind, min_foreground=least)
        pictures = look(torch.zeros_like(rgb), alpha, 32, config, _seeded(4))
        shares.append(((pictures.amax(dim=1) < 0.02).float().mean(dim=(1, 2)) > 0.05).float().mean().item())
    assert shares[0] < 0.5
    assert shares[1] > shares[0] + 0.3


def test_an_empty_render_shows_background_only() -> None:
    rgb, alpha = torch.zeros(2, 32, 32, 3, requires_grad=True), torch.zeros(2, 32, 32, 1)
    pictures = look(rgb, alpha, 32, AugmentConfig(), _seeded(5))
    pictures.sum().backward()
    assert rgb.grad is not None
    assert rgb.grad.abs().max() == 0
    assert pictures.isfinite().all()


def test_flips_mirror() -> None:
    rgb, alpha = _render(32, 2.0)
    straight = look(rgb, alpha, 32, STRAIGHT, _seeded(6))
    flipped = look(rgb, alpha, 32, replace(STRAIGHT, flip_probability=1.0), _seeded(6))
    assert torch.allclose(straight.flip(-1), flipped, atol=1e-5)


def test_gradients_agree_with_differences() -> None:
    rgb, alpha = (x.double() for x in _render(12, 0.8, num=2))
    config = AugmentConfig(color_jitter=0.2, noise_std=0.05)
    assert torch.autograd.gradcheck(
        lambda r: look(r, alpha, 8, config, _seeded(7)), rgb.clone().requires_grad_(), atol=1e-4, fast_mode=True
    )
    # Of alpha only inside of the disc: a pixel that begins to be covered is a step from not being looked at.
    inside = alpha.gt(0.3).double()

    def of_alpha(change: Tensor) -> Tensor:
        return look(rgb, alpha + inside * change, 8, config, _seeded(7))

    assert torch.autograd.gradcheck(of_alpha, torch.zeros_like(alpha).requires_grad_(), atol=1e-4, fast_mode=True)


def test_the_seed_decides_all() -> None:
    rgb, alpha = _render(40, num=2)
    config = AugmentConfig(color_jitter=0.1, noise_std=0.02)
    first, again, other = (look(rgb, alpha, 32, config, _seeded(seed)) for seed in (8, 8, 9))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.01)

    def gradient() -> Tensor:
        leaf = rgb.clone().requires_grad_()
        look(leaf, alpha, 32, config, _seeded(8)).square().sum().backward()
        assert leaf.grad is not None
        return leaf.grad

    assert torch.equal(gradient(), gradient())


def test_homographies_take_corners_to_corners(generator: torch.Generator) -> None:
    square = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]).expand(50, 4, 2)
    moved = square * (1 - 0.5 * torch.rand(50, 4, 2, generator=generator))
    matrices = homography(moved, square)
    mapped = torch.cat([moved, torch.ones(50, 4, 1)], dim=-1) @ matrices.mT
    assert torch.allclose(mapped[..., :2] / mapped[..., 2:], square, atol=1e-4)
    # Straight lines stay straight: the middle of the diagonals' crossing is the crossing of the images.
    assert torch.allclose(homography(square[:1], square[:1])[0], torch.eye(3), atol=1e-6)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_backgrounds_of_each_kind(kind: int, generator: torch.Generator) -> None:
    weights = tuple(float(i == kind) for i in range(len(KINDS)))
    pictures = sample_backgrounds(40, 48, weights, generator)
    assert pictures.shape == (40, 3, 48, 48)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    num_colors = [len(torch.unique(picture.flatten(1).T, dim=0)) for picture in pictures]
    expected = {
        "solid": (1, 1),
        "checker": (2, 2),
        "gradient": (1000, 2304),
        "noise": (570, 576),
        "blobs": (1000, 2304),
    }
    low, high = expected[KINDS[kind]]
    assert low <= min(num_colors)
    assert max(num_colors) <= high
    # Bright and dark ones alike over many.
    assert 0.35 < pictures.mean() < 0.65


@pytest.mark.parametrize(
    "setting",
    [
        {"num_looks": 0},
        {"background_weights": (1.0, 1.0)},
        {"background_weights": (0.0,) * 5},
        {"background_weights": (1.0, 1.0, 1.0, 1.0, -1.0)},
        {"perspective_distortion": 1.0},
        {"crop_min": 0.0},
        {"crop_max": 0.5},
        {"noise_std": math.nan},
    ],
)
def test_settings_that_make_no_sense(setting: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        AugmentConfig(**setting)
