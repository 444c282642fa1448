"""The judge's textures: solid patterns in a space of their own, drawn with gradient noise; knows no words.

Its own here: the noise, a second drawing of the commonest patterns (stripes, spots, dots, checks, blotches, camouflage,
cracks, scales, veins, fibres), the space that every pattern lies in (turned, mirrored, stretched, warped) and the
grain. Shared with ``clipmatrix.procedural.patterns``, though never in the same space: the drawing of half of those and
of the rarer ones, and the rows of numbers that describe a layer. What covers a layer (hair, skin below a hem) is as it
is there.

References: Perlin, "Improving noise", SIGGRAPH 2002; Worley, "A cellular texture basis function", SIGGRAPH 1996.
"""

import math
from typing import no_type_check

import numpy as np
from numba import njit

from clipmatrix.procedural.noise import hash_cell, smoothstep
from clipmatrix.procedural.patterns import bare_color, lay_covers
from clipmatrix.procedural.primitives import (
    AXIS,
    COLOR_A,
    COLOR_B,
    COLOR_C,
    FREQUENCY,
    PRIMITIVE,
    SEED,
    SHARE,
    SOFTNESS,
    WARP,
    Primitive,
)

SPACE_WIDTH = 17
"""A layer's space: an affine map of three rows, warp (metres), its frequency, grain and the grain's cells a metre, and
whether patterns are drawn by this module where it has a drawing of its own."""

WARP_BY, WARP_RATE, GRAIN_BY, GRAIN_RATE, IS_OWN = 12, 13, 14, 15, 16
_OWN_SHARE = 0.5


@no_type_check
@njit(cache=True, nogil=True, inline="always")
def _slope(i, j, k, seed, x, y, z):
    """Dot product of the offset with the lattice point's gradient, one of the twelve edges of a cube."""
    h = hash_cell(i, j, k, seed) % 12
    u = x if h < 8 else y
    v = y if h < 4 else z
    return (u if h & 1 == 0 else -u) + (v if h & 2 == 0 else -v)


@no_type_check
@njit(cache=True, nogil=True)
def gradient_noise(x, y, z, seed):
    """Smooth noise about 0, mostly in [-0.7, 0.7], that vanishes at lattice points."""
    i, j, k = int(math.floor(x)), int(math.floor(y)), int(math.floor(z))
    x, y, z = x - i, y - j, z - k
    u = x * x * x * (x * (x * 6.0 - 15.0) + 10.0)
    v = y * y * y * (y * (y * 6.0 - 15.0) + 10.0)
    w = z * z * z * (z * (z * 6.0 - 15.0) + 10.0)
    total = 0.0
    for corner in range(8):
        a, b, c = corner & 1, (corner >> 1) & 1, corner >> 2
        weight = (u if a else 1.0 - u) * (v if b else 1.0 - v) * (w if c else 1.0 - w)
        total += weight * _slope(i + a, j + b, k + c, seed, x - a, y - b, z - c)
    return total


@no_type_check
@njit(cache=True, nogil=True)
def layered_noise(x, y, z, seed, octaves):
    """Octaves of gradient noise about 0.5, spread as widely as ``procedural.noise.fractal_noise``."""
    total, gain, weight = 0.0, 1.0, 0.0
    for octave in range(octaves):
        total += gain * gradient_noise(x, y, z, seed + 101 * octave)
        weight += gain
        gain *= 0.55
        # Turned as well as refined, so that the octaves' axes differ.
        x, y, z = 1.6 * x - 1.2 * z + 3.1, 2.0 * y + 7.7, 1.2 * x + 1.6 * z + 5.9
    return 0.5 + 0.75 * total / weight


@no_type_check
@njit(cache=True, nogil=True)
def _grains(x, y, z, seed):
    """Distances to the two nearest of randomly strewn points, one a cell and anywhere in it, and the nearest's bits."""
    i, j, k = int(math.floor(x)), int(math.floor(y)), int(math.floor(z))
    first, second, bits = 9.0, 9.0, 0
    for a in range(i - 1, i + 2):
        for b in range(j - 1, j + 2):
            for c in range(k - 1, k + 2):
                h = hash_cell(a, b, c, seed + 77)
                dx, dy = a + (h & 255) / 255.0 - x, b + ((h >> 8) & 255) / 255.0 - y
                dz = c + ((h >> 16) & 255) / 255.0 - z
                # Each point stretches space about it by its own measure: round spots become ellipses.
                stretch = 0.75 + 0.5 * ((h >> 3) & 31) / 31.0
                distance = stretch * dx * dx + dy * dy / stretch + dz * dz
                if distance < first:
                    second, first, bits = first, distance, h
                elif distance < second:
                    second = distance
    return math.sqrt(first), math.sqrt(second), bits


