"""Pictures of a finished character and sheets of them; knows nothing of how either was optimised."""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from clipmatrix.bodies.clips import Clip
from clipmatrix.colour import linear_from_srgb, srgb_from_linear
from clipmatrix.export.character import Character, linear_albedo, pose_vertices, posed_surface
from clipmatrix.export.motion import Motion, join, sample_clip, stand_still
from clipmatrix.export.textures import write_image
from clipmatrix.render.fragments import Rasterizer
from clipmatrix.render.pipeline import render
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.surface import Images, KeyShadow, Lights
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras, orbit

BACKGROUND_SRGB = 0.86
"""A light neutral grey: pale and dark bodies both stand out from it."""
SUPERSAMPLING = 2
FOV_Y = math.radians(30)
SHEET_GAP_PX = 6
SHEET_ELEVATION = math.radians(8)
REST_TURNS_DEG = (0, 45, 90, 180, 225, 315)
CLIP_TURNS_DEG = (20, -35, 60, -20, 35, -60)
SHEET_CELL = ImageSize(384, 384)
_NUM_LEVELS = 1 << 16
"""Steps of linear light in the table of sRGB values: the darkest still differ by a twentieth of an 8-bit level."""
MARGIN = 0.06
"""The share of a view's half height that framing leaves free on each side."""


def studio_lights(azimuth: Float[Tensor, "b"], shadow: KeyShadow | None = None) -> Lights:
    """A white key light from above, to the left of cameras at ``azimuth`` radians, and a white surrounding.

    A white matte surface that faces the key light reaches full brightness.
    """
    turned = azimuth - 0.8
    direction = torch.stack([torch.sin(turned), torch.full_like(turned, 0.7), torch.cos(turned)], dim=-1)
    grey = torch.ones(azimuth.shape[0], 3)
    return Lights(0.34 * grey, torch.nn.functional.normalize(direction, dim=-1), 0.66 * grey, shadow)


def camera_at(cameras: Cameras, index: int) -> Cameras:
    """One camera of the batch."""
    one = slice(index, index + 1)
    return Cameras(cameras.view_from_world[one], cameras.clip_from_view[one])


def lights_at(lights: Lights, index: int) -> Lights:
    """The lights of one view, where each view has its own."""
    one = slice(index, index + 1)
    return Lights(lights.ambient[one], lights.key_direction[one], lights.key_color[one], lights.shadow)


def framing(
    vertices_world: Float[Tensor, "n v 3"],
    azimuth: Float[Tensor, "b"],
    elevation: Float[Tensor, "b"],
    aspect: float = 1.0,
) -> tuple[Float[Tensor, "3"], Float[Tensor, "b"]]:
    """Where cameras must look, and from how far, so that all vertices in all poses stay in a view of ``FOV_Y``.

    ``aspect`` is the view's width over its height. Angles in radians, distances in metres. Cost: one pass over all
    vertices per camera.
    """
    points = vertices_world.reshape(-1, 3)
    target = (points.amin(0) + points.amax(0)) / 2
    offset = points - target
    ones = torch.ones_like(azimuth)
    near = orbit(torch.zeros(len(azimuth), 3), azimuth, elevation, ones, FOV_Y * ones)
    # In camera axes (x, y, towards the eye) a point is in sight from distance d if |y| <= tan(fov / 2) (d - towards).
    slope = math.tan(FOV_Y / 2) * (1 - MARGIN)
    needed = [
        torch.maximum(seen[:, 0].abs() / aspect, seen[:, 1].abs()).div(slope).add(seen[:, 2]).max()
        for seen in (offset @ rotation.T for rotation in near.view_from_world[:, :3, :3])
    ]
    return target, torch.stack(needed)


def display(images: Images, background_srgb: float = BACKGROUND_SRGB) -> UInt8[np.ndarray, "b h w 3"]:
    """The pictures over a plain background as 8-bit sRGB. Mixed in linear light; brighter than white is white."""
    background = linear_from_srgb(torch.tensor(background_srgb))
    return bytes_from_linear(images.rgb + (1 - images.alpha) * background)


def bytes_from_linear(linear: Float[Tensor, "*n"]) -> UInt8[np.ndarray, "*n"]:
    """Linear light as 8-bit sRGB by a table, ten times as fast as by its formula and at most one level from it."""
    ids = linear.clamp(0, 1).mul(_NUM_LEVELS - 1).add(0.5).to(torch.int32)
    return _srgb_table()[ids.numpy()]


@lru_cache(maxsize=1)
def _srgb_table() -> UInt8[np.ndarray, "n"]:
    levels = torch.arange(_NUM_LEVELS, dtype=torch.float64) / (_NUM_LEVELS - 1)
    return srgb_from_linear(levels).mul(255).add(0.5).to(torch.uint8).numpy()


def photograph(
    character: Character,
    albedo: Float[Tensor, "th tw 3"],
    vertices_world: Float[Tensor, "1 v 3"],
    camera: Cameras,
    lights: Lights,
    size: ImageSize,
    rasterizer: Rasterizer,
) -> Images:
    """One rendered view of the character with its vertices at ``vertices_world``; ``albedo`` is linear."""
    return render(posed_surface(character, vertices_world, albedo, lights), camera, size, rasterizer=rasterizer)


