"""Something that lies on a layer beyond a plane, as hair does on a head; knows no words."""

from dataclasses import dataclass, replace

from clipmatrix.procedural import primitives as P
from clipmatrix.procedural.looks import Layer


@dataclass(frozen=True)
class Edge:
    """A plane at the neutral body's rest, in metres: where what lies along ``axis`` exceeds ``start``.

    x counts from the middle to either side. ``blur`` is half the width of the edge, ``waves`` how far it wanders.
    """

    axis: tuple[float, float, float]
    start: float
    blur: float
    waves: float = 0.0


def cover(
    layer: Layer,
    rgb: tuple[float, float, float],
    edge: Edge,
    thickness: float = 0.0,
    grain: float = 0.0,
    place: int = 0,
) -> Layer:
    """The layer with an sRGB colour beyond the edge, ``thickness`` in metres off the body, in strands of ``grain``.

    A layer has room for ``NUM_COVERS`` covers; the one at ``place`` lies on those before it.
    """
    params = layer.params.copy()
    own = params[P.COVERS + place * P.COVER_WIDTH :][: P.COVER_WIDTH]
    own[P.IS_COVERED] = 1.0
    own[P.COVER_COLOR : P.COVER_COLOR + 3] = rgb
    own[P.COVER_AXIS : P.COVER_AXIS + 3] = edge.axis
    own[P.COVER_START] = edge.start
    own[P.COVER_BLUR] = edge.blur
    own[P.COVER_WAVES] = edge.waves
    own[P.COVER_GRAIN] = grain
    own[P.COVER_THICKNESS] = thickness
    return replace(layer, params=params)


def is_covered(layer: Layer) -> bool:
    """Whether anything lies on the layer."""
    return bool(layer.params[P.COVERS + P.IS_COVERED :: P.COVER_WIDTH].any())
