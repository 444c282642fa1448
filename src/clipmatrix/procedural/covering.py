"""What lies on a layer beyond a plane, compiled: how far beyond a point is, and its colour; knows no patterns."""

from typing import no_type_check

from numba import njit

from clipmatrix.procedural.noise import fractal_noise, smoothstep
from clipmatrix.procedural.primitives import (
    COVER_AXIS,
    COVER_BLUR,
    COVER_COLOR,
    COVER_GRAIN,
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
@njit(cache=True, nogil=True)
def lay_cover(layer, first, x, y, z, out):
    """Lay what covers the layer over its colour."""
    blur = layer[first + COVER_BLUR]
    share = smoothstep(-blur, blur, beyond_cover(layer, first, x, y, z))
    if share == 0.0:
        return
    shade = 1.0
    if layer[first + COVER_GRAIN] > 0.0:
        strands = fractal_noise(x * 150, y * 22, z * 150, int(layer[SEED]) + 8, 2) - 0.5
        shade = 1.0 + 2.0 * layer[first + COVER_GRAIN] * strands
    for k in range(3):
        out[k] += share * (min(1.0, max(0.0, layer[first + COVER_COLOR + k] * shade)) - out[k])