@no_type_check
@njit(cache=True, nogil=True)
def _mix_own(primitive, layer, x, y, z):
    """Second and third colour's shares and shade of the patterns drawn here; a shade of -1 for all others."""
    f, share, soft, seed = layer[FREQUENCY], layer[SHARE], layer[SOFTNESS], int(layer[SEED])
    if primitive == Primitive.SOLID:
        return 0.0, 0.0, 1.0
    if primitive == Primitive.BANDS:
        bend = layer[WARP] * 2.0 * gradient_noise(x * 4.0, y * 4.0, z * 4.0, seed)
        along = (x * layer[AXIS] + y * layer[AXIS + 1] + z * layer[AXIS + 2] + bend) * f
        width = share * (1.0 + 0.15 * gradient_noise(x * 3.0, y * 3.0, z * 3.0, seed + 1))
        inside = 0.5 * width - abs(along - math.floor(along) - 0.5)
        return smoothstep(-0.5 * soft, 0.5 * soft, inside), 0.0, 1.0
    if primitive == Primitive.CHECKS:
        wave = math.sin(math.pi * x * f) * math.sin(math.pi * y * f) * math.sin(math.pi * (z * f + 0.5) * 0.7)
        return smoothstep(-0.06, 0.06, wave), 0.0, 1.0
    if primitive == Primitive.DOTS:
        u, v, w = x * f * 1.2, y * f * 1.2, z * f * 1.2 + 0.3
        u, v, w = u - math.floor(u) - 0.5, v - math.floor(v) - 0.5, w - math.floor(w) - 0.5
        return 1.0 - smoothstep(share - 0.05, share + 0.05, math.sqrt(u * u + v * v + 0.2 * w * w)), 0.0, 1.0
    if primitive == Primitive.SPOTS:
        near, _, bits = _grains(x * f, y * f, z * f, seed)
        radius = share * (0.7 + 0.6 * (bits & 31) / 31.0)
        return 1.0 - smoothstep(radius - 0.06, radius + 0.06, near), 0.0, 1.0
    if primitive == Primitive.BLOTCHES:
        soft = max(soft, 0.01)
        return smoothstep(share - soft, share + soft, layered_noise(x * f, y * f, z * f, seed, 4)), 0.0, 1.0
    if primitive == Primitive.CAMOUFLAGE:
        b = 1.0 if layered_noise(x * f, y * f, z * f, seed, 3) > 0.52 else 0.0
        c = 1.0 if layered_noise(x * f + 9.0, y * f + 4.0, z * f, seed + 20, 3) > 0.56 else 0.0
        return b, c, 1.0
    if primitive == Primitive.CRACKS:
        bend = 0.25 * gradient_noise(x * 9.0, y * 9.0, z * 9.0, seed + 2)
        near, second, bits = _grains(x * f + bend, y * f + bend, z * f, seed)
        return 1.0 - smoothstep(0.45 * share, share, second - near), 0.0, 0.85 + 0.3 * ((bits >> 2) & 15) / 15.0
    if primitive == Primitive.SCALES:
        near, second, bits = _grains(x * f, y * f * 1.2, z * f, seed)
        shade = (0.5 + 0.5 * smoothstep(0.0, 0.25, second - near)) * (0.85 + 0.3 * ((bits >> 7) & 15) / 15.0)
        return smoothstep(0.15, 0.75, near), 0.0, shade
    if primitive == Primitive.VEINS:
        height = gradient_noise(x * 5.0, y * 5.0, z * 5.0, seed) + 0.4 * gradient_noise(
            x * 13, y * 13, z * 13, seed + 4
        )
        phase = (x * layer[AXIS] + y * layer[AXIS + 1] + z * layer[AXIS + 2]) * f * 0.7 + 6.0 * layer[WARP] * height
        line = 1.0 - abs(math.sin(phase))
        return line * line * line, 0.0, 1.0 + 0.1 * height
    if primitive == Primitive.FIBRES:
        strand = gradient_noise(x * f, y * f * 0.15, z * f, seed) + 0.5 * gradient_noise(
            x * f * 2.1, y * f * 0.3, z * f * 2.1, seed + 1
        )
        return (
            smoothstep(-0.35, 0.45, strand),
            0.0,
            1.0 + 0.35 * gradient_noise(x * f * 1.4, y * f * 0.2, z * f * 1.4, seed + 9),
        )
    return 0.0, 0.0, -1.0


