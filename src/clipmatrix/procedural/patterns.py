"""Solid textures: a layer of parameters and a rest-pose position give an sRGB colour; knows no words.

A layer is a row of floats (``primitives`` names its columns), so that thousands of looks are arrays. Textures
are evaluated at rest-pose positions in metres: they have no seams and do not swim under animation.
"""

import math
from typing import no_type_check

import numpy as np
from numba import njit, prange

from clipmatrix.procedural.covering import lay_cover
from clipmatrix.procedural.noise import cells, fractal_noise, hash_cell, smoothstep, value_noise
from clipmatrix.procedural.primitives import (
    AXIS,
    COLOR_A,
    COLOR_B,
    COLOR_C,
    COVER_WIDTH,
    COVERS,
    FREQUENCY,
    GRAIN,
    IS_COVERED,
    NUM_COVERS,
    PRIMITIVE,
    SEED,
    SHARE,
    SOFTNESS,
    WARP,
    Primitive,
)

_TAU = 2.0 * math.pi


@no_type_check
@njit(cache=True, nogil=True, inline="always")
def _fraction(x):
    return x - math.floor(x)


@no_type_check
@njit(cache=True, nogil=True)
def _hue(t, channel):
    """A fully saturated colour wheel; ``t`` in turns."""
    shift = 0.0 if channel == 0 else (4.0 if channel == 1 else 2.0)
    return min(1.0, max(0.0, abs((_fraction(t) * 6.0 + shift) % 6.0 - 3.0) - 1.0))


@no_type_check
@njit(cache=True, nogil=True)
def _mix_ordered(primitive, layer, x, y, z, wx, wy, wz):
    """Second colour's share, third colour's share and shade of the regular patterns."""
    f, share, soft = layer[FREQUENCY], layer[SHARE], layer[SOFTNESS]
    b, c, shade = 0.0, 0.0, 1.0
    if primitive == Primitive.BANDS:
        wave = abs(_fraction((wx * layer[AXIS] + wy * layer[AXIS + 1] + wz * layer[AXIS + 2]) * f) - 0.5) * 2.0
        b = smoothstep(1.0 - share - soft, 1.0 - share + soft, wave)
    elif primitive == Primitive.CHECKS:
        parity = int(math.floor(wx * f)) + int(math.floor(wy * f)) + int(math.floor(wz * f + 0.37))
        b = float(parity & 1)
    elif primitive == Primitive.BRICKS:
        row = math.floor(wy * f)
        column = (wx + 0.5 * wz) * f * 0.5 + 0.5 * (int(row) & 1)
        if _fraction(column) < 0.08 or wy * f - row < 0.16:
            b = 1.0
        else:
            shade = 0.8 + 0.4 * (hash_cell(int(math.floor(column)), int(row), 0, int(layer[SEED])) & 255) / 255.0
    elif primitive == Primitive.GRADIENT:
        b = smoothstep(share - 0.55, share + 0.55, y / 1.65)
    elif primitive == Primitive.RAINBOW:
        c = 1.0
    elif primitive == Primitive.PLAID:
        u, v = _fraction(wy * f), _fraction((wx + 0.5 * wz) * f)
        b = 0.5 * (1.0 if u < share else 0.0) + 0.5 * (1.0 if v < share else 0.0)
        if u < 0.07 or v < 0.07:
            c = 1.0
    elif primitive == Primitive.DIAMONDS:
        wave = math.sin(wy * f * _TAU) * math.sin((wx + 0.5 * wz) * f * _TAU)
        b = smoothstep(0.05, 0.2, wave)
        c = smoothstep(0.0, 0.05, wave) - smoothstep(0.08, 0.16, wave)
    elif primitive == Primitive.DOTS:
        # A face-centred lattice: every other cell is shifted, as on printed cloth.
        best = 9.0
        for s in range(2):
            u = _fraction(wx * f + 0.5 * s) - 0.5
            v = _fraction(wy * f + 0.5 * s) - 0.5
            w = _fraction(wz * f + 0.25) - 0.5
            best = min(best, math.sqrt(u * u + v * v + 0.25 * w * w))
        b = 1.0 - smoothstep(share - 0.04, share + 0.04, best)
    elif primitive == Primitive.ZIGZAG:
        tooth = abs(_fraction((wx + 0.5 * wz) * f) - 0.5) * 2.0
        wave = abs(_fraction(wy * f + 0.5 * tooth) - 0.5) * 2.0
        b = smoothstep(1.0 - share - 0.08, 1.0 - share + 0.08, wave)
    elif primitive == Primitive.NET:
        u, v = _fraction((wx + wy + 0.5 * wz) * f), _fraction((wy - wx - 0.5 * wz) * f)
        b = 1.0 if (u < share or v < share) else 0.0
    elif primitive == Primitive.HEXAGONS:
        u, v = (wx + 0.5 * wz) * f, wy * f * 1.1547
        u1, v1 = u - math.floor(u + 0.5), v - 1.732 * math.floor(v / 1.732 + 0.5)
        u2, v2 = u - math.floor(u) - 0.5, v - 1.732 * math.floor(v / 1.732) - 0.866
        d1 = max(abs(u1), 0.5 * abs(u1) + 0.866 * abs(v1))
        d2 = max(abs(u2), 0.5 * abs(u2) + 0.866 * abs(v2))
        b = smoothstep(0.5 - share, 0.5 - 0.5 * share, min(d1, d2))
    elif primitive == Primitive.WEAVE:
        u, v = (wx + 0.5 * wz) * f, wy * f
        over = (int(math.floor(u)) + int(math.floor(v))) & 1
        across = _fraction(v) if over else _fraction(u)
        b = float(over)
        shade = 0.72 + 0.42 * math.sin(across * math.pi)
    return b, c, shade


