"""Several encoders that judge together, each with an equal say; knows none of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.errors import ModelError
from clipmatrix.guidance.base import CoarseGuidance, Guidance, WordGuidance
from clipmatrix.guidance.pictures import PicturedGuidance
from clipmatrix.guidance.prompts import NEUTRAL_TEXTS

_YARDSTICK = (
    *NEUTRAL_TEXTS,
    "a red person",
    "a blue person",
    "a green person",
    "a golden statue",
    "a stone giant",
    "a wooden puppet",
    "a zebra striped man",
    "a robot",
    "an old woman",
    "a monster with horns",
)
"""Texts whose cosines tell how far an encoder spreads what it is asked."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Encoders behind one ``Guidance``: unit embeddings side by side, each scaled by the root of its share.

    The product of two such rows is the mean of the encoders' cosines by ``shares``, which sum to one.
    """

    members: tuple[Guidance, ...]
    shares: tuple[float, ...]

    @property
    def name(self) -> str:
        """The members' names, joined."""
        return " + ".join(member.name for member in self.members)

    @property
    def image_size(self) -> int:
        """The largest of the members' sides: the others shrink what they see."""
        return max(member.image_size for member in self.members)

    def encode_texts(self, texts: Sequence[str]) -> Float[Tensor, "p d"]:
        """Unit embeddings of the texts; without gradient."""
        return self._join([member.encode_texts(texts) for member in self.members])

    def encode_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Unit embeddings of sRGB pictures; gradients reach the pixels through all members."""
        return self._join([member.encode_images(images) for member in self.members])

    def fit_text(self, text: str) -> str:
        """What the member that reads least reads of the text."""
        return min((member.fit_text(text) for member in self.members), key=len)

    def _join(self, rows: list[Float[Tensor, "n _"]]) -> Float[Tensor, "n d"]:
        scaled = [math.sqrt(share) * row.float() for share, row in zip(self.shares, rows, strict=True)]
        return torch.cat(scaled, dim=-1)


def build_panel(members: Sequence[Guidance]) -> Guidance:
    """The members as one guidance; a single one as it is.

    Shares are inverse to how far a member's cosines spread over fixed texts: one with cosines from 0.2 to 0.3 would
    have no say beside one with cosines from -1 to 1.

    Raises:
        ModelError: there is no member, or one that tells no two texts apart.
    """
    if not members:
        raise ModelError("there is no encoder: name one, such as mini")
    if len(members) == 1:
        return members[0]
    weights = []
    for member in members:
        with torch.no_grad():
            rows = member.encode_texts(_YARDSTICK).double()
        cosines = (rows @ rows.T)[~torch.eye(len(rows), dtype=torch.bool, device=rows.device)]
        spread = float(cosines.std())
        if not spread > 1e-6:
            raise ModelError(
                f"the encoder {member.name} tells no two texts apart: its weights may be broken; leave it out"
            )
        weights.append(1.0 / spread)
    return Panel(tuple(members), tuple(weight / sum(weights) for weight in weights))


def word_guidances(guidance: Guidance) -> tuple[WordGuidance, ...]:
    """The encoders in it that can tell which words they do not know."""
    return tuple(member for member in _members(guidance) if isinstance(member, WordGuidance))


def coarse_guidance(guidance: Guidance) -> CoarseGuidance | None:
    """The encoder in it whose slopes are coarse; None where another one judges beside it, or instead."""
    members = _members(guidance)
    return members[0] if len(members) == 1 and isinstance(members[0], CoarseGuidance) else None


def _members(guidance: Guidance) -> tuple[Guidance, ...]:
    inner = guidance.inner if isinstance(guidance, PicturedGuidance) else guidance
    return inner.members if isinstance(inner, Panel) else (inner,)
