"""The frames of a film in which a camera goes round a moving character; knows nothing of video files."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from clipmatrix.bodies.clips import Clip
from clipmatrix.export.character import Character, linear_albedo, pose_vertices
from clipmatrix.export.images import FOV_Y, camera_at, display, framing, lights_at, photograph, studio_lights
from clipmatrix.export.motion import Motion, blend, sample_clip, stand_still
from clipmatrix.render.fragments import Rasterizer
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras, orbit


@dataclass(frozen=True)
class TurntableConfig:
    """How the film runs. ``clip_names`` play one after another, each for an equal share; unknown ones are left out."""

    seconds: float = 10.0
    fps: int = 24
    size: int = 768
    turns: float = 1.0
    elevation_deg: float = 8.0
    blend_seconds: float = 0.5
    clip_names: tuple[str, ...] = ("poses", "walk")


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
    num_frames = max(round(config.seconds * config.fps), 1)
    times = torch.arange(num_frames) / config.fps
    azimuth = 2 * math.pi * config.turns * times / config.seconds
    motion = choreography(character, config, times)
    albedo = linear_albedo(character)
    cameras = _orbit_cameras(character, motion, azimuth, math.radians(config.elevation_deg))
    lights = studio_lights(azimuth)
    size = ImageSize(config.size, config.size)
    for index in range(num_frames):
        with torch.no_grad():
            vertices = pose_vertices(character, motion.at(index))
            camera, light = camera_at(cameras, index), lights_at(lights, index)
            picture = display(photograph(character, albedo, vertices, camera, light, size, rasterizer))[0]
        if on_progress is not None:
            on_progress(index + 1, num_frames)
        yield picture


def choreography(character: Character, config: TurntableConfig, times: Float[Tensor, "n"]) -> Motion:
    """The poses at ``times``: each clip fills its share of the film and melts into the next, the last into the first.

    A clip shorter than half its share repeats at its own pace; a longer one is played just once. Without clips the
    body stands still.
    """
    by_name = {clip.name: clip for clip in character.clips}
    clips = [by_name[name] for name in config.clip_names if name in by_name]
    if not clips:
        return stand_still(len(character.rig.parents), len(times))
    share = config.seconds / len(clips)
    moments = times % config.seconds
    part = (moments / share).long().clamp_max(len(clips) - 1)
    since = moments - part * share
    now, coming = _play(clips, part, since, share), _play(clips, (part + 1) % len(clips), since - share, share)
    melt = (1 - (share - since) / max(config.blend_seconds, 1e-6)).clamp(0, 1)
    # The smooth step keeps the joints' speeds from jumping where the melting begins and ends.
    return blend(now, coming, melt * melt * (3 - 2 * melt))


def _play(clips: list[Clip], part: Tensor, since: Tensor, share: float) -> Motion:
    """Clip ``part[i]`` at ``since[i]`` seconds after its share of the film began, or before where that is negative."""
    rotations = torch.empty(len(part), *clips[0].joint_rotations.shape[1:])
    shifts = torch.empty(len(part), 3)
    for index, clip in enumerate(clips):
        chosen = torch.nonzero(part == index).squeeze(1)
        duration = max(float(clip.times[-1]), 1e-6)
        seconds = since[chosen] % duration if duration < share / 2 else since[chosen] * (duration / share)
        poses = sample_clip(clip, seconds)
        rotations[chosen], shifts[chosen] = poses.joint_rotations, poses.root_translation
    return Motion(rotations, shifts)


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
