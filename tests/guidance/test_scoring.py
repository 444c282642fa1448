"""Scores against closed forms."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from clipmatrix.errors import ConfigError
from clipmatrix.guidance.scoring import ScoreConfig, contrast_scores, cosine_scores, mixed_scores


def _unit(rows: int, generator: torch.Generator) -> Tensor:
    return normalize(torch.randn(rows, 6, generator=generator, dtype=torch.float64), dim=-1)


def test_cosine_of_known_angles() -> None:
    images = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    targets = torch.tensor([[1.0, 0.0], [0.0, -1.0], [0.8, 0.6]])
    assert cosine_scores(images, targets).tolist() == pytest.approx([1.0, -1.0, 0.96])


def test_contrast_against_one_equal_negative_is_a_coin() -> None:
    """Own text and one negative at the same cosine: probability 1/2 at any temperature."""
    image = torch.tensor([[1.0, 0.0, 0.0]])
    own, other = torch.tensor([[0.6, 0.8, 0.0]]), torch.tensor([[0.6, -0.8, 0.0]])
    for temperature in (0.01, 1.0):
        assert contrast_scores(image, own, other, temperature).item() == pytest.approx(-math.log(2), abs=1e-6)


def test_contrast_is_the_cross_entropy_of_the_library(generator: torch.Generator) -> None:
    images, targets, negatives = _unit(3, generator), _unit(3, generator), _unit(5, generator)
    for i in range(3):
        logits = torch.cat([targets[i : i + 1], negatives]) @ images[i] / 0.07
        expected = -cross_entropy(logits[None], torch.tensor([0]))
        found = contrast_scores(images[i : i + 1], targets[i : i + 1], negatives, 0.07)
        assert found.item() == pytest.approx(expected.item())


def test_the_own_text_among_the_negatives_changes_nothing(generator: torch.Generator) -> None:
    images, targets, negatives = _unit(2, generator), _unit(2, generator), _unit(4, generator)
    plain = contrast_scores(images[:1], targets[:1], torch.cat([negatives, targets[1:]]))
    found = contrast_scores(images, targets, torch.cat([negatives, targets]))
    assert found[0].item() == pytest.approx(plain.item())
    pixels = images.clone().requires_grad_()
    contrast_scores(pixels, targets, targets).sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.isfinite().all()


def test_no_negatives_is_certainty(generator: torch.Generator) -> None:
    images = _unit(2, generator)
    assert contrast_scores(images, images, images[:0]).tolist() == [0.0, 0.0]


def test_mixing(generator: torch.Generator) -> None:
    images, targets, negatives = _unit(3, generator), _unit(3, generator), _unit(5, generator)
    found = mixed_scores(images, targets, negatives, ScoreConfig(2.0, 0.5, 0.1))
    expected = 2 * cosine_scores(images, targets) + 0.5 * contrast_scores(images, targets, negatives, 0.1)
    assert torch.allclose(found, expected)
    only_cosine = mixed_scores(images, targets, negatives, ScoreConfig(contrast_weight=0.0))
    assert torch.equal(only_cosine, cosine_scores(images, targets))


def test_gradients(generator: torch.Generator) -> None:
    images, targets, negatives = _unit(2, generator).requires_grad_(), _unit(2, generator), _unit(3, generator)
    assert torch.autograd.gradcheck(lambda x: mixed_scores(x, targets, negatives, ScoreConfig()), images)


@pytest.mark.parametrize("setting", [{"temperature": 0.0}, {"temperature": math.nan}, {"cosine_weight": -1.0}])
def test_settings_that_make_no_sense(setting: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        ScoreConfig(**setting)
