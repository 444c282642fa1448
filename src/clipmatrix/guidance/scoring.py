"""How well pictures fit their texts, from embeddings alone; knows no encoder."""

import math
from dataclasses import dataclass
from typing import Literal

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
    ``pooling`` is how the pictures of one prompt in one step count: by their ``mean``, by the best one (``max``), or
    ``mixed``, half of each. ``delta_weight`` adds the cosine between two changes: that of the picture from a picture of
    the bare body in plain grey, and that of the text from ``neutral_text``; it doubles what rendering and encoder cost.

    References: mixed pooling, Jetchev's published code, 2022; changes, Gao et al., "TextDeformer", SIGGRAPH 2023.
    """

    cosine_weight: float = 1.0
    contrast_weight: float = 0.2
    temperature: float = 0.05
    pooling: Literal["mean", "max", "mixed"] = "mean"
    delta_weight: float = 0.0
    neutral_text: str = "a person"

    def __post_init__(self) -> None:
        if not self.neutral_text.strip():
            raise ConfigError("neutral_text must not be empty: say what the bare body is, such as a person")
        for name in ("cosine_weight", "contrast_weight", "delta_weight"):
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


def avoid_scores(
    images: Float[Tensor, "b d"],
    targets: Float[Tensor, "b d"],
    negatives: Float[Tensor, "n d"],
    config: ScoreConfig,
) -> Float[Tensor, "b"]:
    """How well each picture keeps away from its own text: minus the cosine, and the log-probability of the others.

    The opposite of ``mixed_scores``, but for the contrast: log(1 - p) stops pushing where nobody would take the picture
    for the text any more, and minus log p never would.
    """
    own = cosine_scores(images, targets)
    if config.contrast_weight == 0:
        return -config.cosine_weight * own
    others = (images @ negatives.T).masked_fill(targets @ negatives.T > _SAME_TEXT, -torch.inf)
    logits = torch.cat([own[:, None], others], dim=1) / config.temperature
    away = torch.logsumexp(logits[:, 1:], dim=1) - torch.logsumexp(logits, dim=1)
    return config.contrast_weight * away - config.cosine_weight * own


def delta_scores(
    images: Float[Tensor, "b d"],
    bare_images: Float[Tensor, "b d"],
    targets: Float[Tensor, "b d"],
    neutral: Float[Tensor, "d"],
) -> Float[Tensor, "b"]:
    """The cosine between how each picture differs from that of the bare body, and its text from the neutral one.

    In [-1, 1]; 0 where either does not differ. The gradient is finite there.

    References: Gao et al., "TextDeformer: Geometry Manipulation using Text Guidance", SIGGRAPH 2023, eq. 5.
    """
    seen = torch.nn.functional.normalize(images - bare_images, dim=-1, eps=1e-4)
    asked = torch.nn.functional.normalize(targets - neutral, dim=-1, eps=1e-4)
    return (seen * asked).sum(dim=-1)


def pool_scores(scores: Float[Tensor, "b"], pooling: Literal["mean", "max", "mixed"]) -> Float[Tensor, ""]:
    """One score of several pictures of one prompt: their mean, their best, or half of each."""
    match pooling:
        case "mean":
            return scores.mean()
        case "max":
            return scores.amax()
        case "mixed":
            return 0.5 * (scores.mean() + scores.amax())


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
