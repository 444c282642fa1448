"""Barycentric weights: closed forms in perspective, derivatives, slivers."""

import torch

from clipmatrix.render.interpolate import barycentrics, cover
from clipmatrix.render.pipeline import to_clip
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras, perspective


def weights_of(vertices_clip, faces, size):
    fragments = CpuRasterizer().visibility(vertices_clip, faces, size)
    coverage = cover(fragments, vertices_clip.dtype)
    ids = faces[coverage.face_ids] + (coverage.view_ids * vertices_clip.shape[1])[:, None]
    return coverage, ids, barycentrics(vertices_clip, ids, coverage, size)


def test_points_project_back_onto_their_pixels(icosphere, cameras_around) -> None:
    """The weighted sum of a face's corners in space is the point that the pixel sees."""
    mesh = icosphere(2)
    cameras = cameras_around(2)
    clip = to_clip(mesh.vertices[None], cameras)
    coverage, ids, where = weights_of(clip, mesh.faces, ImageSize(50, 40))
    points = (clip.reshape(-1, 4)[ids] * where.weights[..., None]).sum(1)
    torch.testing.assert_close(points[:, :2] / points[:, 3:], coverage.ndc, atol=1e-5, rtol=0)
    torch.testing.assert_close(where.weights.sum(1), torch.ones(len(ids)))


def test_ground_seen_in_perspective() -> None:
    """Ground at y = -1 that runs through the camera plane, fov 90 degrees: pixel (X, Y) sees x = -X/Y, z = 1/Y."""
    ground = torch.tensor([[-90.0, -1, 80], [90, -1, 80], [90, -1, -80], [-90, -1, -80]])
    camera = Cameras(torch.eye(4)[None], perspective(torch.tensor([torch.pi / 2])))
    clip = to_clip(ground[None], camera)
    coverage, ids, where = weights_of(clip, torch.tensor([[0, 1, 2], [0, 2, 3]]), ImageSize(40, 40))
    assert len(ids) == 800
    seen = (ground[ids] * where.weights[..., None]).sum(1)
    x, y = coverage.ndc.unbind(1)
    torch.testing.assert_close(seen[:, 0], -x / y, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(seen[:, 2], 1 / y, atol=1e-4, rtol=1e-4)


def test_steps_to_the_neighbours_are_the_derivatives() -> None:
    """One face over the whole picture: the steps match central differences of the neighbours' weights."""
    clip = torch.tensor([[[-3.0, -2, 0.1, 1.0], [6, -3, 0.5, 2.0], [-1, 9, 0.2, 1.5]]], dtype=torch.float64)
    size = ImageSize(20, 30)
    coverage, _, where = weights_of(clip, torch.tensor([[0, 1, 2]]), size)
    assert len(coverage.pixel_ids) == 600
    grid = where.weights.reshape(20, 30, 3)
    column = (grid[1:-1, 2:] - grid[1:-1, :-2]) / 2
    row = (grid[2:, 1:-1] - grid[:-2, 1:-1]) / 2
    torch.testing.assert_close(where.per_column.reshape(20, 30, 3)[1:-1, 1:-1], column, atol=2e-4, rtol=2e-2)
    torch.testing.assert_close(where.per_row.reshape(20, 30, 3)[1:-1, 1:-1], row, atol=2e-4, rtol=2e-2)


def test_gradient_in_float64(icosphere, cameras_around) -> None:
    mesh = icosphere(0)
    clip = to_clip(mesh.vertices[None].double(), Cameras(*(m.double() for m in vars(cameras_around()).values())))
    coverage, ids, _ = weights_of(clip, mesh.faces, ImageSize(7, 7))

    def weights(c):
        return barycentrics(c, ids, coverage, (7, 7)).weights

    assert torch.autograd.gradcheck(weights, clip.requires_grad_())


def test_faces_seen_edge_on_stay_finite() -> None:
    """Float32 loses the area of a face of width 1e-9: weights and gradients must not become NaN."""
    clip = torch.tensor([[[-0.9, -0.9, 0, 1], [0.9, 0.9, 0, 1], [0.9 - 1e-7, 0.9, 0, 1], [0.1, 0.1, 0, 1]]])
    clip.requires_grad_()
    faces = torch.tensor([[0, 1, 2], [0, 1, 3]])
    coverage = cover(CpuRasterizer().visibility(clip, faces[:1], ImageSize(8, 8)), torch.float32)
    assert len(coverage.pixel_ids) > 0
    for face in faces:
        where = barycentrics(clip, face.expand(len(coverage.pixel_ids), 3), coverage, (8, 8))
        (where.weights[:, 0] * torch.arange(len(coverage.pixel_ids))).sum().backward()
        assert where.weights.isfinite().all()
        torch.testing.assert_close(where.weights.sum(1), torch.ones(len(where.weights)))
        assert where.per_column.isfinite().all()
        assert clip.grad is not None
        assert clip.grad.isfinite().all()
