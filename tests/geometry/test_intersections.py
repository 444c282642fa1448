"""Self-intersections by the tree of boxes against a plain twin, and on surfaces whose answer is known."""

import pytest
import torch
from tests.toy_body import build_toy_body

from clipmatrix.geometry.intersections import self_intersecting


def _pierced(p, q, triangle) -> bool:
    """Whether a segment passes through a triangle, by solving for the point."""
    a, b, c = triangle
    matrix = torch.stack([b - a, c - a, p - q], dim=1)
    if matrix.det().abs() < 1e-12:
        return False
    u, v, t = torch.linalg.solve(matrix, p - a).tolist()
    return u >= 0 and v >= 0 and u + v <= 1 and 0 <= t <= 1


def _slow(vertices, faces) -> torch.Tensor:
    corners = vertices.double()[faces]
    is_hit = torch.zeros(len(faces), dtype=torch.bool)
    for i in range(len(faces)):
        for j in range(i):
            if set(faces[i].tolist()) & set(faces[j].tolist()):
                continue
            pairs = [(corners[i], corners[j]), (corners[j], corners[i])]
            if any(_pierced(one[k], one[(k + 1) % 3], other) for one, other in pairs for k in range(3)):
                is_hit[i] = is_hit[j] = True
    return is_hit


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_the_plain_twin_on_a_soup(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.rand(60, 1, 3, generator=generator)
    vertices = (centres + 0.15 * torch.randn(60, 3, 3, generator=generator)).reshape(-1, 3)
    # Some share corners, so that neighbours are seen to be left out.
    faces = torch.arange(180).reshape(60, 3)
    faces[1::4, 0] = faces[::4, 1]
    found = self_intersecting(vertices, faces)
    assert torch.equal(found, _slow(vertices, faces))
    assert 5 < int(found.sum()) < 60


def test_a_tube_does_not_cross_itself_until_it_is_bent_through_itself() -> None:
    mesh = build_toy_body().template
    assert not self_intersecting(mesh.vertices, mesh.faces).any()
    pushed = mesh.vertices.clone()
    ring = (pushed[:, 1] > 0.7) & (pushed[:, 1] < 0.9) & (pushed[:, 2] > 0.1)
    pushed[ring, 2] -= 1.0
    assert self_intersecting(pushed, mesh.faces).sum() >= 4


def test_two_crossing_triangles_and_two_that_do_not() -> None:
    vertices = torch.tensor([[0.0, 0, 0], [2, 0, 0], [0, 2, 0], [0.5, 0.5, -1], [0.5, 0.5, 1], [0.5, 2, 1]])
    faces = torch.tensor([[0, 1, 2], [3, 4, 5]])
    assert self_intersecting(vertices, faces).tolist() == [True, True]
    assert self_intersecting(vertices + 5.0 * (vertices[:, 2:] != 0), faces).tolist() == [False, False]


def test_undefined_and_collapsed_faces_cross_nothing() -> None:
    vertices = torch.tensor([[0.0, 0, 0], [2, 0, 0], [0, 2, 0], [0.5, 0.5, -1], [0.5, 0.5, 1], [0.5, 2, float("nan")]])
    faces = torch.tensor([[0, 1, 2], [3, 4, 5], [3, 3, 3]])
    assert not self_intersecting(vertices, faces).any()
    assert self_intersecting(vertices, faces[:0]).shape == (0,)
