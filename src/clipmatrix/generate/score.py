"""How well pictures fit their texts, as a score and as a loss; knows nothing of how pictures are made."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from clipmatrix.config import ScoreConfig
from clipmatrix.guidance.base import Guidance

TOO_NEAR = 0.9
"""Bank texts of a higher cosine to the prompt say the same, and do not count against it."""

_COLORS = ("red", "blue", "green", "yellow", "purple", "orange", "pink", "black", "white", "grey", "brown")
_STUFFS = ("stone", "wooden", "golden", "silver", "glass", "ice", "lava", "leather", "furry", "mossy", "rusty")
_PATTERNS = ("striped", "spotted", "checkered", "marbled")
_BEINGS = ("a fat person", "a thin person", "a tall woman", "a muscular man", "a child", "a person")


def bank_texts(prompts: Sequence[str]) -> tuple[str, ...]:
    """Short descriptions of other looks, without those that share a telling word with a prompt.

    Near the truth but not it: what the picture must not be mistaken for. A bank text that names what the prompt names
    would be no mistake, so those are left out.
    """
    said = {word for prompt in prompts for word in "".join(c if c.isalnum() else " " for c in prompt.lower()).split()}
    looks = [word for word in (*_COLORS, *_STUFFS, *_PATTERNS) if word not in said]
    beings = [text for text in _BEINGS if not (set(text.split()) - {"a"}) & said]
    return tuple(f"a {word} person" if word[0] not in "aeiou" else f"an {word} person" for word in looks) + tuple(
        beings
    )


@dataclass(frozen=True, eq=False)
class Scores:
    """The loss to descend and each picture's cosine to its own text."""

    loss: Float[Tensor, ""]
    cosines: Float[Tensor, "b"]


class Scorer:
    """Compares picture embeddings with those of the prompts, and of a bank of other texts.

    The bare cosine is content with what many texts share; the cross-entropy asks for what this text alone says.

    References: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021
    (the contrast); Jain et al., "Zero-Shot Text-Guided Object Generation with Dream Fields", CVPR 2022 (the cosine).
    """

    def __init__(self, guidance: Guidance, texts: Sequence[str], weights: Sequence[float], config: ScoreConfig) -> None:
        self._config = config
        self._weights = torch.tensor(weights)
        with torch.no_grad():
            self._targets = guidance.encode_texts(list(texts)).float()
            self._bank = guidance.encode_texts(bank_texts(texts)).float()
            self._is_near: Bool[Tensor, "p n"] = self._targets @ self._bank.T > TOO_NEAR

    def __call__(self, embeddings: Float[Tensor, "b d"], prompt_ids: Int64[Tensor, "b"]) -> Scores:
        """The loss over the pictures, weighed by their prompts' weights, and the cosines (without gradient)."""
        embeddings = embeddings.float()
        targets = self._targets.index_select(0, prompt_ids)
        cosines = (embeddings * targets).sum(dim=1)
        bank = (embeddings @ self._bank.T).masked_fill(self._is_near.index_select(0, prompt_ids), -torch.inf)
        logits = torch.cat([cosines[:, None], bank], dim=1) / self._config.temperature
        confusion = torch.logsumexp(logits, dim=1) - logits[:, 0]
        weights = self._weights.index_select(0, prompt_ids)
        losses = self._config.contrast * confusion - cosines
        return Scores((weights * losses).sum() / weights.shape[0], cosines.detach())
