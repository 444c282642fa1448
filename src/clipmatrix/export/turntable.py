"""The frames of a film in which a camera goes round a moving character; knows nothing of video files."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from clipmatrix.bodies.clips import Clip
from clipmatrix.export.character import Character, linear_albedo, pose_vertices
from clipmatrix.export.images import FOV_Y, camera_at, display, framing, lights_at, photograph, studio_lights
from clipmatrix.export.motion import Motion, blend, sample_clip, stand_still
from clipmatrix.render.fragments import Rasterizer
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.surface import KeyShadow
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras, orbit

_OWN_CLIP_S = (4.0, 2.0)
"""The longest and the shortest time for which a clip of a user's own body is shown."""


@dataclass(frozen=True)
class Part:
    """How long a film shows one clip, and how many times faster than life. The clip repeats if it is shorter."""

    clip_name: str
    seconds: float
    speed: float = 1.0


@dataclass(frozen=True)
class TurntableConfig:
    """How the film runs: its parts one after another; those whose clip the character lacks are left out.

    A character that has none of them, but others, shows its longest ones instead. The key light casts a shadow where
    ``has_shadow`` says so.
    """

    parts: tuple[Part, ...] = (Part("poses", 5.6, speed=1.5), Part("walk", 2.2), Part("dance", 2.2))
    fps: int = 24
    size: int = 768
    turns: float = 1.0
    elevation_deg: float = 8.0
    blend_seconds: float = 0.5
    has_shadow: bool = False


def turntable(
    character: Character,
    config: TurntableConfig,
    on_progress: Callable[[int, int], None] | None = None,
    rasterizer: Rasterizer | None = None,
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The film's square frames, rendered as they are asked for; the last one leads on to the first.

    The camera keeps one height and distance, at which nothing is ever cut off. ``on_progress`` is called with the
    frames done and all frames.
    """
    rasterizer = rasterizer if rasterizer is not None else CpuRasterizer()
    num_frames = max(round(film_seconds(character, config) * config.fps), 1)
    times = torch.arange(num_frames) / config.fps
    azimuth = 2 * math.pi * config.turns * torch.arange(num_frames) / num_frames
    motion = choreography(character, config, times)
    albedo = linear_albedo(character)
    cameras = _orbit_cameras(character, motion, azimuth, math.radians(config.elevation_deg))
    lights = studio_lights(azimuth, KeyShadow() if config.has_shadow else None)
    size = ImageSize(config.size, config.size)
    for index in range(num_frames):
        with torch.no_grad():
            vertices = pose_vertices(character, motion.at(index))
            camera, light = camera_at(cameras, index), lights_at(lights, index)
            picture = display(photograph(character, albedo, vertices, camera, light, size, rasterizer))[0]
        if on_progress is not None:
            on_progress(index + 1, num_frames)
        yield picture


def film_seconds(character: Character, config: TurntableConfig) -> float:
    """How long the film is: the parts whose clips the character has, or all of them where it has none."""
    return sum(part.seconds for part, _ in _programme(character, config)) or sum(part.seconds for part in config.parts)


def choreography(character: Character, config: TurntableConfig, times: Float[Tensor, "n"]) -> Motion:
    """The poses at ``times``: each part melts into the next, and the last into the first.

    Clips are taken for loops. A character with none of the clips stands still.
    """
    programme = _programme(character, config)
    if not programme:
        return stand_still(len(character.rig.parents), len(times))
    seconds = torch.tensor([part.seconds for part, _ in programme])
    ends = seconds.cumsum(0)
    moments = times % float(ends[-1])
    ids = torch.searchsorted(ends, moments, right=True).clamp_max(len(programme) - 1)
    left = ends[ids] - moments
    now, coming = _play(programme, ids, seconds[ids] - left), _play(programme, (ids + 1) % len(programme), -left)
    melt = (1 - left / max(config.blend_seconds, 1e-6)).clamp(0, 1)
    # The smooth step keeps the joints' speeds from jumping where the melting begins and ends.
    return blend(now, coming, melt * melt * (3 - 2 * melt))


def _programme(character: Character, config: TurntableConfig) -> list[tuple[Part, Clip]]:
    by_name = {clip.name: clip for clip in character.clips}
    found = [(part, by_name[part.clip_name]) for part in config.parts if part.clip_name in by_name]
    if found:
        return found
    # A body of the user's own has clips of its own.
    shown = sorted(character.clips, key=lambda clip: -float(clip.times[-1]))[: len(config.parts)]
    longest, shortest = _OWN_CLIP_S
    return [(Part(c.name, min(max(float(c.times[-1]), shortest), longest)), c) for c in shown if len(c.times) > 1]


def _play(programme: list[tuple[Part, Clip]], ids: Int64[Tensor, "n"], since: Float[Tensor, "n"]) -> Motion:
    """Part ``ids[i]`` at ``since[i]`` seconds after its beginning, or before it where that is negative."""
    rotations = torch.empty(len(ids), *programme[0][1].joint_rotations.shape[1:])
    roots, shifts = torch.empty(len(ids), 3), torch.zeros(*rotations.shape[:2], 3)
    is_shifted = any(clip.joint_shift is not None for _, clip in programme)
    for index, (part, clip) in enumerate(programme):
        chosen = torch.nonzero(ids == index).squeeze(1)
        poses = sample_clip(clip, since[chosen] * part.speed % max(float(clip.times[-1]), 1e-6))
        rotations[chosen], roots[chosen] = poses.joint_rotations, poses.root_translation
        shifts[chosen] = poses.shifts
    return Motion(rotations, roots, shifts if is_shifted else None)


def _orbit_cameras(character: Character, motion: Motion, azimuth: Float[Tensor, "n"], elevation: float) -> Cameras:
    # A few moments a second tell how far the limbs reach.
    posed = torch.cat([pose_vertices(character, motion.at(index)) for index in range(0, len(azimuth), 6)])
    sides = torch.linspace(0, 2 * math.pi, 9)[:-1]
    target, distances = framing(posed, sides, torch.full_like(sides, elevation))
    return orbit(
        target.expand(len(azimuth), 3),
        azimuth,
        torch.full_like(azimuth, elevation),
        distances.max().expand(len(azimuth)),
        torch.full_like(azimuth, FOV_Y),
    )
