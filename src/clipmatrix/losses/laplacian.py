"""How rough an offset field is; knows nothing of where the offsets come from."""

from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.geometry.laplacian import laplace
from clipmatrix.losses.mesh_cpu import is_compiled_for, laplacian_kernel, measure


def laplacian_loss(offset: Float[Tensor, "v 3"], edge_ids: Int64[Tensor, "e 2"]) -> Float[Tensor, ""]:
    """The mean squared length of the offsets' uniform Laplacian, in square metres; zero for a common shift.

    It is taken of the offsets, not of the positions, so that the body's own detail costs nothing.

    References: Sorkine, Cohen-Or, Lipman, Alexa, Rössl, Seidel, "Laplacian Surface Editing", SGP 2004, eq. 1.
    """
    if is_compiled_for(offset):
        return measure(laplacian_kernel, offset, edge_ids)
    return laplacian_reference(offset, edge_ids)


def laplacian_reference(offset: Float[Tensor, "v 3"], edge_ids: Int64[Tensor, "e 2"]) -> Float[Tensor, ""]:
    """The same in plain torch."""
    return laplace(offset, edge_ids).square().sum(dim=1).mean()
