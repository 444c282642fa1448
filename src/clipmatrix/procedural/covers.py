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


@dataclass(frozen=True)
class Form:
    """What a cover is like, in metres: how far it stands off the body, and, on a head, what stands out at its edge.

    It ends ``depth`` beyond the edge, or nowhere (0). ``brim`` stands out to all sides, below 0 to the front only;
    ``peaks`` stand up at the edge, as those of a crown; all beyond the edge is ``lift`` higher,
    and so ``flat`` on top, in [0, 1]. On trunk and legs it may ``trail`` behind, so far at the feet.
    """

    thickness: float = 0.0
    depth: float = 0.0
    brim: float = 0.0
    peaks: float = 0.0
    lift: float = 0.0
    flat: float = 0.0
    trail: float = 0.0


def cover(
    layer: Layer,
    rgb: tuple[float, float, float] | None,
    edge: Edge,
    form: Form = Form(),
    grain: float = 0.0,
    place: int = 0,
) -> Layer:
    """The layer with an sRGB colour beyond the edge, in strands of ``grain``; None leaves the layer's own colour.

    A layer has room for ``NUM_COVERS`` covers; the one at ``place`` lies on those before it.
    """
    params = layer.params.copy()
    own = params[P.COVERS + place * P.COVER_WIDTH :][: P.COVER_WIDTH]
    own[P.IS_COVERED] = 1.0
    own[P.COVER_OPACITY] = 0.0 if rgb is None else 1.0
    own[P.COVER_COLOR : P.COVER_COLOR + 3] = rgb or (0.0, 0.0, 0.0)
    own[P.COVER_AXIS : P.COVER_AXIS + 3] = edge.axis
    own[P.COVER_START] = edge.start
    own[P.COVER_BLUR] = edge.blur
    own[P.COVER_WAVES] = edge.waves
    own[P.COVER_GRAIN] = grain
    own[P.COVER_THICKNESS] = form.thickness
    own[P.COVER_DEPTH] = form.depth
    own[P.COVER_BRIM] = form.brim
    own[P.COVER_PEAKS] = form.peaks
    own[P.COVER_LIFT] = form.lift
    own[P.COVER_FLATNESS] = form.flat
    own[P.COVER_TRAIL] = form.trail
    return replace(layer, params=params)


def is_covered(layer: Layer) -> bool:
    """Whether anything lies on the layer."""
    return bool(layer.params[P.COVERS + P.IS_COVERED :: P.COVER_WIDTH].any())
