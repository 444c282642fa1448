"""How far a texture has gone from where it began; knows nothing of what it is wrapped around."""

from jaxtyping import Float
from torch import Tensor

STRIDE = 4
"""Every fourth texel of every fourth row is compared: a change that the rest hides would be noise."""


def texture_change_loss(texture: Float[Tensor, "th tw 3"], start: Float[Tensor, "th tw 3"]) -> Float[Tensor, ""]:
    """The mean squared difference of two textures; zero for equal ones.

    It holds a searched look together: what the encoder is indifferent to stays as it was found.
    """
    return (texture[::STRIDE, ::STRIDE] - start[::STRIDE, ::STRIDE]).square().mean()