@no_type_check
@njit(cache=True, nogil=True)
def _mix_irregular(primitive, layer, x, y, z, wx, wy, wz):
    """Second colour's share, third colour's share and shade of the patterns that noise draws."""
    f, share, soft, seed = layer[FREQUENCY], layer[SHARE], layer[SOFTNESS], int(layer[SEED])
    b, c, shade = 0.0, 0.0, 1.0
    if primitive == Primitive.SPOTS:
        near, _, bits = cells(wx * f, wy * f, wz * f, seed)
        radius = share * (0.75 + 0.5 * (bits & 15) / 15.0)
        b = 1.0 - smoothstep(radius - 0.05, radius + 0.05, near)
    elif primitive == Primitive.SCALES:
        near, second, bits = cells(wx * f, wy * f * 1.3, wz * f, seed)
        b = smoothstep(0.1, 0.7, near)
        shade = (0.45 + 0.55 * smoothstep(0.0, 0.22, second - near)) * (0.85 + 0.3 * ((bits >> 4) & 15) / 15.0)
    elif primitive == Primitive.CRACKS:
        near, second, _ = cells(wx * f, wy * f, wz * f, seed)
        b = 1.0 - smoothstep(share * 0.5, share, second - near)
        shade = 0.82 + 0.36 * fractal_noise(x * 14, y * 14, z * 14, seed + 3, 3)
    elif primitive == Primitive.VEINS:
        phase = (x * layer[AXIS] + y * layer[AXIS + 1] + z * layer[AXIS + 2]) * f
        phase += 8.0 * layer[WARP] * fractal_noise(x * 5, y * 5, z * 5, seed, 4) * _TAU
        b = max((1.0 - abs(math.sin(phase))) ** 3, 0.35 * fractal_noise(x * 7, y * 7, z * 7, seed + 9, 3))
    elif primitive == Primitive.RINGS:
        radius = math.sqrt((x + 0.3 * layer[AXIS]) ** 2 + (z + 0.3 * layer[AXIS + 2]) ** 2) * f + y * f * 0.12
        t = _fraction(radius + 8.0 * layer[WARP] * fractal_noise(x * 3, y * 1.2, z * 3, seed, 3))
        b = t * t
        shade = 0.8 + 0.4 * fractal_noise(x * 40, y * 4, z * 40, seed + 4, 2)
    elif primitive == Primitive.CAMOUFLAGE:
        b = 1.0 if fractal_noise(x * f, y * f, z * f, seed, 3) > 0.53 else 0.0
        c = 1.0 if fractal_noise(x * f + 9, y * f + 4, z * f, seed + 20, 3) > 0.56 else 0.0
    elif primitive == Primitive.BLOTCHES:
        b = smoothstep(share - soft, share + soft, fractal_noise(wx * f, wy * f, wz * f, seed, 4))
    elif primitive == Primitive.ROSETTES:
        near, _, bits = cells(wx * f, wy * f, wz * f, seed)
        broken = value_noise(x * f * 3, y * f * 3, z * f * 3, seed + 8) > 0.28
        b = 1.0 if (0.24 < near < 0.46 and broken) else 0.0
        c = 1.0 if near <= 0.24 else 0.0
    elif primitive == Primitive.NEBULA:
        b = smoothstep(0.42, 0.62, fractal_noise(x * f, y * f, z * f, seed, 4))
        c = smoothstep(0.52, 0.68, fractal_noise(x * f + 7, y * f, z * f + 3, seed + 33, 3))
        near, _, _ = cells(x * 28, y * 28, z * 28, seed + 5)
        if near < 0.17:
            c = 2.0
    elif primitive == Primitive.EMBERS:
        near, second, _ = cells(wx * f, wy * f, wz * f, seed)
        gap = second - near + 0.25 * (fractal_noise(x * 16, y * 16, z * 16, seed + 3, 2) - 0.5)
        b = 1.0 - smoothstep(share * 0.55, share, gap)
        c = 1.0 - smoothstep(0.0, share * 0.5, gap)
        shade = (0.6 + 0.8 * fractal_noise(x * 18, y * 18, z * 18, seed + 13, 2)) * (1.0 - b) + b
    elif primitive == Primitive.FLAMES:
        lift = fractal_noise(x * f, y * f * 0.45 - 0.6, z * f, seed, 4)
        b = smoothstep(share - soft, share + soft, lift)
        c = smoothstep(share + soft, share + 3 * soft, lift)
    elif primitive == Primitive.FIBRES:
        b = smoothstep(0.3, 0.75, fractal_noise(wx * f, wy * f * 0.12, wz * f, seed, 3))
        shade = 0.75 + 0.5 * value_noise(wx * f * 2.3, wy * f * 0.3, wz * f * 2.3, seed + 5)
    return b, c, shade


