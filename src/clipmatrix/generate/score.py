"""How well pictures fit their texts, as a score and as a loss; knows nothing of how pictures are made."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.prompts import Prompt, contrast_texts
from clipmatrix.guidance.scoring import ScoreConfig, cosine_scores, mixed_scores
from clipmatrix.procedural.near_misses import write_near_misses

_COLORS = ("red", "blue", "green", "yellow", "purple", "orange", "pink", "black", "white", "grey", "brown")
_STUFFS = ("stone", "wooden", "golden", "silver", "glass", "ice", "lava", "leather", "furry", "mossy", "rusty")
_PATTERNS = ("striped", "spotted", "checkered", "marbled")
OTHER_LOOKS = tuple(f"{'an' if w[0] in 'aeiou' else 'a'} {w} person" for w in (*_COLORS, *_STUFFS, *_PATTERNS))
"""What many figures look like: a picture is of its own text only if it is of none of these."""

NEAR_SHARE = 0.4
"""Of the other looks, the share nearest to the text is left out: "a lava person" is no mistake for a volcanic demon."""


def rival_embeddings(guidance: Guidance, text: str) -> Float[Tensor, "n d"]:
    """What a picture of ``text`` must not be mistaken for: its near misses, unguided figures, and distant other looks.

    Which looks are distant is for the encoder to say, so that this works for words that no table knows.
    """
    target = guidance.encode_texts([text]).float()
    rivals = guidance.encode_texts(contrast_texts(text, tuple(write_near_misses(text)))).float()
    looks = guidance.encode_texts(OTHER_LOOKS).float()
    order = (looks @ target[0]).argsort(stable=True)
    distant = order[: round((1.0 - NEAR_SHARE) * len(OTHER_LOOKS))]
    return torch.cat([rivals, looks.index_select(0, distant)])


@dataclass(frozen=True, eq=False)
class Scores:
    """The loss to descend and each picture's cosine to its own text."""

    loss: Float[Tensor, ""]
    cosines: Float[Tensor, "b"]


class Scorer:
    """Compares picture embeddings with those of the prompts and of their rivals.

    The bare cosine is content with what many texts share; the cross-entropy asks for what this text alone says.

    References: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021
    (the contrast); Jain et al., "Zero-Shot Text-Guided Object Generation with Dream Fields", CVPR 2022 (the cosine).
    """

    def __init__(self, guidance: Guidance, prompts: Sequence[Prompt], config: ScoreConfig) -> None:
        self._config = config
        with torch.no_grad():
            self._targets = guidance.encode_texts([prompt.text for prompt in prompts]).float()
            self._rivals = [rival_embeddings(guidance, prompt.text) for prompt in prompts]

    def __call__(self, embeddings: Float[Tensor, "b d"], prompt_ids: Int64[Tensor, "b"]) -> Scores:
        """The mean loss over the pictures and their cosines (without gradient).

        Prompts are weighed by how many pictures each gets.
        """
        embeddings = embeddings.float()
        targets = self._targets.index_select(0, prompt_ids)
        loss = embeddings.new_zeros(())
        for prompt_id, rivals in enumerate(self._rivals):
            rows = torch.nonzero(prompt_ids == prompt_id).squeeze(1)
            mine = embeddings.index_select(0, rows), targets.index_select(0, rows)
            loss = loss - mixed_scores(*mine, rivals, self._config).sum()
        return Scores(loss / len(prompt_ids), cosine_scores(embeddings.detach(), targets))
