"""The compiled looks against their plain torch twin: values and gradients."""

import pytest
import torch
from torch import Tensor

from clipmatrix.guidance.augment import homography, mix_looks_reference
from clipmatrix.guidance.augment_cpu import mix_looks


def draw(
    num: int, size: tuple[int, int], looks: int, side: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Renders that are empty in places, windows that are bent and reach outside, and backgrounds; in float64."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, dtype=torch.float64, generator=generator)

    alpha = uniform(num, *size, 1)
    alpha[:, : size[0] // 3] = 0.0
    alpha[:, -(size[0] // 4) :] = 1.0
    rgb = alpha * uniform(num, *size, 3)
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64)
    bent = corners + 0.5 * uniform(num * looks, 4, 2) - 0.2
    return rgb, alpha, homography(corners.expand_as(bent), bent), uniform(num * looks, 3, side, side)


@pytest.mark.parametrize(("size", "scale"), [((24, 24), 1), ((20, 33), 2), ((60, 60), 3)])
def test_equals_the_twin(size: tuple[int, int], scale: int, generator: torch.Generator) -> None:
    rgb, alpha, matrices, backgrounds = draw(3, size, 2, 20, generator)
    weight = torch.randn(backgrounds.shape, dtype=torch.float64, generator=generator)
    results = []
    for mix in (mix_looks, mix_looks_reference):
        leaves = rgb.clone().requires_grad_(), alpha.clone().requires_grad_()
        pictures = mix(*leaves, matrices, backgrounds, scale)
        (pictures * weight).sum().backward()
        results.append([pictures.detach(), *(leaf.grad for leaf in leaves)])
    # The compiled power is float32's.
    for mine, wanted in zip(*results, strict=True):
        torch.testing.assert_close(mine, wanted, atol=1e-5, rtol=1e-5)


def test_black_on_black_has_a_gradient(generator: torch.Generator) -> None:
    """Below the knee the display's curve is steepest: 12.92."""
    rgb, alpha = torch.zeros(1, 8, 8, 3).requires_grad_(), torch.ones(1, 8, 8, 1)
    mix_looks(rgb, alpha, torch.eye(3)[None], torch.zeros(1, 3, 8, 8), 1).sum().backward()
    torch.testing.assert_close(rgb.grad, torch.full((1, 8, 8, 3), 12.92))


def test_beyond_the_horizon_is_background() -> None:
    rgb, alpha, behind = torch.ones(1, 8, 8, 3), torch.ones(1, 8, 8, 1), torch.full((1, 3, 8, 8), 0.25)
    matrix = torch.eye(3)[None].clone()
    matrix[0, 2] = torch.tensor([1.0, 0.0, 0.0])
    picture = mix_looks(rgb, alpha, matrix, behind, 1)
    assert torch.equal(picture[..., :4], behind[..., :4])
    torch.testing.assert_close(picture, mix_looks_reference(rgb, alpha, matrix, behind, 1))


def test_backgrounds_stay_as_they_were() -> None:
    backgrounds = torch.full((2, 3, 8, 8), 0.5)
    mix_looks(torch.ones(1, 8, 8, 3), torch.ones(1, 8, 8, 1), torch.eye(3).expand(2, 3, 3), backgrounds, 1)
    assert torch.equal(backgrounds, torch.full((2, 3, 8, 8), 0.5))