@no_type_check
@njit(cache=True, nogil=True)
def _is_in_star(u, v, radius):
    """Whether a point lies in a five-pointed star about the origin with one point up."""
    sector = _TAU / 5.0
    angle = abs(_fraction(math.atan2(u, v) / sector + 0.5) - 0.5) * sector
    r = math.sqrt(u * u + v * v)
    tip_u, tip_v = 0.42 * radius * math.cos(0.5 * sector), 0.42 * radius * math.sin(0.5 * sector)
    return (tip_u - radius) * r * math.sin(angle) - tip_v * (r * math.cos(angle) - radius) > 0.0


@no_type_check
@njit(cache=True, nogil=True)
def _mix_printed(primitive, layer, wx, wy, wz):
    """Second colour's share of the figures that stand in staggered rows, as on printed cloth."""
    f, share = layer[FREQUENCY], layer[SHARE]
    v = wy * f
    row = math.floor(v)
    u = _fraction((wx + 0.5 * wz) * f + 0.5 * (int(row) & 1)) - 0.5
    v = v - row - 0.5
    r = math.sqrt(u * u + v * v)
    if primitive == Primitive.STARS:
        return 1.0 if _is_in_star(u, v, share) else 0.0
    if primitive == Primitive.HEARTS:
        p, q = u / (0.85 * share), v / (0.85 * share) + 0.1
        return 1.0 if (p * p + q * q - 1.0) ** 3 < p * p * q * q * q else 0.0
    if primitive == Primitive.CROSSES:
        near, far = min(abs(u), abs(v)), max(abs(u), abs(v))
        return 1.0 if near < 0.3 * share and far < share else 0.0
    if primitive == Primitive.SPIRALS:
        return 1.0 if _fraction(r * 3.2 + math.atan2(v, u) / _TAU) < share else 0.0
    if primitive == Primitive.TARGETS:
        return 1.0 if r < 0.5 and _fraction(r * 4.0 + 0.3) < share else 0.0
    # Triangles, alternately upright and hanging.
    return 1.0 if 2.0 * abs(u) < 0.5 - v else 0.0


