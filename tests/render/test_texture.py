"""Mip-mapped lookups: orientation, levels, and a naive twin that reads one point at a time."""

import pytest
import torch
from torch import Tensor

from clipmatrix.render.texture import build_pyramid, mip_levels, sample_texture


def bilinear(level: Tensor, u: float, v: float) -> Tensor:
    """One clamped bilinear lookup, by hand."""
    rows, columns, _ = level.shape
    x = min(max(u * columns - 0.5, 0.0), columns - 1.0)
    y = min(max(v * rows - 0.5, 0.0), rows - 1.0)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, columns - 1), min(y0 + 1, rows - 1)
    upper = level[y0, x0] * (1 - x + x0) + level[y0, x1] * (x - x0)
    lower = level[y1, x0] * (1 - x + x0) + level[y1, x1] * (x - x0)
    return upper * (1 - y + y0) + lower * (y - y0)


def still(num: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros(num, 2, dtype=dtype)


@pytest.mark.parametrize("size", [(16, 16), (16, 4), (9, 6)])
def test_against_one_point_at_a_time(size: tuple[int, int], generator: torch.Generator) -> None:
    texture = torch.rand(*size, 3, generator=generator)
    uv = torch.rand(60, 2, generator=generator) * 1.2 - 0.1
    per_column = torch.randn(60, 2, generator=generator) * torch.logspace(-3, 0.5, 60)[torch.randperm(60)][:, None]
    per_row = torch.randn(60, 2, generator=generator) * 0.01
    level = mip_levels(per_column, per_row, size)
    assert level.floor().unique().numel() >= 3
    pyramid = build_pyramid(texture, 20)
    expected = []
    for (u, v), at in zip(uv.tolist(), level.tolist(), strict=True):
        fine = min(int(at), len(pyramid) - 2)
        expected.append(torch.lerp(bilinear(pyramid[fine], u, v), bilinear(pyramid[fine + 1], u, v), at - fine))
    found = sample_texture(texture, uv, per_column, per_row)
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-5, rtol=0)


def test_origin_is_at_the_top_left() -> None:
    texture = torch.arange(12.0).reshape(2, 6, 1)
    uv = torch.tensor([[0.5 / 6, 0.25], [5.5 / 6, 0.25], [0.5 / 6, 0.75]])
    assert sample_texture(texture, uv, still(3), still(3)).squeeze(1).tolist() == pytest.approx(
        [0.0, 5.0, 6.0], abs=1e-5
    )


def test_level_is_the_logarithm_of_the_longer_step() -> None:
    """On 64 rows and 32 columns a step of s texels reads level log2 s: 1 -> 0, 4 -> 2, 6 -> 2.585; 64 at most -> 6."""
    across = torch.tensor([[1 / 32, 0.0], [4 / 32, 0.0], [0.0, 1 / 64], [9.0, 0.0], [0.0, 0.0]])
    down = torch.tensor([[0.0, 0.2 / 64], [0.0, 2 / 64], [0.0, 6 / 64], [0.0, 0.0], [0.0, 0.0]])
    assert mip_levels(across, down, (64, 32)).tolist() == pytest.approx([0.0, 2.0, 2.5849625, 6.0, 0.0])


def test_pyramid_keeps_the_mean_and_ends_in_one_texel(generator: torch.Generator) -> None:
    texture = torch.rand(32, 8, 3, generator=generator)
    pyramid = build_pyramid(texture, 99)
    assert [tuple(level.shape[:2]) for level in pyramid] == [(32, 8), (16, 4), (8, 2), (4, 1), (2, 1), (1, 1)]
    for level in pyramid:
        torch.testing.assert_close(level.mean((0, 1)), texture.mean((0, 1)))
    assert len(build_pyramid(texture, 2)) == 2


def test_each_point_gives_its_whole_gradient(generator: torch.Generator) -> None:
    """A lookup's weights sum to one on every level, so the gradient of the sum of n lookups sums to n."""
    texture = torch.rand(32, 32, 3, generator=generator).requires_grad_()
    uv, step = torch.rand(70, 2, generator=generator), torch.rand(70, 2, generator=generator) * 0.3
    sample_texture(texture, uv, step, step * 0.1).sum().backward()
    torch.testing.assert_close(texture.grad.sum((0, 1)), torch.full((3,), 70.0))
    # A coarse lookup reaches more texels than a bilinear one's four.
    assert (texture.grad[..., 0] > 0).float().mean() > 0.5


def test_gradients_in_float64(generator: torch.Generator) -> None:
    texture = torch.rand(8, 8, 2, dtype=torch.float64, generator=generator).requires_grad_()
    uv = (torch.rand(12, 2, dtype=torch.float64, generator=generator) * 0.8 + 0.1).requires_grad_()
    step = torch.rand(12, 2, dtype=torch.float64, generator=generator) * 0.6
    assert torch.autograd.gradcheck(lambda t, p: sample_texture(t, p, step, step), (texture, uv))


def test_single_texel_and_no_points() -> None:
    plain = torch.tensor([[[0.1, 0.2, 0.3]]]).requires_grad_()
    uv = torch.rand(5, 2)
    out = sample_texture(plain, uv, uv, uv)
    assert torch.equal(out, plain.reshape(1, 3).expand(5, 3))
    out.sum().backward()
    assert torch.equal(plain.grad, torch.full((1, 1, 3), 5.0))
    assert sample_texture(torch.rand(4, 4, 3), still(0), still(0), still(0)).shape == (0, 3)
