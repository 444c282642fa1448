"""Four differentiable steps with compiled CPU kernels, where plain torch is slow; knows only arrays and indices.

Each has a plain torch twin, named in its docstring, which is the definition and which other devices run. The kernels
add in one fixed order on one thread, so that gradients are the same bits every time. Float32 and float64.
"""

from typing import Any, no_type_check

import torch
from jaxtyping import Float, Int64
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable


def gather_rows(table: Float[Tensor, "rows c"], row_ids: Int64[Tensor, "m"]) -> Float[Tensor, "m c"]:
    """``table.index_select(0, row_ids)``, whose gradient is added up six times as fast."""
    if table.device.type != "cpu":
        return table.index_select(0, row_ids)
    return _GatherRows.apply(table, row_ids)  # pyright: ignore[reportReturnType]


def weigh_rows(
    table: Float[Tensor, "rows c"], row_ids: Int64[Tensor, "n k"], weights: Float[Tensor, "n k"]
) -> Float[Tensor, "n c"]:
    """The sum of k rows of ``table`` for each of n points; the twin is ``weigh_rows_reference``.

    Differentiable in table and weights.
    """
    if table.device.type != "cpu":
        return weigh_rows_reference(table, row_ids, weights)
    return _WeighRows.apply(table, row_ids, weights)  # pyright: ignore[reportReturnType]


def weigh_rows_reference(
    table: Float[Tensor, "rows c"], row_ids: Int64[Tensor, "n k"], weights: Float[Tensor, "n k"]
) -> Float[Tensor, "n c"]:
    """The sum of k rows of ``table`` for each of n points, in plain torch."""
    corners = table.index_select(0, row_ids.reshape(-1)).reshape(*row_ids.shape, table.shape[1])
    return (corners * weights[..., None]).sum(1)


def area_normals(vertices: Float[Tensor, "b v 3"], faces: Int64[Tensor, "f 3"]) -> Float[Tensor, "b v 3"]:
    """Per vertex the sum of its faces' normals, each twice its area long; the twin is ``area_normals_reference``."""
    if vertices.device.type != "cpu":
        return area_normals_reference(vertices, faces)
    return _AreaNormals.apply(vertices, faces)  # pyright: ignore[reportReturnType]


def area_normals_reference(vertices: Float[Tensor, "b v 3"], faces: Int64[Tensor, "f 3"]) -> Float[Tensor, "b v 3"]:
    """Per vertex the sum of its faces' normals, each twice its area long, in plain torch."""
    a, b, c = vertices.index_select(1, faces.reshape(-1)).unflatten(1, faces.shape).unbind(2)
    normals = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices)
    for corner in range(3):
        total = total.index_add(1, faces[:, corner], normals)
    return total


def halve(texture: Float[Tensor, "th tw c"]) -> Float[Tensor, "_ _ c"]:
    """The means of 2 x 2 texels; the twin is ``halve_reference``."""
    if texture.device.type != "cpu":
        return halve_reference(texture)
    return _Halve.apply(texture)  # pyright: ignore[reportReturnType]


def halve_reference(texture: Float[Tensor, "th tw c"]) -> Float[Tensor, "_ _ c"]:
    """The means of 2 x 2 texels in plain torch; at an odd side's end, and along a side of one, of what there is."""
    channels_first = texture.permute(2, 0, 1)[None]
    halved = torch.nn.functional.avg_pool2d(channels_first, 2, ceil_mode=True, count_include_pad=False)
    return halved[0].permute(1, 2, 0)


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, row_ids: Tensor) -> Tensor:
        ctx.save_for_backward(row_ids)
        ctx.shape = table.shape
        return table.index_select(0, row_ids)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        (row_ids,) = ctx.saved_tensors
        total = gradient.new_zeros(ctx.shape)
        _add_rows(total.numpy(), row_ids.numpy(), gradient.contiguous().numpy())
        return total, None


class _WeighRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, row_ids: Tensor, weights: Tensor) -> Tensor:
        table, row_ids, weights = table.detach().contiguous(), row_ids.contiguous(), weights.detach().contiguous()
        ctx.save_for_backward(table, row_ids, weights)
        out = table.new_empty(row_ids.shape[0], table.shape[1])
        _weigh(table.numpy(), row_ids.numpy(), weights.numpy(), out.numpy())
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, None, Tensor | None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        table, row_ids, weights = ctx.saved_tensors
        rows = gradient.contiguous().numpy()
        grad_table = grad_weights = None
        if ctx.needs_input_grad[0]:
            grad_table = torch.zeros_like(table)
            _weigh_backward_table(grad_table.numpy(), row_ids.numpy(), weights.numpy(), rows)
        if ctx.needs_input_grad[2]:
            grad_weights = torch.empty_like(weights)
            _weigh_backward_weights(table.numpy(), row_ids.numpy(), grad_weights.numpy(), rows)
        return grad_table, None, grad_weights