@no_type_check
@njit(cache=True, nogil=True)
def _mix_woven(primitive, layer, x, y, z, wx, wy, wz):
    """Second and third colours' shares and shade of cloths, lattices and markings that follow the body."""
    f, share, soft, seed = layer[FREQUENCY], layer[SHARE], layer[SOFTNESS], int(layer[SEED])
    u, v = (wx + 0.5 * wz) * f, wy * f
    b, c, shade = 0.0, 0.0, 1.0
    if primitive == Primitive.HOUNDSTOOTH:
        # A 2/2 twill of threads that change colour every four, in both directions.
        i, j = int(math.floor(u * 8.0)), int(math.floor(v * 8.0))
        b = float((i >> 2) & 1) if ((i + j) >> 1) & 1 else float((j >> 2) & 1)
    elif primitive == Primitive.HERRINGBONE:
        column = math.floor(u)
        lean = (u - column) * 2.0 if int(column) & 1 else (column - u) * 2.0 + 0.5
        b = 1.0 if _fraction(v * 2.0 + lean) < share else 0.0
        if u - column < 0.06:
            shade = 0.8
    elif primitive == Primitive.WAVES:
        wave = abs(_fraction(v + 0.3 * math.sin(u * _TAU * 0.7)) - 0.5) * 2.0
        b = smoothstep(1.0 - share - soft, 1.0 - share + soft, wave)
    elif primitive == Primitive.DIAGONALS:
        wave = abs(_fraction((u + v) * 0.707) - 0.5) * 2.0
        b = smoothstep(1.0 - share - soft, 1.0 - share + soft, wave)
    elif primitive == Primitive.DASHES:
        row = int(math.floor(v))
        offset = (hash_cell(row, 1, 0, seed) & 255) / 255.0
        column = math.floor(u * 0.6 + offset)
        length = 0.4 + 0.45 * (hash_cell(int(column), row, 2, seed) & 255) / 255.0
        b = 1.0 if u * 0.6 + offset - column < length and abs(v - row - 0.5) < 0.5 * share else 0.0
    elif primitive == Primitive.GRID:
        b = 1.0 if _fraction(u) < share or _fraction(v) < share else 0.0
    elif primitive == Primitive.SPLIT:
        along = (wx * layer[AXIS] + wy * layer[AXIS + 1] + wz * layer[AXIS + 2]) * f
        b = smoothstep(share - soft, share + soft, along)
    elif primitive == Primitive.HIDE:
        # A coat: the second colour on the belly and throat, the third on arms and legs as far up as the share says.
        belly = min(0.16 - abs(wx), wz, wy - 0.62, 1.5 - wy)
        b = smoothstep(-soft, soft, belly)
        limb = max(share - wy, abs(wx) - 0.62 + 0.42 * share)
        c = smoothstep(-soft, soft, limb)
    elif primitive == Primitive.SHINGLES:
        # Rows of round scales, each over the one below; the softness is the radius of an eye near the tip.
        top = int(math.floor(v * 2.0)) + 2
        for k in range(4):
            row = top - k
            p, q = _fraction(u + 0.5 * (row & 1)) - 0.5, v - 0.5 * row
            d = math.sqrt(p * p + q * q) / 0.62
            if d < 1.0:
                b = smoothstep(share - 0.12, share + 0.12, d)
                shade = 1.0 - 0.5 * smoothstep(0.82, 1.0, d)
                c = 1.0 if p * p + (q + 0.22) ** 2 < soft * soft else 0.0
                break
    elif primitive == Primitive.PIXELS:
        bits = hash_cell(int(math.floor(wx * f)), int(math.floor(wy * f)), int(math.floor(wz * f + 0.37)), seed)
        pick = (bits & 255) / 255.0
        b = 1.0 if pick < share else 0.0
        c = 1.0 if pick > 1.0 - soft else 0.0
    elif primitive == Primitive.TOYBRICKS:
        p, row = u * 0.5 + 0.5 * (int(math.floor(v)) & 1), math.floor(v)
        column = math.floor(p)
        bits = hash_cell(int(column), int(row), 0, seed)
        c = 3.0 + ((bits >> 3) % 6) / 6.0
        d = math.sqrt((_fraction(u) - 0.5) ** 2 + (v - row - 0.5) ** 2)
        shade = 1.15 if d < 0.27 else 0.62 if d < 0.34 else 0.9
        if p - column < 0.04 or v - row < 0.08:
            shade = 0.4
    return b, c, shade


