"""The floor under a figure: where it is in the picture, and the soft shadow where the figure keeps light off it.

The shadow is the share of an even sky that the figure hides from a point of the floor. For a level patch of area dA at
height h over a floor point at distance r that share is h^2 dA / (pi (r^2 + h^2)^2); the lowest surface above each cell
of a grid is such a patch, and the sum over all patches of one height is a convolution. Knows no lights and no textures.

References: Cohen and Wallace, Radiosity and Realistic Image Synthesis, 1993, section 4.2 (form factors).
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy import ndimage, signal
from torch import Tensor

from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.shadow import cast, light_share
from clipmatrix.render.surface import KeyShadow, Lights
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras

_CELLS = 144
_BEYOND_M = 0.7
_HIGHEST_M = 3.0
_LAYERS_M = (0.0, 0.012, 0.025, 0.05, 0.09, 0.16, 0.3, 0.55, 1.0, _HIGHEST_M)
_DARKEST = 0.92
# The floor fades into the backdrop between these shares of its radius, and has a fine line every half metre.
_FADE_FROM = 0.35
_LINE_STEP_M, _LINE_M = 0.5, 0.006


@dataclass(frozen=True, eq=False)
class Floor:
    """The floor as one view sees it: how much of it is there, how dark its shadow is, how much line; all in [0, 1]."""

    cover: Float[np.ndarray, "h w"]
    shadow: Float[np.ndarray, "h w"]
    line: Float[np.ndarray, "h w"]


def see_floor(
    vertices_world: Float[Tensor, "v 3"],
    faces: Int64[Tensor, "f 3"],
    camera: Cameras,
    size: ImageSize,
    centre: tuple[float, float],
    radius: float,
    lights: Lights | None = None,
) -> Floor:
    """The floor y = 0 around ``centre`` (x and z in metres) in the picture of one camera.

    Where ``lights`` cast a shadow, that of the key light darkens it too, by the key light's part of what lights it.
    """
    points, is_there = _floor_points(camera, size)
    away = np.hypot(points[..., 0] - centre[0], points[..., 1] - centre[1]) / radius
    fade = np.clip((1.0 - away) / (1.0 - _FADE_FROM), 0.0, 1.0)
    cover = np.where(is_there, fade * fade * (3.0 - 2.0 * fade), 0.0)
    shadow_map, corner, cell = cast_shadow(vertices_world, faces)
    # Columns of the map go along x and rows along z.
    at = [(points[..., 1] - corner[1]) / cell - 0.5, (points[..., 0] - corner[0]) / cell - 0.5]
    shadow = ndimage.map_coordinates(shadow_map, at, order=1, mode="constant", prefilter=False)
    if lights is not None and lights.shadow is not None:
        kept = _kept_light(vertices_world, faces, lights, lights.shadow, points, is_there & (cover > 0.0))
        shadow = 1.0 - (1.0 - shadow) * kept
    return Floor(cover, np.where(is_there, shadow, 0.0), _lines(points) * cover)


def _kept_light(
    vertices_world: Float[Tensor, "v 3"],
    faces: Int64[Tensor, "f 3"],
    lights: Lights,
    shadow: KeyShadow,
    points: Float[np.ndarray, "h w 2"],
    is_there: np.ndarray,
) -> Float[np.ndarray, "h w"]:
    """The share of the floor's light that the key light's shadow leaves at each pixel."""
    direction = lights.key_direction[:1]
    kept = np.ones(points.shape[:2])
    if float(direction[0, 1]) <= 0.0 or not is_there.any():
        return kept
    flat = torch.from_numpy(points[is_there]).float()
    on_floor = torch.stack([flat[:, 0], torch.zeros(len(flat)), flat[:, 1]], dim=1)
    upright = torch.tensor([0.0, 1.0, 0.0]).expand(len(flat), 3)
    shadow_map = cast(vertices_world[None], faces, direction, shadow.side, CpuRasterizer())
    share = light_share(shadow_map, on_floor, upright, torch.zeros(len(flat), dtype=torch.int64), shadow)
    key = float(lights.key_color[0].mean() * direction[0, 1])
    part = key / max(key + float(lights.ambient[0].mean()), 1e-6)
    kept[is_there] = 1.0 - part * (1.0 - share.numpy())
    return kept


def cast_shadow(
    vertices_world: Float[Tensor, "v 3"], faces: Int64[Tensor, "f 3"]
) -> tuple[Float[np.ndarray, "n n"], tuple[float, float], float]:
    """The shadow on a square of the floor, its corner of least x and z in metres, and the size of its cells."""
    low, high = vertices_world.amin(0), vertices_world.amax(0)
    half = float(torch.maximum(high[0] - low[0], high[2] - low[2])) / 2 + _BEYOND_M
    middle = (low + high) / 2
    cell = 2 * half / _CELLS
    x, z = (vertices_world[:, axis] - middle[axis] for axis in (0, 2))
    # Seen from below: the nearest to the floor is the nearest to the eye.
    height = vertices_world[:, 1].clamp(0.0, _HIGHEST_M) / _HIGHEST_M
    clip = torch.stack([x / half, -z / half, 1.98 * height - 0.99, torch.ones_like(x)], dim=-1)
    both_sides = torch.cat([faces, faces.flip(1)])
    fragments = CpuRasterizer().visibility(clip[None], both_sides, ImageSize(_CELLS, _CELLS))
    lowest = ((fragments.depth[0].numpy() + 0.99) / 1.98 * _HIGHEST_M).astype(np.float64)
    hidden = np.zeros((_CELLS, _CELLS))
    for floor, ceiling in itertools.pairwise(_LAYERS_M):
        mask = (lowest >= floor) & (lowest < ceiling)
        if mask.any():
            hidden += signal.fftconvolve(mask.astype(np.float64), _kernel((floor + ceiling) / 2, cell), mode="same")
    return np.clip(hidden, 0.0, _DARKEST), (float(middle[0]) - half, float(middle[2]) - half), cell


def _kernel(height: float, cell: float) -> Float[np.ndarray, "m m"]:
    reach = min(max(math.ceil(4 * height / cell), 2), _CELLS)
    steps = np.arange(-reach, reach + 1) * cell
    square = steps[:, None] ** 2 + steps**2
    kernel = height**2 * cell**2 / (math.pi * (square + height**2) ** 2)
    # Near the floor a cell is wider than the kernel: its sum is then what the whole plane's is, one.
    return kernel / max(kernel.sum(), 1.0)


def _floor_points(camera: Cameras, size: ImageSize) -> tuple[Float[np.ndarray, "h w 2"], np.ndarray]:
    """Where the rays through the pixels meet y = 0, as x and z in metres, and which of them do before the eye."""
    inverse = torch.linalg.inv(camera.clip_from_world[0].double()).numpy()
    ndc_x = (2 * np.arange(size.width) + 1) / size.width - 1
    ndc_y = 1 - (2 * np.arange(size.height) + 1) / size.height
    # With p at the near plane and q a step along its ray the point is p + t q; both are linear in the pixel.
    eye = camera.positions_world[0].double().numpy()
    near = inverse[:, 3] - inverse[:, 2]
    rays = [(inverse[axis, 0] * ndc_x + near[axis])[None, :] + (inverse[axis, 1] * ndc_y)[:, None] for axis in range(4)]
    x, y, z = (rays[axis] / rays[3] - eye[axis] for axis in range(3))
    is_there = y < -1e-6
    share = -eye[1] / np.where(is_there, y, -1.0)
    return np.stack([eye[0] + share * x, eye[2] + share * z], axis=-1), is_there


def _lines(points: Float[np.ndarray, "h w 2"]) -> Float[np.ndarray, "h w"]:
    """How much of each pixel is line: of its true width near by, and fainter instead of finer far away."""
    total = np.zeros(points.shape[:2])
    for axis in range(2):
        values = points[..., axis]
        rows, columns = np.gradient(values)
        footprint = np.hypot(rows, columns) + 1e-9
        distance = np.abs(values / _LINE_STEP_M - np.round(values / _LINE_STEP_M)) * _LINE_STEP_M
        width = np.maximum(footprint, _LINE_M)
        total = np.maximum(total, np.clip(1.0 - distance / width, 0.0, 1.0) * np.minimum(_LINE_M / footprint, 1.0))
    return total
