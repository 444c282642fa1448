"""How well pictures fit their texts, as a score and as a loss; knows nothing of how pictures are made."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.prompts import VIEWS, Prompt, contrast_texts, view_words
from clipmatrix.guidance.scoring import (
    ScoreConfig,
    avoid_scores,
    cosine_scores,
    delta_scores,
    mixed_scores,
    pool_scores,
)
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
        # A prompt with view words is one text for each view; ``_first`` is where a prompt's texts begin.
        texts = [_texts(prompt) for prompt in prompts]
        first = torch.tensor([sum(len(before) for before in texts[:i]) for i in range(len(texts))])
        has_views = torch.tensor([prompt.view_words for prompt in prompts], dtype=torch.bool)
        signs = torch.tensor([1.0 if prompt.weight > 0 else -1.0 for prompt in prompts])
        self._is_followed = signs.gt(0).tolist()
        self._prompt_of = [i for i, own in enumerate(texts) for _ in own]
        flat = [text for own in texts for text in own]
        with torch.no_grad():
            self._targets = guidance.encode_texts(flat).float()
            self._first, self._has_views, self._signs = (x.to(self._targets.device) for x in (first, has_views, signs))
            self._rivals = [rival_embeddings(guidance, text) for text in flat]
            neutral = guidance.encode_texts([config.neutral_text]) if config.delta_weight else None
            self._neutral = None if neutral is None else neutral[0].float()

    @property
    def wants_bare(self) -> bool:
        """Whether it compares pictures with those of the bare body."""
        return self._neutral is not None

    def __call__(
        self,
        embeddings: Float[Tensor, "b d"],
        prompt_ids: Int64[Tensor, "b"],
        azimuths: Float[Tensor, "b"] | None = None,
        bare: Float[Tensor, "b d"] | None = None,
    ) -> Scores:
        """The mean loss over the pictures and their cosines (without gradient).

        Prompts are weighed by how many pictures each gets. ``azimuths`` in radians are for prompts with view words;
        ``bare`` are the embeddings of the same views of the bare body, where ``wants_bare``. Prompts of negative weight
        count with the opposite sign in both.
        """
        embeddings = embeddings.float()
        text_ids = self._text_ids(prompt_ids, azimuths)
        targets = self._targets.index_select(0, text_ids)
        signs = self._signs.index_select(0, prompt_ids)
        loss = embeddings.new_zeros(())
        for text_id, rivals in enumerate(self._rivals):
            rows = torch.nonzero(text_ids == text_id).squeeze(1)
            if not len(rows):
                continue
            mine = embeddings.index_select(0, rows), targets.index_select(0, rows)
            is_followed = self._is_followed[self._prompt_of[text_id]]
            scores = (mixed_scores if is_followed else avoid_scores)(*mine, rivals, self._config)
            if self._neutral is not None and bare is not None:
                change = delta_scores(mine[0], bare.float().index_select(0, rows), mine[1], self._neutral)
                scores = scores + (self._config.delta_weight if is_followed else -self._config.delta_weight) * change
            if self._config.pooling == "mean":
                loss = loss - scores.sum()
            else:
                loss = loss - len(rows) * pool_scores(scores, self._config.pooling)
        return Scores(loss / len(prompt_ids), signs * cosine_scores(embeddings.detach(), targets))

    def _text_ids(self, prompt_ids: Int64[Tensor, "b"], azimuths: Float[Tensor, "b"] | None) -> Int64[Tensor, "b"]:
        first = self._first.index_select(0, prompt_ids)
        if azimuths is None or not bool(self._has_views.any()):
            return first
        views = torch.tensor([VIEWS.index(view_words(azimuth)) for azimuth in azimuths.tolist()], device=first.device)
        return first + views * self._has_views.index_select(0, prompt_ids)


def _texts(prompt: Prompt) -> list[str]:
    """What its pictures are compared with: the text, or one for each view in the order of ``VIEWS``."""
    return [f"{view} of {prompt.text}" for view in VIEWS] if prompt.view_words else [prompt.target]
