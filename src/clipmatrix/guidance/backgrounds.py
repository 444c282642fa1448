"""Random backgrounds as small pictures scaled up: solid, gradient, noise, checker and blobs; knows no figure."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

KINDS = ("solid", "gradient", "noise", "checker", "blobs")
"""The order in which weights of kinds are given."""


def sample_backgrounds(
    num: int, size: int, weights: tuple[float, ...], generator: torch.Generator
) -> Float[Tensor, "n 3 h w"]:
    """``num`` square backgrounds in sRGB of [0, 1], each of a kind drawn by the weights (see ``KINDS``).

    On the generator's device, without gradient.
    """
    weight = torch.tensor(weights, device=generator.device)
    kinds = torch.multinomial(weight, num, replacement=True, generator=generator).tolist()
    return torch.cat([_sample(KINDS[kind], size, generator) for kind in kinds])


def _sample(kind: str, size: int, generator: torch.Generator) -> Float[Tensor, "1 3 h w"]:
    match kind:
        case "solid":
            return _colors(1, 1, generator).expand(1, 3, size, size)
        case "gradient":
            return _scale(_colors(2, 2, generator), size, "bilinear")
        case "noise":
            # Grain of two pixels survives the encoder's first layers better than that of one, and costs a quarter.
            return _scale(_colors(size // 2, size // 2, generator), size, "nearest")
        case "checker":
            cells = int(torch.randint(3, 13, (), generator=generator, device=generator.device))
            colors = _colors(1, 2, generator)
            places = torch.arange(cells, device=colors.device)
            odd = ((places[:, None] + places[None, :]) % 2).bool()
            return _scale(torch.where(odd, colors[..., :1], colors[..., 1:]), size, "nearest")
        case _:
            cells = int(torch.randint(4, 9, (), generator=generator, device=generator.device))
            return _scale(_colors(cells, cells, generator), size, "bicubic").clamp(0.0, 1.0)


def _colors(height: int, width: int, generator: torch.Generator) -> Float[Tensor, "1 3 h w"]:
    return torch.rand(1, 3, height, width, generator=generator, device=generator.device)


def _scale(picture: Float[Tensor, "1 3 h w"], size: int, mode: str) -> Float[Tensor, "1 3 hs ws"]:
    if mode == "nearest":
        return interpolate(picture, (size, size), mode=mode)
    return interpolate(picture, (size, size), mode=mode, align_corners=True)
