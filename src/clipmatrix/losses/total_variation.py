"""How busy a texture is; knows nothing of what it is wrapped around."""

from jaxtyping import Float
from torch import Tensor


def total_variation_loss(texture: Float[Tensor, "th tw 3"]) -> Float[Tensor, ""]:
    """The mean absolute difference of neighbouring texels, along rows plus along columns; zero for one colour.

    References: Rudin, Osher, Fatemi, "Nonlinear total variation based noise removal algorithms", Physica D 1992,
    anisotropic.
    """
    rows = (texture[1:] - texture[:-1]).abs().mean()
    columns = (texture[:, 1:] - texture[:, :-1]).abs().mean()
    return rows + columns
