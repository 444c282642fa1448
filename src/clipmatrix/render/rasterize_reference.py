"""Visibility and outlines in plain torch, on any device; knows no compiled code, and no gradients.

It is the definition that the compiled backends are tested against, and what runs where there is none. Its cost is the
sum of the areas of the faces' boxes, so large faces are dear: a cube that fills the picture costs more than a body of
thousands of faces. Candidates are worked off in chunks, so that memory stays bounded.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from clipmatrix.geometry.mesh import Edges
from clipmatrix.render.fragments import Fragments, SilhouettePairs
from clipmatrix.render.rasterize_cpu import MARGIN_PX
from clipmatrix.shapes import ImageSize

CHUNK = 1 << 21
"""Candidates (a face and a pixel of its box) looked at together: some 300 MB."""

NONE = (1 << 62) - 1
"""The key of a pixel that shows nothing."""


@dataclass(frozen=True)
class ReferenceRasterizer:
    """The rasteriser for tensors of any device. On CPU and CUDA its face ids are those of ``CpuRasterizer``."""

    def visibility(
        self, vertices_clip: Float[Tensor, "b v 4"], faces: Int64[Tensor, "f 3"], size: ImageSize
    ) -> Fragments:
        """The nearest front face of each pixel; see ``Rasterizer``."""
        with torch.no_grad():
            return _visibility(vertices_clip.to(torch.float32), faces, size)

    def silhouette_pairs(
        self, vertices_clip: Float[Tensor, "b v 4"], edges: Edges, fragments: Fragments
    ) -> SilhouettePairs:
        """The pixel pairs that an outline separates; see ``Rasterizer``."""
        with torch.no_grad():
            return _silhouette_pairs(vertices_clip.to(torch.float32), edges, fragments)


def _exact(x: Float32[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Float64, in which products of float32 are exact; Apple's GPUs have none and must do with float32."""
    return x if x.device.type == "mps" else x.double()


@dataclass(frozen=True, eq=False)
class FaceSetup:
    """Every face of every view, ready to be walked: n is views times faces.

    ``setup`` holds the nine coefficients of the edge functions and the corners' z over the determinant. ``first`` is
    the smallest column and row of the face's box, ``extent`` its width and height in pixels, 0 where it is not seen.
    """

    setup: Float[Tensor, "n 12"]
    first: Int64[Tensor, "n 2"]
    extent: Int64[Tensor, "n 2"]


def set_up(vertices_clip: Float32[Tensor, "b v 4"], faces: Int64[Tensor, "f 3"], size: ImageSize) -> FaceSetup:
    """The faces' edge functions and boxes."""
    corners = _exact(vertices_clip).index_select(1, faces.reshape(-1)).reshape(-1, 3, 4)
    x, y, z, w = (c.unbind(1) for c in corners.unbind(2))
    slope_x = [y[j] * w[k] - y[k] * w[j] for j, k in ((1, 2), (2, 0), (0, 1))]
    slope_y = [w[j] * x[k] - w[k] * x[j] for j, k in ((1, 2), (2, 0), (0, 1))]
    offset = [x[j] * y[k] - x[k] * y[j] for j, k in ((1, 2), (2, 0), (0, 1))]
    det = x[0] * slope_x[0] + y[0] * slope_y[0] + w[0] * offset[0]
    low, high = _boxes(corners, size)
    is_front = (det > 0) & (det < torch.inf)
    first, last = low.ceil().long(), high.floor().long()
    extent = torch.where(is_front[:, None], (last - first + 1).clamp_min(0), torch.zeros_like(first))
    return FaceSetup(torch.stack([*slope_x, *slope_y, *offset, *(c / det for c in z)], dim=1), first, extent)


