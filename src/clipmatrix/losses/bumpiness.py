"""How far a normal map has gone from where it began; knows nothing of what it is wrapped around."""

from jaxtyping import Float
from torch import Tensor


def bumpiness_loss(
    normal_map: Float[Tensor, "nh nw 3"], start: Float[Tensor, "nh nw 3"] | None = None
) -> Float[Tensor, ""]:
    """The mean squared change of the map's slopes from those of ``start``, or from a flat map.

    From a flat one that is tan^2 of the angle to its normal. Each vector must point outward (z above 0). Where pictures
    say nothing, the map stays as it began.
    """
    slopes = normal_map[..., :2] / normal_map[..., 2:]
    if start is not None:
        slopes = slopes - start[..., :2] / start[..., 2:]
    return slopes.square().sum(-1).mean()
