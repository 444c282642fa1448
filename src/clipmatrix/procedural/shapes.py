"""Changes of a surface beyond its shape space: spikes, horns, bloat; knows vertices, normals and regions only."""

import math
from typing import no_type_check

import numpy as np
from numba import njit

from clipmatrix.procedural.covering import beyond_cover, cover_share, stand_out
from clipmatrix.procedural.limbs import displace_head, displace_limbs, displace_trunk, part_box
from clipmatrix.procedural.noise import cells, fractal_noise, smoothstep
from clipmatrix.procedural.primitives import (
    COVER_BLUR,
    COVER_THICKNESS,
    COVER_TRAIL,
    COVER_WIDTH,
    COVERS,
    FLARE,
    IS_COVERED,
    NUM_COVERS,
    THICKNESS,
)
from clipmatrix.procedural.tables import CHANGES, SLOTS

_SPIKES = CHANGES.index("spikes")
_LUMPS = CHANGES.index("lumps")
_HEAD = CHANGES.index("head_size")
_HANDS = CHANGES.index("hand_size")
_BELLY = CHANGES.index("belly")
_INFLATION = CHANGES.index("inflation")
_HORNS = CHANGES.index("horns")
_DRIPS = CHANGES.index("drips")
_FEET = CHANGES.index("foot_size")
_LIMBS = np.array([CHANGES.index(name) for name in ("waves", "arm_length", "leg_length")])
_TRUNK = np.array([CHANGES.index(name) for name in ("boxes", "shoulders", "hump", "plates", "leg_girth", "arm_girth")])
_FEATURES = np.array([CHANGES.index(name) for name in ("neck", "ears", "nose", "cone", "crest")])
_SLOT_HEAD = SLOTS.index("head")
_SLOT_TORSO = SLOTS.index("torso")
_SLOT_HANDS = SLOTS.index("hands")
_SLOT_LEGS = SLOTS.index("legs")
_SLOT_FEET = SLOTS.index("feet")


@no_type_check
@njit(cache=True, nogil=True)
def _scale_part(vertices, weights, side, factor, out):
    """Add the offsets that scale a part about its own centre; ``side`` -1 or 1 takes one half, 0 the whole."""
    cx, cy, cz, total = 0.0, 0.0, 0.0, 0.0
    for i in range(vertices.shape[0]):
        if weights[i] > 0.6 and side * vertices[i, 0] >= 0.0:
            cx += vertices[i, 0]
            cy += vertices[i, 1]
            cz += vertices[i, 2]
            total += 1.0
    if total == 0.0:
        return
    for i in range(vertices.shape[0]):
        if weights[i] > 0.0 and side * vertices[i, 0] >= 0.0:
            gain = weights[i] * (factor - 1.0)
            out[i, 0] += gain * (vertices[i, 0] - cx / total)
            out[i, 1] += gain * (vertices[i, 1] - cy / total)
            out[i, 2] += gain * (vertices[i, 2] - cz / total)


