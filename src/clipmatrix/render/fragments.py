"""What a rasteriser answers: which face each pixel shows, and where outlines run; knows no colours and no gradients."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int32, Int64
from torch import Tensor

from clipmatrix.geometry.mesh import Edges
from clipmatrix.shapes import ImageSize


@dataclass(frozen=True, eq=False)
class Fragments:
    """The nearest front face at each pixel's centre.

    ``face_ids`` is -1 where there is none. ``depth`` is z/w in NDC, [-1, 1] from near to far, and infinite there.
    """

    face_ids: Int32[Tensor, "b h w"]
    depth: Float[Tensor, "b h w"]


@dataclass(frozen=True, eq=False)
class SilhouettePairs:
    """Pairs of neighbouring pixels with an outline between their centres.

    ``inner_pixels`` lie on the surface's side of the outline, ``outer_pixels`` on the other; both count through
    ``b h w`` flattened. ``vertex_ids`` are the outline edge's two ends, counted through ``b v`` flattened.
    ``is_row`` tells neighbours in a row from neighbours in a column. The order is that of views, then rows before
    columns, then pixels.
    """

    inner_pixels: Int64[Tensor, "n"]
    outer_pixels: Int64[Tensor, "n"]
    vertex_ids: Int64[Tensor, "n 2"]
    is_row: Bool[Tensor, "n"]


@runtime_checkable
class Rasterizer(Protocol):
    """The two discrete questions of rendering. Answers carry no gradients, and are the same bits every time."""

    def visibility(
        self, vertices_clip: Float[Tensor, "b v 4"], faces: Int64[Tensor, "f 3"], size: ImageSize
    ) -> Fragments:
        """The nearest front face of each pixel.

        Faces that are counter-clockwise in the image (+Y up) are seen, others culled. What lies outside
        -1 <= z/w <= 1 is cut off pixel by pixel, so faces may cross the camera plane. Of faces at the same
        float32 depth the one with the smallest id wins. Faces without area, and those with NaN, are never seen.
        """
        ...

    def silhouette_pairs(
        self, vertices_clip: Float[Tensor, "b v 4"], edges: Edges, fragments: Fragments
    ) -> SilhouettePairs:
        """The pixel pairs that an outline separates.

        An edge is an outline where its faces lie on the same side of it, or where it has one face only. A steep
        outline is followed along the rows that it crosses, a flat one along columns, so that each is met once.
        Where several cross between the same two pixels the nearest one stays, if it lies in front of the outer pixel.
        """
        ...
