"""How well pictures fit their texts, from embeddings alone; knows no encoder."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.errors import ConfigError

_SAME_TEXT = 0.9999
"""Cosine from which two texts count as one: near misses reach 0.998 and must keep counting as negatives."""


@dataclass(frozen=True)
class ScoreConfig:
    """How cosine and contrast are mixed.

    ``temperature`` is the cosine difference that counts as one nat: lower looks harder at the nearest negatives.
    """

    cosine_weight: float = 1.0
    contrast_weight: float = 0.2
    temperature: float = 0.05

    def __post_init__(self) -> None:
        for name in ("cosine_weight", "contrast_weight"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"{name} must be at least 0, not {value:g}")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ConfigError(f"temperature must be above zero, not {self.temperature:g}; use 0.05")


def cosine_scores(images: Float[Tensor, "b d"], targets: Float[Tensor, "b d"]) -> Float[Tensor, "b"]:
    """The cosine of each picture with its own text, in [-1, 1]; both are unit vectors."""
    return (images * targets).sum(dim=-1)


def contrast_scores(
    images: Float[Tensor, "b d"],
    targets: Float[Tensor, "b d"],
    negatives: Float[Tensor, "n d"],
    temperature: float = 0.05,
) -> Float[Tensor, "b"]:
    """The log-probability, at most 0, of each picture's own text among itself and the negatives.

    Its negative is the cross-entropy against the bank. A negative that equals a picture's own text is passed over
    for that picture. The gradient fades as the own text wins, so it goes together with the cosine. Zero without
    negatives.

    References: van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018, equation 4.
    """
    own = cosine_scores(images, targets)
    others = images @ negatives.T
    is_same = targets @ negatives.T > _SAME_TEXT
    others = others.masked_fill(is_same, -torch.inf)
    logits = torch.cat([own[:, None], others], dim=1) / temperature
    return torch.log_softmax(logits, dim=1)[:, 0]


def mixed_scores(
    images: Float[Tensor, "b d"],
    targets: Float[Tensor, "b d"],
    negatives: Float[Tensor, "n d"],
    config: ScoreConfig,
) -> Float[Tensor, "b"]:
    """Cosine and contrast by the weights of the config; more is better."""
    cosine = cosine_scores(images, targets)
    if config.contrast_weight == 0:
        return config.cosine_weight * cosine
    contrast = contrast_scores(images, targets, negatives, config.temperature)
    return config.cosine_weight * cosine + config.contrast_weight * contrast
