"""The compiled steps against their plain torch twins, values and gradients."""

import pytest
import torch

from clipmatrix.geometry.mesh import vertex_normals
from clipmatrix.render import fused_cpu


def same_with_gradients(fast, twin, *inputs: torch.Tensor) -> None:
    results = []
    for function in (fast, twin):
        leaves = [x.clone().requires_grad_() for x in inputs]
        out = function(*leaves)
        (out * torch.linspace(-1, 2, out.numel(), dtype=out.dtype).reshape(out.shape)).sum().backward()
        results.append([out.detach(), *(leaf.grad for leaf in leaves)])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)


def test_gather_rows(generator: torch.Generator) -> None:
    table, ids = torch.randn(11, 4, generator=generator), torch.randint(0, 11, (50,), generator=generator)
    same_with_gradients(lambda t: fused_cpu.gather_rows(t, ids), lambda t: t.index_select(0, ids), table)


def test_weigh_rows(generator: torch.Generator) -> None:
    table, weights = torch.randn(11, 5, generator=generator), torch.randn(40, 3, generator=generator)
    ids = torch.randint(0, 11, (40, 3), generator=generator)
    same_with_gradients(
        lambda t, w: fused_cpu.weigh_rows(t, ids, w),
        lambda t, w: fused_cpu.weigh_rows_reference(t, ids, w),
        table,
        weights,
    )


def test_weigh_rows_without_gradient_of_the_table(generator: torch.Generator) -> None:
    ids = torch.randint(0, 4, (6, 3), generator=generator)
    weights = torch.randn(6, 3, generator=generator).requires_grad_()
    fused_cpu.weigh_rows(torch.ones(4, 2), ids, weights).sum().backward()
    assert torch.equal(weights.grad, torch.full((6, 3), 2.0))


def test_area_normals(icosphere) -> None:
    mesh = icosphere(2)
    vertices = torch.stack([mesh.vertices, mesh.vertices * torch.tensor([1.0, 2.0, 0.5])])
    same_with_gradients(
        lambda v: fused_cpu.area_normals(v, mesh.faces),
        lambda v: fused_cpu.area_normals_reference(v, mesh.faces),
        vertices,
    )
    unit = torch.nn.functional.normalize(fused_cpu.area_normals(vertices, mesh.faces), dim=-1)
    torch.testing.assert_close(unit, vertex_normals(vertices, mesh.faces))


@pytest.mark.parametrize("size", [(8, 4), (7, 5), (1, 6), (3, 1)])
def test_halve(size: tuple[int, int], generator: torch.Generator) -> None:
    texture = torch.rand(*size, 3, generator=generator)
    same_with_gradients(fused_cpu.halve, fused_cpu.halve_reference, texture)


def test_gradients_in_float64(icosphere, generator: torch.Generator) -> None:
    mesh = icosphere(0)
    ids = torch.randint(0, 5, (7, 3), generator=generator)
    table = torch.randn(5, 2, dtype=torch.float64, generator=generator).requires_grad_()
    weights = torch.randn(7, 3, dtype=torch.float64, generator=generator).requires_grad_()
    vertices = mesh.vertices[None].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda t: fused_cpu.gather_rows(t, ids.reshape(-1)), table)
    assert torch.autograd.gradcheck(lambda t, w: fused_cpu.weigh_rows(t, ids, w), (table, weights))
    assert torch.autograd.gradcheck(lambda v: fused_cpu.area_normals(v, mesh.faces), vertices)
    assert torch.autograd.gradcheck(fused_cpu.halve, table.detach()[..., None].requires_grad_())
