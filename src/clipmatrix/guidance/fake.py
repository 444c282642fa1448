"""A guidance without weights for tests: colour words pull the picture's mean colour; knows nothing else of language."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d, normalize

_COLORS: dict[str, tuple[float, float, float]] = {
    "red": (0.85, 0.1, 0.1),
    "orange": (0.95, 0.55, 0.1),
    "yellow": (0.95, 0.9, 0.15),
    "gold": (0.85, 0.65, 0.2),
    "golden": (0.85, 0.65, 0.2),
    "green": (0.15, 0.65, 0.2),
    "cyan": (0.1, 0.8, 0.85),
    "blue": (0.1, 0.2, 0.85),
    "purple": (0.5, 0.15, 0.65),
    "pink": (0.95, 0.55, 0.75),
    "brown": (0.45, 0.28, 0.13),
    "white": (0.97, 0.97, 0.97),
    "black": (0.03, 0.03, 0.03),
    "grey": (0.5, 0.5, 0.5),
    "gray": (0.5, 0.5, 0.5),
}
_MAX_WORDS = 40
_SIDE = 32
_NUM_TEXTURE = 12
_TEXTURE_WEIGHT = 0.15
_GREY = 0.15
"""A constant fourth colour coordinate, so that grey has a direction of its own and brightness counts."""


@dataclass(frozen=True, eq=False)
class FakeGuidance:
    """A deterministic stand-in for an encoder; quick, smooth and blind to everything but colour and coarse texture.

    A picture's embedding is its mean colour, weighted to the middle, beside a few fixed random convolutions. A
    text's is the mean of the colours that it names, beside a hash of its words.
    """

    kernels: Float[Tensor, "k 3 5 5"]
    window: Float[Tensor, "hs ws"]

    @property
    def name(self) -> str:
        """``fake``."""
        return "fake"

    @property
    def image_size(self) -> int:
        """Side of the pictures that it asks for; it looks at an average of them."""
        return 2 * _SIDE

    def encode_texts(self, texts: Sequence[str]) -> Float[Tensor, "p d"]:
        """Unit embeddings of the texts; a text that names no colour gets one by its hash."""
        rows = [_text_row(self.fit_text(text)) for text in texts]
        return normalize(torch.stack(rows), dim=-1).to(self.kernels.device)

    def encode_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Unit embeddings of sRGB pictures; differentiable everywhere."""
        small = adaptive_avg_pool2d(images, (_SIDE, _SIDE))
        color = (small * self.window).sum(dim=(-2, -1)) - 0.5
        grey = torch.full_like(color[:, :1], _GREY)
        texture = torch.tanh(conv2d(small - 0.5, self.kernels, stride=2)).mean(dim=(-2, -1))
        return normalize(torch.cat([color, grey, _TEXTURE_WEIGHT * texture], dim=1), dim=-1)

    def fit_text(self, text: str) -> str:
        """The first forty words."""
        words = list(re.finditer(r"\S+", text))
        return text if len(words) <= _MAX_WORDS else text[: words[_MAX_WORDS - 1].end()]


def load_fake(device: torch.device | str = "cpu") -> FakeGuidance:
    """The fake guidance; nothing is read from anywhere."""
    generator = torch.Generator().manual_seed(20210927)
    kernels = torch.randn(_NUM_TEXTURE, 3, 5, 5, generator=generator) / 5
    offset = torch.linspace(-1, 1, _SIDE)
    window = torch.exp(-2 * (offset[:, None] ** 2 + offset[None, :] ** 2))
    return FakeGuidance(kernels.to(device), (window / window.sum()).to(device))


def _text_row(text: str) -> Float[Tensor, "d"]:
    """The embedding of a text before it is normalised."""
    words = re.findall(r"[^\W_]+", text.lower())
    named = [_COLORS[word] for word in words if word in _COLORS]
    colors = torch.tensor(named) if named else (_hashed(" ".join(words), 3)[None] + 1) / 2
    texture = torch.stack([_hashed(word, _NUM_TEXTURE) for word in words or [""]]).mean(dim=0)
    return torch.cat([colors.mean(dim=0) - 0.5, torch.tensor([_GREY]), 0.3 * _TEXTURE_WEIGHT * texture])


def _hashed(word: str, size: int) -> Float[Tensor, "n"]:
    """Numbers in [-1, 1] that a word always gets, on every machine."""
    digest = hashlib.sha256(word.encode("utf-8")).digest()
    return torch.tensor([byte / 127.5 - 1 for byte in digest[:size]])