@no_type_check
@njit(cache=True, nogil=True)
def _mix_scattered(primitive, layer, x, y, z, wx, wy, wz):
    """Second and third colours' shares and shade of mosaics, paints and ridges; a third share of 3 + t is hue t."""
    f, share, soft, seed = layer[FREQUENCY], layer[SHARE], layer[SOFTNESS], int(layer[SEED])
    b, c, shade = 0.0, 0.0, 1.0
    if primitive == Primitive.MOSAIC or primitive == Primitive.GLASS:
        near, second, bits = cells(wx * f, wy * f, wz * f, seed)
        joint = smoothstep(soft, soft + 0.06, second - near)
        pick = ((bits >> 5) & 255) / 255.0
        if primitive == Primitive.MOSAIC:
            b = 1.0 if pick < share else 0.0
            shade = (0.35 + 0.65 * joint) * (0.85 + 0.3 * (bits & 15) / 15.0)
        else:
            b, c = 1.0 - joint, 3.0 + pick
    elif primitive == Primitive.CONFETTI:
        near, _, bits = cells(wx * f, wy * f, wz * f, seed)
        if near < share:
            c = 3.0 + ((bits >> 5) & 7) / 8.0
    elif primitive == Primitive.PAINT:
        level = fractal_noise(wx * f, wy * f, wz * f, seed, 2) * 9.0
        step = math.floor(level)
        b = 1.0 if min(level - step, step + 1.0 - level) < soft else 0.0
        c = 3.0 + (hash_cell(int(step), 0, 0, seed) & 255) / 255.0
    elif primitive == Primitive.RIDGES:
        height = fractal_noise(wx * f, wy * f * 0.5, wz * f, seed, 4)
        b = 1.0 - smoothstep(share * 0.5, share, abs(height - 0.5))
    elif primitive == Primitive.RIPPLES:
        near, _, _ = cells(wx * f, wy * f, wz * f, seed)
        wave = abs(_fraction(near * 4.0) - 0.5) * 2.0
        b = smoothstep(1.0 - share - soft, 1.0 - share + soft, wave)
    elif primitive == Primitive.DRIPS:
        # Paint poured from above: noise over the ground plan says how far down each runnel came.
        reach = value_noise(x * f, 0.5, z * f, seed) + 0.5 * value_noise(x * f * 2.3, 9.5, z * f * 2.3, seed)
        b = smoothstep(-0.01, 0.01, y - 1.65 * (1.0 - share) - 0.9 * (0.75 - reach))
    return b, c, shade


