"""How far a normal map is from flat; knows nothing of what it is wrapped around."""

from jaxtyping import Float
from torch import Tensor


def bumpiness_loss(normal_map: Float[Tensor, "nh nw 3"]) -> Float[Tensor, ""]:
    """The mean squared slope of the map, that is tan^2 of the angle from its normal; zero for a flat one.

    Each vector must point outward (z above 0). Of what pictures say nothing about, the flat map stays.
    """
    return ((normal_map[..., 0].square() + normal_map[..., 1].square()) / normal_map[..., 2].square()).mean()
