"""The sRGB curve against published points, its inverse, and its gradients."""

import pytest
import torch

from clipmatrix.colour import linear_from_srgb, srgb_from_linear
from clipmatrix.render import colour as render_colour


@pytest.mark.parametrize(
    ("srgb_byte", "linear"),
    # 128/255 = 0.50196: ((0.50196 + 0.055) / 1.055) ** 2.4 = 0.21586; 10/255 = 0.039216 is on the straight part.
    [(0, 0.0), (10, 0.039216 / 12.92), (128, 0.21586), (188, 0.50289), (255, 1.0)],
)
def test_known_points(srgb_byte: int, linear: float) -> None:
    found = linear_from_srgb(torch.tensor([srgb_byte / 255]))
    assert found.item() == pytest.approx(linear, abs=2e-5)


def test_round_trip_of_every_byte_and_beyond() -> None:
    x = torch.linspace(-0.2, 1.5, 2001, dtype=torch.float64)
    assert torch.allclose(srgb_from_linear(linear_from_srgb(x)), x, atol=1e-6)


def test_gradients_agree_with_differences_and_are_finite_at_zero() -> None:
    x = torch.tensor([1e-4, 0.01, 0.2, 0.9], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(srgb_from_linear, x)
    assert torch.autograd.gradcheck(linear_from_srgb, x)
    zero = torch.zeros(3, requires_grad=True)
    srgb_from_linear(zero).sum().backward()
    assert zero.grad is not None
    assert torch.allclose(zero.grad, torch.full((3,), 12.92))


def test_the_renderer_uses_the_same_curve() -> None:
    assert render_colour.srgb_from_linear is srgb_from_linear
    assert render_colour.linear_from_srgb is linear_from_srgb
