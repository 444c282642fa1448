"""The Laplacian and its implicit solve against dense matrices."""

import pytest
import torch

from clipmatrix.errors import BodyError
from clipmatrix.geometry.laplacian import ImplicitSmoothing, laplace
from clipmatrix.geometry.mesh import Edges, build_edges


def _grid_faces(rows: int, columns: int) -> torch.Tensor:
    ids = torch.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = ids[:-1, :-1], ids[:-1, 1:], ids[1:, :-1], ids[1:, 1:]
    return torch.cat([torch.stack([a, c, b], -1).reshape(-1, 3), torch.stack([b, c, d], -1).reshape(-1, 3)])


def _dense_laplacian(edges: Edges, num_vertices: int) -> torch.Tensor:
    matrix = torch.zeros(num_vertices, num_vertices, dtype=torch.float64)
    for i, j in edges.vertex_ids.tolist():
        matrix[i, i] += 1
        matrix[j, j] += 1
        matrix[i, j] -= 1
        matrix[j, i] -= 1
    return matrix


@pytest.fixture
def grid() -> tuple[Edges, int]:
    return build_edges(_grid_faces(5, 6)), 30


def test_laplace_equals_the_dense_matrix(grid: tuple[Edges, int]) -> None:
    edges, num = grid
    values = torch.randn(num, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(laplace(values, edges.vertex_ids), _dense_laplacian(edges, num) @ values)


def test_smoothing_equals_the_dense_inverse(grid: tuple[Edges, int]) -> None:
    edges, num = grid
    values = torch.randn(num, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    matrix = torch.eye(num, dtype=torch.float64) + 12.0 * _dense_laplacian(edges, num)
    smoothing = ImplicitSmoothing(edges, num, 12.0, torch.float64)
    torch.testing.assert_close(smoothing.smooth(values), torch.linalg.solve(matrix, values))


def test_to_differential_undoes_smooth_in_float32(grid: tuple[Edges, int]) -> None:
    edges, num = grid
    values = torch.randn(num, 3, generator=torch.Generator().manual_seed(2))
    smoothing = ImplicitSmoothing(edges, num, 19.0)
    torch.testing.assert_close(smoothing.smooth(smoothing.to_differential(values)), values, atol=1e-5, rtol=1e-5)


def test_smoothing_keeps_the_sum_and_passes_gradcheck(grid: tuple[Edges, int]) -> None:
    """L has zero column sums, so 1^T (I + s L) = 1^T and the sum over the vertices is kept."""
    edges, num = grid
    smoothing = ImplicitSmoothing(edges, num, 7.0, torch.float64)
    values = torch.randn(num, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3), requires_grad=True)
    torch.testing.assert_close(smoothing.smooth(values).sum(0), values.sum(0))
    assert torch.autograd.gradcheck(smoothing.smooth, (values,))


def test_zero_strength_is_the_identity_and_loose_vertices_are_kept() -> None:
    edges = build_edges(torch.tensor([[0, 1, 2]]))
    values = torch.arange(15.0).reshape(5, 3)
    torch.testing.assert_close(ImplicitSmoothing(edges, 5, 0.0).smooth(values), values)
    torch.testing.assert_close(ImplicitSmoothing(edges, 5, 10.0).smooth(values)[3:], values[3:])


def test_the_same_solve_gives_the_same_bits(grid: tuple[Edges, int]) -> None:
    edges, num = grid
    values = torch.randn(num, 3, generator=torch.Generator().manual_seed(4))
    first, second = (ImplicitSmoothing(edges, num, 12.0).smooth(values) for _ in range(2))
    assert torch.equal(first, second)


def test_negative_strength_is_refused(grid: tuple[Edges, int]) -> None:
    with pytest.raises(BodyError, match="at least 0"):
        ImplicitSmoothing(grid[0], grid[1], -1.0)


def test_the_kept_answer_is_of_the_latest_values(grid: tuple[Edges, int]) -> None:
    edges, num = grid
    smoothing = ImplicitSmoothing(edges, num, 3.0)
    values = torch.randn(num, 3, generator=torch.Generator().manual_seed(5))
    first = smoothing.smooth(values)
    first.zero_()
    assert torch.equal(smoothing.smooth(values), smoothing.solve(values))
    values[0] += 1.0
    assert torch.equal(smoothing.smooth(values), smoothing.solve(values))
