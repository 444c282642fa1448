"""Changes of limbs and of the head's features: long arms, wavy limbs, a hump, ears; knows one body's arrays only."""

import math
from typing import no_type_check

import numpy as np
from numba import njit

from clipmatrix.procedural.noise import cells
from clipmatrix.procedural.tables import CHANGES, SLOTS

_WAVES = CHANGES.index("waves")
_PLATES = CHANGES.index("plates")
_BOXES = CHANGES.index("boxes")
_ARM_LENGTH = CHANGES.index("arm_length")
_LEG_LENGTH = CHANGES.index("leg_length")
_SHOULDERS = CHANGES.index("shoulders")
_HUMP = CHANGES.index("hump")
_LEG_GIRTH = CHANGES.index("leg_girth")
_ARM_GIRTH = CHANGES.index("arm_girth")
_NECK = CHANGES.index("neck")
_EARS = CHANGES.index("ears")
_NOSE = CHANGES.index("nose")
_CONE = CHANGES.index("cone")
_CREST = CHANGES.index("crest")
_HEAD, _TORSO, _ARMS, _HANDS, _LEGS, _FEET = (SLOTS.index(name) for name in SLOTS)


@no_type_check
@njit(cache=True, nogil=True)
def part_box(vertices, weights):
    """Smallest and largest corner of the vertices that mostly belong to a part."""
    low, high = np.full(3, 1e9), np.full(3, -1e9)
    for i in range(vertices.shape[0]):
        if weights[i] > 0.5:
            for k in range(3):
                low[k] = min(low[k], vertices[i, k])
                high[k] = max(high[k], vertices[i, k])
    return low, high


@no_type_check
@njit(cache=True, nogil=True)
def _arm_axis(vertices, slots, side):
    """A point of one arm, its direction towards the hand, and where along it the arm begins and ends."""
    arm, hand, num_arm, num_hand = np.zeros(3), np.zeros(3), 0.0, 0.0
    for i in range(vertices.shape[0]):
        if side * vertices[i, 0] > 0.0:
            if slots[i, _ARMS] > 0.6:
                num_arm += 1.0
                for k in range(3):
                    arm[k] += vertices[i, k]
            elif slots[i, _HANDS] > 0.6:
                num_hand += 1.0
                for k in range(3):
                    hand[k] += vertices[i, k]
    axis, low, high = np.zeros(3), 1e9, -1e9
    if num_arm == 0.0 or num_hand == 0.0:
        return arm, axis, 0.0, 1.0
    length = 0.0
    for k in range(3):
        arm[k] /= num_arm
        axis[k] = hand[k] / num_hand - arm[k]
        length += axis[k] ** 2
    length = math.sqrt(length) + 1e-9
    for k in range(3):
        axis[k] /= length
    for i in range(vertices.shape[0]):
        if side * vertices[i, 0] > 0.0 and slots[i, _ARMS] > 0.6:
            along = 0.0
            for k in range(3):
                along += axis[k] * (vertices[i, k] - arm[k])
            low, high = min(low, along), max(high, along)
    return arm, axis, low, high


