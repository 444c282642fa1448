"""Visibility and outlines: closed forms, and the compiled backend against the readable one, bit by bit."""

import numpy as np
import pytest
import torch
from numba import njit
from torch import Tensor

from clipmatrix.geometry.mesh import Edges, build_edges
from clipmatrix.render.fragments import Fragments, Rasterizer, SilhouettePairs
from clipmatrix.render.pipeline import rasterizer_for, to_clip
from clipmatrix.render.rasterize_cpu import CpuRasterizer, rasterize_view
from clipmatrix.render.rasterize_reference import ReferenceRasterizer
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras, perspective

BACKENDS = [CpuRasterizer(), CpuRasterizer(num_threads=2), ReferenceRasterizer()]


def assert_same(a: Fragments, b: Fragments) -> None:
    assert torch.equal(a.face_ids, b.face_ids)
    assert torch.equal(a.depth, b.depth)


def assert_same_pairs(a: SilhouettePairs, b: SilhouettePairs) -> None:
    assert torch.equal(a.inner_pixels, b.inner_pixels)
    assert torch.equal(a.outer_pixels, b.outer_pixels)
    assert torch.equal(a.vertex_ids, b.vertex_ids)
    assert torch.equal(a.is_row, b.is_row)


def corners(*points: tuple[float, float, float]) -> Tensor:
    """One view of corners with w = 1."""
    return torch.tensor([[(*p, 1.0) for p in points]])


@pytest.mark.parametrize("rasterizer", BACKENDS)
def test_half_a_square(rasterizer: Rasterizer) -> None:
    """The triangle below the diagonal covers pixel (row, column) where column <= row: centres on edges are inside."""
    clip = corners((-1, -1, 0.25), (1, -1, 0.25), (-1, 1, 0.25))
    found = rasterizer.visibility(clip, torch.tensor([[0, 1, 2]]), ImageSize(8, 8))
    expected = torch.ones(8, 8).tril() == 1
    assert torch.equal(found.face_ids[0] == 0, expected)
    assert torch.equal(found.face_ids[0] == -1, ~expected)
    assert (found.depth[0][expected] == 0.25).all()
    assert torch.isinf(found.depth[0][~expected]).all()


@pytest.mark.parametrize("rasterizer", BACKENDS)
def test_back_faces_order_and_ties(rasterizer: Rasterizer) -> None:
    clip = corners((-1, -1, 0.5), (3, -1, 0.5), (-1, 3, 0.5), (-1, -1, -0.5), (3, -1, -0.5), (-1, 3, -0.5))
    far, near, back = [0, 1, 2], [3, 4, 5], [3, 5, 4]
    for faces, winner in (([far, near], 1), ([near, far], 0), ([back, far], 1), ([far, far], 0), ([back], -1)):
        found = rasterizer.visibility(clip, torch.tensor(faces), ImageSize(3, 5))
        assert (found.face_ids == winner).all(), faces


@pytest.mark.parametrize("rasterizer", BACKENDS)
def test_a_fan_of_slivers_has_no_hole(rasterizer: Rasterizer, generator: torch.Generator) -> None:
    angle = torch.rand(300, generator=generator).sort().values * 2 * torch.pi
    rim = torch.stack([3 * torch.cos(angle), 3 * torch.sin(angle)], 1)
    points = torch.cat([torch.rand(1, 2, generator=generator) - 0.5, rim])
    clip = torch.cat([points, torch.zeros(301, 1), torch.ones(301, 1)], 1)[None]
    # Unequal w, so that the shared edges are not trivially the same numbers.
    clip = clip * (0.5 + torch.rand(1, 301, 1, generator=generator))
    ring = torch.arange(300)
    faces = torch.stack([torch.zeros_like(ring), 1 + ring, 1 + (ring + 1) % 300], 1)
    assert (rasterizer.visibility(clip, faces, ImageSize(64, 64)).face_ids >= 0).all()


@pytest.mark.parametrize("rasterizer", BACKENDS)
def test_ground_through_the_camera_plane(rasterizer: Rasterizer) -> None:
    """Ground at y = -1 under and behind an eye at the origin, fov 90 degrees: row Y < 0 sees it at distance -1/Y.

    It is there for near <= -1/Y <= far, at z/w = (f + n)/(f - n) - 2fn/((f - n) d).
    """
    near, far = 1.3, 20.0
    ground = torch.tensor([[-900.0, -1, 800], [900, -1, 800], [900, -1, -800], [-900, -1, -800]])
    camera = Cameras(torch.eye(4)[None], perspective(torch.tensor([torch.pi / 2]), near=near, far=far))
    size = ImageSize(40, 24)
    found = rasterizer.visibility(to_clip(ground[None], camera), torch.tensor([[0, 1, 2], [0, 2, 3]]), size)
    ndc_y = 1 - (torch.arange(40, dtype=torch.float64) + 0.5) / 20
    distance = torch.where(ndc_y < 0, -1 / ndc_y, torch.inf)
    is_there = (distance >= near) & (distance <= far)
    assert 0 < is_there.sum() < 20
    assert torch.equal(found.face_ids[0] >= 0, is_there[:, None].expand(40, 24))
    depth = (far + near) / (far - near) - 2 * far * near / ((far - near) * distance[is_there])
    torch.testing.assert_close(found.depth[0, is_there].double(), depth[:, None].expand(-1, 24), atol=2e-5, rtol=0)


