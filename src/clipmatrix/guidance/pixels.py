"""Prepares pictures for an encoder: resizing, cropping and normalising in torch; knows no particular encoder."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.errors import ModelError

Filter = Literal["bilinear", "bicubic"]
Framing = Literal["crop", "squash"]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preparation:
    """How an encoder wants its pictures.

    ``framing`` says what becomes of a picture that is not square: ``crop`` scales its shorter side to ``resize_to``
    and keeps the middle, ``squash`` scales both sides to ``size``. ``mean`` and ``std`` are per channel, in sRGB
    values of [0, 1].
    """

    size: int
    resize_to: int
    filter: Filter
    framing: Framing
    mean: Triple
    std: Triple


def prepare_images(images: Float[Tensor, "b 3 h w"], preparation: Preparation) -> Float[Tensor, "b 3 s s"]:
    """The pictures as the encoder's vision tower takes them: ``size`` squared and normalised.

    Shrinking is antialiased. Bicubic overshoot is not clipped (PIL's clips it), so that no pixel loses its gradient.
    Differentiable. A square picture of the right size is not resampled at all.
    """
    height, width = images.shape[-2:]
    if preparation.framing == "crop":
        side = min(height, width)
        images = _center_crop(images, side)
        target = preparation.resize_to
    else:
        target = preparation.size
    if images.shape[-2:] != (target, target):
        images = torch.nn.functional.interpolate(
            images, (target, target), mode=preparation.filter, align_corners=False, antialias=True
        )
    images = _center_crop(images, preparation.size)
    mean = images.new_tensor(preparation.mean).reshape(3, 1, 1)
    std = images.new_tensor(preparation.std).reshape(3, 1, 1)
    return (images - mean) / std


def patches_of(images: Float[Tensor, "b c h w"], patch_size: int) -> Float[Tensor, "b n q"]:
    """The pictures cut into rows of square patches, each flattened as rows, columns, channels; differentiable."""
    num, channels, height, width = images.shape
    rows, columns = height // patch_size, width // patch_size
    grid = images.reshape(num, channels, rows, patch_size, columns, patch_size)
    return grid.permute(0, 2, 4, 3, 5, 1).reshape(num, rows * columns, patch_size * patch_size * channels)


def read_preparation(settings: Mapping[str, object], default: Preparation) -> Preparation:
    """The preparation that a checkpoint's ``preprocessor_config.json`` describes; ``default`` fills what it omits.

    Lanczos and the rarer filters become bicubic, the nearest that torch shrinks with antialiasing. A picture switch
    (``do_normalize``, ``do_rescale``) that is off is honoured.

    Raises: ModelError when a value has another form than transformers writes.
    """
    try:
        prepared = _with_sizes(settings, default)
        mean, std = _normalization(settings, default)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(
            f"wanted the picture sizes, mean and deviation of an encoder in preprocessor_config.json, found {error!r}; "
            "download the checkpoint again"
        ) from error
    if "resample" in settings:
        prepared = replace(prepared, filter="bilinear" if settings["resample"] == 2 else "bicubic")
    return replace(prepared, mean=mean, std=std)


def _normalization(settings: Mapping[str, object], default: Preparation) -> tuple[Triple, Triple]:
    """Mean and deviation for values of [0, 1]; the file's belong to bytes times ``rescale_factor``."""
    mean, std = _three(settings.get("image_mean", default.mean)), _three(settings.get("image_std", default.std))
    if settings.get("do_normalize") is False:
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    rescale = 1.0 if settings.get("do_rescale") is False else _number(settings.get("rescale_factor", 1 / 255))
    factor = 255.0 * rescale
    if min(std) <= 0 or factor <= 0:
        raise ValueError(f"deviation {std} and factor {rescale} must be above zero")
    if math.isclose(factor, 1.0, rel_tol=1e-6):
        return mean, std
    return _three([value / factor for value in mean]), _three([value / factor for value in std])


def _with_sizes(settings: Mapping[str, object], default: Preparation) -> Preparation:
    """``default`` with the sizes and the framing that the file gives."""
    size = settings.get("size")
    crop = settings.get("crop_size")
    # Old files hold a bare number; for them the framing is the family's.
    if isinstance(size, Mapping) and "height" in size:
        default = replace(default, size=_integer(size["height"]), resize_to=_integer(size["height"]), framing="squash")
    elif isinstance(size, Mapping) and "shortest_edge" in size:
        edge = _integer(size["shortest_edge"])
        default = replace(default, size=edge, resize_to=edge, framing="crop")
    elif size is not None and not isinstance(size, Mapping):
        default = replace(default, size=_integer(size), resize_to=_integer(size))
    if crop is not None and settings.get("do_center_crop") is not False:
        cropped = _integer(crop["height"] if isinstance(crop, Mapping) else crop)
        default = replace(default, size=min(cropped, default.resize_to))
    return default


def _center_crop(images: Float[Tensor, "b 3 h w"], side: int) -> Float[Tensor, "b 3 hs ws"]:
    """The middle of the pictures, at most ``side`` squared."""
    height, width = images.shape[-2:]
    top, left = max(0, height - side) // 2, max(0, width - side) // 2
    return images[..., top : top + side, left : left + side]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _integer(value: object) -> int:
    number = _number(value)
    if number != int(number) or number < 1:
        raise ValueError(f"{value!r} is no size in pixels")
    return int(number)


def _three(value: object) -> Triple:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError(f"{value!r} are not three numbers")
    first, second, third = (_number(item) for item in value)
    return first, second, third
