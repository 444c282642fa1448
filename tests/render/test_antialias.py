"""Outlines: exact coverage of rectangles, exact derivatives of areas, gradients in float64."""

import pytest
import torch
from torch import Tensor

from clipmatrix.geometry.mesh import Edges, build_edges
from clipmatrix.render.antialias import antialias, crossings
from clipmatrix.render.fragments import SilhouettePairs
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.shapes import ImageSize

FACES = torch.tensor([[0, 1, 2], [0, 2, 3]])


def rectangle(left: float, right: float, top: float, bottom: float, size: int, dtype=torch.float64) -> Tensor:
    """A rectangle in clip space, given in pixels from the upper left corner of a square image."""
    x = [2 * v / size - 1 for v in (left, right)]
    y = [1 - 2 * v / size for v in (bottom, top)]
    points = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]
    return torch.tensor([[(*p, 0.0, 1.0) for p in points]], dtype=dtype)


def coverage(clip: Tensor, size: int, faces: Tensor = FACES) -> Tensor:
    """The antialiased alpha of one colourless surface."""
    rasterizer = CpuRasterizer()
    fragments = rasterizer.visibility(clip, faces, ImageSize(size, size))
    pairs = rasterizer.silhouette_pairs(clip, build_edges(faces), fragments)
    image = (fragments.face_ids >= 0).to(clip.dtype)[..., None]
    return antialias(image, clip, pairs)[..., 0]


def test_rectangle_covers_pixels_by_their_share() -> None:
    """Left 2.3 and right 7.8 give columns 0.7 and 0.8; top 1.25 and bottom 6.6 give rows 0.75 and 0.6."""
    alpha = coverage(rectangle(2.3, 7.8, 1.25, 6.6, 10), 10)[0]
    torch.testing.assert_close(alpha[3], torch.tensor([0, 0, 0.7, 1, 1, 1, 1, 0.8, 0, 0], dtype=torch.float64))
    torch.testing.assert_close(alpha[:, 4], torch.tensor([0, 0.75, 1, 1, 1, 1, 0.6, 0, 0, 0], dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_area_follows_the_edges(dtype: torch.dtype) -> None:
    """Moving the right edge by a pixel adds one pixel for each row whose centre is between top and bottom.

    Rows 1 to 6 have their centres between 1.25 and 6.6; a unit of clip space is five pixels.
    """
    clip = rectangle(2.3, 7.8, 1.25, 6.6, 10, dtype).requires_grad_()
    coverage(clip, 10).sum().backward()
    assert clip.grad is not None
    assert clip.grad[0, [1, 2], 0].sum().item() == pytest.approx(6 * 5, rel=1e-5)
    assert clip.grad[0, [0, 3], 0].sum().item() == pytest.approx(-6 * 5, rel=1e-5)
    # Columns 2 to 7 have their centres between 2.3 and 7.8.
    assert clip.grad[0, [2, 3], 1].sum().item() == pytest.approx(6 * 5, rel=1e-5)
    assert clip.grad[0, :, 2].abs().max() == 0


def test_turned_square_keeps_its_area() -> None:
    """A square of side 20 turned by any angle has 400 pixels of area, up to its four corners."""
    for angle in (0.1, 0.5, torch.pi / 4, 1.2):
        c, s = torch.cos(torch.tensor(angle)).double(), torch.sin(torch.tensor(angle)).double()
        clip = rectangle(22, 42, 22, 42, 64)
        x, y = clip[..., 0].clone(), clip[..., 1].clone()
        clip[..., 0], clip[..., 1] = c * x - s * y + 0.011, s * x + c * y - 0.007
        assert coverage(clip, 64).sum().item() == pytest.approx(400, abs=1.5)


def test_blend_takes_the_colour_behind() -> None:
    """A pixel of which 0.7 shows the near square and 0.3 the far one has that mixture; alpha stays one."""
    near, far = rectangle(2.3, 7.8, 1.0, 9.0, 10), rectangle(0.0, 10.0, 0.0, 10.0, 10)
    far[..., 2] = 0.5
    clip = torch.cat([near, far], 1)
    faces = torch.cat([FACES, FACES + 4])
    rasterizer = CpuRasterizer()
    fragments = rasterizer.visibility(clip, faces, ImageSize(10, 10))
    pairs = rasterizer.silhouette_pairs(clip, build_edges(faces), fragments)
    colours = torch.tensor([[2.0, 1.0], [2.0, 1.0], [5.0, 1.0], [5.0, 1.0]], dtype=torch.float64)
    image = antialias(colours[fragments.face_ids.long()], clip, pairs)
    assert image[0, 4, :, 0].tolist() == pytest.approx([5, 5, 0.7 * 2 + 0.3 * 5, 2, 2, 2, 2, 0.8 * 2 + 0.2 * 5, 5, 5])
    torch.testing.assert_close(image[..., 1], torch.ones(1, 10, 10, dtype=torch.float64))


def test_edge_that_ends_behind_the_camera() -> None:
    """The line x = 0.1 w through an end with w = -1 crosses every row at NDC 0.1, whatever its other end."""
    clip = torch.tensor([[[0.1, -0.5, 0.0, 1.0], [-0.1, 3.0, 0.0, -1.0]]], dtype=torch.float64)
    # In an image 10 wide NDC 0.1 is column 5.5 - 0.5 = 5 counted by centres: 1 pixel right of the centre of column 4.
    pairs = SilhouettePairs(
        torch.tensor([4, 6]), torch.tensor([5, 5]), torch.tensor([[0, 1], [1, 0]]), torch.tensor([True, True])
    )
    assert crossings(clip, pairs, (1, 10)).tolist() == pytest.approx([1.0, 1.0])


def test_gradients_in_float64(generator: torch.Generator) -> None:
    clip = rectangle(2.3, 7.8, 1.25, 6.6, 10)
    clip = clip * torch.tensor([1.0, 1.3, 0.8, 1.1], dtype=torch.float64)[None, :, None]
    clip[0, 0, 0] += 0.07
    rasterizer = CpuRasterizer()
    fragments = rasterizer.visibility(clip, FACES, ImageSize(10, 10))
    pairs = rasterizer.silhouette_pairs(clip, build_edges(FACES), fragments)
    image = torch.rand(1, 10, 10, 2, dtype=torch.float64, generator=generator)
    assert len(pairs.is_row) > 15
    inputs = (image.requires_grad_(), clip.requires_grad_())
    assert torch.autograd.gradcheck(lambda i, c: antialias(i, c, pairs), inputs)


def test_edge_without_length_keeps_gradients_finite() -> None:
    clip = torch.zeros(1, 2, 4).requires_grad_()
    pairs = SilhouettePairs(torch.tensor([0]), torch.tensor([1]), torch.tensor([[0, 1]]), torch.tensor([True]))
    antialias(torch.rand(1, 1, 2, 3), clip, pairs).sum().backward()
    assert clip.grad is not None
    assert clip.grad.isfinite().all()


def test_no_edges() -> None:
    image, empty = torch.rand(1, 3, 3, 4), torch.empty(0, dtype=torch.int64)
    rasterizer = CpuRasterizer()
    clip = torch.zeros(1, 3, 4)
    fragments = rasterizer.visibility(clip, torch.tensor([[0, 1, 2]]), ImageSize(3, 3))
    pairs = rasterizer.silhouette_pairs(clip, Edges(empty.reshape(0, 2), empty.reshape(0, 2)), fragments)
    assert torch.equal(antialias(image, clip, pairs), image)
