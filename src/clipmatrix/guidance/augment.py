"""Several looks at each render: crop, perspective, background, colour; knows no encoder and no prompt."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

from clipmatrix.colour import linear_from_srgb, srgb_from_linear
from clipmatrix.errors import ConfigError
from clipmatrix.guidance.augment_cpu import mix_looks
from clipmatrix.guidance.backgrounds import KINDS, sample_backgrounds

_TRIES = 6
"""Windows drawn per look; the first that shows enough of the figure is taken."""

_PROBE = 24
"""Side of the grid on which a window's share of figure is estimated."""


@dataclass(frozen=True)
class AugmentConfig:
    """How renders are turned into the pictures that the encoder judges.

    ``background_weights`` are relative, in the order solid, gradient, noise, checker, blobs. ``crop_min`` and
    ``crop_max`` bound the side of the window as a share of the render; ``detail_probability`` of the looks take
    ``detail_min`` to ``detail_max`` instead. A window with less than ``min_foreground`` of its area on the figure is
    drawn again. ``perspective_distortion`` of 0.5 moves each corner by up to a quarter of the picture.
    ``color_jitter`` scales brightness, contrast and saturation by up to that share, ``noise_std`` is in sRGB.
    """

    num_looks: int = 2
    background_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)
    perspective_probability: float = 0.8
    perspective_distortion: float = 0.25
    crop_min: float = 0.7
    crop_max: float = 1.0
    detail_probability: float = 0.1
    detail_min: float = 0.35
    detail_max: float = 0.6
    min_foreground: float = 0.05
    flip_probability: float = 0.0
    color_jitter: float = 0.0
    noise_std: float = 0.0

    def __post_init__(self) -> None:
        if self.num_looks < 1:
            raise ConfigError(f"num_looks must be at least 1, not {self.num_looks}")
        weights = self.background_weights
        if len(weights) != len(KINDS) or min(weights) < 0 or not 0 < sum(weights) < math.inf:
            raise ConfigError(f"background_weights must be {len(KINDS)} numbers of at least 0 for {', '.join(KINDS)}")
        for name in ("perspective_probability", "detail_probability", "flip_probability", "min_foreground"):
            _require_between(name, getattr(self, name), 0.0, 1.0)
        # From 0.9 on the corners may meet, and the picture folds.
        _require_between("perspective_distortion", self.perspective_distortion, 0.0, 0.9)
        _require_between("color_jitter", self.color_jitter, 0.0, 0.9)
        _require_between("noise_std", self.noise_std, 0.0, 1.0)
        for low, high in (("crop_min", "crop_max"), ("detail_min", "detail_max")):
            _require_between(low, getattr(self, low), 0.05, 1.0)
            _require_between(high, getattr(self, high), getattr(self, low), 1.0)


def compose(
    rgb_linear: Float[Tensor, "b h w 3"],
    alpha: Float[Tensor, "b h w 1"],
    background_srgb: Float[Tensor, "#b #h #w 3"],
) -> Float[Tensor, "b 3 h w"]:
    """Pictures in sRGB of renders over a background, mixed as light is.

    ``rgb_linear`` is premultiplied by ``alpha``. A single colour may stand for all pixels. Differentiable.
    """
    mixed = rgb_linear + (1 - alpha) * linear_from_srgb(background_srgb)
    return srgb_from_linear(mixed).permute(0, 3, 1, 2).clamp(0.0, 1.0)


def look(
    rgb_linear: Float[Tensor, "b h w 3"],
    alpha: Float[Tensor, "b h w 1"],
    size: int,
    config: AugmentConfig,
    generator: torch.Generator,
) -> Float[Tensor, "n 3 hs ws"]:
    """``num_looks`` sRGB pictures of each render, those of one render side by side; ``size`` is the encoder's.

    Picture ``i`` shows render ``i // num_looks``. Outside of the render is background. Shrinking is antialiased by
    averaging. Differentiable with respect to the render; the same generator state gives the same pictures.
    On the CPU one compiled pass mixes, and one hands the gradient back; ``mix_looks_reference`` is their twin.
    """
    source_from_look = _sample_windows(alpha, config, generator)
    scale = max(1, round(min(rgb_linear.shape[1:3]) / size))
    num = source_from_look.shape[0]
    backgrounds = sample_backgrounds(num, size, config.background_weights, generator).to(alpha)
    mix = mix_looks if alpha.device.type == "cpu" else mix_looks_reference
    return _jitter(mix(rgb_linear, alpha, source_from_look, backgrounds, scale), config, generator)


