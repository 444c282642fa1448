"""The kinds of solid texture, and the columns of a layer, a row of ``LAYER_WIDTH`` floats; knows no pixels."""

from enum import IntEnum


class Primitive(IntEnum):
    """The kinds of solid texture; the tables name them in lower case."""

    SOLID = 0
    BANDS = 1
    SPOTS = 2
    CHECKS = 3
    SCALES = 4
    CRACKS = 5
    VEINS = 6
    RINGS = 7
    BRICKS = 8
    GRADIENT = 9
    CAMOUFLAGE = 10
    BLOTCHES = 11
    ROSETTES = 12
    RAINBOW = 13
    NEBULA = 14
    EMBERS = 15
    PLAID = 16
    DIAMONDS = 17
    DOTS = 18
    ZIGZAG = 19
    FLAMES = 20
    NET = 21
    HEXAGONS = 22
    FIBRES = 23
    WEAVE = 24
    STARS = 25
    HEARTS = 26
    CROSSES = 27
    SPIRALS = 28
    TARGETS = 29
    TRIANGLES = 30
    HOUNDSTOOTH = 31
    HERRINGBONE = 32
    WAVES = 33
    DIAGONALS = 34
    DASHES = 35
    GRID = 36
    SPLIT = 37
    HIDE = 38
    SHINGLES = 39
    PIXELS = 40
    TOYBRICKS = 41
    MOSAIC = 42
    GLASS = 43
    CONFETTI = 44
    PAINT = 45
    RIDGES = 46
    RIPPLES = 47
    DRIPS = 48


PRIMITIVE = 0
COLOR_A = 1
COLOR_B = 4
COLOR_C = 7
FREQUENCY = 10
"""Repeats per metre."""
SHARE = 11
"""The share, width or threshold of the second colour, in [0, 1]."""
SOFTNESS = 12
"""Half the width of the border between the colours, in the same unit as the share."""
AXIS = 13
WARP = 16
"""Displacement of the lookup by noise, in metres."""
GRAIN = 17
"""Strength of fine brightness noise, in [0, 1]."""
SEED = 18
LAYER_WIDTH = 19
