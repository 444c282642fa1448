"""Frames of a moving character as a camera sees it, over a backdrop, a floor or nothing; knows no file formats."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy import ndimage
from torch import Tensor

from clipmatrix.bodies.clips import Clip
from clipmatrix.colour import linear_from_srgb
from clipmatrix.export.character import Character, linear_albedo, pose_vertices, posed_surface
from clipmatrix.export.ground import Floor, see_floor
from clipmatrix.export.images import (
    BACKGROUND_SRGB,
    FOV_Y,
    bytes_from_linear,
    camera_at,
    framing,
    lights_at,
    studio_lights,
)
from clipmatrix.export.motion import Motion, sample_clip
from clipmatrix.render.fragments import Rasterizer
from clipmatrix.render.pipeline import downsample, render
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.surface import Images, KeyShadow, Lights, Surface
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras, orbit

_FLOOR_SRGB, _LINE_SRGB = 0.80, 0.70
_FLOOR_RADIUS = 2.2
_SAMPLES = 24
_FOLLOW_S = 0.5
_BAND_PIXELS = 4_000_000
_USUAL_SIZE = ImageSize(768, 768)


@dataclass(frozen=True)
class Look:
    """What pictures are like: their size, how many times larger they are rendered before they are averaged, and what
    stands behind the figure. A transparent one keeps the floor's shadow, and nothing else of it.
    With ``has_shadow`` the key light casts one, on the figure and on the floor."""

    size: ImageSize = _USUAL_SIZE
    supersampling: int = 1
    has_floor: bool = False
    is_transparent: bool = False
    has_shadow: bool = False


@dataclass(frozen=True, eq=False)
class Take:
    """One pose, one camera and one light for each frame; ``paths`` is where on the floor (x, z) the camera looks."""

    motion: Motion
    cameras: Cameras
    lights: Lights
    paths: Float[Tensor, "n 2"]

    def at(self, index: int) -> "Take":
        """One frame of it."""
        one = slice(index, index + 1)
        cameras, lights = camera_at(self.cameras, index), lights_at(self.lights, index)
        return Take(self.motion.at(index), cameras, lights, self.paths[one])


def shoot(
    character: Character, take: Take, look: Look, on_progress: Callable[[int, int], None] | None = None
) -> Iterator[UInt8[np.ndarray, "h w c"]]:
    """The frames, as they are asked for: sRGB, or sRGB and straight alpha where they are transparent.

    ``on_progress`` is called with the frames done and all frames.
    """
    albedo = linear_albedo(character)
    num = len(take.paths)
    rasterizer = CpuRasterizer()
    radius = _FLOOR_RADIUS * float(character.mesh.vertices[:, 1].max())
    for index in range(num):
        camera, light = camera_at(take.cameras, index), lights_at(take.lights, index)
        if look.has_shadow:
            light = replace(light, shadow=KeyShadow())
        with torch.no_grad():
            vertices = pose_vertices(character, take.motion.at(index))
            surface = posed_surface(character, vertices, albedo, light)
            images = render_in_bands(surface, camera, look.size, look.supersampling, rasterizer)
            floor = None
            if look.has_floor:
                centre = (float(take.paths[index, 0]), float(take.paths[index, 1]))
                floor = see_floor(vertices[0], character.mesh.faces, camera, look.size, centre, radius, light)
        picture = _transparent(images, floor) if look.is_transparent else _composed(images, floor)
        if on_progress is not None:
            on_progress(index + 1, num)
        yield picture


def render_in_bands(
    surface: Surface, camera: Cameras, size: ImageSize, supersampling: int, rasterizer: Rasterizer
) -> Images:
    """One picture, rendered ``supersampling`` times as large and averaged, a band of rows at a time where it is large.

    So that 4K four times over stays within a gigabyte.
    """
    rows = max(_BAND_PIXELS // (size.width * supersampling**2), 1)
    bands = []
    for first in range(0, size.height, rows):
        height = min(rows, size.height - first)
        large = ImageSize(height * supersampling, size.width * supersampling)
        band = render(surface, _band(camera, first, height, size.height), large, rasterizer=rasterizer)
        bands.append(downsample(band, supersampling) if supersampling > 1 else band)
    return Images(torch.cat([band.rgb for band in bands], dim=1), torch.cat([band.alpha for band in bands], dim=1))


def _band(camera: Cameras, first: int, height: int, full_height: int) -> Cameras:
    """The camera that sees ``height`` rows from ``first`` on of what this one sees in ``full_height``."""
    if height == full_height:
        return camera
    centre, share = 1 - (2 * first + height) / full_height, height / full_height
    matrix = camera.clip_from_view.clone()
    matrix[:, 1] = (matrix[:, 1] - centre * matrix[:, 3]) / share
    return Cameras(camera.view_from_world, matrix)


def build_take(
    character: Character,
    motion: Motion,
    fps: float,
    azimuth: Float[Tensor, "n"],
    elevation: float,
    aspect: float,
    is_followed: bool,
) -> Take:
    """Cameras at ``azimuth`` round the figure, far enough that it never leaves the picture.

    Angles in radians. A followed figure may go where it likes: the camera goes with it, smoothly.
    """
    num = len(azimuth)
    paths = torch.zeros(num, 2)
    places = torch.linspace(0, num - 1, min(num, _SAMPLES)).round().long()
    some = torch.cat([pose_vertices(character, motion.at(int(index))) for index in places])
    if is_followed:
        middles = _middles(character, motion)
        smooth = ndimage.gaussian_filter1d(middles.numpy(), _FOLLOW_S * fps, axis=0, mode="nearest")
        paths = torch.from_numpy(smooth).float()
        some = some.clone()
        some[..., [0, 2]] -= paths[places][:, None]
    sides = azimuth if num <= 8 else torch.linspace(0, 2 * math.pi, 9)[:-1]
    if num > 8 and float(azimuth.max() - azimuth.min()) < 0.01:
        sides = azimuth[:1]
    target, distances = framing(some, sides, torch.full_like(sides, elevation), aspect)
    targets = target.expand(num, 3).clone()
    targets[:, [0, 2]] += paths
    cameras = orbit(
        targets,
        azimuth,
        torch.full_like(azimuth, elevation),
        distances.max().expand(num),
        torch.full_like(azimuth, FOV_Y),
        aspect=aspect,
    )
    return Take(motion, cameras, studio_lights(azimuth), targets[:, [0, 2]])


def clip_take(
    character: Character, clip: Clip, fps: int, azimuth: float, turns: float, elevation: float, aspect: float
) -> Take:
    """A whole clip once, seen from ``azimuth`` on by a camera that goes with the figure and ``turns`` round it."""
    num = max(round(float(clip.times[-1]) * fps), 1)
    times = torch.arange(num) / fps + float(clip.times[0])
    angles = azimuth + 2 * math.pi * turns * torch.arange(num) / num
    return build_take(character, sample_clip(clip, times), float(fps), angles, elevation, aspect, is_followed=True)


def _middles(character: Character, motion: Motion) -> Float[Tensor, "n 2"]:
    """Where on the floor the figure is: below its first root."""
    root = next(joint for joint, parent in enumerate(character.rig.parents) if parent < 0)
    return (motion.root_translation + character.rig.bind_from_joint[root, :3, 3])[:, [0, 2]]


def _composed(images: Images, floor: Floor | None) -> UInt8[np.ndarray, "h w 3"]:
    backdrop = float(linear_from_srgb(torch.tensor(BACKGROUND_SRGB)))
    if floor is None:
        return bytes_from_linear(images.rgb + (1 - images.alpha) * backdrop)[0]
    ground, line = (float(linear_from_srgb(torch.tensor(level))) for level in (_FLOOR_SRGB, _LINE_SRGB))
    behind = backdrop + floor.cover * (ground - backdrop) + floor.line * (line - ground)
    behind = torch.from_numpy((behind * (1 - floor.shadow)).astype(np.float32))
    return bytes_from_linear(images.rgb[0] + (1 - images.alpha[0]) * behind[..., None])


def _transparent(images: Images, floor: Floor | None) -> UInt8[np.ndarray, "h w 4"]:
    alpha = images.alpha[0]
    if floor is not None:
        alpha = alpha + (1 - alpha) * torch.from_numpy(floor.shadow.astype(np.float32))[..., None]
    straight = images.rgb[0] / alpha.clamp_min(1e-4)
    opacity = alpha.clamp(0, 1).mul(255).add(0.5).to(torch.uint8).numpy()
    return np.concatenate([bytes_from_linear(straight), opacity], axis=-1)
