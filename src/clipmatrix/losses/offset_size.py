"""How far the offsets reach; knows nothing of where they come from."""

from jaxtyping import Float
from torch import Tensor


def offset_size_loss(offset: Float[Tensor, "v 3"], reference: Float[Tensor, "v 3"]) -> Float[Tensor, ""]:
    """The mean squared distance of the offsets from ``reference``, in square metres.

    The one term that holds back spikes: without a strong weight the optimiser paints with geometry.

    References: Liao et al., "TADA! Text to Animatable Digital Avatars", 3DV 2024, section 3.2 (displacements are kept
    small); ridge penalty, Hoerl and Kennard, Technometrics 1970.
    """
    return (offset - reference).square().sum(dim=1).mean()
