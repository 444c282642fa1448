"""Searched forms smoothed where they fold, tear or pass through themselves; knows no encoder and no steps."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.geometry.intersections import self_intersecting
from clipmatrix.geometry.mesh import build_edges
from clipmatrix.geometry.quality import edge_lengths, is_flipped
from clipmatrix.health.verdicts import SMALLEST_LENGTH

MOST_FLIPPED = 0.0042
LARGEST_EDGE_CHANGE = 16.0
MOST_CROSSING = 0.02
"""Up to here a form is left as it was found: four fifths of what a run's report calls healthy, and of crossings two
thirds. The inner side of a crown is turned over, and a shoe's edges are drawn out."""

_ROUNDS = 80
_SHARE = 0.9
_RINGS = 2
"""How many rings of neighbours around a bad vertex are smoothed with it, at first."""

_PATIENCE = 15
"""After how many rounds one ring more is smoothed: large folds do not open from within."""

_MILD_ROUNDS = 20
_FADE = 0.9
"""What is left of a bad place's offset in each round after the mild ones: the bare body, to which it leads, is well."""


@dataclass(frozen=True, eq=False)
class Eased:
    """The smoothed offsets, and how many rounds that took; 0 where nothing was wrong."""

    offset: Float[Tensor, "v 3"]
    rounds: int


def ease(offset: Float[Tensor, "v 3"], bare: Float[Tensor, "v 3"], body: Body) -> Eased:
    """The offsets of a bare body, moved towards their neighbours' mean where the surface is bad, until it is well.

    Bad are faces turned over, edges stretched or shrunk beyond ``LARGEST_EDGE_CHANGE``, and faces that pass through
    others which they do not meet on the bare body; each kind only while there is more of it than is let be. What is far
    from any stays as it was, bit for bit. What is still bad after twenty rounds is also drawn back to the bare body. It
    takes eighty rounds at most, a tenth of a second of the processor each; a form that is well costs one.
    """
    faces, welds = body.template.faces, body.welds
    edge_ids = build_edges(faces).vertex_ids
    usual: Tensor | None = None
    for done in range(_ROUNDS):
        vertices = bare + offset
        is_bad = _strained(vertices, bare, faces, edge_ids)
        usual = self_intersecting(bare, faces) if usual is None else usual
        is_crossing = self_intersecting(vertices, faces) & ~usual
        if float(is_crossing.float().mean()) > MOST_CROSSING:
            is_bad[faces[is_crossing].reshape(-1)] = True
        if not bool(is_bad.any()):
            return Eased(offset, done)
        is_moved = _spread(is_bad, edge_ids, _RINGS + done // _PATIENCE)
        offset = _smooth(offset, is_moved, edge_ids)
        if done >= _MILD_ROUNDS:
            offset = torch.where(is_moved[:, None], _FADE * offset, offset)
        # Vertices of one place stay together.
        offset = offset if welds is None else offset.index_select(0, welds.first_ids)
    return Eased(offset, _ROUNDS)


def _strained(
    vertices: Float[Tensor, "v 3"],
    bare: Float[Tensor, "v 3"],
    faces: Int64[Tensor, "f 3"],
    edge_ids: Int64[Tensor, "e 2"],
) -> Bool[Tensor, "v"]:
    """The vertices of faces that are turned over, where there are too many, and of edges that changed too much."""
    is_bad = torch.zeros(len(vertices), dtype=torch.bool)
    flipped = is_flipped(vertices, bare, faces)
    if float(flipped.float().mean()) > MOST_FLIPPED:
        is_bad[faces[flipped].reshape(-1)] = True
    ratio = edge_lengths(vertices, edge_ids) + SMALLEST_LENGTH
    ratio = ratio / (edge_lengths(bare, edge_ids) + SMALLEST_LENGTH)
    is_bad[edge_ids[torch.maximum(ratio, 1.0 / ratio) > LARGEST_EDGE_CHANGE].reshape(-1)] = True
    return is_bad


def _spread(is_bad: Bool[Tensor, "v"], edge_ids: Int64[Tensor, "e 2"], rings: int) -> Bool[Tensor, "v"]:
    for _ in range(rings):
        reached = is_bad[edge_ids].any(dim=1)
        is_bad = is_bad.clone()
        is_bad[edge_ids[reached].reshape(-1)] = True
    return is_bad


def _smooth(
    offset: Float[Tensor, "v 3"], is_moved: Bool[Tensor, "v"], edge_ids: Int64[Tensor, "e 2"]
) -> Float[Tensor, "v 3"]:
    """At the marked vertices ``_SHARE`` of the neighbours' mean and the rest of their own."""
    ends = torch.cat([edge_ids, edge_ids.flip(1)])
    total = torch.zeros_like(offset).index_add_(0, ends[:, 0], offset.index_select(0, ends[:, 1]))
    count = torch.bincount(ends[:, 0], minlength=len(offset)).clamp_min(1)
    return torch.where(is_moved[:, None], torch.lerp(offset, total / count[:, None], _SHARE), offset)
