"""What lies under each covered pixel, compiled for the CPU, forward and backward; knows no texels and no light.

The twin in plain torch is ``interpolate_reference``. One thread, one order: the same bits every time. Float32 and
float64; the arithmetic of a pixel is float64.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int64
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipmatrix.render.interpolate import MAX_WEIGHT, Coverage


def interpolate(
    vertices_clip: Float[Tensor, "b v 4"],
    normals: Float[Tensor, "#b v 3"],
    uvs: Float[Tensor, "t 2"],
    face_ids: tuple[Int64[Tensor, "f 3"], Int64[Tensor, "f 3"]],
    coverage: Coverage,
    size: tuple[int, int],
) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n 3"], Float[Tensor, "n 2 2"]]:
    """The uv point and the unit normal at each covered pixel, and how uv changes to the right and to the lower pixel.

    See ``interpolate_reference``.
    """
    return _Interpolate.apply(vertices_clip, normals, uvs, *face_ids, coverage, size)  # pyright: ignore[reportReturnType]


def eye_rays(eye_from_ndc: Float[Tensor, "b 3 3"], coverage: Coverage) -> Float[Tensor, "n 3"]:
    """Unit vectors along ``eye_from_ndc`` (X, Y, 1) of each pixel's view; ``eye_rays_reference`` is the twin."""
    rays = coverage.ndc.new_empty(coverage.ndc.shape[0], 3)
    given = eye_from_ndc.to(torch.float64).contiguous(), coverage.view_ids.contiguous(), coverage.ndc.contiguous()
    _eye_rays(*_arrays(*given, rays))
    return rays


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        clip: Tensor,
        normals: Tensor,
        uvs: Tensor,
        faces: Tensor,
        face_uvs: Tensor,
        coverage: Coverage,
        size: tuple[int, int],
    ) -> tuple[Tensor, Tensor, Tensor]:
        tables = [table.detach().contiguous() for table in (clip, normals, uvs)]
        ids = [x.contiguous() for x in (faces, face_uvs, coverage.view_ids, coverage.face_ids)]
        given = [*tables, *ids, coverage.ndc.contiguous()]
        num = coverage.ndc.shape[0]
        out = clip.new_empty(num, 2), clip.new_empty(num, 3), clip.new_empty(num, 2, 2)
        steps = torch.tensor([2.0 / size[1], -2.0 / size[0]], dtype=torch.float64)
        _interpolate(*_arrays(*given, steps, *out))
        ctx.save_for_backward(*given)
        ctx.mark_non_differentiable(out[2])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        given = ctx.saved_tensors
        # A body's uv points hardly ever learn, and their sum costs as much as the normals'.
        totals = [torch.zeros_like(table) for table in given[:2]]
        totals.append(torch.zeros_like(given[2]) if ctx.needs_input_grad[2] else given[2][:0].clone())
        _interpolate_backward(*_arrays(*given, *(gradient.contiguous() for gradient in gradients[:2]), *totals))
        wanted = [total if is_needed else None for total, is_needed in zip(totals, ctx.needs_input_grad, strict=False)]
        return *wanted, None, None, None, None


