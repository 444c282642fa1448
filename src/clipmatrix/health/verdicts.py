"""Verdicts on a mesh and its texture, and the bounds they are measured by; knows neither files nor scenes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from clipmatrix.geometry.intersections import self_intersecting
from clipmatrix.geometry.mesh import Mesh, build_edges
from clipmatrix.geometry.quality import (
    edge_lengths,
    is_degenerate,
    is_flipped,
    is_folded,
    signed_volume,
    uv_stretch,
)

SMALLEST_LENGTH = 1e-4
"""Metres that are added to both lengths of a ratio: what is shorter is too short to be seen as stretched."""

_CLIPPED = 2
"""Values this close to 0 or 255 are as dark or bright as they can be."""


@dataclass(frozen=True)
class Bounds:
    """What still counts as healthy.

    ``flipped`` and ``degenerate`` are shares of all faces, ``intersecting`` of those that the reference does not
    intersect itself with (``intersecting_alone`` where there is none: eyes, teeth and lips of a body always do).
    ``edge_ratio`` is how much longer or shorter than in the reference any edge may be; ``edge_spread`` is how much
    longer than the median edge, where there is no reference. The volume may lie within a factor ``volume`` of the
    reference's. ``uv_stretch`` is a factor over the reference's, ``uv_stretch_alone`` over an even map's where there is
    none. ``clipped`` is the share of colour values that are all dark or all bright.
    """

    flipped: float = 0.005
    degenerate: float = 0.005
    edge_ratio: float = 20.0
    edge_spread: float = 60.0
    intersecting: float = 0.03
    intersecting_alone: float = 0.1
    volume: float = 3.0
    uv_stretch: float = 3.0
    uv_stretch_alone: float = 30.0
    clipped: float = 0.5


@dataclass(frozen=True)
class Verdict:
    """One thing that was looked at: its figure in the unit of its bound, and a line for people."""

    name: str
    value: float
    is_healthy: bool
    line: str


@dataclass(frozen=True)
class Health:
    """All verdicts on one character."""

    verdicts: tuple[Verdict, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether every verdict is good."""
        return all(verdict.is_healthy for verdict in self.verdicts)

    def record(self) -> dict[str, Any]:
        """The verdicts as JSON-able values; a figure that is no number is None."""
        return {
            "is_healthy": self.is_healthy,
            "verdicts": [
                {
                    "name": verdict.name,
                    "value": round(verdict.value, 6) if math.isfinite(verdict.value) else None,
                    "is_healthy": verdict.is_healthy,
                    "line": verdict.line,
                }
                for verdict in self.verdicts
            ],
        }


def judge(
    mesh: Mesh,
    reference: Float[Tensor, "v 3"] | None = None,
    albedo_srgb: UInt8[np.ndarray, "th tw 3"] | None = None,
    bounds: Bounds | None = None,
) -> Health:
    """The verdicts on a mesh in its bind pose and its texture; about half a second for a body of 27,000 faces.

    ``reference`` are the vertices of the same mesh as they should roughly be, such as the bare body of the same shape.
    Without it a fold is told by its surroundings, and the bounds are wider.
    """
    bounds = bounds or Bounds()
    is_broken = ~torch.isfinite(mesh.vertices).all(dim=1)
    # One undefined vertex would make every sum undefined: its own verdict has it, the others go by the rest.
    keep = ~is_broken.index_select(0, mesh.faces.reshape(-1)).reshape(-1, 3).any(dim=1)
    whole = Mesh(
        mesh.vertices.detach().nan_to_num(0.0, 0.0, 0.0), mesh.faces[keep], mesh.uvs.detach(), mesh.face_uvs[keep]
    )
    verdicts = [_numbers(is_broken)]
    if bool(keep.any()):
        verdicts += [
            _flipped(whole, reference, bounds),
            _degenerate(whole, reference, bounds),
            _edges(whole, reference, bounds),
            _intersections(whole, reference, bounds),
            _volume(whole, reference, bounds),
            _stretch(whole, reference, bounds),
        ]
    else:
        verdicts.append(Verdict("faces", 0.0, False, "no face with finite corners"))
    if albedo_srgb is not None:
        verdicts.append(_saturation(albedo_srgb, bounds))
    return Health(tuple(verdicts))


def _numbers(is_broken: Bool[Tensor, "v"]) -> Verdict:
    count = int(is_broken.sum())
    return Verdict("numbers", float(count), count == 0, f"{count} of {len(is_broken)} vertices are not finite")


