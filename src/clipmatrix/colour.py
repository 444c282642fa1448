"""The sRGB transfer curve, both ways; knows no other colour space and no tone mapping."""

import torch
from jaxtyping import Float
from torch import Tensor


def srgb_from_linear(linear: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Display values of linear light, each channel by itself.

    Values outside [0, 1] are not clipped: the straight part goes on below zero, the power above one.
    Gradients are finite everywhere. References: IEC 61966-2-1:1999, section 5.2.
    """
    # The power's gradient is infinite at zero: it gets an argument that is never below the knee.
    curved = 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, curved)


def linear_from_srgb(srgb: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Linear light of display values, each channel by itself: the inverse of ``srgb_from_linear``.

    References: IEC 61966-2-1:1999, section 5.2, with the knee at 0.04045.
    """
    curved = ((srgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(srgb <= 0.04045, srgb / 12.92, curved)
