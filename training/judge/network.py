"""The judge's two towers in plain torch: a known convolutional trunk with attention, and a head on sentence states.

Unlike the encoder that guides, it begins with weights that have seen photographs (``trunk.py``), attends over the
picture's grid, and reads the text by a whole sentence encoder (``text.py``), not by single words. Knows no files.
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

    ``image_size`` in pixels is a multiple of 16. The picture's grid at a 16th of it has ``vision_width`` channels and
    ``vision_layers`` blocks that attend. ``state_width`` is that of the sentence encoder's states.
    """

    image_size: int = 128
    vision_width: int = 256
    vision_layers: int = 3
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
        return JudgeConfig(**{name: int(settings[name]) for name in JudgeConfig.__dataclass_fields__})

    def to_json(self) -> dict[str, object]:
        """Plain values for ``config.json``."""
        return asdict(self)


_STAGES = ((16, 1, 1, 1, 3), (24, 6, 2, 2, 3), (40, 6, 2, 2, 5), (80, 6, 3, 2, 3), (112, 6, 3, 1, 5))
"""Of each stage the channels, how much blocks widen them, the number of blocks, the first one's stride, the kernel."""

TRUNK_WIDTH = _STAGES[-1][0]


def _layer(wide: int, out: int, kernel: int, stride: int, groups: int, is_bent: bool) -> list[nn.Module]:
    """A convolution with batch norm, perhaps cut off below 0 and above 6; strides pad below and on the right more."""
    pad = kernel - stride if kernel > 1 else 0
    layers: list[nn.Module] = []
    if pad % 2:
        less, more = pad // 2, pad - pad // 2
        layers.append(nn.ZeroPad2d((less, more, less, more)))
    padding = 0 if pad % 2 else pad // 2
    layers += [nn.Conv2d(wide, out, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(out, eps=1e-3)]
    return [*layers, nn.ReLU6()] if is_bent else layers


class _MobileBlock(nn.Module):
    """An inverted bottleneck: widened, spread over its neighbours, narrowed; added to what came in where that fits."""

    def __init__(self, wide: int, out: int, widen: int, stride: int, kernel: int) -> None:
        super().__init__()
        inner = widen * wide
        layers = _layer(wide, inner, 1, 1, 1, is_bent=True) if widen > 1 else []
        layers += _layer(inner, inner, kernel, stride, inner, is_bent=True)
        self.layers = nn.Sequential(*layers, *_layer(inner, out, 1, 1, 1, is_bent=False))
        self.is_residue = stride == 1 and wide == out

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h2 w2"]:
        return x + self.layers(x) if self.is_residue else self.layers(x)


class JudgeTrunk(nn.Module):
    """EfficientNet-Lite0 down to a 16th of the picture's side, so that its published weights fit (``trunk.py``).

    Reference: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the
    Lite models leave out squeeze-and-excitation and cut off at 6.
    """

    def __init__(self) -> None:
        super().__init__()
        wide = 32
        layers = _layer(3, wide, 3, 2, 1, is_bent=True)
        for out, widen, count, stride, kernel in _STAGES:
            for index in range(count):
                layers.append(_MobileBlock(wide, out, widen, stride if index == 0 else 1, kernel))
                wide = out
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h2 w2"]:
        """Features of sRGB pictures in [0, 1], as they are before any cut-off."""
        return self.layers((images - 0.5) * 2.0)


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
    """A trunk of convolutions, then attention over its grid with one token that gathers."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        width, side = config.vision_width, config.image_size // 16
        self.trunk = JudgeTrunk()
        self.enter = nn.Conv2d(TRUNK_WIDTH, width, 1)
        self.position = nn.Parameter(torch.randn(side * side + 1, width) * 0.02)
        self.gather = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.layers = nn.Sequential(*(_Attention(width, config.heads) for _ in range(config.vision_layers)))
        self.norm = nn.LayerNorm(width)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        """Features of sRGB pictures in [0, 1]: what the gathering token holds, and the mean of the rest."""
        tokens = self.enter(self.trunk(images)).flatten(2).transpose(1, 2)
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
        features = 2 * config.vision_width
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