def _share(name: str, is_bad: Bool[Tensor, "f"], bound: float, what: str) -> Verdict:
    count, total = int(is_bad.sum()), len(is_bad)
    share = count / total
    line = f"{count} of {total} faces {what} ({100 * share:.2f} %, at most {100 * bound:g} %)"
    return Verdict(name, share, share <= bound, line)


def _flipped(mesh: Mesh, reference: Tensor | None, bounds: Bounds) -> Verdict:
    if reference is None:
        return _share("flipped", is_folded(mesh.vertices, mesh.faces), bounds.flipped, "look against their neighbours")
    return _share("flipped", is_flipped(mesh.vertices, reference, mesh.faces), bounds.flipped, "are turned over")


def _degenerate(mesh: Mesh, reference: Tensor | None, bounds: Bounds) -> Verdict:
    is_bad = is_degenerate(mesh.vertices, mesh.faces)
    if reference is not None:
        is_bad = is_bad & ~is_degenerate(reference, mesh.faces)
    return _share("degenerate", is_bad, bounds.degenerate, "have no area")


def _edges(mesh: Mesh, reference: Tensor | None, bounds: Bounds) -> Verdict:
    edge_ids = build_edges(mesh.faces).vertex_ids
    if reference is None:
        lengths = edge_lengths(mesh.vertices, edge_ids)
        spread = float(lengths.max() / lengths.median().clamp_min(1e-30))
        line = f"the longest edge is {spread:.1f} times the median (at most {bounds.edge_spread:g})"
        return Verdict("edges", spread, spread <= bounds.edge_spread, line)
    largest = edge_change(mesh.vertices, reference, edge_ids)
    line = f"the most changed edge by a factor of {largest:.1f} (at most {bounds.edge_ratio:g})"
    return Verdict("edges", largest, largest <= bounds.edge_ratio, line)


def edge_change(vertices: Float[Tensor, "v 3"], reference: Float[Tensor, "v 3"], edge_ids: Tensor) -> float:
    """The largest factor by which any edge is longer or shorter than in ``reference``."""
    ratio = edge_lengths(vertices, edge_ids) + SMALLEST_LENGTH
    ratio = ratio / (edge_lengths(reference, edge_ids) + SMALLEST_LENGTH)
    return float(torch.maximum(ratio, 1.0 / ratio).max())


def _intersections(mesh: Mesh, reference: Tensor | None, bounds: Bounds) -> Verdict:
    is_hit = self_intersecting(mesh.vertices, mesh.faces)
    if reference is None:
        return _share("intersections", is_hit, bounds.intersecting_alone, "pass through others")
    is_new = is_hit & ~self_intersecting(reference, mesh.faces)
    return _share("intersections", is_new, bounds.intersecting, "newly pass through others")


def _volume(mesh: Mesh, reference: Tensor | None, bounds: Bounds) -> Verdict:
    volume = float(signed_volume(mesh.vertices, mesh.faces))
    litres = f"{1000 * volume:.1f} litres"
    if reference is None:
        return Verdict("volume", volume, volume > 0.0, f"{litres} inside (more than 0)")
    usual = float(signed_volume(reference, mesh.faces))
    ratio = volume / usual if usual else float("nan")
    is_healthy = 1.0 / bounds.volume <= ratio <= bounds.volume
    line = f"{litres}, {ratio:.2f} times the bare body's ({1 / bounds.volume:.2f} to {bounds.volume:g})"
    return Verdict("volume", ratio, is_healthy, line)


def _stretch(mesh: Mesh, reference: Tensor | None, bounds: Bounds) -> Verdict:
    stretch = float(uv_stretch(mesh.vertices, mesh.faces, mesh.uvs, mesh.face_uvs))
    if stretch == 0.0:
        return Verdict("uv stretch", 0.0, True, "no texture coordinates to look at")
    bound = bounds.uv_stretch_alone
    if reference is not None:
        bound = bounds.uv_stretch * float(uv_stretch(reference, mesh.faces, mesh.uvs, mesh.face_uvs))
    line = f"texels are drawn out {stretch:.2f} times on average (at most {bound:.2f})"
    return Verdict("uv stretch", stretch, stretch <= bound, line)


def _saturation(albedo_srgb: UInt8[np.ndarray, "th tw 3"], bounds: Bounds) -> Verdict:
    share = float(((albedo_srgb <= _CLIPPED) | (albedo_srgb >= 255 - _CLIPPED)).mean())
    line = f"{100 * share:.1f} % of the texture's values are clipped (at most {100 * bounds.clipped:g} %)"
    return Verdict("texture", share, share <= bounds.clipped, line)
