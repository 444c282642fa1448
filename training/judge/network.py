"""The judge's two towers in plain torch: convolutions with transformer blocks, and a head on sentence states.

Unlike the encoder that guides: no batch norm, wide depthwise kernels, attention over the picture's grid, layer norms;
the text comes from a whole sentence encoder (``text.py``) and not from single words. Knows neither files nor training.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class JudgeConfig:
    """The sizes of both towers.

    ``image_size`` in pixels is a multiple of 16. ``widths`` are the channels of the grids at a 4th, 8th and 16th of it,
    ``depths`` the blocks on each; the last ones attend. ``state_width`` is that of the sentence encoder's states.
    """

    image_size: int = 128
    widths: tuple[int, int, int] = (48, 96, 224)
    depths: tuple[int, int, int] = (1, 2, 4)
    heads: int = 4
    embedding: int = 224
    state_width: int = 768
    color_width: int = 16
    text_width: int = 224
    text_layers: int = 2
    max_tokens: int = 48
    num_builds: int = 28
    num_kinds: int = 214
    num_slots: int = 6

    @staticmethod
    def from_json(settings: Mapping[str, Any]) -> "JudgeConfig":
        """The sizes out of ``config.json``. Raises: KeyError where one is missing."""
        first, second, third = settings["widths"]
        early, middle, late = settings["depths"]
        rest = {
            name: int(settings[name]) for name in JudgeConfig.__dataclass_fields__ if name not in ("widths", "depths")
        }
        return JudgeConfig(widths=(first, second, third), depths=(early, middle, late), **rest)

    def to_json(self) -> dict[str, object]:
        """Plain values for ``config.json``."""
        return asdict(self)


class _ChannelNorm(nn.Module):
    """A layer norm over the channels of a grid."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        placed = x.permute(0, 2, 3, 1)
        return F.layer_norm(placed, placed.shape[-1:], self.weight, self.bias).permute(0, 3, 1, 2)


class _Block(nn.Module):
    """A wide depthwise convolution and a pointwise perceptron, as a residue.

    Reference: Liu et al., "A ConvNet for the 2020s", CVPR 2022.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(width, width, 5, 1, 2, groups=width)
        self.norm = _ChannelNorm(width)
        self.widen = nn.Conv2d(width, 3 * width, 1)
        self.narrow = nn.Conv2d(3 * width, width, 1)
        self.gain = nn.Parameter(torch.full((width, 1, 1), 0.1))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + self.gain * self.narrow(F.gelu(self.widen(self.norm(self.spread(x)))))


class _Attention(nn.Module):
    """A transformer block with its norms first.

    Attention is written out: for so few tokens torch's fused kernel takes three times as long backward on a CPU.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.enter, self.leave = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)

    def forward(self, x: Float[Tensor, "b n c"], is_pad: Bool[Tensor, "b n"] | None = None) -> Float[Tensor, "b n c"]:
        parts = self.enter(self.first(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        logits = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        if is_pad is not None:
            logits = logits.masked_fill(is_pad[:, None, None], -1e4)
        x = x + self.leave((logits.softmax(-1).to(value.dtype) @ value).transpose(1, 2).flatten(2))
        return x + self.narrow(F.gelu(self.widen(self.second(x))))


class JudgeVision(nn.Module):
    """Patches of four pixels, convolutions on two grids, attention on the third with one token that gathers."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        (a, b, c), (early, middle, late) = config.widths, config.depths
        self.grid = nn.Sequential(
            nn.Conv2d(3, a, 4, 4), _ChannelNorm(a), *(_Block(a) for _ in range(early)),
            _ChannelNorm(a), nn.Conv2d(a, b, 2, 2), *(_Block(b) for _ in range(middle)),
            _ChannelNorm(b), nn.Conv2d(b, c, 2, 2),
        )  # fmt: skip
        side = config.image_size // 16
        self.position = nn.Parameter(torch.randn(side * side + 1, c) * 0.02)
        self.gather = nn.Parameter(torch.randn(1, 1, c) * 0.02)
        self.layers = nn.Sequential(*(_Attention(c, config.heads) for _ in range(late)))
        self.norm = nn.LayerNorm(c)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        """Features of sRGB pictures in [0, 1]: what the gathering token holds, and the mean of the rest."""
        tokens = self.grid((images - 0.5) * 4.0).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.gather.expand(len(tokens), -1, -1).to(tokens.dtype), tokens], dim=1)
        tokens = self.norm(self.layers(tokens + self.position))
        return torch.cat([tokens[:, 0], tokens[:, 1:].mean(1)], dim=1)


@dataclass(frozen=True, eq=False)
class Sentences:
    """Texts as the head reads them: the sentence encoder's ``states``, the ``colors`` of named ones, ``is_pad``."""

    states: Float[Tensor, "p n c"]
    colors: Float[Tensor, "p n k"]
    is_pad: Bool[Tensor, "p n"]

    def part(self, rows: slice) -> "Sentences":
        """Some of the texts."""
        return Sentences(self.states[rows], self.colors[rows], self.is_pad[rows])


class JudgeText(nn.Module):
    """A small transformer over a frozen sentence encoder's states; positions anew, so that the words' order counts."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        width = config.text_width
        self.enter = nn.Linear(config.state_width, width)
        self.color = nn.Linear(config.color_width, width, bias=False)
        self.position = nn.Parameter(torch.randn(config.max_tokens, width) * 0.02)
        self.layers = nn.ModuleList(_Attention(width, config.heads) for _ in range(config.text_layers))
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(2 * width, config.embedding)

    def forward(self, sentences: Sentences) -> Float[Tensor, "p d"]:
        """Embeddings, not yet of unit length."""
        x = self.enter(sentences.states) + self.color(sentences.colors)
        x = x + self.position[: x.shape[1]]
        for layer in self.layers:
            x = layer(x, sentences.is_pad)
        x = self.norm(x)
        keep = (~sentences.is_pad)[..., None].to(x.dtype)
        return self.project(torch.cat([x[:, 0], (x * keep).sum(1) / keep.sum(1)], dim=1))


class JudgeNetwork(nn.Module):
    """Both towers, the temperature, and three readings that training asks for beside the contrast.

    ``builds`` reads the builds from an embedding, of a picture or a text alike; ``kinds`` and ``tints`` read the
    surface and its base colour of every part from a picture's features.
    """

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        features = 2 * config.widths[2]
        self.vision, self.text = JudgeVision(config), JudgeText(config)
        self.project = nn.Linear(features, config.embedding)
        self.builds = nn.Linear(config.embedding, config.num_builds, bias=False)
        self.kinds = nn.Linear(features, config.num_slots * config.num_kinds)
        self.tints = nn.Linear(features, config.num_slots * 3)
        self.log_scale = nn.Parameter(torch.tensor(math.log(12.0)))

    def embed_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Unit embeddings of sRGB pictures in [0, 1] of ``image_size``."""
        return F.normalize(self.project(self.vision(images)).float(), dim=-1)

    def embed_sentences(self, sentences: Sentences) -> Float[Tensor, "p d"]:
        """Unit embeddings of texts."""
        return F.normalize(self.text(sentences).float(), dim=-1)
