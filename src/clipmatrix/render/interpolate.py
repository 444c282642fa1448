"""Perspective-correct interpolation at the covered pixels; knows which face a pixel shows, not why."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.render.fragments import Fragments
from clipmatrix.render.fused_cpu import gather_rows, weigh_rows

MAX_WEIGHT = 2.0
"""A barycentric weight beyond this is float32's noise on a face seen edge-on: such a pixel takes the face's middle."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """The covered pixels of all views, in the order of ``b h w`` flattened.

    ``pixel_ids`` count through ``b h w`` flattened. ``ndc`` are the pixels' centres, +Y up.
    """

    pixel_ids: Int64[Tensor, "n"]
    view_ids: Int64[Tensor, "n"]
    face_ids: Int64[Tensor, "n"]
    ndc: Float[Tensor, "n 2"]


@dataclass(frozen=True, eq=False)
class Barycentrics:
    """Where in its face each covered pixel lies.

    ``weights`` sum to one; an attribute that is linear on the face in space is their weighted sum.
    ``per_column`` and ``per_row`` say how the weights change from a pixel to its right and its lower neighbour;
    they carry no gradient.
    """

    weights: Float[Tensor, "n 3"]
    per_column: Float[Tensor, "n 3"]
    per_row: Float[Tensor, "n 3"]


def cover(fragments: Fragments, dtype: torch.dtype) -> Coverage:
    """The pixels at which a face is seen; ``dtype`` is that of their centres."""
    height, width = fragments.face_ids.shape[1:]
    flat = fragments.face_ids.reshape(-1)
    pixel_ids = torch.nonzero(flat >= 0).squeeze(1)
    column = pixel_ids % width
    row = torch.div(pixel_ids, width, rounding_mode="floor") % height
    ndc = torch.stack([(2 * column + 1).to(dtype) / width - 1.0, 1.0 - (2 * row + 1).to(dtype) / height], dim=-1)
    view_ids = torch.div(pixel_ids, height * width, rounding_mode="floor")
    return Coverage(pixel_ids, view_ids, flat.index_select(0, pixel_ids).long(), ndc)


def barycentrics(
    vertices_clip: Float[Tensor, "b v 4"], corner_ids: Int64[Tensor, "n 3"], coverage: Coverage, size: tuple[int, int]
) -> Barycentrics:
    """The barycentric weights of the covered pixels, from homogeneous edge functions.

    ``corner_ids`` are the pixels' three vertices, counted through ``b v`` flattened; ``size`` is height and width.
    Differentiable with respect to ``vertices_clip``. Good to float32: x - X w and y - Y w come first, so that the
    products below are those of a face next to the origin. Corners may lie behind the camera.
    """
    corners = gather_rows(vertices_clip.reshape(-1, 4), corner_ids.reshape(-1)).reshape(-1, 3, 4)
    w = corners[..., 3]
    x = corners[..., 0] - coverage.ndc[:, 0:1] * w
    y = corners[..., 1] - coverage.ndc[:, 1:2] * w
    x0, x1, x2 = x.unbind(1)
    y0, y1, y2 = y.unbind(1)
    areas = torch.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0], dim=1)
    total = areas.sum(1, keepdim=True)
    with torch.no_grad():
        tiny = torch.finfo(total.dtype).tiny
        is_sound = (total > tiny) & (areas.abs().amax(1, keepdim=True) <= MAX_WEIGHT * total)
    # Both branches of the choice stay finite, or the gradient of the one not taken would be NaN.
    safe_total = torch.where(is_sound, total, torch.ones_like(total))
    weights = torch.where(is_sound, areas / safe_total, torch.full_like(areas, 1.0 / 3.0))
    with torch.no_grad():
        w0, w1, w2 = w.unbind(1)
        slope_x = torch.stack([y1 * w2 - y2 * w1, y2 * w0 - y0 * w2, y0 * w1 - y1 * w0], dim=1)
        slope_y = torch.stack([w1 * x2 - w2 * x1, w2 * x0 - w0 * x2, w0 * x1 - w1 * x0], dim=1)
        reach = is_sound / safe_total
        per_x = (slope_x - weights * slope_x.sum(1, keepdim=True)) * reach
        per_y = (slope_y - weights * slope_y.sum(1, keepdim=True)) * reach
    return Barycentrics(weights, per_x * (2.0 / size[1]), per_y * (-2.0 / size[0]))


def interpolate_reference(
    vertices_clip: Float[Tensor, "b v 4"],
    normals: Float[Tensor, "#b v 3"],
    uvs: Float[Tensor, "t 2"],
    face_ids: tuple[Int64[Tensor, "f 3"], Int64[Tensor, "f 3"]],
    coverage: Coverage,
    size: tuple[int, int],
) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n 3"], Float[Tensor, "n 2 2"]]:
    """The uv point and the unit normal at each covered pixel, and how uv changes to the right and to the lower pixel.

    ``face_ids`` are the faces' vertices and their uv points. Differentiable in vertices, normals and uvs; the
    changes carry no gradient to the vertices.
    """
    vertex_ids, uv_ids = (ids.index_select(0, coverage.face_ids) for ids in face_ids)
    clip_ids = vertex_ids + (coverage.view_ids * vertices_clip.shape[1])[:, None]
    where = barycentrics(vertices_clip, clip_ids, coverage, size)
    uv = weigh_rows(uvs, uv_ids, where.weights)
    change = torch.stack(
        [weigh_rows(uvs.detach(), uv_ids, where.per_column), weigh_rows(uvs.detach(), uv_ids, where.per_row)], dim=1
    )
    normal_ids = vertex_ids if normals.shape[0] == 1 else clip_ids
    weighed = weigh_rows(normals.reshape(-1, 3), normal_ids, where.weights)
    return uv, torch.nn.functional.normalize(weighed, dim=-1, eps=1e-6), change


def eye_rays_reference(eye_from_ndc: Float[Tensor, "b 3 3"], coverage: Coverage) -> Float[Tensor, "n 3"]:
    """Unit vectors along ``eye_from_ndc`` (X, Y, 1) of each pixel's view, (X, Y) being its centre in NDC."""
    matrix = eye_from_ndc.to(coverage.ndc).index_select(0, coverage.view_ids)
    rays = matrix[..., 2] + (matrix[..., :2] * coverage.ndc[:, None]).sum(-1)
    return torch.nn.functional.normalize(rays, dim=-1, eps=1e-12)