def mix_looks_reference(
    rgb_linear: Float[Tensor, "b h w 3"],
    alpha: Float[Tensor, "b h w 1"],
    source_from_look: Float[Tensor, "n 3 3"],
    backgrounds: Float[Tensor, "n 3 s s"],
    scale: int,
) -> Float[Tensor, "n 3 s s"]:
    """The renders over sRGB backgrounds through the homographies, in plain torch.

    As many looks of each render follow one another. Each pixel is the mean of ``scale`` by ``scale`` points. Only
    pixels that show the figure are resampled and mixed. Differentiable in the renders.
    """
    num, size = backgrounds.shape[0], backgrounds.shape[2]
    grid = _grid(source_from_look, size * scale).to(alpha)
    # Pixels by rows, each with the points whose mean it is.
    points = grid.reshape(num, size, scale, size, scale, 2).transpose(2, 3).reshape(num * size * size, scale**2, 2)
    covered = _covered_pixels(alpha, grid, scale)
    view_ids = covered // (num // alpha.shape[0] * size * size)
    seen = _sample_renders(rgb_linear, alpha, view_ids, points.index_select(0, covered))
    flat = backgrounds.permute(0, 2, 3, 1).reshape(-1, 3)
    behind = linear_from_srgb(flat.index_select(0, covered))
    figure = srgb_from_linear(torch.addcmul(seen[:, :3], 1 - seen[:, 3:], behind))
    return flat.index_copy(0, covered, figure).reshape(num, size, size, 3).permute(0, 3, 1, 2)


def _covered_pixels(
    alpha: Float[Tensor, "b h w 1"], grid: Float[Tensor, "n hg wg 2"], scale: int
) -> Int64[Tensor, "m"]:
    """The flat indices of the looks' pixels that show any of the figure: the rest is background, and costs nothing."""
    num_views, side = alpha.shape[0], grid.shape[1]
    with torch.no_grad():
        # The looks of one render stand in one tall picture, so that the render is not copied for each.
        tall = grid.reshape(num_views, -1, side, 2)
        seen = grid_sample(alpha.permute(0, 3, 1, 2), tall, mode="bilinear", padding_mode="zeros", align_corners=False)
        seen = seen.reshape(-1, 1, side, side)
        if scale > 1:
            seen = avg_pool2d(seen, scale)
        return torch.nonzero(seen.reshape(-1) > 0).squeeze(1)


def _sample_renders(
    rgb_linear: Float[Tensor, "b h w 3"],
    alpha: Float[Tensor, "b h w 1"],
    view_ids: Int64[Tensor, "m"],
    points: Float[Tensor, "m q 2"],
) -> Float[Tensor, "m 4"]:
    """Colour and alpha of the renders, bilinear, as the mean over each pixel's points (NDC of its view, +y down)."""
    num_views, height = rgb_linear.shape[:2]
    layers = torch.cat([rgb_linear, alpha], dim=-1)
    # All views stand in one column, so that one call samples the pixels of all, with empty rows between them.
    layers = torch.nn.functional.pad(layers, (0, 0, 0, 0, 1, 1)).flatten(0, 1).permute(2, 0, 1)[None]
    rows = (points[..., 1] + 1) / 2 * height + 1
    # A point far above or below must not fall into a neighbour's view.
    rows = rows.clamp(0.5, height + 1.5) + (view_ids * (height + 2)).to(rows)[:, None]
    y = 2 * rows / (num_views * (height + 2)) - 1
    column = torch.stack([points[..., 0], y], dim=-1)[None]
    seen = grid_sample(layers, column, mode="bilinear", padding_mode="zeros", align_corners=False)
    return seen[0].mean(dim=-1).T