@no_type_check
@njit(cache=True, nogil=True)
def bare_color(layer, x, y, z, out):
    """Write the sRGB colour in [0, 1] of a layer alone at a rest position in metres into ``out``."""
    primitive, seed, warp = int(layer[PRIMITIVE]), int(layer[SEED]), layer[WARP]
    wx, wy, wz = x, y, z
    if warp > 0.0 and primitive != Primitive.VEINS and primitive != Primitive.RINGS:
        wx += warp * (fractal_noise(x * 6, y * 6, z * 6, seed + 50, 2) - 0.5)
        wy += warp * (fractal_noise(x * 6, y * 6, z * 6, seed + 60, 2) - 0.5)
        wz += warp * (fractal_noise(x * 6, y * 6, z * 6, seed + 70, 2) - 0.5)
    b, c, shade = 0.0, 0.0, 1.0
    if primitive >= Primitive.MOSAIC:
        b, c, shade = _mix_scattered(primitive, layer, x, y, z, wx, wy, wz)
    elif primitive >= Primitive.HOUNDSTOOTH:
        b, c, shade = _mix_woven(primitive, layer, x, y, z, wx, wy, wz)
    elif primitive >= Primitive.STARS:
        b = _mix_printed(primitive, layer, wx, wy, wz)
    elif primitive != Primitive.SOLID:
        b, c, shade = _mix_ordered(primitive, layer, x, y, z, wx, wy, wz)
        if b == 0.0 and c == 0.0 and shade == 1.0:
            b, c, shade = _mix_irregular(primitive, layer, x, y, z, wx, wy, wz)
    if layer[GRAIN] > 0.0:
        shade *= 1.0 + layer[GRAIN] * (fractal_noise(x * 55, y * 55, z * 55, seed + 7, 2) - 0.5) * 2.0
    for k in range(3):
        if primitive == Primitive.RAINBOW:
            along = wx * layer[AXIS] + wy * layer[AXIS + 1] + wz * layer[AXIS + 2]
            value = _hue(along * layer[FREQUENCY], k)
        elif c >= 3.0:
            value = _hue(c - 3.0, k) * (1.0 - b) + layer[COLOR_B + k] * b
        elif c > 1.0:
            value = 1.0
        else:
            value = layer[COLOR_A + k] * (1.0 - b) + layer[COLOR_B + k] * b
            value = value * (1.0 - c) + layer[COLOR_C + k] * c
        out[k] = min(1.0, max(0.0, value * shade))


@no_type_check
@njit(cache=True, nogil=True)
def layer_color(layer, x, y, z, out):
    """Write the sRGB colour in [0, 1] of a layer, and what covers it, at a rest position in metres into ``out``."""
    bare_color(layer, x, y, z, out)
    lay_covers(layer, x, y, z, out)


@no_type_check
@njit(cache=True, nogil=True)
def lay_covers(layer, x, y, z, out):
    """Lay all that covers the layer over its colour."""
    for i in range(NUM_COVERS):
        first = COVERS + i * COVER_WIDTH
        if layer[first + IS_COVERED] > 0.0:
            lay_cover(layer, first, x, y, z, out)


@no_type_check
@njit(cache=True, nogil=True, parallel=True)
def _paint(layers, layer_ids, positions, out):
    for i in prange(positions.shape[0]):
        layer_color(layers[layer_ids[i]], positions[i, 0], positions[i, 1], positions[i, 2], out[i])


def paint_points(
    layers: np.ndarray,
    layer_ids: np.ndarray,
    positions: np.ndarray,
) -> np.ndarray:
    """sRGB colours ``(n, 3)`` of the rest positions ``(n, 3)``, each by the row of ``layers`` that it names.

    Runs on all numba threads; about 3 microseconds a point for the costly primitives.
    """
    out = np.empty((positions.shape[0], 3), np.float32)
    _paint(
        np.ascontiguousarray(layers, np.float64),
        np.ascontiguousarray(layer_ids, np.int64),
        np.ascontiguousarray(positions, np.float64),
        out,
    )
    return out
