"""How much the edges of a mesh are stretched; knows nothing of what moved the vertices."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.losses.mesh_cpu import edge_length_kernel, is_compiled_for, measure


def edge_length_loss(
    vertices: Float[Tensor, "v 3"], reference: Float[Tensor, "v 3"], edge_ids: Int64[Tensor, "e 2"]
) -> Float[Tensor, ""]:
    """The mean squared relative change of the edges' lengths against ``reference``; zero for rigid motions.

    Lengths under a tenth of a millimetre count as that, in both, so that collapsed edges give no infinite gradient.

    References: Wang, Zhang, Li, Fu, Liu, Jiang, "Pixel2Mesh", ECCV 2018, section 3.4 (edge length regularisation),
    here relative to the body's own edges instead of to zero.
    """
    if is_compiled_for(vertices):
        return measure(edge_length_kernel, vertices, reference, edge_ids)
    return edge_length_reference(vertices, reference, edge_ids)


def edge_length_reference(
    vertices: Float[Tensor, "v 3"], reference: Float[Tensor, "v 3"], edge_ids: Int64[Tensor, "e 2"]
) -> Float[Tensor, ""]:
    """The same in plain torch."""

    def lengths(points: Tensor) -> Tensor:
        first, second = edge_ids.unbind(1)
        difference = points.index_select(0, first) - points.index_select(0, second)
        return torch.sqrt(difference.square().sum(dim=1) + 1e-8)

    return (lengths(vertices) / lengths(reference) - 1.0).square().mean()