def render_views(
    character: Character,
    cameras: Cameras,
    lights: Lights,
    motion: Motion,
    size: ImageSize,
    rasterizer: Rasterizer | None = None,
) -> UInt8[np.ndarray, "b h w 3"]:
    """One picture per camera and pose, 8-bit sRGB over light grey, rendered at twice the size and averaged.

    There is one light, one pose and one camera for each. Views are rendered one after another, to save memory.
    """
    rasterizer = rasterizer if rasterizer is not None else CpuRasterizer()
    albedo = linear_albedo(character)
    large = ImageSize(size.height * SUPERSAMPLING, size.width * SUPERSAMPLING)
    pictures: list[np.ndarray] = []
    with torch.no_grad():
        for view in range(len(motion.joint_rotations)):
            vertices = pose_vertices(character, motion.at(view))
            camera, light = camera_at(cameras, view), lights_at(lights, view)
            pictures.append(display(_shrink(photograph(character, albedo, vertices, camera, light, large, rasterizer))))
    return np.concatenate(pictures)


def contact_sheet(
    images: Sequence[UInt8[np.ndarray, "_ _ 3"]], columns: int, labels: Sequence[str] | None = None
) -> UInt8[np.ndarray, "_ _ 3"]:
    """The pictures in rows of ``columns``, on white, each with its label in its top left corner.

    Cells have the size of the largest picture; smaller ones are centred.
    """
    cell_height, cell_width = max(len(image) for image in images), max(image.shape[1] for image in images)
    rows = math.ceil(len(images) / columns)
    step_y, step_x = cell_height + SHEET_GAP_PX, cell_width + SHEET_GAP_PX
    sheet = Image.new("RGB", (columns * step_x + SHEET_GAP_PX, rows * step_y + SHEET_GAP_PX), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=max(11, cell_height // 20))
    for index, image in enumerate(images):
        left = SHEET_GAP_PX + index % columns * step_x + (cell_width - image.shape[1]) // 2
        top = SHEET_GAP_PX + index // columns * step_y + (cell_height - len(image)) // 2
        sheet.paste(Image.fromarray(image), (left, top))
        if labels is not None:
            draw.text((left + 6, top + 3), labels[index], fill=(40, 40, 40), font=font)
    return np.asarray(sheet)


def write_views(
    path: Path, character: Character, cell: ImageSize = SHEET_CELL, shadow: KeyShadow | None = None
) -> None:
    """Writes a contact sheet of twelve views: the bind pose from six sides, then six moments of the clips.

    A character without clips gets the first six only.

    Raises:
        ExportError: the file cannot be written.
    """
    moments = _sheet_moments(character.clips)
    still = stand_still(len(character.rig.parents))
    motion = join([still] * len(REST_TURNS_DEG) + [sample_clip(clip, torch.tensor([time])) for clip, time in moments])
    labels = [f"rest, {turn}°" for turn in REST_TURNS_DEG] + [f"{clip.name}, {time:.1f} s" for clip, time in moments]
    turns_deg = (*REST_TURNS_DEG, *CLIP_TURNS_DEG[: len(moments)])
    azimuth = torch.tensor([math.radians(turn) for turn in turns_deg])
    elevation = torch.full_like(azimuth, SHEET_ELEVATION)
    # One distance for all, so that the figure keeps its size from cell to cell.
    target, distances = framing(pose_vertices(character, motion), azimuth, elevation)
    cameras = orbit(
        target.expand(len(azimuth), 3),
        azimuth,
        elevation,
        distances.max().expand(len(azimuth)),
        FOV_Y * torch.ones_like(azimuth),
    )
    pictures = render_views(character, cameras, studio_lights(azimuth, shadow), motion, cell)
    write_image(path, contact_sheet(list(pictures), len(REST_TURNS_DEG), labels))


def rest_views(
    character: Character, turns_deg: Sequence[float], cell: ImageSize = SHEET_CELL
) -> UInt8[np.ndarray, "b h w 3"]:
    """Pictures of the character in its bind pose from several sides, all from one distance."""
    azimuth = torch.tensor([math.radians(turn) for turn in turns_deg])
    elevation = torch.full_like(azimuth, SHEET_ELEVATION)
    motion = join([stand_still(len(character.rig.parents))] * len(azimuth))
    target, distances = framing(pose_vertices(character, motion), azimuth, elevation)
    distance, fov = distances.max().expand(len(azimuth)), FOV_Y * torch.ones_like(azimuth)
    cameras = orbit(target.expand(len(azimuth), 3), azimuth, elevation, distance, fov)
    return render_views(character, cameras, studio_lights(azimuth), motion, cell)


def _sheet_moments(clips: Sequence[Clip]) -> list[tuple[Clip, float]]:
    """Six moments, spread over the clips that move most, in the order of the clips; none where there is no clip."""
    if not clips:
        return []
    liveliest = sorted(clips, key=_liveliness, reverse=True)[:2]
    chosen = [clip for clip in clips if any(clip is one for one in liveliest)]
    each = len(CLIP_TURNS_DEG) // len(chosen)
    return [(clip, float(clip.times[-1]) * (step + 0.5) / each) for clip in chosen for step in range(each)]


def _liveliness(clip: Clip) -> float:
    """How far a clip strays from the mean of its own matrices: zero for one that stands still."""
    return float((clip.joint_rotations - clip.joint_rotations.mean(0)).square().sum(dim=(1, 2, 3)).mean())


def _shrink(images: Images) -> Images:
    """The average of each block of SUPERSAMPLING by SUPERSAMPLING pixels, in linear light."""

    def pool(values: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(values.permute(0, 3, 1, 2), SUPERSAMPLING).permute(0, 2, 3, 1)

    return Images(pool(images.rgb), pool(images.alpha))