@no_type_check
@njit(cache=True, nogil=True)
def displace(template, vertices, normals, slots, changes, seed, out):
    """Write the offset in metres of every bind-pose vertex into ``out``.

    ``template`` holds the neutral body's vertices, where noise is looked up, so that a change stays in place under
    another build; ``slots`` (v, 6) are the soft parts. ``changes`` follow ``CHANGES``.
    """
    out[:] = 0.0
    if changes[_HEAD] != 0.0:
        _scale_part(
            vertices, slots[:, _SLOT_HEAD], 0, 1.0 + (0.75 if changes[_HEAD] > 0.0 else 0.42) * changes[_HEAD], out
        )
    if changes[_HANDS] != 0.0:
        _scale_part(vertices, slots[:, _SLOT_HANDS], -1, 1.0 + 1.2 * changes[_HANDS], out)
        _scale_part(vertices, slots[:, _SLOT_HANDS], 1, 1.0 + 1.2 * changes[_HANDS], out)
    if changes[_FEET] != 0.0:
        _scale_part(vertices, slots[:, _SLOT_FEET], -1, 1.0 + 0.8 * changes[_FEET], out)
        _scale_part(vertices, slots[:, _SLOT_FEET], 1, 1.0 + 0.8 * changes[_FEET], out)
    if changes[_LIMBS].any():
        displace_limbs(vertices, slots, changes, out)
    if changes[_TRUNK].any():
        displace_trunk(template, vertices, normals, slots, changes, seed, out)
    if changes[_FEATURES].any():
        displace_head(vertices, normals, slots, changes, out)
    head_low, head_high = np.zeros(3), np.zeros(3)
    if changes[_HORNS] != 0.0:
        head_low, head_high = part_box(vertices, slots[:, _SLOT_HEAD])
    torso_low, torso_high = np.zeros(3), np.zeros(3)
    if changes[_BELLY] != 0.0:
        torso_low, torso_high = part_box(vertices, slots[:, _SLOT_TORSO])
    frequency = 8.0 + (seed % 41) * 0.1
    for i in range(vertices.shape[0]):
        x, y, z = template[i, 0], template[i, 1], template[i, 2]
        # Hands, feet and the face keep their form under the strong changes, or fingers become clubs.
        calm = 1.0 - 0.75 * slots[i, _SLOT_HANDS] - 0.6 * slots[i, _SLOT_FEET]
        along = 0.0
        if changes[_SPIKES] != 0.0:
            near, _, _ = cells(x * frequency, y * frequency, z * frequency, seed)
            along += 0.1 * changes[_SPIKES] * calm * math.exp(-((near / 0.24) ** 2))
        if changes[_LUMPS] != 0.0:
            lump = fractal_noise(x * frequency, y * frequency, z * frequency, seed + 1, 2) - 0.42
            along += 0.16 * changes[_LUMPS] * calm * lump
        if changes[_INFLATION] != 0.0:
            push = 0.075 if changes[_INFLATION] > 0.0 else 0.022
            room = calm * (1.0 - 0.5 * slots[i, _SLOT_HEAD])
            if changes[_INFLATION] < 0.0:
                # Fingers, toes and lids have nothing to lose.
                room = max(0.0, 1.0 - slots[i, _SLOT_HANDS] - slots[i, _SLOT_FEET] - 0.92 * slots[i, _SLOT_HEAD])
            along += push * changes[_INFLATION] * room
        if changes[_BELLY] != 0.0 and normals[i, 2] > 0.0:
            height = torso_high[1] - torso_low[1]
            u = (vertices[i, 1] - (torso_low[1] + 0.36 * height)) / (0.24 * height)
            v = vertices[i, 0] / 0.14
            along += 0.22 * changes[_BELLY] * slots[i, _SLOT_TORSO] * math.exp(-u * u - v * v)
        for k in range(3):
            out[i, k] += along * normals[i, k]
        if changes[_HORNS] != 0.0:
            width, height = head_high[0] - head_low[0], head_high[1] - head_low[1]
            u = (abs(vertices[i, 0]) - 0.27 * width) / (0.12 * width)
            v = (vertices[i, 2] - (0.4 * head_low[2] + 0.6 * head_high[2])) / (0.12 * width)
            above = (vertices[i, 1] - head_low[1]) / height
            lift = changes[_HORNS] * 0.2 * math.exp(-u * u - v * v) * (1.0 if above > 0.75 else 0.0)
            out[i, 1] += lift * slots[i, _SLOT_HEAD]
            out[i, 0] += 0.35 * lift * slots[i, _SLOT_HEAD] * (1.0 if vertices[i, 0] > 0.0 else -1.0)
        if changes[_DRIPS] != 0.0:
            strand = fractal_noise(x * 16.0, y * 2.0, z * 16.0, seed + 2, 2) - 0.5
            out[i, 1] -= 0.22 * changes[_DRIPS] * calm * max(0.0, strand)


