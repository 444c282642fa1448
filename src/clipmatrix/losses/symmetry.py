"""How unlike the left and the right half of an offset field are; knows nothing of the body."""

from jaxtyping import Float, Int64
from torch import Tensor


def symmetry_loss(offset: Float[Tensor, "v 3"], mirror_ids: Int64[Tensor, "v"]) -> Float[Tensor, ""]:
    """The mean squared difference between each offset and its partner's reflected in the plane x = 0.

    In square metres. ``mirror_ids`` gives every vertex its left-right partner.

    References: Mitra, Guibas, Pauly, "Symmetrization", SIGGRAPH 2007.
    """
    mirrored = offset.index_select(0, mirror_ids) * offset.new_tensor([-1.0, 1.0, 1.0])
    return (offset - mirrored).square().sum(dim=1).mean()
