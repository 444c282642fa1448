"""The equations of ``shade.py`` for lit samples, compiled with their slopes; knows neither meshes nor images.

``shade`` is the twin in plain torch. One thread, one order: the same bits every time. Float32 and float64; the
arithmetic of a sample is float64.
"""

import math
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int64
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipmatrix.render.shade import DIELECTRIC_F0, MIN_COSINE, MIN_ROUGHNESS
from clipmatrix.render.surface import Lights


def shade_samples(
    albedo: Float[Tensor, "n 3"],
    normals: Float[Tensor, "n 3"],
    to_eye: Float[Tensor, "n 3"],
    view_ids: Int64[Tensor, "n"],
    lights: Lights,
    roughness: Float[Tensor, ""],
    metallic: Float[Tensor, ""],
) -> Float[Tensor, "n 3"]:
    """``shade`` of samples, each in the light of its view, or in the only one. No gradient reaches ``to_eye``."""
    light = torch.cat([lights.key_direction, lights.ambient, lights.key_color], dim=1)
    material = torch.stack([roughness, metallic])
    return _Shade.apply(albedo, normals, light, material, to_eye, view_ids)  # pyright: ignore[reportReturnType]


class _Shade(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, albedo: Tensor, normals: Tensor, light: Tensor, material: Tensor, to_eye: Tensor, view_ids: Tensor
    ) -> Tensor:
        given = [x.detach().contiguous() for x in (albedo, normals, light, material, to_eye, view_ids)]
        out = torch.empty_like(given[0])
        _shade(*_arrays(*given, out))
        ctx.save_for_backward(*given)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        given = ctx.saved_tensors
        albedo, normals = torch.empty_like(given[0]), torch.empty_like(given[1])
        light, material = torch.zeros_like(given[2], dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
        _shade_backward(*_arrays(*given, gradients[0].contiguous(), albedo, normals, light, material))
        return albedo, normals, light.to(given[2]), material.to(given[3]), None, None


def _arrays(*tensors: Tensor) -> Any:
    return [tensor.numpy() for tensor in tensors]


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _row(table, n, start):
    return np.float64(table[n, start]), np.float64(table[n, start + 1]), np.float64(table[n, start + 2])


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _halfway(v, light):
    """The unit vector halfway, and the reciprocal of the sum's length; that is 1e6 at most."""
    s = (v[0] + light[0], v[1] + light[1], v[2] + light[2])
    shrink = 1.0 / max(math.sqrt(_dot(s, s)), 1e-6)
    return (s[0] * shrink, s[1] * shrink, s[2] * shrink), shrink


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _surround(rough, cos_view):
    """k, A and B of the module's equations, and the power that k is cut off by."""
    x, power = 1.0 - rough, np.exp2(-9.28 * cos_view)
    k = min(x * x, power) * x + (0.0425 - 0.0275 * rough)
    return 1.04 - 0.572 * rough - 1.04 * k, 0.022 * rough - 0.04 + 1.04 * k, power


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _shade(albedo, normals, light, material, to_eye, view_ids, out):
    rough, metallic = max(np.float64(material[0]), MIN_ROUGHNESS), np.float64(material[1])
    alpha2 = rough**4
    for n in range(albedo.shape[0]):
        view = view_ids[n] if light.shape[0] > 1 else 0
        normal, v, toward = _row(normals, n, 0), _row(to_eye, n, 0), _row(light, view, 0)
        half, _ = _halfway(v, toward)
        nv, nl = max(_dot(normal, v), MIN_COSINE), max(_dot(normal, toward), 0.0)
        nh, vh = max(_dot(normal, half), 0.0), min(max(_dot(v, half), 0.0), 1.0)
        graze = (1.0 - vh) ** 5
        spread = nh * nh * (alpha2 - 1.0) + 1.0
        masking = nl * math.sqrt(nv * nv * (1.0 - alpha2) + alpha2)
        shadowing = nv * math.sqrt(nl * nl * (1.0 - alpha2) + alpha2)
        gloss = alpha2 / (spread * spread) * (0.5 / (masking + shadowing))
        scale, bias, _ = _surround(rough, nv)
        for c in range(3):
            f0 = DIELECTRIC_F0 * (1.0 - metallic) + albedo[n, c] * metallic
            fresnel, surround = f0 + (1.0 - f0) * graze, f0 * scale + bias
            diffuse = albedo[n, c] * (1.0 - metallic)
            by_key = diffuse * (1.0 - fresnel) + fresnel * gloss
            by_ambient = diffuse * (1.0 - surround) + surround
            out[n, c] = light[view, 6 + c] * nl * by_key + light[view, 3 + c] * by_ambient


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _colour_slopes(n, view, albedo, light, gradient, metallic, terms, out_albedo, out_light):
    """Hand each channel's gradient to albedo and lights; what is common to the channels is returned.

    ``terms``: n.l, (1 - v.h)^5, pi D V, A and B. Returned are the gradients of these five and of metallic.
    """
    nl, graze, gloss, scale, bias = terms
    to_nl = to_graze = to_gloss = to_scale = to_bias = to_metallic = 0.0
    for c in range(3):
        value, g = np.float64(albedo[n, c]), np.float64(gradient[n, c])
        ambient, key = np.float64(light[view, 3 + c]), np.float64(light[view, 6 + c])
        f0 = DIELECTRIC_F0 * (1.0 - metallic) + value * metallic
        fresnel, surround = f0 + (1.0 - f0) * graze, f0 * scale + bias
        diffuse = value * (1.0 - metallic)
        by_key = diffuse * (1.0 - fresnel) + fresnel * gloss
        out_light[view, 3 + c] += g * (diffuse * (1.0 - surround) + surround)
        out_light[view, 6 + c] += g * by_key * nl
        to_nl += g * by_key * key
        lit, glow = g * key * nl, g * ambient
        to_diffuse = lit * (1.0 - fresnel) + glow * (1.0 - surround)
        to_fresnel, to_surround = lit * (gloss - diffuse), glow * (1.0 - diffuse)
        to_gloss += lit * fresnel
        to_graze += to_fresnel * (1.0 - f0)
        to_scale += to_surround * f0
        to_bias += to_surround
        to_f0 = to_fresnel * (1.0 - graze) + to_surround * scale
        out_albedo[n, c] = to_diffuse * (1.0 - metallic) + to_f0 * metallic
        to_metallic += to_f0 * (value - DIELECTRIC_F0) - to_diffuse * value
    return to_nl, to_graze, to_gloss, to_scale, to_bias, to_metallic


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _gloss_slopes(to_gloss, nv, nl, nh, alpha2):
    """The gradients of n.v, n.l, n.h and a^2 out of that of pi D V."""
    spread = nh * nh * (alpha2 - 1.0) + 1.0
    view_root = math.sqrt(nv * nv * (1.0 - alpha2) + alpha2)
    light_root = math.sqrt(nl * nl * (1.0 - alpha2) + alpha2)
    both = nl * view_root + nv * light_root
    distribution, visibility = alpha2 / (spread * spread), 0.5 / both
    to_distribution = to_gloss * visibility
    to_spread = -2.0 * to_distribution * distribution / spread
    to_both = -to_gloss * distribution * visibility / both
    to_view_root, to_light_root = to_both * nl, to_both * nv
    to_nv = to_both * light_root + to_view_root * nv * (1.0 - alpha2) / view_root
    to_nl = to_both * view_root + to_light_root * nl * (1.0 - alpha2) / light_root
    to_alpha2 = to_distribution / (spread * spread) + to_spread * nh * nh
    to_alpha2 += 0.5 * (to_view_root * (1.0 - nv * nv) / view_root + to_light_root * (1.0 - nl * nl) / light_root)
    return to_nv, to_nl, to_spread * 2.0 * nh * (alpha2 - 1.0), to_alpha2


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _shade_backward(
    albedo, normals, light, material, to_eye, view_ids, gradient, out_albedo, out_normals, out_light, out_material
):  # fmt: skip
    rough, metallic = max(np.float64(material[0]), MIN_ROUGHNESS), np.float64(material[1])
    alpha2, x = rough**4, 1.0 - rough
    by_rough = by_metallic = 0.0
    for n in range(albedo.shape[0]):
        view = view_ids[n] if light.shape[0] > 1 else 0
        normal, v, toward = _row(normals, n, 0), _row(to_eye, n, 0), _row(light, view, 0)
        half, shrink = _halfway(v, toward)
        raw_nv, raw_nl, raw_nh, raw_vh = _dot(normal, v), _dot(normal, toward), _dot(normal, half), _dot(v, half)
        nv, nl, nh, vh = max(raw_nv, MIN_COSINE), max(raw_nl, 0.0), max(raw_nh, 0.0), min(max(raw_vh, 0.0), 1.0)
        spread = nh * nh * (alpha2 - 1.0) + 1.0
        masking = nl * math.sqrt(nv * nv * (1.0 - alpha2) + alpha2)
        shadowing = nv * math.sqrt(nl * nl * (1.0 - alpha2) + alpha2)
        gloss = alpha2 / (spread * spread) * (0.5 / (masking + shadowing))
        scale, bias, power = _surround(rough, nv)
        terms = (nl, (1.0 - vh) ** 5, gloss, scale, bias)
        to_nl, to_graze, to_gloss, to_scale, to_bias, to_metallic = _colour_slopes(
            n, view, albedo, light, gradient, metallic, terms, out_albedo, out_light
        )
        by_metallic += to_metallic
        to_nv, more_nl, to_nh, to_alpha2 = _gloss_slopes(to_gloss, nv, nl, nh, alpha2)
        to_nl += more_nl
        to_k = 1.04 * (to_bias - to_scale)
        if x * x <= power:
            by_rough -= to_k * 3.0 * x * x
        else:
            by_rough -= to_k * power
            to_nv -= to_k * x * power * (9.28 * math.log(2.0))
        by_rough += 0.022 * to_bias - 0.572 * to_scale - 0.0275 * to_k + 4.0 * rough**3 * to_alpha2
        # Where a cosine was cut off it has no slope.
        to_nv = to_nv if raw_nv >= MIN_COSINE else 0.0
        to_nl = to_nl if raw_nl >= 0.0 else 0.0
        to_nh = to_nh if raw_nh >= 0.0 else 0.0
        to_vh = -5.0 * (1.0 - vh) ** 4 * to_graze if 0.0 <= raw_vh <= 1.0 else 0.0
        to_half = (to_nh * normal[0] + to_vh * v[0], to_nh * normal[1] + to_vh * v[1], to_nh * normal[2] + to_vh * v[2])
        along = _dot(half, to_half) if shrink < 1e6 else 0.0
        for k in range(3):
            out_normals[n, k] = to_nv * v[k] + to_nl * toward[k] + to_nh * half[k]
            out_light[view, k] += to_nl * normal[k] + (to_half[k] - along * half[k]) * shrink
    out_material[0] = by_rough if material[0] >= MIN_ROUGHNESS else 0.0
    out_material[1] = by_metallic