def _visibility(vertices_clip: Float32[Tensor, "b v 4"], faces: Int64[Tensor, "f 3"], size: ImageSize) -> Fragments:
    num_views, num_faces = vertices_clip.shape[0], faces.shape[0]
    height, width = size
    one = set_up(vertices_clip, faces, size)
    counts = one.extent[:, 0] * one.extent[:, 1]
    kept = torch.nonzero(counts).squeeze(1)
    setup, first, extent, counts = (x.index_select(0, kept) for x in (one.setup, one.first, one.extent, counts))

    best = torch.full((num_views * height * width,), NONE, dtype=torch.int64, device=faces.device)
    for begin, end in _chunks(counts):
        owner, rank = _expand(counts[begin:end])
        owner = owner + begin
        columns = extent[:, 0].index_select(0, owner)
        column = first[:, 0].index_select(0, owner) + rank % columns
        row = first[:, 1].index_select(0, owner) + torch.div(rank, columns, rounding_mode="floor")
        depth, is_inside = _depth_at(setup.index_select(0, owner), column, row, size)
        pair = kept.index_select(0, owner)
        view = torch.div(pair, num_faces, rounding_mode="floor")
        key = torch.where(is_inside, _pack(depth, pair % num_faces), torch.full_like(pair, NONE))
        best.scatter_reduce_(0, (view * height + row) * width + column, key, "amin")
    return fragments_of(best, (num_views, height, width))


def fragments_of(best: Int64[Tensor, "n"], shape: tuple[int, int, int]) -> Fragments:
    """What the smallest key of each pixel says."""
    is_hit = best != NONE
    face_ids = torch.where(is_hit, best & 0xFFFFFFFF, torch.full_like(best, -1)).to(torch.int32)
    depth = torch.where(is_hit, _unpack_depth(best), torch.full_like(best, torch.inf, dtype=torch.float32))
    return Fragments(face_ids.reshape(shape), depth.reshape(shape))


def _depth_at(
    setup: Float[Tensor, "n 12"], column: Int64[Tensor, "n"], row: Int64[Tensor, "n"], size: ImageSize
) -> tuple[Float32[Tensor, "n"], Bool[Tensor, "n"]]:
    """The depth of a face at a pixel's centre, and whether the face is there; term by term as the compiled kernel."""
    ndc_x = (column.to(setup.dtype) + 0.5) * (2.0 / size.width) - 1.0
    ndc_y = 1.0 - (row.to(setup.dtype) + 0.5) * (2.0 / size.height)
    part = setup.unbind(1)
    weights = [part[i] * ndc_x + (part[3 + i] * ndc_y + part[6 + i]) for i in range(3)]
    depth = (weights[0] * part[9] + weights[1] * part[10] + weights[2] * part[11]).to(torch.float32)
    is_inside = (weights[0] >= 0) & (weights[1] >= 0) & (weights[2] >= 0) & (depth >= -1) & (depth <= 1)
    return depth, is_inside


def _boxes(corners: Float[Tensor, "n 3 4"], size: ImageSize) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n 2"]]:
    """The smallest and largest column and row, as fractions, of what each face shows beyond the near plane."""
    scale = corners.new_tensor([size.width / 2, -size.height / 2])
    shift = corners.new_tensor([size.width / 2, size.height / 2]) - 0.5
    limit = corners.new_tensor([size.width, size.height]) - 1.0
    near = corners[..., 2] + corners[..., 3]
    following = corners.roll(-1, dims=1)
    following_near = near.roll(-1, dims=1)
    is_behind, is_crossing = near < 0, (near < 0) != (following_near < 0)
    t = torch.where(is_crossing, near / (near - following_near), torch.zeros_like(near))
    crossing = corners + t[..., None] * (following - corners)
    points = torch.cat([corners, crossing], dim=1)
    is_used = torch.cat([~is_behind, is_crossing], dim=1)
    is_wild = (is_used & ~(points[..., 3] > 1e-12)).any(1)
    position = points[..., :2] / points[..., 3:].clamp_min(1e-12) * scale + shift
    low = torch.where(is_used[..., None], position, torch.inf).amin(1)
    high = torch.where(is_used[..., None], position, -torch.inf).amax(1)
    margin = torch.where(is_crossing.any(1), 0.01, MARGIN_PX)[:, None]
    low = torch.where(is_wild[:, None], torch.zeros_like(low), low - margin)
    high = torch.where(is_wild[:, None], limit.expand_as(high), high + margin)
    low = torch.minimum(torch.nan_to_num(low, posinf=torch.inf).clamp_min(0.0), limit + 1.0)
    return low, torch.minimum(torch.nan_to_num(high, neginf=-1.0), limit).clamp_min(-1.0)