def _arrays(*tensors: Tensor) -> Any:
    return [tensor.numpy() for tensor in tensors]


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _eye_rays(eye_from_ndc, view_ids, ndc, out):
    for n in range(view_ids.shape[0]):
        matrix, x, y = eye_from_ndc[view_ids[n]], ndc[n, 0], ndc[n, 1]
        u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
        v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
        w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
        shrink = 1.0 / max(np.sqrt(u * u + v * v + w * w), 1e-12)
        out[n, 0], out[n, 1], out[n, 2] = u * shrink, v * shrink, w * shrink


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _corners(clip, view, ids, x_ndc, y_ndc):
    """x and y of the three corners relative to the pixel, and their w: the products below are next to the origin."""
    p, q, r = clip[view, ids[0]], clip[view, ids[1]], clip[view, ids[2]]
    w = (np.float64(p[3]), np.float64(q[3]), np.float64(r[3]))
    x = (p[0] - x_ndc * w[0], q[0] - x_ndc * w[1], r[0] - x_ndc * w[2])
    y = (p[1] - y_ndc * w[0], q[1] - y_ndc * w[1], r[1] - y_ndc * w[2])
    return x, y, w


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _weights(x, y):
    """The barycentric weights, and the reciprocal of the areas' sum: 0 where the face is seen edge-on."""
    a, b, c = x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]
    total = a + b + c
    if not (total > 1e-38 and max(abs(a), abs(b), abs(c)) <= MAX_WEIGHT * total):
        return (1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0), 0.0
    reach = 1.0 / total
    return (a * reach, b * reach, c * reach), reach


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _per_step(weights, slopes, reach, step):
    """How the weights change over a step along the picture."""
    total = slopes[0] + slopes[1] + slopes[2]
    scale = reach * step
    return (
        (slopes[0] - weights[0] * total) * scale,
        (slopes[1] - weights[1] * total) * scale,
        (slopes[2] - weights[2] * total) * scale,
    )


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _interpolate(
    clip, normals, uvs, faces, face_uvs, view_ids, face_ids, ndc, steps, out_uv, out_normal, out_change
):  # fmt: skip
    for n in range(view_ids.shape[0]):
        view, ids, uv_ids = view_ids[n], faces[face_ids[n]], face_uvs[face_ids[n]]
        x, y, w = _corners(clip, view, ids, np.float64(ndc[n, 0]), np.float64(ndc[n, 1]))
        weights, reach = _weights(x, y)
        by_x = (y[1] * w[2] - y[2] * w[1], y[2] * w[0] - y[0] * w[2], y[0] * w[1] - y[1] * w[0])
        by_y = (w[1] * x[2] - w[2] * x[1], w[2] * x[0] - w[0] * x[2], w[0] * x[1] - w[1] * x[0])
        per_column, per_row = _per_step(weights, by_x, reach, steps[0]), _per_step(weights, by_y, reach, steps[1])
        for k in range(2):
            a, b, c = uvs[uv_ids[0], k], uvs[uv_ids[1], k], uvs[uv_ids[2], k]
            out_uv[n, k] = weights[0] * a + weights[1] * b + weights[2] * c
            out_change[n, 0, k] = per_column[0] * a + per_column[1] * b + per_column[2] * c
            out_change[n, 1, k] = per_row[0] * a + per_row[1] * b + per_row[2] * c
        m = _sum(normals, view, ids, weights)
        shrink = 1.0 / max(np.sqrt(m[0] * m[0] + m[1] * m[1] + m[2] * m[2]), 1e-6)
        for k in range(3):
            out_normal[n, k] = m[k] * shrink


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _sum(normals, view, ids, weights):
    """The weighed sum of the corners' normals; not of unit length."""
    table = normals[view if normals.shape[0] > 1 else 0]
    p, q, r = table[ids[0]], table[ids[1]], table[ids[2]]
    return (
        weights[0] * p[0] + weights[1] * q[0] + weights[2] * r[0],
        weights[0] * p[1] + weights[1] * q[1] + weights[2] * r[1],
        weights[0] * p[2] + weights[1] * q[2] + weights[2] * r[2],
    )


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _interpolate_backward(
    clip, normals, uvs, faces, face_uvs, view_ids, face_ids, ndc, grad_uv, grad_normal, to_clip, to_normals, to_uvs
):  # fmt: skip
    """Add up the gradients of the three tables.

    With a weight w_k = a_k / A its area gets (g_k - sum of g w) / A, and a_0 = x_1 y_2 - x_2 y_1 hands that on to the
    two corners across; the others likewise in turn.
    """
    for n in range(view_ids.shape[0]):
        view, ids, uv_ids = view_ids[n], faces[face_ids[n]], face_uvs[face_ids[n]]
        x_ndc, y_ndc = np.float64(ndc[n, 0]), np.float64(ndc[n, 1])
        x, y, _ = _corners(clip, view, ids, x_ndc, y_ndc)
        weights, reach = _weights(x, y)
        m = _sum(normals, view, ids, weights)
        length = np.sqrt(m[0] * m[0] + m[1] * m[1] + m[2] * m[2])
        g = (np.float64(grad_normal[n, 0]), np.float64(grad_normal[n, 1]), np.float64(grad_normal[n, 2]))
        shrink = 1.0 / max(length, 1e-6)
        along = (g[0] * m[0] + g[1] * m[1] + g[2] * m[2]) * shrink * shrink if length > 1e-6 else 0.0
        gx, gy, gz = (g[0] - along * m[0]) * shrink, (g[1] - along * m[1]) * shrink, (g[2] - along * m[2]) * shrink
        pose = view if normals.shape[0] > 1 else 0
        by_weight = np.empty(3)
        mean = 0.0
        for k in range(3):
            row, uv_row, weight = ids[k], uv_ids[k], weights[k]
            to_normals[pose, row, 0] += weight * gx
            to_normals[pose, row, 1] += weight * gy
            to_normals[pose, row, 2] += weight * gz
            if to_uvs.shape[0] > 0:
                to_uvs[uv_row, 0] += weight * grad_uv[n, 0]
                to_uvs[uv_row, 1] += weight * grad_uv[n, 1]
            by_weight[k] = (
                gx * normals[pose, row, 0] + gy * normals[pose, row, 1] + gz * normals[pose, row, 2]
                + grad_uv[n, 0] * uvs[uv_row, 0] + grad_uv[n, 1] * uvs[uv_row, 1]
            )  # fmt: skip
            mean += weight * by_weight[k]
        if reach == 0.0:
            continue
        a, b, c = (by_weight[0] - mean) * reach, (by_weight[1] - mean) * reach, (by_weight[2] - mean) * reach
        by_x = (c * y[1] - b * y[2], a * y[2] - c * y[0], b * y[0] - a * y[1])
        by_y = (b * x[2] - c * x[1], c * x[0] - a * x[2], a * x[1] - b * x[0])
        for k in range(3):
            to_clip[view, ids[k], 0] += by_x[k]
            to_clip[view, ids[k], 1] += by_y[k]
            to_clip[view, ids[k], 3] -= x_ndc * by_x[k] + y_ndc * by_y[k]
