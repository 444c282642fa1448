"""Regularisers of meshes compiled for the CPU, each with its slope from the same pass; knows only arrays and indices.

The twins in plain torch are the functions ``..._reference`` beside the losses. One thread, one order: the same bits
every time. Float32 and float64; sums are float64.
"""

import math
from collections.abc import Callable
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

Kernel = Callable[..., float]
"""Takes the points, whatever else it needs, and an array of zeros to add the slope to; gives the loss."""


def is_compiled_for(points: Float[Tensor, "v 3"]) -> bool:
    """Whether these points can be given to a kernel."""
    return points.device.type == "cpu" and points.dtype in (torch.float32, torch.float64)


def measure(kernel: Kernel, points: Float[Tensor, "v 3"], *others: Tensor) -> Float[Tensor, ""]:
    """What the kernel gives; differentiable in ``points`` only."""
    return _Measure.apply(points, kernel, *others)  # pyright: ignore[reportReturnType]


class _Measure(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, kernel: Kernel, *others: Tensor) -> Tensor:
        slope = torch.zeros_like(points, memory_format=torch.contiguous_format)
        arrays: Any = [x.detach().contiguous().numpy() for x in (points, *others)]
        total = kernel(*arrays, slope.numpy())
        ctx.save_for_backward(slope)
        ctx.num_others = len(others)
        return points.new_tensor(total)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (slope,) = ctx.saved_tensors
        return (slope * gradients[0], None, *[None] * ctx.num_others)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def edge_length_kernel(points, reference, edge_ids, slope):
    """See ``edge_length_loss``."""
    total, share = 0.0, 1.0 / edge_ids.shape[0]
    for e in range(edge_ids.shape[0]):
        i, j = edge_ids[e, 0], edge_ids[e, 1]
        x, y, z = points[i, 0] - points[j, 0], points[i, 1] - points[j, 1], points[i, 2] - points[j, 2]
        u, v, w = (
            reference[i, 0] - reference[j, 0],
            reference[i, 1] - reference[j, 1],
            reference[i, 2] - reference[j, 2],
        )
        length, before = math.sqrt(x * x + y * y + z * z + 1e-8), math.sqrt(u * u + v * v + w * w + 1e-8)
        change = length / before - 1.0
        total += change * change
        pull = 2.0 * share * change / (before * length)
        slope[i, 0] += pull * x
        slope[i, 1] += pull * y
        slope[i, 2] += pull * z
        slope[j, 0] -= pull * x
        slope[j, 1] -= pull * y
        slope[j, 2] -= pull * z
    return total * share


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _laplace(values, edge_ids, out):
    out[:] = 0.0
    for e in range(edge_ids.shape[0]):
        i, j = edge_ids[e, 0], edge_ids[e, 1]
        for k in range(3):
            difference = values[i, k] - values[j, k]
            out[i, k] += difference
            out[j, k] -= difference


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def laplacian_kernel(points, edge_ids, slope):
    """See ``laplacian_loss``: with the symmetric L the slope of |L p|^2 is 2 L L p."""
    first = np.empty_like(points)
    _laplace(points, edge_ids, first)
    _laplace(first, edge_ids, slope)
    total, share = 0.0, 1.0 / points.shape[0]
    for i in range(points.shape[0]):
        for k in range(3):
            total += first[i, k] * first[i, k]
            slope[i, k] *= 2.0 * share
    return total * share


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _unit_normals(points, faces, unit, length):
    for f in range(faces.shape[0]):
        a, b, c = points[faces[f, 0]], points[faces[f, 1]], points[faces[f, 2]]
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        length[f] = math.sqrt(np.float64(x) * x + np.float64(y) * y + np.float64(z) * z + 1e-16)
        unit[f, 0], unit[f, 1], unit[f, 2] = x / length[f], y / length[f], z / length[f]


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def normal_consistency_kernel(points, reference, faces, face_pairs, slope):
    """See ``normal_consistency_loss``.

    With n = u x v of length s, a unit normal's gradient g reaches n as h = (g - n (n.g) / s^2) / s, and that u as
    v x h, and v as h x u.
    """
    num = faces.shape[0]
    unit, before, length = np.empty((num, 3)), np.empty((num, 3)), np.empty(num)
    _unit_normals(reference, faces, before, length)
    _unit_normals(points, faces, unit, length)
    pull, is_pulled = np.zeros((num, 3)), np.zeros(num, np.bool_)
    total, share = 0.0, 1.0 / face_pairs.shape[0]
    for e in range(face_pairs.shape[0]):
        f, g = face_pairs[e, 0], face_pairs[e, 1]
        growth = 0.0
        for k in range(3):
            growth += before[f, k] * before[g, k] - unit[f, k] * unit[g, k]
        if growth > 0.0:
            total += growth
            is_pulled[f] = is_pulled[g] = True
            for k in range(3):
                pull[f, k] -= share * unit[g, k]
                pull[g, k] -= share * unit[f, k]
    for f in range(num):
        if not is_pulled[f]:
            continue
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        a, b, c = points[i], points[j], points[k]
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        along = pull[f, 0] * unit[f, 0] + pull[f, 1] * unit[f, 1] + pull[f, 2] * unit[f, 2]
        hx, hy, hz = (
            (pull[f, 0] - along * unit[f, 0]) / length[f],
            (pull[f, 1] - along * unit[f, 1]) / length[f],
            (pull[f, 2] - along * unit[f, 2]) / length[f],
        )
        to_u = (vy * hz - vz * hy, vz * hx - vx * hz, vx * hy - vy * hx)
        to_v = (hy * uz - hz * uy, hz * ux - hx * uz, hx * uy - hy * ux)
        for axis in range(3):
            slope[j, axis] += to_u[axis]
            slope[k, axis] += to_v[axis]
            slope[i, axis] -= to_u[axis] + to_v[axis]
    return total * share
