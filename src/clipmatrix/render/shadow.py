"""The soft shadow of the key light: how much of it reaches a point; knows neither colours nor pictures.

The figure is drawn from the light, and each texel of that map keeps how near to the light its surface is. A point looks
at the map round its own place: from the mean height of what hides it there follows how wide its half-shadow is, and
the share of the disk of that width that lies open is its share of the light. The light is a disk far away, as the sun
is; a hiding edge at height h over a point blurs over h * softness to either side. A tilted surface does not hide
itself: places on its own plane are not above it.

Nothing here has a gradient: shading is differentiated with the shadow as it lies.

References: Williams, Casting Curved Shadows on Curved Surfaces, SIGGRAPH 1978. Reeves, Salesin, Cook, Rendering
Antialiased Shadows with Depth Maps, SIGGRAPH 1987. Fernando, Percentage-Closer Soft Shadows, SIGGRAPH 2005. Vogel, A
Better Way to Construct the Sunflower Head, Mathematical Biosciences 1979.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int64
from numba import njit
from torch import Tensor

from clipmatrix.render.fragments import Rasterizer
from clipmatrix.render.surface import KeyShadow
from clipmatrix.shapes import ImageSize

_SEARCH_TAPS, _TAPS, _WIDE_TAPS = 20, 48, 160
_WIDE_TEXELS = 12.0
"""Half-shadows wider than this would show bands with the usual number of looks at the map."""
_BIAS_TEXELS = 2.0
"""Heights in the map are true at texel centres only: what is no higher than this many texels is no hindrance."""
_STEEPEST = 4.0
"""The steepest plane, as a slope against the light, along which a point still looks: beyond, rounding decides."""
_EDGE = 1.02


@dataclass(frozen=True, eq=False)
class ShadowMap:
    """Heights of the lit surface towards the light, as each light sees it.

    ``heights`` are in metres along the light's direction, -infinity where there is nothing. ``axes`` are its rows:
    the map's columns, its rows downwards, and the direction to the light. ``corner`` is the place of the map's first
    corner along the first two, and ``texel`` the side of a texel in metres.
    """

    heights: Float[Tensor, "m side side"]
    axes: Float[Tensor, "m 3 3"]
    corner: Float[Tensor, "m 2"]
    texel: Float[Tensor, "m"]


def cast(
    vertices_world: Float[Tensor, "#m v 3"],
    faces: Int64[Tensor, "f 3"],
    to_light: Float[Tensor, "#m 3"],
    side: int,
    rasterizer: Rasterizer,
) -> ShadowMap:
    """The maps of one pose or one for each light, ``side`` texels squared; about 15 ms for 27,000 faces at 1024."""
    with torch.no_grad():
        axes = _light_axes(to_light.detach())
        num = max(vertices_world.shape[0], axes.shape[0])
        places = vertices_world.detach().expand(num, -1, -1) @ axes.expand(num, 3, 3).transpose(1, 2)
        low, high = places.amin(1), places.amax(1)
        middle = (low + high) / 2
        half = _EDGE * ((high - low).amax(1) / 2).clamp_min(1e-6)
        ndc = (places - middle[:, None]) / half[:, None, None]
        # The map's rows run down, clip space runs up; and what is nearest to the light has the least depth.
        clip = torch.stack([ndc[..., 0], -ndc[..., 1], -ndc[..., 2], torch.ones_like(ndc[..., 0])], dim=-1)
        depth = rasterizer.visibility(clip, faces, ImageSize(side, side)).depth.to(places)
        heights = middle[:, 2, None, None] - depth * half[:, None, None]
        return ShadowMap(heights, axes.expand(num, 3, 3), middle[:, :2] - half[:, None], 2.0 * half / side)


def light_share(
    shadow_map: ShadowMap,
    points_world: Float[Tensor, "n 3"],
    normals_world: Float[Tensor, "n 3"],
    map_ids: Int64[Tensor, "n"],
    shadow: KeyShadow,
) -> Float[Tensor, "n"]:
    """The share of the key light in [0, 1] that reaches each point; none where its unit normal points away from it.

    ``map_ids`` name the map that lights a point. On the CPU about a second for a million points with shadow around.
    """
    with torch.no_grad():
        axes = shadow_map.axes.index_select(0, map_ids)
        texel = shadow_map.texel.index_select(0, map_ids)
        place = (axes @ points_world.detach()[..., None]).squeeze(-1)
        normal = (axes @ normals_world.detach()[..., None]).squeeze(-1)
        texels = (place[:, :2] - shadow_map.corner.index_select(0, map_ids)) / texel[:, None] - 0.5
        slope = -normal[:, :2] / normal[:, 2:].clamp_min(1e-3)
        slope = slope * (_STEEPEST / slope.norm(dim=1, keepdim=True).clamp_min(_STEEPEST))
        rows = torch.stack([texels[:, 0], texels[:, 1], place[:, 2], slope[:, 0], slope[:, 1], texel], dim=1)
        out = torch.zeros(len(points_world), dtype=torch.float32)
        _shares(
            shadow_map.heights.float().cpu().contiguous().numpy(),
            rows.float().cpu().contiguous().numpy(),
            (normal[:, 2] > 0).cpu().numpy(),
            map_ids.cpu().contiguous().numpy(),
            shadow_map.heights.flatten(1).amax(1).float().cpu().numpy(),
            np.float32(shadow.softness),
            sunflower(_SEARCH_TAPS),
            sunflower(_TAPS),
            sunflower(_WIDE_TAPS),
            out.numpy(),
        )
        return out.to(points_world)


def _light_axes(to_light: Float[Tensor, "m 3"]) -> Float[Tensor, "m 3 3"]:
    helper = torch.zeros_like(to_light)
    is_steep = to_light[:, 1].abs() > 0.9
    helper[:, 0], helper[:, 1] = is_steep.to(helper), (~is_steep).to(helper)
    across = torch.nn.functional.normalize(torch.linalg.cross(helper, to_light), dim=1)
    return torch.stack([across, torch.linalg.cross(across, to_light), to_light], dim=1)


@lru_cache(maxsize=4)
def sunflower(num: int) -> Float[np.ndarray, "num 2"]:
    """Points spread evenly over the unit disk, always the same."""
    index = np.arange(num)
    radius, angle = np.sqrt((index + 0.5) / num), index * (math.pi * (3.0 - math.sqrt(5.0)))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _open_share(heights, x, y, level):
    """How much of the four texels round a place is not above the level, bilinearly; outside the map all is open."""
    side = heights.shape[0]
    column, row = int(np.floor(x)), int(np.floor(y))
    if column < 0 or row < 0 or column >= side - 1 or row >= side - 1:
        return np.float32(1.0)
    right, down = x - np.float32(column), y - np.float32(row)
    one, none = np.float32(1.0), np.float32(0.0)
    a = one if heights[row, column] <= level else none
    b = one if heights[row, column + 1] <= level else none
    c = one if heights[row + 1, column] <= level else none
    d = one if heights[row + 1, column + 1] <= level else none
    upper, lower = a + right * (b - a), c + right * (d - c)
    return upper + down * (lower - upper)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _shares(maps, rows, faces_light, map_ids, highest, softness, search, usual, wide, out):
    for n in range(rows.shape[0]):
        if not faces_light[n]:
            continue
        heights = maps[map_ids[n]]
        side = heights.shape[0]
        x, y, height, slope_x, slope_y, texel = rows[n]
        bias = np.float32(_BIAS_TEXELS) * texel * (np.float32(1.0) + abs(slope_x) + abs(slope_y))
        reach = max(softness * (highest[map_ids[n]] - height), np.float32(1.5) * texel)
        total, count = np.float32(0.0), 0
        for t in range(search.shape[0]):
            dx, dy = reach * search[t, 0], reach * search[t, 1]
            column, row = int(np.rint(x + dx / texel)), int(np.rint(y + dy / texel))
            if column < 0 or row < 0 or column >= side or row >= side:
                continue
            there = heights[row, column]
            if there > height + bias + slope_x * dx + slope_y * dy:
                total += there
                count += 1
        if count == 0:
            out[n] = 1.0
            continue
        radius = max(softness * (total / count - height), np.float32(1.0) * texel)
        share = np.float32(0.0)
        taps = usual if radius <= np.float32(_WIDE_TEXELS) * texel else wide
        for t in range(taps.shape[0]):
            dx, dy = radius * taps[t, 0], radius * taps[t, 1]
            level = height + bias + slope_x * dx + slope_y * dy
            share += _open_share(heights, x + dx / texel, y + dy / texel, level)
        out[n] = share / taps.shape[0]
