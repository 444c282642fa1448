"""How far a texture has gone from where it began; knows nothing of what it is wrapped around."""

from jaxtyping import Float
from torch import Tensor

STRIDE = 4
"""Every fourth texel of every fourth row is compared: a change that the rest hides would be noise."""


def texture_change_loss(texture: Float[Tensor, "th tw 3"], start: Float[Tensor, "th tw 3"]) -> Float[Tensor, ""]:
    """The mean squared difference of two textures; zero for equal ones.

    It holds a searched look together: what the encoder is indifferent to stays as it was found.
    """
    return mean_square_change(thin_out(texture), thin_out(start))


def mean_square_change(texels: Float[Tensor, "h w 3"], start: Float[Tensor, "h w 3"]) -> Float[Tensor, ""]:
    """The same of textures of which only the texels that are compared are left."""
    return (texels - start).square().mean()


def thin_out(texture: Float[Tensor, "th tw 3"]) -> Float[Tensor, "_ _ 3"]:
    """The texels that are compared."""
    return texture[::STRIDE, ::STRIDE]
