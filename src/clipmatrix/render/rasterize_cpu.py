"""Visibility and outlines by a z-buffer compiled with numba; knows the CPU only, and no gradients.

The arithmetic of a face is float64 in one fixed order, which ``rasterize_reference`` repeats: the ids are the same.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int64
from numba import njit
from torch import Tensor

from clipmatrix.geometry.mesh import Edges
from clipmatrix.render.fragments import Fragments, SilhouettePairs
from clipmatrix.shapes import ImageSize

MARGIN_PX = 1e-6
"""How far beyond its projected corners, in pixels, a face is looked for: above float64's rounding, below notice."""


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _clipped_bounds_px(xs, ys, zs, ws, height, width):
    """The pixel box (x low, x high, y low, y high) of the part of a face that lies beyond the near plane."""
    low_x, high_x, low_y, high_y = math.inf, -math.inf, math.inf, -math.inf
    for i in range(3):
        j = (i + 1) % 3
        near_i, near_j = zs[i] + ws[i], zs[j] + ws[j]
        for end in range(2):
            if end == 0:
                if near_i < 0.0:
                    continue
                t = 0.0
            else:
                if (near_i < 0.0) == (near_j < 0.0):
                    continue
                t = near_i / (near_i - near_j)
            w = ws[i] + t * (ws[j] - ws[i])
            if w <= 1e-12:
                return 0.0, width - 1.0, 0.0, height - 1.0
            x = ((xs[i] + t * (xs[j] - xs[i])) / w + 1.0) * (0.5 * width) - 0.5
            y = (1.0 - (ys[i] + t * (ys[j] - ys[i])) / w) * (0.5 * height) - 0.5
            low_x, high_x = min(low_x, x), max(high_x, x)
            low_y, high_y = min(low_y, y), max(high_y, y)
    return low_x - 0.01, high_x + 0.01, low_y - 0.01, high_y + 0.01


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _bounds_px(xs, ys, zs, ws, height, width):
    """The pixel box (x low, x high, y low, y high) of what a face shows beyond the near plane."""
    near = min(zs[0] + ws[0], zs[1] + ws[1], zs[2] + ws[2])
    if not (near >= 0.0 and min(ws[0], ws[1], ws[2]) > 1e-12):
        return _clipped_bounds_px(xs, ys, zs, ws, height, width)
    u0, u1, u2 = xs[0] / ws[0], xs[1] / ws[1], xs[2] / ws[2]
    v0, v1, v2 = ys[0] / ws[0], ys[1] / ws[1], ys[2] / ws[2]
    return (
        (min(u0, u1, u2) + 1.0) * (0.5 * width) - 0.5,
        (max(u0, u1, u2) + 1.0) * (0.5 * width) - 0.5,
        (1.0 - max(v0, v1, v2)) * (0.5 * height) - 0.5,
        (1.0 - min(v0, v1, v2)) * (0.5 * height) - 0.5,
    )


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def rasterize_rows(vertices_clip, faces, first_row, end_row, face_ids, depth):
    """Fill the rows ``first_row`` to ``end_row`` of one view; all other rows stay as they are.

    A pixel's homogeneous edge functions are l_i = (X, Y, 1) . (p_j x p_k) with p = (x, y, w). They are all
    non-negative inside a front face, their sum is det / w, and z/w = sum(l_i z_i) / det. No corner is ever
    divided by its own w, so corners behind the camera do no harm.
    References: Olano and Greer, Triangle Scan Conversion using 2D Homogeneous Coordinates, Graphics Hardware 1997.
    """
    height, width = face_ids.shape
    for y in range(first_row, end_row):
        for x in range(width):
            face_ids[y, x] = -1
            depth[y, x] = np.float32(np.inf)
    step_x, step_y = 2.0 / width, 2.0 / height
    for f in range(faces.shape[0]):
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, w0 = (
            np.float64(vertices_clip[i0, 0]),
            np.float64(vertices_clip[i0, 1]),
            np.float64(vertices_clip[i0, 3]),
        )
        x1, y1, w1 = (
            np.float64(vertices_clip[i1, 0]),
            np.float64(vertices_clip[i1, 1]),
            np.float64(vertices_clip[i1, 3]),
        )
        x2, y2, w2 = (
            np.float64(vertices_clip[i2, 0]),
            np.float64(vertices_clip[i2, 1]),
            np.float64(vertices_clip[i2, 3]),
        )
        a0, b0, c0 = y1 * w2 - y2 * w1, w1 * x2 - w2 * x1, x1 * y2 - x2 * y1
        det = x0 * a0 + y0 * b0 + w0 * c0
        # Written so that NaN is culled as well.
        if not (det > 0.0 and det < np.inf):
            continue
        z0, z1, z2 = (
            np.float64(vertices_clip[i0, 2]),
            np.float64(vertices_clip[i1, 2]),
            np.float64(vertices_clip[i2, 2]),
        )
        low_x, high_x, low_y, high_y = _bounds_px((x0, x1, x2), (y0, y1, y2), (z0, z1, z2), (w0, w1, w2), height, width)
        first_x = math.ceil(min(max(low_x - MARGIN_PX, 0.0), float(width)))
        last_x = math.floor(max(min(high_x + MARGIN_PX, width - 1.0), -1.0))
        first_y = math.ceil(min(max(low_y - MARGIN_PX, float(first_row)), float(end_row)))
        last_y = math.floor(max(min(high_y + MARGIN_PX, end_row - 1.0), -1.0))
        if last_x < first_x or last_y < first_y:
            continue
        a1, b1, c1 = y2 * w0 - y0 * w2, w2 * x0 - w0 * x2, x2 * y0 - x0 * y2
        a2, b2, c2 = y0 * w1 - y1 * w0, w0 * x1 - w1 * x0, x0 * y1 - x1 * y0
        z0, z1, z2 = z0 / det, z1 / det, z2 / det
        for y in range(first_y, last_y + 1):
            ndc_y = 1.0 - (y + 0.5) * step_y
            q0, q1, q2 = b0 * ndc_y + c0, b1 * ndc_y + c1, b2 * ndc_y + c2
            for x in range(first_x, last_x + 1):
                ndc_x = (x + 0.5) * step_x - 1.0
                l0, l1, l2 = a0 * ndc_x + q0, a1 * ndc_x + q1, a2 * ndc_x + q2
                if l0 >= 0.0 and l1 >= 0.0 and l2 >= 0.0:
                    z = np.float32(l0 * z0 + l1 * z1 + l2 * z2)
                    if z < depth[y, x] and z >= -1.0 and z <= 1.0:
                        depth[y, x] = z
                        face_ids[y, x] = f


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def rasterize_view(vertices_clip, faces, face_ids, depth):
    """Fill ``face_ids`` (int32, h w) and ``depth`` (float32, h w) of one view.

    ``vertices_clip`` is float32 (v 4) and ``faces`` int64 (f 3). For other compiled kernels to call; what it writes
    is what ``Rasterizer.visibility`` promises. A cached kernel that calls this one must be compiled anew when this
    file changes, as numba's cache watches only the caller's file.
    """
    rasterize_rows(vertices_clip, faces, 0, face_ids.shape[0], face_ids, depth)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _side(vertices_clip, i, j, k):
    """Where corner k lies seen from the eye: positive to the left of the line from i to j, +Y being up."""
    x0, y0, w0 = np.float64(vertices_clip[i, 0]), np.float64(vertices_clip[i, 1]), np.float64(vertices_clip[i, 3])
    x1, y1, w1 = np.float64(vertices_clip[j, 0]), np.float64(vertices_clip[j, 1]), np.float64(vertices_clip[j, 3])
    x2, y2, w2 = np.float64(vertices_clip[k, 0]), np.float64(vertices_clip[k, 1]), np.float64(vertices_clip[k, 3])
    return x2 * (y0 * w1 - y1 * w0) + y2 * (w0 * x1 - w1 * x0) + w2 * (x0 * y1 - x1 * y0)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _walk_outline(p, q, is_left_inside, edge_id, face_ids, depth, best_depth, best_edge):
    """Offer the outline from p to q (x, y, z, w) to each pixel pair that it separates.

    ``best_edge`` (2 h w) holds, for the pairs along rows and along columns by their first pixel, twice the id of the
    nearest edge so far, plus one if the second pixel is the inner one.
    """
    height, width = face_ids.shape
    near_p, near_q = p[2] + p[3], q[2] + q[3]
    if near_p < 0.0 and near_q < 0.0:
        return
    if near_p < 0.0 or near_q < 0.0:
        t = near_p / (near_p - near_q)
        cut = (p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1]), p[2] + t * (q[2] - p[2]), p[3] + t * (q[3] - p[3]))
        if near_p < 0.0:
            p = cut
        else:
            q = cut
    if not (p[3] > 1e-12 and q[3] > 1e-12):
        return
    x0, y0, z0 = (p[0] / p[3] + 1.0) * (0.5 * width) - 0.5, (1.0 - p[1] / p[3]) * (0.5 * height) - 0.5, p[2] / p[3]
    x1, y1, z1 = (q[0] / q[3] + 1.0) * (0.5 * width) - 0.5, (1.0 - q[1] / q[3]) * (0.5 * height) - 0.5, q[2] / q[3]
    is_steep = abs(y1 - y0) >= abs(x1 - x0)
    if is_steep:
        axis, along0, along1, across0, across1, num_along, num_across = 0, y0, y1, x0, x1, height, width
        # Rows count downwards: going down the image, the left of the line is on the right of the picture.
        is_second_inner = (y1 > y0) == is_left_inside
    else:
        axis, along0, along1, across0, across1, num_along, num_across = 1, x0, x1, y0, y1, width, height
        is_second_inner = (x1 < x0) == is_left_inside
    if along0 == along1:
        return
    # Half open, so that the row of a shared end belongs to one of the two edges.
    first = math.ceil(min(max(min(along0, along1), 0.0), float(num_along)))
    last = math.ceil(min(max(max(along0, along1), 0.0), float(num_along))) - 1
    for k in range(first, last + 1):
        t = (k - along0) / (along1 - along0)
        across = across0 + t * (across1 - across0)
        if not (across >= 0.0 and across < num_across - 1.0):
            continue
        j = math.floor(across)
        if axis == 0:
            ya, xa, yb, xb = k, j, k, j + 1
        else:
            ya, xa, yb, xb = j, k, j + 1, k
        if face_ids[ya, xa] == face_ids[yb, xb]:
            continue
        z = np.float32(z0 + t * (z1 - z0))
        outer_depth = depth[ya, xa] if is_second_inner else depth[yb, xb]
        if z < outer_depth and z < best_depth[axis, ya, xa]:
            best_depth[axis, ya, xa] = z
            best_edge[axis, ya, xa] = 2 * edge_id + is_second_inner


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def silhouette_view(vertices_clip, edge_ends, edge_opposites, face_ids, depth):
    """The pixel pairs of one view as rows of int64: inner pixel, outer pixel, edge id, 1 for a pair along a row."""
    height, width = face_ids.shape
    best_depth = np.full((2, height, width), np.inf, np.float32)
    best_edge = np.full((2, height, width), -1, np.int64)
    for e in range(edge_ends.shape[0]):
        i, j = edge_ends[e, 0], edge_ends[e, 1]
        side = _side(vertices_clip, i, j, edge_opposites[e, 0])
        if edge_opposites[e, 1] >= 0:
            other = _side(vertices_clip, i, j, edge_opposites[e, 1])
            if (side > 0.0) != (other > 0.0):
                continue
            if side == 0.0:
                side = other
        if not (side > 0.0 or side < 0.0):
            continue
        a, b = vertices_clip[i], vertices_clip[j]
        p = (np.float64(a[0]), np.float64(a[1]), np.float64(a[2]), np.float64(a[3]))
        q = (np.float64(b[0]), np.float64(b[1]), np.float64(b[2]), np.float64(b[3]))
        _walk_outline(p, q, side > 0.0, e, face_ids, depth, best_depth, best_edge)
    count = 0
    for axis in range(2):
        for y in range(height):
            for x in range(width):
                count += best_edge[axis, y, x] >= 0
    pairs = np.empty((count, 4), np.int64)
    n = 0
    for axis in range(2):
        step = 1 if axis == 0 else width
        for y in range(height):
            for x in range(width):
                code = best_edge[axis, y, x]
                if code >= 0:
                    pixel = y * width + x
                    pairs[n, 0] = pixel + step * (code & 1)
                    pairs[n, 1] = pixel + step * (1 - (code & 1))
                    pairs[n, 2] = code >> 1
                    pairs[n, 3] = 1 - axis
                    n += 1
    return pairs