def soup(generator: torch.Generator) -> tuple[Tensor, Tensor, Edges]:
    """Triangles in front of, behind and through the camera plane, some without area, some with NaN."""
    clip = torch.randn(3, 90, 4, generator=generator) * torch.tensor([1.0, 1.0, 0.7, 1.0]) + torch.tensor(
        [0, 0, 0, 0.6]
    )
    faces = torch.randint(0, 90, (160, 3), generator=generator)
    clip[1, 7] = torch.nan
    clip[2, 9] = torch.inf
    clip[0, 11] = 0.0
    return clip, faces, build_edges(faces)


def test_backends_agree_on_a_soup(generator: torch.Generator) -> None:
    for size in (ImageSize(33, 47), ImageSize(1, 9), ImageSize(64, 64)):
        clip, faces, edges = soup(generator)
        first = BACKENDS[0].visibility(clip, faces, size)
        assert (first.face_ids >= 0).float().mean() > 0.2
        pairs = BACKENDS[0].silhouette_pairs(clip, edges, first)
        assert size.height == 1 or len(pairs.is_row) > 50
        for other in BACKENDS[1:]:
            assert_same(first, other.visibility(clip, faces, size))
            assert_same_pairs(pairs, other.silhouette_pairs(clip, edges, first))


def test_backends_agree_on_a_sphere(icosphere, cameras_around) -> None:
    mesh = icosphere(4)
    edges = build_edges(mesh.faces)
    for distance in (4.0, 1.2):
        clip = to_clip(mesh.vertices[None], cameras_around(3, distance))
        first = BACKENDS[0].visibility(clip, mesh.faces, ImageSize(96, 96))
        pairs = BACKENDS[0].silhouette_pairs(clip, edges, first)
        for other in BACKENDS[1:]:
            assert_same(first, other.visibility(clip, mesh.faces, ImageSize(96, 96)))
            assert_same_pairs(pairs, other.silhouette_pairs(clip, edges, first))


def test_many_candidates_are_worked_off_in_chunks(monkeypatch: pytest.MonkeyPatch, generator: torch.Generator) -> None:
    clip, faces, _ = soup(generator)
    whole = ReferenceRasterizer().visibility(clip, faces, ImageSize(40, 40))
    monkeypatch.setattr("clipmatrix.render.rasterize_reference.CHUNK", 500)
    assert_same(whole, ReferenceRasterizer().visibility(clip, faces, ImageSize(40, 40)))


def test_kernel_serves_other_kernels(icosphere, cameras_around) -> None:
    @njit
    def count(vertices_clip, faces, face_ids, depth):
        rasterize_view(vertices_clip, faces, face_ids, depth)
        return (face_ids >= 0).sum()

    mesh = icosphere(2)
    clip = to_clip(mesh.vertices[None], cameras_around())
    face_ids, depth = np.empty((32, 32), np.int32), np.empty((32, 32), np.float32)
    expected = CpuRasterizer().visibility(clip, mesh.faces, ImageSize(32, 32))
    assert count(clip[0].numpy(), mesh.faces.numpy(), face_ids, depth) == (expected.face_ids >= 0).sum()
    assert np.array_equal(face_ids, expected.face_ids[0].numpy())


@pytest.mark.parametrize("rasterizer", BACKENDS)
def test_outline_of_a_square(rasterizer: Rasterizer) -> None:
    """A square of 4 x 4 pixels inside 8 x 8 has 4 pairs on each side, and none at its diagonal."""
    clip = corners((-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0))
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    fragments = rasterizer.visibility(clip, faces, ImageSize(8, 8))
    pairs = rasterizer.silhouette_pairs(clip, build_edges(faces), fragments)
    seen = {tuple(p) for p in torch.stack([pairs.inner_pixels, pairs.outer_pixels], 1).tolist()}
    rows = {(8 * y + x, 8 * y + o) for y in range(2, 6) for x, o in ((2, 1), (5, 6))}
    columns = {(8 * y + x, 8 * o + x) for x in range(2, 6) for y, o in ((2, 1), (5, 6))}
    assert seen == rows | columns
    assert pairs.is_row.sum() == 8


@pytest.mark.parametrize("rasterizer", BACKENDS)
def test_hidden_outlines_are_not_found(rasterizer: Rasterizer) -> None:
    """A small square behind a large one has no outline; in front of it, it has; the nearer of two edges wins."""
    large = [(-0.75, -0.75), (0.75, -0.75), (0.75, 0.75), (-0.75, 0.75)]
    small = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    edges = build_edges(faces)
    for depth, num_pairs in ((0.5, 4 * 12), (-0.5, 4 * 12 + 4 * 8)):
        clip = corners(*[(x, y, 0.0) for x, y in large], *[(x, y, depth) for x, y in small])
        fragments = rasterizer.visibility(clip, faces, ImageSize(16, 16))
        pairs = rasterizer.silhouette_pairs(clip, edges, fragments)
        assert len(pairs.is_row) == num_pairs
        assert ((pairs.vertex_ids >= 4).all(1).sum() == 32) == (depth < 0)


def test_choice_of_backend() -> None:
    assert isinstance(rasterizer_for(torch.device("cpu")), CpuRasterizer)
    assert isinstance(rasterizer_for(torch.device("meta")), ReferenceRasterizer)