@no_type_check
@njit(cache=True, nogil=True)
def judge_color(layer, space, x, y, z, out):
    """Write the sRGB colour in [0, 1] of a layer in its space at a rest position in metres into ``out``."""
    seed = int(layer[SEED])
    u = space[0] * x + space[1] * y + space[2] * z + space[3]
    v = space[4] * x + space[5] * y + space[6] * z + space[7]
    w = space[8] * x + space[9] * y + space[10] * z + space[11]
    if space[WARP_BY] > 0.0:
        rate, by = space[WARP_RATE], space[WARP_BY]
        u += by * gradient_noise(x * rate, y * rate, z * rate, seed + 301)
        v += by * gradient_noise(x * rate, y * rate, z * rate, seed + 302)
        w += by * gradient_noise(x * rate, y * rate, z * rate, seed + 303)
    primitive = int(layer[PRIMITIVE])
    b, c, shade = 0.0, 0.0, -1.0
    if space[IS_OWN] > 0.0:
        b, c, shade = _mix_own(primitive, layer, u, v, w)
    if shade < 0.0:
        bare_color(layer, u, v, w, out)
        shade = 1.0
    else:
        for k in range(3):
            value = layer[COLOR_A + k] * (1.0 - b) + layer[COLOR_B + k] * b
            out[k] = value * (1.0 - c) + layer[COLOR_C + k] * c
    if space[GRAIN_BY] > 0.0:
        rate = space[GRAIN_RATE]
        bits = hash_cell(int(math.floor(x * rate)), int(math.floor(y * rate)), int(math.floor(z * rate)), seed + 9)
        shade *= 1.0 + space[GRAIN_BY] * ((bits & 1023) / 511.5 - 1.0)
    for k in range(3):
        out[k] = min(1.0, max(0.0, out[k] * shade))
    lay_covers(layer, x, y, z, out)


_FIXED = frozenset((Primitive.GRADIENT, Primitive.SPLIT, Primitive.HIDE, Primitive.DRIPS))
_FREE = frozenset(
    (
        Primitive.SOLID, Primitive.SPOTS, Primitive.SCALES, Primitive.CRACKS, Primitive.VEINS, Primitive.CAMOUFLAGE,
        Primitive.BLOTCHES, Primitive.ROSETTES, Primitive.NEBULA, Primitive.EMBERS, Primitive.MOSAIC, Primitive.GLASS,
        Primitive.CONFETTI, Primitive.PAINT, Primitive.RIPPLES, Primitive.PIXELS,
    )
)  # fmt: skip


def _turn(rng: np.random.Generator, tilt: float, yaw: float) -> np.ndarray:
    """A rotation about +Y by up to ``yaw`` and about the other two axes by up to ``tilt`` (radians)."""
    a, b, c = rng.uniform(-tilt, tilt), rng.uniform(-yaw, yaw), rng.uniform(-tilt, tilt)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def sample_space(rng: np.random.Generator, primitive: Primitive) -> np.ndarray:
    """A space for a pattern: turned anyhow where it has no upright, little where it has, and where it marks parts not.

    Patterns come out between 0.75 and 1.4 times as fine as the tables say.
    """
    space = np.zeros(SPACE_WIDTH)
    matrix, shift = np.eye(3), np.zeros(3)
    if primitive in _FIXED:
        matrix = _turn(rng, 0.04, 0.04)
        if primitive == Primitive.SPLIT and rng.random() < 0.5:
            matrix[:, 0] *= -1.0
    else:
        is_free = primitive in _FREE
        matrix = _turn(rng, np.pi, np.pi) if is_free else _turn(rng, 0.13, 0.35)
        stretch = np.exp(np.clip(rng.normal(size=3) * 0.09, -0.2, 0.2))
        stretch *= np.exp(rng.uniform(np.log(0.75), np.log(1.4)))
        matrix = (stretch[:, None] * matrix) * np.array([rng.choice([-1.0, 1.0]), 1.0, 1.0])
        shift = rng.uniform(-2.0, 2.0, 3)
    space[:12] = np.concatenate([matrix, shift[:, None]], axis=1).ravel()
    if rng.random() < 0.7:
        space[WARP_BY], space[WARP_RATE] = rng.uniform(0.0, 0.02), rng.uniform(3.0, 9.0)
    if rng.random() < 0.6:
        space[GRAIN_BY], space[GRAIN_RATE] = rng.uniform(0.02, 0.25), rng.uniform(70.0, 260.0)
    space[IS_OWN] = float(rng.random() < _OWN_SHARE)
    return space


def srgb_from_oklab(oklab: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] of OKLab coordinates; colours out of reach are clipped.

    Reference: Björn Ottosson, "A perceptual color space for image processing", 2020.
    """
    lms = oklab @ np.array(
        [[1.0, 1.0, 1.0], [0.3963377774, -0.1055613458, -0.0894841775], [0.2158037573, -0.0638541728, -1.2914855480]]
    )
    linear = lms**3 @ np.array(
        [[4.0767416621, -1.2684380046, -0.0041960863], [-3.3077115913, 2.6097574011, -0.7034186147],
         [0.2309699292, -0.3413193965, 1.7076147010]]
    )  # fmt: skip
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
