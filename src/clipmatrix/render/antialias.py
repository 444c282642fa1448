"""Smooth outlines, and with them the gradient of visibility; knows pixel pairs and edges, not shading.

Between the centres of an inner and an outer pixel an outline crosses at the fraction c of the way, counted from the
inner one. Each pixel is a box around its centre: for c > 1/2 the surface reaches into the outer pixel and gives it
(c - 1/2) of its colour, for c < 1/2 the outer colour takes (1/2 - c) of the inner pixel. Summed along an outline this
is the area that it encloses, to first order, so the picture's derivative with respect to the vertices is that of the
true picture. References: Laine et al., Modular Primitives for High-Performance Differentiable Rendering, ACM TOG 2020,
section 3.4, whose pairs are found by face ids; here they are found by edges, as faces may be smaller than a pixel.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.render.fragments import SilhouettePairs
from clipmatrix.render.fused_cpu import gather_rows


def crossings(
    vertices_clip: Float[Tensor, "b v 4"], pairs: SilhouettePairs, size: tuple[int, int]
) -> Float[Tensor, "n"]:
    """How far from the inner to the outer pixel's centre each outline crosses, in [0, 1] up to rounding.

    Differentiable with respect to ``vertices_clip``; ends behind the camera are right, as the line is homogeneous.
    """
    height, width = size
    dtype = vertices_clip.dtype
    ends = gather_rows(vertices_clip.reshape(-1, 4), pairs.vertex_ids.reshape(-1)).reshape(-1, 2, 4)
    column = pairs.inner_pixels % width
    row = torch.div(pairs.inner_pixels, width, rounding_mode="floor") % height
    ndc_x = (2 * column + 1).to(dtype) / width - 1.0
    ndc_y = 1.0 - (2 * row + 1).to(dtype) / height
    w = ends[..., 3]
    # The line through both ends, relative to the inner pixel: a x + b y + c = 0.
    x = ends[..., 0] - ndc_x[:, None] * w
    y = ends[..., 1] - ndc_y[:, None] * w
    a = y[:, 0] * w[:, 1] - y[:, 1] * w[:, 0]
    b = w[:, 0] * x[:, 1] - w[:, 1] * x[:, 0]
    c = x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]
    step_x, step_y = 2.0 / width, -2.0 / height
    towards_outer = torch.where(pairs.outer_pixels > pairs.inner_pixels, 1.0, -1.0).to(dtype)
    slope = torch.where(pairs.is_row, a * step_x, b * step_y) * towards_outer
    is_sound = slope.detach().abs() > torch.finfo(dtype).tiny
    fraction = -c / torch.where(is_sound, slope, torch.ones_like(slope))
    return torch.where(is_sound, fraction, torch.full_like(fraction, 0.5))


def antialias(
    image: Float[Tensor, "b h w c"], vertices_clip: Float[Tensor, "b v 4"], pairs: SilhouettePairs
) -> Float[Tensor, "b h w c"]:
    """The image with its outlines blended by the module's rule.

    Differentiable with respect to the image and to ``vertices_clip``. Deterministic on the CPU.
    """
    num_channels = image.shape[-1]
    share = crossings(vertices_clip, pairs, (image.shape[1], image.shape[2])) - 0.5
    flat = image.reshape(-1, num_channels)
    inner = flat.index_select(0, pairs.inner_pixels)
    outer = flat.index_select(0, pairs.outer_pixels)
    target = torch.where(share.detach() > 0, pairs.outer_pixels, pairs.inner_pixels)
    return flat.index_add(0, target, share[:, None] * (inner - outer)).reshape(image.shape)