_FLARE_LENGTH_M = 0.3
_COARSEST_EDGE_M = 0.012
_HEM_LENGTH_M = 0.045
_SKIRT_M = 0.015
"""The flare from which a garment closes the gap between the legs."""
_MIDLINE_M = 0.005
_PARTING_M = 0.06
_SEAM_M = -0.006
"""How far from the middle a skirt's halves end, a little past it: legs stand apart in most poses."""


@no_type_check
@njit(cache=True, nogil=True)
def thicken(template, vertices, normals, slots, layers, out):
    """Add to ``out`` how far in metres the layers (6 wide) stand off the body, and what covers them.

    ``template`` holds the neutral body's vertices, which say where a hem or a hairline runs. Between the legs and under
    the arms there is no room for it, but that a skirt spans the gap between the legs. What is on the head stands off
    its middle, not off the surface: ears would pass through themselves.
    """
    low, high = part_box(vertices, slots[:, _SLOT_HEAD])
    away = np.zeros(3)
    neck, crotch = part_box(template, slots[:, _SLOT_HEAD])[0][1], 1e9
    for i in range(template.shape[0]):
        if abs(template[i, 0]) < _MIDLINE_M and slots[i, _SLOT_LEGS] + slots[i, _SLOT_TORSO] > 0.5:
            crotch = min(crotch, template[i, 1])
    for i in range(template.shape[0]):
        x, y, z = template[i, 0], template[i, 1], template[i, 2]
        along, on_head, span, trail = 0.0, 0.0, 0.0, 0.0
        for slot in range(layers.shape[0]):
            layer, weight = layers[slot], slots[i, slot]
            if weight <= 0.0:
                continue
            thickness = layer[THICKNESS]
            for k in range(NUM_COVERS):
                first = COVERS + k * COVER_WIDTH
                if layer[first + IS_COVERED] == 0.0:
                    continue
                beyond = beyond_cover(layer, first, x, y, z)
                blur = max(layer[first + COVER_BLUR], _COARSEST_EDGE_M)
                share = cover_share(layer, first, blur, beyond)
                if slot == _SLOT_HEAD:
                    away[:] = 0.0
                    right, front = vertices[i, 0] - 0.5 * (low[0] + high[0]), vertices[i, 2] - 0.5 * (low[2] + high[2])
                    stand_out(layer, first, beyond, right, front, away)
                    for c in range(3):
                        out[i, c] += weight * away[c]
                elif k == 0:
                    thickness += layer[FLARE] * smoothstep(-_FLARE_LENGTH_M, 0.0, beyond)
                    if layer[FLARE] > _SKIRT_M:
                        # Over several rows of faces: one row would be torn.
                        span += weight * (1.0 - smoothstep(-_HEM_LENGTH_M, blur, beyond))
                if layer[first + COVER_TRAIL] > 0.0:
                    trail += weight * share * layer[first + COVER_TRAIL] * max(0.0, 1.0 - y / neck)
                    span += weight * share if slot == _SLOT_LEGS else 0.0
                thickness += share * (layer[first + COVER_THICKNESS] - thickness)
            if slot == _SLOT_HEAD:
                on_head += weight * thickness
            else:
                along += weight * thickness
        inward = smoothstep(0.2, 0.7, -normals[i, 0] if x > 0.0 else normals[i, 0])
        along *= 1.0 - 0.8 * inward
        if on_head > 0.0:
            for k in range(3):
                away[k] = vertices[i, k] - 0.5 * (low[k] + high[k])
            length = math.sqrt(away[0] ** 2 + away[1] ** 2 + away[2] ** 2) + 1e-9
            for k in range(3):
                out[i, k] += on_head * away[k] / length
        for k in range(3):
            out[i, k] += along * normals[i, k]
        out[i, 2] -= trail
        if span > 0.0:
            side = 1.0 if vertices[i, 0] > 0.0 else -1.0
            gap = max(0.0, abs(vertices[i, 0] + out[i, 0]) - _SEAM_M)
            # Where the legs part there is no gap to close, and what is drawn together folds.
            span *= smoothstep(0.0, _PARTING_M, crotch - y)
            out[i, 0] -= side * span * inward * gap
