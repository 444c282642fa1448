"""The compiled lookups against their plain torch twin: values and gradients, also of odd and narrow textures."""

import pytest
import torch
from torch import Tensor

from clipmatrix.render.texture import coarsest_level, sample_texture_reference
from clipmatrix.render.texture_cpu import read_trilinear

SIZES = [(16, 16), (16, 4), (9, 6), (1, 7), (5, 1), (2, 2)]


def draw(size: tuple[int, int], num: int, generator: torch.Generator, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """A texture, points inside and outside of it, levels on and between whole ones, and weights of what is read."""
    texture = torch.rand(*size, 3, generator=generator, dtype=dtype)
    uv = torch.rand(num, 2, generator=generator, dtype=dtype) * 1.2 - 0.1
    level = torch.rand(num, generator=generator, dtype=dtype) * coarsest_level(size)
    level[:3] = torch.tensor([0.0, 1.0, coarsest_level(size)], dtype=dtype)
    return texture, uv, level, torch.randn(num, 3, generator=generator, dtype=dtype)


@pytest.mark.parametrize("size", SIZES)
def test_equals_the_twin(size: tuple[int, int], generator: torch.Generator) -> None:
    texture, uv, level, weight = draw(size, 80, generator, torch.float64)
    results = []
    for read in (read_trilinear, sample_texture_reference):
        leaves = texture.clone().requires_grad_(), uv.clone().requires_grad_()
        out = read(*leaves, level)
        (out * weight).sum().backward()
        results.append([out.detach(), *(leaf.grad for leaf in leaves)])
    for mine, wanted in zip(*results, strict=True):
        torch.testing.assert_close(mine, wanted)


@pytest.mark.parametrize("size", SIZES)
def test_gradients_in_float64(size: tuple[int, int], generator: torch.Generator) -> None:
    texture, uv, level, _ = draw(size, 12, generator, torch.float64)
    inputs = texture.requires_grad_(), (0.8 * uv + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda t, p: read_trilinear(t, p, level), inputs)


def test_planes_and_rows_of_texels_give_the_same_bits(generator: torch.Generator) -> None:
    texture, uv, level, weight = draw((32, 16), 90, generator, torch.float32)
    planes = texture.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    found = []
    for form in (texture, planes):
        leaf = form.detach().requires_grad_()
        out = read_trilinear(leaf, uv, level)
        (out * weight).sum().backward()
        found.append((out.detach(), leaf.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


def test_what_is_no_number_reads_a_texel_of_the_texture() -> None:
    texture = torch.rand(8, 8, 3)
    nan = float("nan")
    uv = torch.tensor([[nan, 0.5], [float("inf"), nan], [-float("inf"), 1e30]])
    out = read_trilinear(texture, uv, torch.tensor([0.0, nan, 2.0]))
    assert torch.isfinite(out).all()


def test_without_a_gradient_of_the_texture() -> None:
    uv = torch.tensor([[0.4, 0.6]]).requires_grad_()
    columns = torch.arange(4.0).expand(4, 4)[..., None]
    read_trilinear(columns, uv, torch.zeros(1)).sum().backward()
    # One texel to the right is a quarter of the texture, and one more.
    torch.testing.assert_close(uv.grad, torch.tensor([[4.0, 0.0]]))
