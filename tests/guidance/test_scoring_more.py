"""Keeping away, changes against a neutral text, and pooling: closed forms and gradients."""

import math

import pytest
import torch
from torch import Tensor

from clipmatrix.errors import ConfigError
from clipmatrix.guidance.scoring import ScoreConfig, avoid_scores, delta_scores, mixed_scores, pool_scores


def _units(generator: torch.Generator, num: int, width: int = 5) -> Tensor:
    rows = torch.randn(num, width, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(rows, dim=1)


def test_keeping_away_is_minus_the_cosine_and_the_probability_of_the_others() -> None:
    """Own cosine 0.6, one rival at 0.8, temperature 0.1: 1 - p = e^8 / (e^6 + e^8) = 0.880797."""
    picture = torch.tensor([[0.6, 0.8]], dtype=torch.float64)
    own, rival = torch.eye(2, dtype=torch.float64)
    config = ScoreConfig(cosine_weight=2.0, contrast_weight=3.0, temperature=0.1)
    score = avoid_scores(picture, own[None], rival[None], config)
    assert score.item() == pytest.approx(-2.0 * 0.6 + 3.0 * math.log(0.880797), abs=1e-5)


def test_keeping_away_stops_pushing_where_nobody_would_take_it_for_the_text() -> None:
    own, rival = torch.eye(2, dtype=torch.float64)
    config = ScoreConfig(cosine_weight=0.0, contrast_weight=1.0)
    slopes = []
    for picture in ([1.0, 0.0], [0.0, 1.0]):
        seen = torch.tensor([picture], dtype=torch.float64, requires_grad=True)
        avoid_scores(seen, own[None], rival[None], config).sum().backward()
        assert seen.grad is not None
        slopes.append(float(seen.grad.norm()))
    assert slopes[0] > 10.0
    assert slopes[1] < 1e-6


def test_following_and_keeping_away_pull_apart(generator: torch.Generator) -> None:
    own, rivals = _units(generator, 1), _units(generator, 6)
    picture = _units(generator, 1).requires_grad_()
    slopes = [
        torch.autograd.grad(score(picture, own, rivals, ScoreConfig()).sum(), picture)[0]
        for score in (mixed_scores, avoid_scores)
    ]
    assert float((slopes[0] * slopes[1]).sum()) < 0


def test_changes_are_compared_and_not_places() -> None:
    """From (1, 0, 0) to (0, 1, 0), asked for the same change from elsewhere: 1; the opposite one: -1; none: 0."""
    bare, seen, neutral = torch.eye(3, dtype=torch.float64)
    target = neutral + seen - bare
    assert delta_scores(seen[None], bare[None], target[None], neutral).item() == pytest.approx(1.0)
    assert delta_scores(bare[None], seen[None], target[None], neutral).item() == pytest.approx(-1.0)
    assert delta_scores(seen[None], seen[None], target[None], neutral).item() == 0.0


def test_gradients_of_the_new_scores(generator: torch.Generator) -> None:
    own, rivals, bare, neutral = (_units(generator, num) for num in (2, 4, 2, 1))
    pictures = _units(generator, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: avoid_scores(x, own, rivals, ScoreConfig()), (pictures,))
    assert torch.autograd.gradcheck(lambda x: delta_scores(x, bare, own, neutral[0]), (pictures,))
    still = bare.clone().requires_grad_()
    delta_scores(still, bare, own, neutral[0]).sum().backward()
    assert still.grad is not None
    assert bool(still.grad.isfinite().all())


@pytest.mark.parametrize(("pooling", "expected"), [("mean", 2.0), ("max", 4.0), ("mixed", 3.0)])
def test_pooling(pooling, expected: float) -> None:
    assert pool_scores(torch.tensor([1.0, 1.0, 4.0, 2.0]), pooling).item() == expected


@pytest.mark.parametrize("setting", [{"delta_weight": -1.0}, {"neutral_text": "  "}])
def test_settings_that_make_no_sense(setting: dict) -> None:
    with pytest.raises(ConfigError):
        ScoreConfig(**setting)
