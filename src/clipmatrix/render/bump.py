"""Normals bent by a tangent-space normal map; knows neither light nor where the map comes from.

With n the smooth normal of a pixel, t its interpolated tangent at unit length and b = +-(n x t), a map's vector m gives
the direction m.x t + m.y b + m.z n. glTF viewers that are given the same tangents show the same.

References: Khronos Group, glTF 2.0 Specification, 2021, section 3.9.3. Blinn, Simulation of Wrinkled Surfaces,
SIGGRAPH 1978.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from clipmatrix.geometry.tangent_frames import TangentLayout, build_tangent_layout, tangents
from clipmatrix.render.fused_cpu import weigh_rows
from clipmatrix.render.interpolate import Coverage, barycentrics
from clipmatrix.render.surface import Surface

_LAYOUTS = WeakIdKeyDictionary()
"""Faces, their uv corners and the layout of both by the uv points, none of which changes within a run."""


def bent_normals(
    mapped: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], tangent: Float[Tensor, "n 3"], sign: Float[Tensor, "n"]
) -> Float[Tensor, "n 3"]:
    """The unit normals turned by what the map says at their places; differentiable in all but the sign."""
    tangent = torch.nn.functional.normalize(tangent, dim=-1, eps=1e-6)
    up = torch.nn.functional.normalize(torch.linalg.cross(normals, tangent), dim=-1, eps=1e-6) * sign[:, None]
    bent = mapped[:, :1] * tangent + mapped[:, 1:2] * up + mapped[:, 2:] * normals
    return torch.nn.functional.normalize(bent, dim=-1, eps=1e-6)


def pixel_tangents(
    surface: Surface,
    vertex_normals: Float[Tensor, "#b v 3"],
    vertices_clip: Float[Tensor, "b v 4"],
    coverage: Coverage,
    size: tuple[int, int],
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
    """The interpolated tangents of the covered pixels, and the sign of each; no gradient reaches the vertices."""
    layout = layout_of(surface)
    with torch.no_grad():
        table = tangents(surface.vertices_world, vertex_normals, surface.faces, layout)
        vertex_ids = surface.faces.index_select(0, coverage.face_ids)
        clip_ids = vertex_ids + (coverage.view_ids * vertices_clip.shape[1])[:, None]
        weights = barycentrics(vertices_clip, clip_ids, coverage, size).weights
        row_ids: Int64[Tensor, "n 3"] = layout.corner_ids.index_select(0, coverage.face_ids)
        signs = layout.signs.to(table).index_select(0, row_ids[:, 0])
        if table.shape[0] > 1:
            row_ids = row_ids + (coverage.view_ids * table.shape[1])[:, None]
        return weigh_rows(table.flatten(0, 1), row_ids, weights), signs


def layout_of(surface: Surface) -> TangentLayout:
    """Which corners of the surface share a tangent."""
    known = _LAYOUTS.get(surface.uvs)
    if known is not None and known[0] is surface.faces and known[1] is surface.face_uvs:
        return known[2]
    layout = build_tangent_layout(surface.faces, surface.uvs, surface.face_uvs)
    _LAYOUTS[surface.uvs] = (surface.faces, surface.face_uvs, layout)
    return layout
