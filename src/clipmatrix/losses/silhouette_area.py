"""Whether the figure fills a sensible part of the picture; knows nothing of shape or camera."""

import torch
from jaxtyping import Float
from torch import Tensor


def silhouette_area_loss(
    alpha: Float[Tensor, "b h w 1"], reference: Float[Tensor, "b"], tolerance: float
) -> Float[Tensor, ""]:
    """The mean squared excess of the covered area's relative change over ``tolerance``.

    ``reference`` is the covered fraction of each view that counts as right. Zero while the area stays within
    ``reference * (1 +- tolerance)``. Gradients reach the silhouette through ``alpha``.

    References: Jetchev, "ClipMatrix", 2021, appendix I (penalised deviation from the human form), here as an area.
    """
    change = alpha.mean(dim=(1, 2, 3)) / reference.clamp_min(1e-4) - 1.0
    return torch.relu(change.abs() - tolerance).square().mean()
