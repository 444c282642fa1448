"""What lies on a layer beyond a plane, compiled: how far beyond a point is, and its colour; knows no patterns."""

import math
from typing import no_type_check

from numba import njit

from clipmatrix.procedural.noise import fractal_noise, smoothstep
from clipmatrix.procedural.primitives import (
    COVER_AXIS,
    COVER_BLUR,
    COVER_BRIM,
    COVER_COLOR,
    COVER_DEPTH,
    COVER_FLATNESS,
    COVER_GRAIN,
    COVER_LIFT,
    COVER_OPACITY,
    COVER_PEAKS,
    COVER_START,
    COVER_WAVES,
    SEED,
)


@no_type_check
@njit(cache=True, nogil=True)
def beyond_cover(layer, first, x, y, z):
    """How far in metres a rest position lies beyond the plane of the cover whose columns begin at ``first``."""
    axis = first + COVER_AXIS
    along = abs(x) * layer[axis] + y * layer[axis + 1] + z * layer[axis + 2] - layer[first + COVER_START]
    if layer[first + COVER_WAVES] > 0.0:
        waves = fractal_noise(x * 6, y * 6, z * 6, int(layer[SEED]) + 50 + first, 2) - 0.5
        along += layer[first + COVER_WAVES] * waves
    return along


@no_type_check
@njit(cache=True, nogil=True, inline="always")
def cover_share(layer, first, blur, beyond):
    """How much of the cover there is so far beyond its plane, in [0, 1]."""
    share = smoothstep(-blur, blur, beyond)
    if layer[first + COVER_DEPTH] > 0.0:
        share *= 1.0 - smoothstep(-blur, blur, beyond - layer[first + COVER_DEPTH])
    return share


_RING_M = 0.018
"""Half the width of the ring of vertices that a brim or a crown is pulled out of; a head's lie 13 mm apart or more."""
_NUM_PEAKS = 6
_RISE = 0.3
"""How much a brim rises outwards, of its width."""
_LIFT_LENGTH_M = 0.012


@no_type_check
@njit(cache=True, nogil=True)
def stand_out(layer, first, beyond, right, front, out):
    """Add a brim, a crown's peaks and the lift of a vertex so far beyond the plane, in metres, to ``out`` (3).

    ``right`` and ``front`` are the vertex's place in metres from the head's middle. What ends has its ring half way.
    """
    ring = 1.0 - smoothstep(0.5 * _RING_M, _RING_M, abs(beyond - 0.5 * layer[first + COVER_DEPTH]))
    radius = math.sqrt(right * right + front * front) + 1e-9
    brim = layer[first + COVER_BRIM]
    if brim != 0.0 and ring > 0.0:
        if brim < 0.0:
            brim *= -smoothstep(0.3, 0.75, front / radius)
        out[0] += ring * brim * right / radius
        out[2] += ring * brim * front / radius
        # A disc, not a bead; turned up a little, or its lower side would face into the head.
        out[1] += ring * smoothstep(0.0, 0.02, brim) * (_RISE * brim - 0.5 * beyond)
    if layer[first + COVER_PEAKS] > 0.0 and ring > 0.0:
        turn = _NUM_PEAKS * math.atan2(right, front) / (2.0 * math.pi)
        peak = 1.0 - 2.0 * abs(turn - math.floor(turn + 0.5))
        height = ring * layer[first + COVER_PEAKS] * (0.35 + 0.65 * peak)
        out[1] += height
        out[0] += 0.25 * height * right / radius
        out[2] += 0.25 * height * front / radius
    out[1] += layer[first + COVER_LIFT] * smoothstep(0.5 * _RING_M, _RING_M + _LIFT_LENGTH_M, beyond)
    out[1] -= layer[first + COVER_FLATNESS] * max(0.0, beyond - _RING_M - _LIFT_LENGTH_M)


@no_type_check
@njit(cache=True, nogil=True)
def lay_cover(layer, first, x, y, z, out):
    """Lay what covers the layer over its colour."""
    blur = layer[first + COVER_BLUR]
    share = layer[first + COVER_OPACITY] * cover_share(layer, first, blur, beyond_cover(layer, first, x, y, z))
    if share == 0.0:
        return
    shade = 1.0
    if layer[first + COVER_GRAIN] > 0.0:
        strands = fractal_noise(x * 150, y * 22, z * 150, int(layer[SEED]) + 8, 2) - 0.5
        shade = 1.0 + 2.0 * layer[first + COVER_GRAIN] * strands
    for k in range(3):
        out[k] += share * (min(1.0, max(0.0, layer[first + COVER_COLOR + k] * shade)) - out[k])
