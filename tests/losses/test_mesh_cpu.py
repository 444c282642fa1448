"""The compiled regularisers against their plain torch twins: values and slopes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from clipmatrix.geometry.mesh import build_edges
from clipmatrix.losses.edge_length import edge_length_loss, edge_length_reference
from clipmatrix.losses.laplacian import laplacian_loss, laplacian_reference
from clipmatrix.losses.normal_consistency import (
    neighbouring_faces,
    normal_consistency_loss,
    normal_consistency_reference,
)

# An octahedron with a flap that hangs on one edge.
FACES = torch.tensor(
    [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5], [0, 2, 6]]
)
EDGES = build_edges(FACES).vertex_ids
PAIRS = neighbouring_faces(FACES)

CASES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "edge_length": (lambda p, r: edge_length_loss(p, r, EDGES), lambda p, r: edge_length_reference(p, r, EDGES)),
    "laplacian": (lambda p, _: laplacian_loss(p, EDGES), lambda p, _: laplacian_reference(p, EDGES)),
    "normal_consistency": (
        lambda p, r: normal_consistency_loss(p, r, FACES, PAIRS),
        lambda p, r: normal_consistency_reference(p, r, FACES, PAIRS),
    ),
}


def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return tuple(torch.randn(7, 3, dtype=torch.float64, generator=generator) for _ in range(2))


@pytest.mark.parametrize("name", CASES)
def test_equals_the_twin(name: str, generator: torch.Generator) -> None:
    points, reference = draw(generator)
    results = []
    for function in CASES[name]:
        leaf = points.clone().requires_grad_()
        loss = function(leaf, reference)
        (2.5 * loss).backward()
        results.append((loss.detach(), leaf.grad))
    assert results[0][0] > 0
    for mine, wanted in zip(*results, strict=True):
        torch.testing.assert_close(mine, wanted)


@pytest.mark.parametrize("name", CASES)
def test_gradients_in_float64(name: str, generator: torch.Generator) -> None:
    points, reference = draw(generator)
    assert torch.autograd.gradcheck(lambda p: CASES[name][0](p, reference), points.requires_grad_())