def _expand(counts: Int64[Tensor, "n"]) -> tuple[Int64[Tensor, "m"], Int64[Tensor, "m"]]:
    """For ``counts`` candidates per owner, each candidate's owner and its rank among that owner's."""
    owner = torch.repeat_interleave(torch.arange(counts.numel(), device=counts.device), counts)
    start = counts.cumsum(0) - counts
    return owner, torch.arange(owner.numel(), device=counts.device) - start.index_select(0, owner)


def _chunks(counts: Int64[Tensor, "n"]) -> list[tuple[int, int]]:
    """Ranges of owners with about ``CHUNK`` candidates each; an owner with more has a range of its own."""
    if counts.numel() == 0:
        return []
    chunk = torch.div(counts.cumsum(0) - 1, CHUNK, rounding_mode="floor")
    starts = torch.nonzero(torch.cat([torch.ones_like(chunk[:1]), chunk.diff()])).squeeze(1).tolist()
    return list(zip(starts, [*starts[1:], counts.numel()], strict=True))


def _pack(depth: Float32[Tensor, "n"], ids: Int64[Tensor, "n"]) -> Int64[Tensor, "n"]:
    """Integers that sort by depth, then by id (below 2^32): a float's bits sort as it does, once its sign is mended."""
    # Minus zero would sort below zero: adding zero makes it zero.
    bits = (depth + 0.0).view(torch.int32).long()
    return (torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits) << 32) | ids


def _unpack_depth(key: Int64[Tensor, "n"]) -> Float32[Tensor, "n"]:
    bits = key >> 32
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).to(torch.int32).view(torch.float32)


def _silhouette_pairs(vertices_clip: Float32[Tensor, "b v 4"], edges: Edges, fragments: Fragments) -> SilhouettePairs:
    num_views, height, width = fragments.face_ids.shape
    views, edge_ids, ends, is_left_inside = _outlines(_exact(vertices_clip), edges)
    ends, is_visible = _cut_near(ends)
    position = ends[..., :2] / torch.where(is_visible[:, None], ends[..., 3], torch.ones_like(ends[..., 3]))[..., None]
    column = (position[..., 0] + 1.0) * (0.5 * width) - 0.5
    row = (1.0 - position[..., 1]) * (0.5 * height) - 0.5
    depth = ends[..., 2] / ends[..., 3]
    is_steep = (row[:, 1] - row[:, 0]).abs() >= (column[:, 1] - column[:, 0]).abs()
    along = torch.where(is_steep[:, None], row, column)
    across = torch.where(is_steep[:, None], column, row)
    # Rows count downwards: going down the image, the left of the line is on the right of the picture.
    goes_left = torch.where(is_steep, row[:, 1] > row[:, 0], column[:, 1] < column[:, 0])
    is_second_inner = goes_left == is_left_inside
    num_along = torch.where(is_steep, float(height), float(width)).to(along.dtype)
    first = torch.minimum(along.amin(1).clamp_min(0.0), num_along).ceil()
    last = torch.minimum(along.amax(1).clamp_min(0.0), num_along).ceil() - 1
    counts = torch.where(is_visible, last - first + 1, torch.zeros_like(first)).nan_to_num(0.0).clamp_min(0).long()

    owner, rank = _expand(counts)
    line = first.index_select(0, owner) + rank.to(first.dtype)
    along, across, depth = (t.index_select(0, owner) for t in (along, across, depth))
    t = (line - along[:, 0]) / (along[:, 1] - along[:, 0])
    place = across[:, 0] + t * (across[:, 1] - across[:, 0])
    crossing_depth = (depth[:, 0] + t * (depth[:, 1] - depth[:, 0])).to(torch.float32)
    is_row, is_second_inner = is_steep.index_select(0, owner), is_second_inner.index_select(0, owner)
    num_across = torch.where(is_row, float(width), float(height)).to(place.dtype)
    is_within = (place >= 0.0) & (place < num_across - 1.0)
    floor = torch.where(is_within, place, torch.zeros_like(place)).floor().long()
    view = views.index_select(0, owner)
    base = view * height * width
    first_pixel = base + torch.where(is_row, line.long() * width + floor, floor * width + line.long())
    first_pixel = torch.where(is_within, first_pixel, torch.zeros_like(first_pixel))
    second_pixel = first_pixel + torch.where(is_within, torch.where(is_row, 1, width), 0)
    outer = torch.where(is_second_inner, first_pixel, second_pixel)
    face_ids = fragments.face_ids.reshape(-1)
    is_pair = is_within & (face_ids.index_select(0, first_pixel) != face_ids.index_select(0, second_pixel))
    is_pair &= crossing_depth < fragments.depth.reshape(-1).index_select(0, outer)

    edge = edge_ids.index_select(0, owner)
    key = _pack(crossing_depth, 2 * edge + is_second_inner.long())
    key = torch.where(is_pair, key, torch.full_like(key, NONE))
    # Slots in the promised order: view, rows before columns, pixel.
    slot = first_pixel + base + torch.where(is_row, 0, height * width)
    best = torch.full((2 * num_views * height * width,), NONE, dtype=torch.int64, device=key.device)
    best.scatter_reduce_(0, slot, key, "amin")
    slots = torch.nonzero(best != NONE).squeeze(1)
    return _as_pairs(slots, best.index_select(0, slots) & 0xFFFFFFFF, edges, vertices_clip.shape[1], (height, width))


