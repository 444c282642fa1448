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
THICKNESS = 19
"""How far the layer stands off the body, in metres."""
FLARE = 20
"""How much further than that the layer stands off where it ends at its first cover, in metres."""
COVERS = 21
"""Where the covers' columns begin: what lies on the layer beyond a plane, such as hair above a line, or bare skin below
a hem. A later cover lies on those before it. The columns of each, counted from where its own begin:
"""
IS_COVERED = 0
"""1 where there is such a cover, else 0."""
COVER_COLOR = 1
COVER_AXIS = 4
"""Normal of the plane, towards what covers; both sides of the body alike."""
COVER_START = 7
"""Where the plane lies along its normal, in metres."""
COVER_BLUR = 8
"""Half the width of its edge, in metres."""
COVER_WAVES = 9
"""How far the edge wanders, in metres."""
COVER_GRAIN = 10
"""Strength of the strands in what covers, in [0, 1]."""
COVER_THICKNESS = 11
"""How far what covers stands off the body, in metres."""
COVER_DEPTH = 12
"""How far it reaches beyond the plane, in metres; 0 where it has no other end."""
COVER_BRIM = 13
"""How far a brim stands out at the plane, in metres; below 0 for one in front only. On heads, as all below."""
COVER_PEAKS = 14
"""How high the peaks of a crown stand at the plane, in metres."""
COVER_LIFT = 15
"""How much higher all beyond the plane is, in metres."""
COVER_FLATNESS = 16
"""How flat the top of that is, in [0, 1]."""
COVER_OPACITY = 17
"""1 where it has a colour of its own, 0 where it is as the layer below."""
COVER_TRAIL = 18
"""How far it trails behind at the height of the feet, in metres: the less the higher. On trunk and legs."""
COVER_WIDTH = 19
NUM_COVERS = 3
LAYER_WIDTH = COVERS + NUM_COVERS * COVER_WIDTH
