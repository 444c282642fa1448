"""Each regulariser against its closed form, and where it must vanish."""

import dataclasses
import math

import pytest
import torch

from clipmatrix.errors import ConfigError
from clipmatrix.geometry.mesh import build_edges
from clipmatrix.losses.edge_length import edge_length_loss
from clipmatrix.losses.laplacian import laplacian_loss
from clipmatrix.losses.normal_consistency import neighbouring_faces, normal_consistency_loss
from clipmatrix.losses.offset_size import offset_size_loss
from clipmatrix.losses.silhouette_area import silhouette_area_loss
from clipmatrix.losses.symmetry import symmetry_loss
from clipmatrix.losses.texture_change import texture_change_loss
from clipmatrix.losses.total_variation import total_variation_loss, total_variation_reference
from clipmatrix.losses.weights import LossWeights

SQUARE = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
TWO_TRIANGLES = torch.tensor([[0, 1, 2], [0, 2, 3]])


def test_laplacian_of_one_moved_vertex() -> None:
    """Vertex 1 has neighbours 0 and 2: L = (2h, -h, -h) on 1, 0, 2, so the mean square is 6 h^2 / 4."""
    offset = torch.zeros(4, 3)
    offset[1, 2] = 0.1
    loss = laplacian_loss(offset, build_edges(TWO_TRIANGLES).vertex_ids)
    assert math.isclose(loss.item(), 6 * 0.1**2 / 4, rel_tol=1e-5)


def test_laplacian_ignores_a_common_shift() -> None:
    assert laplacian_loss(torch.full((4, 3), 0.3), build_edges(TWO_TRIANGLES).vertex_ids).item() == 0.0


def test_edge_length_of_a_scaled_square() -> None:
    """Every edge is 1.5 times as long: (1.5 - 1)^2."""
    edges = build_edges(TWO_TRIANGLES).vertex_ids
    assert math.isclose(edge_length_loss(1.5 * SQUARE, SQUARE, edges).item(), 0.25, rel_tol=1e-5)
    assert edge_length_loss(SQUARE + 3.0, SQUARE, edges).item() < 1e-12


def test_edge_length_of_a_collapsed_mesh_has_finite_gradients() -> None:
    vertices = torch.zeros(4, 3, requires_grad=True)
    edge_length_loss(vertices, SQUARE, build_edges(TWO_TRIANGLES).vertex_ids).backward()
    assert vertices.grad is not None
    assert torch.isfinite(vertices.grad).all()


def test_normal_consistency_of_a_right_angle() -> None:
    """The second triangle stands upright on the shared diagonal: cos goes from 1 to 0 at the only crease."""
    folded = SQUARE.clone()
    folded[3] = torch.tensor([0.5, 0.5, math.sqrt(0.5)])
    pairs = neighbouring_faces(TWO_TRIANGLES)
    assert [sorted(pair) for pair in pairs.tolist()] == [[0, 1]]
    assert math.isclose(normal_consistency_loss(folded, SQUARE, TWO_TRIANGLES, pairs).item(), 1.0, rel_tol=1e-5)
    assert normal_consistency_loss(SQUARE, folded, TWO_TRIANGLES, pairs).item() == 0.0


def test_neighbouring_faces_of_a_tetrahedron_are_all_pairs() -> None:
    pairs = neighbouring_faces(torch.tensor([[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]]))
    assert {tuple(sorted(pair)) for pair in pairs.tolist()} == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}


def test_offset_size_is_a_mean_square_in_metres() -> None:
    offset = torch.tensor([[0.03, 0.0, 0.04], [0.0, 0.0, 0.0]])
    assert math.isclose(offset_size_loss(offset, torch.zeros(2, 3)).item(), 0.05**2 / 2, rel_tol=1e-5)
    assert offset_size_loss(offset, offset).item() == 0.0


def test_silhouette_area_is_free_within_its_tolerance() -> None:
    """Coverage 0.5 against a reference of 0.2 is a change of 1.5; with a tolerance of 0.5 the excess is 1."""
    alpha = torch.zeros(1, 4, 4, 1)
    alpha[:, :2] = 1.0
    assert math.isclose(silhouette_area_loss(alpha, torch.tensor([0.2]), 0.5).item(), 1.0, rel_tol=1e-5)
    assert silhouette_area_loss(alpha, torch.tensor([0.4]), 0.5).item() == 0.0


def test_compiled_total_variation_equals_its_twin() -> None:
    texture = torch.rand(3, 9, 13, generator=torch.Generator().manual_seed(1))
    texture[:, 2:5] = 0.5
    results = []
    for loss in (total_variation_loss, total_variation_reference):
        leaf = texture.clone().requires_grad_(True)
        value = loss(leaf.permute(1, 2, 0))
        (3.0 * value).backward()
        results.append((value.detach(), leaf.grad))
    torch.testing.assert_close(results[0], results[1])


def test_total_variation_of_stripes() -> None:
    """Columns alternate between 0 and 1: one along rows of texels, nothing across."""
    texture = torch.zeros(4, 6, 3)
    texture[:, ::2] = 1.0
    assert math.isclose(total_variation_loss(texture).item(), 1.0)


def test_symmetry_of_mirrored_and_of_equal_offsets() -> None:
    """Equal offsets d along x differ from their reflection by 2 d."""
    mirror = torch.tensor([1, 0])
    assert symmetry_loss(torch.tensor([[0.1, 0.2, 0.3], [-0.1, 0.2, 0.3]]), mirror).item() == 0.0
    equal = torch.tensor([[0.1, 0.0, 0.0], [0.1, 0.0, 0.0]])
    assert math.isclose(symmetry_loss(equal, mirror).item(), 0.04, rel_tol=1e-5)


@pytest.mark.parametrize("name", ["laplacian", "edge", "normal", "size", "symmetry"])
def test_gradients_pass_gradcheck(name: str) -> None:
    generator = torch.Generator().manual_seed(5)
    point = torch.randn(4, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    reference = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    edges = build_edges(TWO_TRIANGLES).vertex_ids
    pairs = neighbouring_faces(TWO_TRIANGLES)
    functions = {
        "laplacian": lambda x: laplacian_loss(x, edges),
        "edge": lambda x: edge_length_loss(x, reference, edges),
        "normal": lambda x: normal_consistency_loss(x, reference, TWO_TRIANGLES, pairs),
        "size": lambda x: offset_size_loss(x, reference),
        "symmetry": lambda x: symmetry_loss(x, torch.tensor([1, 0, 3, 2])),
    }
    assert torch.autograd.gradcheck(functions[name], (point,))


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(LossWeights)])
def test_weights_refuse_negative_and_undefined_values(field: str) -> None:
    for value in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match=field):
            dataclasses.replace(LossWeights(), **{field: value})


def test_texture_change_is_the_mean_square_of_a_constant_shift() -> None:
    start = torch.rand(16, 16, 3, generator=torch.Generator().manual_seed(0))
    assert texture_change_loss(start, start).item() == 0.0
    assert texture_change_loss(start + 0.1, start).item() == pytest.approx(0.01, rel=1e-4)