@no_type_check
@njit(cache=True, nogil=True, inline="always")
def _ramp(value, low, high):
    t = min(1.0, max(0.0, (value - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@no_type_check
@njit(cache=True, nogil=True)
def displace_limbs(vertices, slots, changes, out):
    """Add the offsets of long or wavy arms and legs."""
    if changes[_ARM_LENGTH] != 0.0 or changes[_WAVES] != 0.0:
        for side in (-1, 1):
            arm, axis, low, high = _arm_axis(vertices, slots, side)
            for i in range(vertices.shape[0]):
                weight = slots[i, _ARMS] + slots[i, _HANDS]
                if weight <= 0.0 or side * vertices[i, 0] <= 0.0:
                    continue
                along = 0.0
                for k in range(3):
                    along += axis[k] * (vertices[i, k] - arm[k])
                t = min(1.0, max(0.0, (along - low) / (high - low)))
                stretch = 0.34 if changes[_ARM_LENGTH] > 0.0 else 0.2
                longer = stretch * changes[_ARM_LENGTH] * t * weight
                wave = 0.075 * changes[_WAVES] * weight * _ramp(t, 0.0, 0.35)
                bend, lean = wave * math.sin(12.5 * t), 0.6 * wave * math.sin(12.5 * t + 1.6)
                out[i, 0] += longer * axis[0] - bend * axis[1]
                out[i, 1] += longer * axis[1] + bend * axis[0]
                out[i, 2] += longer * axis[2] + lean
    if changes[_LEG_LENGTH] != 0.0 or changes[_WAVES] != 0.0:
        low, high = part_box(vertices, slots[:, _LEGS])
        for i in range(vertices.shape[0]):
            weight = slots[i, _LEGS] + slots[i, _FEET]
            if weight <= 0.0:
                continue
            t = min(1.0, max(0.0, (high[1] - vertices[i, 1]) / (high[1] - low[1] + 1e-9)))
            out[i, 1] -= (0.34 if changes[_LEG_LENGTH] > 0.0 else 0.24) * changes[_LEG_LENGTH] * t * weight
            wave = 0.06 * changes[_WAVES] * weight * _ramp(t, 0.1, 0.45)
            out[i, 0] += wave * math.sin(12.5 * t)
            out[i, 2] += 0.6 * wave * math.sin(12.5 * t + 1.6)


@no_type_check
@njit(cache=True, nogil=True)
def displace_trunk(template, vertices, normals, slots, changes, seed, out):
    """Add the offsets of boxes, broad shoulders, humps, plates and thick limbs."""
    low, high = part_box(vertices, slots[:, _TORSO])
    top, bottom = part_box(vertices, slots[:, _HEAD])[::-1]
    height = high[1] - low[1] + 1e-9
    # The torso's box is as wide as the shoulders, whose joints lie further in.
    wide, deep = 0.5 * (high[0] - low[0]) + 1e-9, 0.5 * (high[2] - low[2]) + 1e-9
    middle = 0.5 * (low[2] + high[2])
    frequency = 9.0 + (seed % 31) * 0.1
    for i in range(vertices.shape[0]):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        side = 1.0 if x > 0.0 else -1.0
        level = (y - low[1]) / height
        if changes[_BOXES] != 0.0:
            if slots[i, _TORSO] > 0.0:
                u, w = x / wide, (z - middle) / deep
                gain = math.sqrt(u * u + w * w) / (max(abs(u), abs(w)) + 1e-6) - 1.0
                gain *= changes[_BOXES] * slots[i, _TORSO]
                out[i, 0] += gain * x
                out[i, 2] += gain * (z - middle)
            if slots[i, _HEAD] > 0.0:
                gain = np.zeros(3)
                sizes = 0.5 * (top - bottom) + 1e-9
                largest, total = 1e-6, 0.0
                for k in range(3):
                    gain[k] = vertices[i, k] - 0.5 * (top[k] + bottom[k])
                    largest = max(largest, abs(gain[k]) / sizes[k])
                    total += (gain[k] / sizes[k]) ** 2
                factor = changes[_BOXES] * slots[i, _HEAD] * min(0.5, 0.9 * (math.sqrt(total) / largest - 1.0))
                for k in range(3):
                    out[i, k] += factor * gain[k]
        if changes[_SHOULDERS] != 0.0:
            push = 0.1 if changes[_SHOULDERS] > 0.0 else 0.05
            weight = slots[i, _ARMS] + slots[i, _HANDS] + slots[i, _TORSO] * _ramp(level, 0.25, 0.85)
            out[i, 0] += push * changes[_SHOULDERS] * weight * side * _ramp(abs(x), 0.02, 0.16)
        along = 0.0
        if changes[_HUMP] != 0.0:
            if normals[i, 2] < 0.0:
                u, v = (level - 0.8) / 0.24, x / 0.15
                along += 0.2 * changes[_HUMP] * slots[i, _TORSO] * -normals[i, 2] * math.exp(-u * u - v * v)
            out[i, 2] += 0.09 * changes[_HUMP] * slots[i, _HEAD]
            out[i, 1] -= 0.05 * changes[_HUMP] * slots[i, _HEAD]
        if changes[_PLATES] != 0.0:
            near, second, _ = cells(
                template[i, 0] * frequency, template[i, 1] * frequency, template[i, 2] * frequency, seed
            )
            calm = 1.0 - 0.8 * slots[i, _HANDS] - 0.4 * slots[i, _FEET] - 0.4 * slots[i, _HEAD]
            along += changes[_PLATES] * calm * (0.05 * min(1.0, (second - near) / 0.22) - 0.012)
        # Between the legs there is no room to grow.
        inner = 1.0 - 0.85 * max(0.0, -side * normals[i, 0])
        if changes[_LEG_GIRTH] != 0.0:
            push = 0.075 * inner if changes[_LEG_GIRTH] > 0.0 else 0.022
            along += push * changes[_LEG_GIRTH] * slots[i, _LEGS]
        if changes[_ARM_GIRTH] != 0.0:
            push = 0.06 if changes[_ARM_GIRTH] > 0.0 else 0.015
            along += push * changes[_ARM_GIRTH] * slots[i, _ARMS]
        for k in range(3):
            out[i, k] += along * normals[i, k]


@no_type_check
@njit(cache=True, nogil=True)
def displace_head(vertices, normals, slots, changes, out):
    """Add the offsets of a long neck, ears, a nose, a pointed head and a crest down the back."""
    low, high = part_box(vertices, slots[:, _HEAD])
    width, height = high[0] - low[0] + 1e-9, high[1] - low[1] + 1e-9
    depth = high[2] - low[2] + 1e-9
    for i in range(vertices.shape[0]):
        head = slots[i, _HEAD]
        x, side = vertices[i, 0], 1.0 if vertices[i, 0] > 0.0 else -1.0
        above, behind = (vertices[i, 1] - low[1]) / height, (vertices[i, 2] - low[2]) / depth
        out[i, 1] += 0.2 * changes[_NECK] * head
        if changes[_EARS] != 0.0:
            u, v, w = (abs(x) / width - 0.5) / 0.13, (above - 0.56) / 0.11, (behind - 0.42) / 0.14
            lift = changes[_EARS] * head * math.exp(-u * u - v * v - w * w)
            out[i, 0] += 0.12 * lift * side
            out[i, 1] += 0.11 * lift * max(0.0, 1.0 + 2.0 * (above - 0.56))
        if changes[_NOSE] != 0.0:
            u, v, w = x / (0.1 * width), (above - 0.5) / 0.07, (behind - 1.0) / 0.2
            out[i, 2] += 0.17 * changes[_NOSE] * head * math.exp(-u * u - v * v - w * w)
        if changes[_CONE] != 0.0:
            middle = 0.5 * (low[2] + high[2]) - 0.05 * depth
            u = math.sqrt((x / (0.5 * width)) ** 2 + ((vertices[i, 2] - middle) / (0.5 * depth)) ** 2)
            out[i, 1] += 0.36 * changes[_CONE] * head * max(0.0, 1.0 - u) * _ramp(above, 0.6, 0.85)
        if changes[_CREST] != 0.0:
            ridge = math.exp(-((x / 0.022) ** 2))
            on_head = (
                head * max(_ramp(normals[i, 1], 0.1, 0.5), _ramp(-normals[i, 2], 0.1, 0.5)) * _ramp(above, 0.3, 0.6)
            )
            on_back = slots[i, _TORSO] * _ramp(-normals[i, 2], 0.2, 0.6)
            lift = 0.13 * changes[_CREST] * ridge * (on_head + on_back)
            for k in range(3):
                out[i, k] += lift * normals[i, k]