@dataclass(frozen=True)
class CpuRasterizer:
    """The rasteriser for CPU tensors.

    ``num_threads`` short-lived threads share the views and their bands of rows; they sleep when they have nothing to
    do, and so never fight torch's own threads. The answer does not depend on their number.
    """

    num_threads: int = 1

    def visibility(
        self, vertices_clip: Float[Tensor, "b v 4"], faces: Int64[Tensor, "f 3"], size: ImageSize
    ) -> Fragments:
        """The nearest front face of each pixel; see ``Rasterizer``. Cost: the faces, and the area of their boxes."""
        num_views = vertices_clip.shape[0]
        clip = vertices_clip.detach().to("cpu", torch.float32).contiguous().numpy()
        triangles = faces.detach().cpu().contiguous().numpy()
        face_ids = torch.empty((num_views, *size), dtype=torch.int32)
        depth = torch.empty((num_views, *size), dtype=torch.float32)
        ids, depths = face_ids.numpy(), depth.numpy()
        num_bands = 1 if num_views % self.num_threads == 0 else self.num_threads
        rows = [size.height * k // num_bands for k in range(num_bands + 1)]

        def fill(view: int, band: int) -> None:
            rasterize_rows(clip[view], triangles, rows[band], rows[band + 1], ids[view], depths[view])

        self._share(fill, [(view, band) for view in range(num_views) for band in range(num_bands)])
        return Fragments(face_ids, depth)

    def silhouette_pairs(
        self, vertices_clip: Float[Tensor, "b v 4"], edges: Edges, fragments: Fragments
    ) -> SilhouettePairs:
        """The pixel pairs that an outline separates; see ``Rasterizer``. Cost: the edges, and twice the pixels."""
        num_views, height, width = fragments.face_ids.shape
        clip = vertices_clip.detach().to("cpu", torch.float32).contiguous().numpy()
        ends, opposites = edges.vertex_ids.cpu().contiguous().numpy(), edges.opposite_ids.cpu().contiguous().numpy()
        ids, depths = fragments.face_ids.numpy(), fragments.depth.numpy()
        found = [np.empty((0, 4), np.int64)] * num_views

        def find(view: int, _: int) -> None:
            pairs = silhouette_view(clip[view], ends, opposites, ids[view], depths[view])
            pairs[:, :2] += view * height * width
            found[view] = pairs

        self._share(find, [(view, 0) for view in range(num_views)])
        rows = torch.from_numpy(np.concatenate(found))
        vertex_ids = edges.vertex_ids.cpu().index_select(0, rows[:, 2])
        views = torch.div(rows[:, 0], height * width, rounding_mode="floor")
        return SilhouettePairs(rows[:, 0], rows[:, 1], vertex_ids + (views * clip.shape[1])[:, None], rows[:, 3].bool())

    def _share(self, work: Callable[[int, int], None], jobs: list[tuple[int, int]]) -> None:
        if self.num_threads == 1 or len(jobs) == 1:
            for job in jobs:
                work(*job)
            return
        with ThreadPoolExecutor(self.num_threads) as pool:
            for done in [pool.submit(work, *job) for job in jobs]:
                done.result()