class _AreaNormals(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vertices: Tensor, faces: Tensor) -> Tensor:
        vertices, faces = vertices.detach().contiguous(), faces.contiguous()
        ctx.save_for_backward(vertices, faces)
        total = torch.zeros_like(vertices)
        _add_normals(vertices.numpy(), faces.numpy(), total.numpy())
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        vertices, faces = ctx.saved_tensors
        total = torch.zeros_like(vertices)
        _add_normals_backward(vertices.numpy(), faces.numpy(), gradient.contiguous().numpy(), total.numpy())
        return total, None


class _Halve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, texture: Tensor) -> Tensor:
        rows, columns, num_channels = texture.shape
        ctx.shape = texture.shape
        out = texture.new_empty((rows + 1) // 2, (columns + 1) // 2, num_channels)
        _halve(texture.detach().contiguous().numpy(), out.numpy())
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        out = gradient.new_empty(ctx.shape)
        _halve_backward(gradient.contiguous().numpy(), out.numpy())
        return out


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _add_rows(table, row_ids, rows):
    for m in range(row_ids.shape[0]):
        row = row_ids[m]
        for c in range(rows.shape[1]):
            table[row, c] += rows[m, c]


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(table, row_ids, weights, out):
    for n in range(row_ids.shape[0]):
        for c in range(table.shape[1]):
            total = weights[n, 0] * table[row_ids[n, 0], c]
            for k in range(1, row_ids.shape[1]):
                total += weights[n, k] * table[row_ids[n, k], c]
            out[n, c] = total


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _weigh_backward_table(grad_table, row_ids, weights, rows):
    for n in range(row_ids.shape[0]):
        for k in range(row_ids.shape[1]):
            row, weight = row_ids[n, k], weights[n, k]
            for c in range(rows.shape[1]):
                grad_table[row, c] += weight * rows[n, c]


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _weigh_backward_weights(table, row_ids, grad_weights, rows):
    for n in range(row_ids.shape[0]):
        for k in range(row_ids.shape[1]):
            row = row_ids[n, k]
            total = table[row, 0] * rows[n, 0]
            for c in range(1, rows.shape[1]):
                total += table[row, c] * rows[n, c]
            grad_weights[n, k] = total


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _cross(ax, ay, az, bx, by, bz):
    return ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _add_normals(vertices, faces, total):
    for b in range(vertices.shape[0]):
        p = vertices[b]
        for f in range(faces.shape[0]):
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            x, y, z = _cross(
                p[j, 0] - p[i, 0], p[j, 1] - p[i, 1], p[j, 2] - p[i, 2],
                p[k, 0] - p[i, 0], p[k, 1] - p[i, 1], p[k, 2] - p[i, 2],
            )  # fmt: skip
            for corner in range(3):
                row = faces[f, corner]
                total[b, row, 0] += x
                total[b, row, 1] += y
                total[b, row, 2] += z


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _add_normals_backward(vertices, faces, gradient, total):
    """With N = e1 x e2 and G the sum of the corners' gradients: dN pulls e1 by e2 x G, and e2 by G x e1."""
    for b in range(vertices.shape[0]):
        p = vertices[b]
        for f in range(faces.shape[0]):
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            gx = gradient[b, i, 0] + gradient[b, j, 0] + gradient[b, k, 0]
            gy = gradient[b, i, 1] + gradient[b, j, 1] + gradient[b, k, 1]
            gz = gradient[b, i, 2] + gradient[b, j, 2] + gradient[b, k, 2]
            if gx == 0.0 and gy == 0.0 and gz == 0.0:
                continue
            ux, uy, uz = p[j, 0] - p[i, 0], p[j, 1] - p[i, 1], p[j, 2] - p[i, 2]
            vx, vy, vz = p[k, 0] - p[i, 0], p[k, 1] - p[i, 1], p[k, 2] - p[i, 2]
            jx, jy, jz = _cross(vx, vy, vz, gx, gy, gz)
            kx, ky, kz = _cross(gx, gy, gz, ux, uy, uz)
            total[b, j, 0] += jx
            total[b, j, 1] += jy
            total[b, j, 2] += jz
            total[b, k, 0] += kx
            total[b, k, 1] += ky
            total[b, k, 2] += kz
            total[b, i, 0] -= jx + kx
            total[b, i, 1] -= jy + ky
            total[b, i, 2] -= jz + kz


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _halve(texture, out):
    rows, columns, num_channels = texture.shape
    quarter = texture.dtype.type(0.25)
    for y in range(out.shape[0]):
        upper, lower = texture[2 * y], texture[min(2 * y + 1, rows - 1)]
        for x in range(out.shape[1]):
            left, right = 2 * x, min(2 * x + 1, columns - 1)
            for c in range(num_channels):
                out[y, x, c] = ((upper[left, c] + upper[right, c]) + (lower[left, c] + lower[right, c])) * quarter


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _halve_backward(gradient, out):
    rows, columns, num_channels = out.shape
    one = gradient.dtype.type(1.0)
    for y in range(rows):
        height = one if y % 2 == 0 and y + 1 == rows else one / 2
        for x in range(columns):
            share = height if x % 2 == 0 and x + 1 == columns else height / 2
            for c in range(num_channels):
                out[y, x, c] = gradient[y // 2, x // 2, c] * share
