"""Deterministic solid noise: value noise, fractal sums and cells; knows nothing of colour.

All kernels take positions in lattice units and an integer seed, and return the same bits for the same arguments.

References: Perlin, "An image synthesizer", SIGGRAPH 1985 (noise as a solid texture, fractal sums);
Worley, "A cellular texture basis function", SIGGRAPH 1996 (distances to the nearest feature points).
"""

import math
from typing import no_type_check

from numba import njit

_MASK = 0xFFFFFFFF


@no_type_check
@njit(cache=True, nogil=True, inline="always")
def hash_cell(x, y, z, seed):
    """24 random bits of an integer lattice cell."""
    h = (x * 0x8DA6B343) ^ (y * 0xD8163841) ^ (z * 0xCB1AB31F) ^ (seed * 0x165667B1)
    h &= _MASK
    h ^= h >> 15
    h = (h * 0x2C1B3C6D) & _MASK
    h ^= h >> 12
    h = (h * 0x297A2D39) & _MASK
    h ^= h >> 15
    return h & 0xFFFFFF


@no_type_check
@njit(cache=True, nogil=True, inline="always")
def smoothstep(low, high, x):
    """Hermite ramp from 0 at ``low`` to 1 at ``high``."""
    t = (x - low) / (high - low)
    t = min(1.0, max(0.0, t))
    return t * t * (3.0 - 2.0 * t)


@no_type_check
@njit(cache=True, nogil=True, inline="always")
def _lattice(x, y, z, seed):
    return hash_cell(x, y, z, seed) * (1.0 / 16777216.0)


@no_type_check
@njit(cache=True, nogil=True)
def value_noise(x, y, z, seed):
    """Smooth noise in [0, 1] with one random value per lattice point."""
    ix, iy, iz = math.floor(x), math.floor(y), math.floor(z)
    fx, fy, fz = x - ix, y - iy, z - iz
    i, j, k = int(ix), int(iy), int(iz)
    fx = fx * fx * (3.0 - 2.0 * fx)
    fy = fy * fy * (3.0 - 2.0 * fy)
    fz = fz * fz * (3.0 - 2.0 * fz)
    near = (_lattice(i, j, k, seed) * (1 - fx) + _lattice(i + 1, j, k, seed) * fx) * (1 - fy) + (
        _lattice(i, j + 1, k, seed) * (1 - fx) + _lattice(i + 1, j + 1, k, seed) * fx
    ) * fy
    far = (_lattice(i, j, k + 1, seed) * (1 - fx) + _lattice(i + 1, j, k + 1, seed) * fx) * (1 - fy) + (
        _lattice(i, j + 1, k + 1, seed) * (1 - fx) + _lattice(i + 1, j + 1, k + 1, seed) * fx
    ) * fy
    return near * (1 - fz) + far * fz


@no_type_check
@njit(cache=True, nogil=True)
def fractal_noise(x, y, z, seed, octaves):
    """Sum of octaves of value noise in [0, 1], each half as strong and about twice as fine as the one before."""
    total, gain, weight = 0.0, 0.5, 0.0
    for octave in range(octaves):
        total += gain * value_noise(x, y, z, seed + octave)
        weight += gain
        gain *= 0.5
        # Slightly off 2, and shifted, so that lattice planes of the octaves never coincide.
        x, y, z = x * 2.03 + 11.7, y * 2.03 + 5.3, z * 2.03 + 17.1
    return total / weight


@no_type_check
@njit(cache=True, nogil=True)
def cells(x, y, z, seed):
    """Distances to the nearest and second nearest feature point, and the nearest one's random bits."""
    ix, iy, iz = int(math.floor(x)), int(math.floor(y)), int(math.floor(z))
    first, second, bits = 9.0, 9.0, 0
    for i in range(ix - 1, ix + 2):
        for j in range(iy - 1, iy + 2):
            for k in range(iz - 1, iz + 2):
                h = hash_cell(i, j, k, seed)
                dx = i + 0.1 + 0.8 * (h & 255) / 255.0 - x
                dy = j + 0.1 + 0.8 * ((h >> 8) & 255) / 255.0 - y
                dz = k + 0.1 + 0.8 * ((h >> 16) & 255) / 255.0 - z
                distance = dx * dx + dy * dy + dz * dz
                if distance < first:
                    second, first, bits = first, distance, h
                elif distance < second:
                    second = distance
    return math.sqrt(first), math.sqrt(second), bits