def _sample_windows(
    alpha: Float[Tensor, "b h w 1"], config: AugmentConfig, generator: torch.Generator
) -> Float[Tensor, "n 3 3"]:
    """For each look the homography from its own NDC to the render's: the first try with enough figure, or the best."""
    num = alpha.shape[0] * config.num_looks
    tries = _sample_homographies(num * _TRIES, config, generator)
    with torch.no_grad():
        # A smoothed copy, so that the coarse probe misses no thin limb.
        coarse = torch.nn.functional.adaptive_avg_pool2d(alpha.permute(0, 3, 1, 2).to(tries), (2 * _PROBE, 2 * _PROBE))
        grid = _grid(tries, _PROBE).reshape(alpha.shape[0], config.num_looks * _TRIES * _PROBE, _PROBE, 2)
        probed = grid_sample(coarse, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    share = probed.reshape(num, _TRIES, _PROBE * _PROBE).mean(dim=-1)
    chosen = _first_or_best(share >= config.min_foreground, share)
    rows = torch.arange(num, device=tries.device) * _TRIES + chosen
    return tries.index_select(0, rows)


def _first_or_best(is_enough: Bool[Tensor, "n k"], share: Float[Tensor, "n k"]) -> Int64[Tensor, "n"]:
    """The first column that is enough in each row, or the largest share where none is."""
    first = is_enough.to(torch.int64).argmax(dim=1)
    return torch.where(is_enough.any(dim=1), first, share.argmax(dim=1))


def _sample_homographies(num: int, config: AugmentConfig, generator: torch.Generator) -> Float[Tensor, "n 3 3"]:
    """Windows with perspective: matrices from a look's NDC to the render's NDC."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=generator.device)

    is_detail = uniform(num) < config.detail_probability
    spread = uniform(num)
    side = torch.where(
        is_detail,
        config.detail_min + spread * (config.detail_max - config.detail_min),
        config.crop_min + spread * (config.crop_max - config.crop_min),
    )
    center = (2 * uniform(num, 2) - 1) * (1 - side)[:, None]
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]], device=generator.device)
    source = center[:, None] + side[:, None, None] * corners
    flips = torch.where(uniform(num) < config.flip_probability, -1.0, 1.0)
    source = torch.stack([flips[:, None] * source[..., 0], source[..., 1]], dim=-1)
    is_bent = (uniform(num) < config.perspective_probability).to(corners.dtype)
    inward = config.perspective_distortion * is_bent[:, None, None] * uniform(num, 4, 2)
    return homography(corners * (1 - inward), source)


def homography(points: Float[Tensor, "n 4 2"], images: Float[Tensor, "n 4 2"]) -> Float[Tensor, "n 3 3"]:
    """The projective map that takes four points to four others, scaled so that its last entry is one.

    References: Hartley and Zisserman, "Multiple View Geometry in Computer Vision", 2004, section 4.1.
    """
    x, y = points.unbind(-1)
    u, v = images.unbind(-1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    rows_u = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=-1)
    rows_v = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=-1)
    solved = torch.linalg.solve(torch.cat([rows_u, rows_v], dim=1), torch.cat([u, v], dim=1))
    return torch.cat([solved, torch.ones_like(solved[:, :1])], dim=1).reshape(-1, 3, 3)


def _grid(source_from_look: Float[Tensor, "n 3 3"], size: int) -> Float[Tensor, "n hs ws 2"]:
    """Where in the render each pixel of each look lies, in NDC with +y down as ``grid_sample`` has it."""
    line = (torch.arange(size, device=source_from_look.device, dtype=source_from_look.dtype) * 2 + 1) / size - 1
    matrix = source_from_look[:, :, :, None, None]
    homogeneous = matrix[:, :, 0] * line + matrix[:, :, 1] * line[:, None] + matrix[:, :, 2]
    # Behind the horizon of a strongly bent look the map folds over: those pixels are sent outside of the render.
    depth = homogeneous[:, 2]
    safe = torch.where(depth > 1e-3, depth, 1.0)
    grid = homogeneous[:, :2] / safe[:, None]
    grid = torch.where((depth > 1e-3)[:, None], grid, 9.0)
    return grid.permute(0, 2, 3, 1)


def _jitter(
    pictures: Float[Tensor, "n 3 h w"], config: AugmentConfig, generator: torch.Generator
) -> Float[Tensor, "n 3 h w"]:
    """The pictures with colours shifted and noise added, as far as the config asks for it."""
    if config.color_jitter > 0:
        factors = torch.rand(3, pictures.shape[0], 1, 1, 1, generator=generator, device=generator.device)
        brightness, contrast, saturation = (1 + config.color_jitter * (2 * factors - 1)).to(pictures).unbind(0)
        middle = pictures.mean(dim=(1, 2, 3), keepdim=True)
        grey = pictures.mean(dim=1, keepdim=True)
        pictures = brightness * (middle + contrast * (grey + saturation * (pictures - grey) - middle))
    if config.noise_std > 0:
        noise = torch.randn(pictures.shape, generator=generator, device=generator.device)
        pictures = pictures + config.noise_std * noise.to(pictures)
    return pictures


def _require_between(name: str, value: float, low: float, high: float) -> None:
    """Raises: ConfigError when the value is outside."""
    if not low <= value <= high:
        raise ConfigError(f"{name} must be from {low:g} to {high:g}, not {value:g}")