def _as_pairs(
    slots: Int64[Tensor, "n"], codes: Int64[Tensor, "n"], edges: Edges, num_vertices: int, size: tuple[int, int]
) -> SilhouettePairs:
    """Pairs from slots (view, direction, pixel) and codes (twice the edge, plus one if the second pixel is inner)."""
    height, width = size
    half = torch.div(slots, height * width, rounding_mode="floor")
    view = torch.div(half, 2, rounding_mode="floor")
    is_row = half % 2 == 0
    first = slots % (height * width) + view * (height * width)
    second = first + torch.where(is_row, 1, width)
    is_second_inner = codes % 2 == 1
    vertex_ids = edges.vertex_ids.index_select(0, torch.div(codes, 2, rounding_mode="floor"))
    return SilhouettePairs(
        torch.where(is_second_inner, second, first),
        torch.where(is_second_inner, first, second),
        vertex_ids + (view * num_vertices)[:, None],
        is_row,
    )


def _outlines(
    vertices: Float[Tensor, "b v 4"], edges: Edges
) -> tuple[Int64[Tensor, "n"], Int64[Tensor, "n"], Float[Tensor, "n 2 4"], Bool[Tensor, "n"]]:
    """View, edge, both ends, and whether the surface lies to the left, of each edge that is an outline."""
    start = vertices.index_select(1, edges.vertex_ids[:, 0])
    end = vertices.index_select(1, edges.vertex_ids[:, 1])
    x0, y0, _, w0 = start.unbind(-1)
    x1, y1, _, w1 = end.unbind(-1)
    sides = []
    for column in range(2):
        x2, y2, _, w2 = vertices.index_select(1, edges.opposite_ids[:, column].clamp_min(0)).unbind(-1)
        sides.append(x2 * (y0 * w1 - y1 * w0) + y2 * (w0 * x1 - w1 * x0) + w2 * (x0 * y1 - x1 * y0))
    side, other = sides
    is_boundary = (edges.opposite_ids[:, 1] < 0).expand_as(side)
    is_outline = is_boundary | ((side > 0) == (other > 0))
    side = torch.where(~is_boundary & (side == 0), other, side)
    is_outline &= (side > 0) | (side < 0)
    views, edge_ids = torch.nonzero(is_outline).unbind(1)
    flat = views * edges.vertex_ids.shape[0] + edge_ids
    ends = torch.stack([c.reshape(-1, 4).index_select(0, flat) for c in (start, end)], dim=1)
    return views, edge_ids, ends, side.reshape(-1).index_select(0, flat) > 0


def _cut_near(ends: Float[Tensor, "n 2 4"]) -> tuple[Float[Tensor, "n 2 4"], Bool[Tensor, "n"]]:
    """The edges cut off at the near plane, and whether anything is left of them."""
    near = ends[..., 2] + ends[..., 3]
    is_behind = near < 0
    t = near[:, 0] / (near[:, 0] - near[:, 1])
    cut = ends[:, 0] + t[:, None] * (ends[:, 1] - ends[:, 0])
    is_cut = is_behind[:, 0] != is_behind[:, 1]
    ends = torch.where((is_cut[:, None] & is_behind)[..., None], cut[:, None], ends)
    return ends, ~is_behind.all(1) & (ends[..., 3] > 1e-12).all(1)
