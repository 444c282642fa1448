"""The embedded encoder's two towers in plain torch; knows neither files nor how it was trained."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

_MOST_LAYERS, _MOST_CHANNELS, _MOST_ROWS = 64, 8192, 10_000_000


@dataclass(frozen=True)
class MiniConfig:
    """The sizes of both towers.

    ``image_size`` in pixels must be a multiple of 16; ``widths`` and ``depths`` are the channels and residual blocks
    of the four stages; ``token_width`` is the width of the frozen token table.
    """

    image_size: int = 112
    widths: tuple[int, int, int, int] = (32, 64, 128, 256)
    depths: tuple[int, int, int] = (1, 2, 1)
    num_queries: int = 4
    embedding: int = 192
    token_width: int = 256
    num_rows: int = 1
    text_width: int = 192
    text_layers: int = 2
    text_heads: int = 3
    max_tokens: int = 32

    @staticmethod
    def from_json(settings: Mapping[str, object]) -> "MiniConfig":
        """The sizes out of ``config.json``; unknown keys are for others.

        Raises: TypeError or ValueError where a size is missing, no whole number or beyond reason.
        """

        def many(name: str) -> tuple[int, ...]:
            values = settings.get(name)
            if not isinstance(values, list):
                raise TypeError(f"{name} is no list")
            return tuple(_whole(name, value) for value in values)

        def one(name: str) -> int:
            return _whole(name, settings.get(name))

        first, second, third, fourth = many("widths")
        early, middle, late = many("depths")
        return MiniConfig(
            one("image_size"),
            (first, second, third, fourth),
            (early, middle, late),
            one("num_queries"),
            one("embedding"),
            one("token_width"),
            one("num_rows"),
            one("text_width"),
            one("text_layers"),
            one("text_heads"),
            one("max_tokens"),
        )

    def to_json(self) -> dict[str, object]:
        """Plain values for ``config.json``."""
        return asdict(self)


def _whole(name: str, value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{name} is no whole number")
    most = _MOST_LAYERS if name in ("depths", "text_layers") else _MOST_ROWS if name == "num_rows" else _MOST_CHANNELS
    if not (name != "depths") <= value <= most:
        raise ValueError(f"{name} is beyond reason: up to {most} are read")
    return value


class _ConvNorm(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _ConvNorm(width, width, 3, 1)
        self.second = _ConvNorm(width, width, 3, 1)
        nn.init.zeros_(self.second[1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x + self.second(F.silu(self.first(x))))


class VisionTower(nn.Module):
    """A plain residual network; its last grid is pooled by learned queries and by the mean.

    Smooth activations throughout: the gradients of this tower draw textures.
    """

    def __init__(self, config: MiniConfig) -> None:
        super().__init__()
        w = config.widths
        layers: list[nn.Module] = [_ConvNorm(3, w[0], 5, 2), nn.SiLU()]
        for i, depth in enumerate(config.depths):
            layers += [_ConvNorm(w[i], w[i + 1], 3, 2), nn.SiLU()]
            layers += [_Residual(w[i + 1]) for _ in range(depth)]
        self.stages = nn.Sequential(*layers)
        grid = config.image_size // 16
        self.position = nn.Parameter(torch.randn(1, w[3], grid, grid) * 0.02)
        self.queries = nn.Conv2d(w[3], config.num_queries, 1)
        self.project = nn.Linear(w[3] * (config.num_queries + 1), config.embedding)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Embeddings, not yet of unit length, of sRGB pictures in [0, 1]."""
        features = self.stages((images - 0.5) * 4.0)
        placed = features + self.position
        attention = self.queries(placed).flatten(2).softmax(-1)
        pooled = attention @ placed.flatten(2).transpose(1, 2)
        return self.project(torch.cat([pooled.flatten(1), features.mean((2, 3))], dim=1))


def freeze(network: "MiniNetwork") -> None:
    """Ends all training of a network: its batch norms become part of the convolutions before them, in place.

    The same embeddings up to rounding, for a tenth less time.
    """
    network.eval().requires_grad_(False)
    for name, module in list(network.vision.named_modules()):
        if isinstance(module, _ConvNorm):
            convolution, norm = module
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            network.vision.set_submodule(name, fuse_conv_bn_eval(convolution, norm).requires_grad_(False))


class TextTower(nn.Module):
    """A small transformer over a frozen token table; row 0 pads."""

    def __init__(self, config: MiniConfig) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(config.num_rows, config.token_width))
        self.enter = nn.Linear(config.token_width, config.text_width)
        self.position = nn.Parameter(torch.randn(config.max_tokens, config.text_width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            config.text_width, config.text_heads, 3 * config.text_width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.text_layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(config.text_width)
        self.project = nn.Linear(config.text_width, config.embedding)

    def forward(self, rows: Int64[Tensor, "p n"], noise: Float[Tensor, "p n c"] | None = None) -> Float[Tensor, "p d"]:
        """Embeddings, not yet of unit length; ``noise`` is added to the table's rows (training only)."""
        is_pad = rows == 0
        # A sentence without a known word still needs one position to look at.
        is_pad = torch.cat([torch.zeros_like(is_pad[:, :1]), is_pad[:, 1:]], dim=1)
        tokens = self.table[rows]  # type: ignore[index]
        if noise is not None:
            tokens = tokens + noise
        x = self.layers(self.enter(tokens) + self.position[: rows.shape[1]], src_key_padding_mask=is_pad)
        keep = (~is_pad)[..., None].to(x.dtype)
        return self.project((self.norm(x) * keep).sum(1) / keep.sum(1))


class MiniNetwork(nn.Module):
    """Both towers and the temperature of training."""

    def __init__(self, config: MiniConfig) -> None:
        super().__init__()
        self.config = config
        self.vision = VisionTower(config)
        self.text = TextTower(config)
        self.log_scale = nn.Parameter(torch.tensor(math.log(12.0)))

    def embed_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Unit embeddings of sRGB pictures of ``image_size``."""
        return F.normalize(self.vision(images).float(), dim=-1)

    def embed_rows(
        self, rows: Int64[Tensor, "p n"], noise: Float[Tensor, "p n c"] | None = None
    ) -> Float[Tensor, "p d"]:
        """Unit embeddings of tokenised texts."""
        return F.normalize(self.text(rows, noise).float(), dim=-1)
