"""Movements out of files of any format that is read here; knows which file is which, and how to close a loop."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from clipmatrix.bodies.clips import Clip
from clipmatrix.errors import MotionError
from clipmatrix.motion.amass import read_amass
from clipmatrix.motion.bvh import read_bvh
from clipmatrix.motion.glb_clip import read_glb_clip
from clipmatrix.motion.source import SourceMotion, resampled, without_leap

SUFFIXES = (".bvh", ".glb", ".gltf", ".npz")
_MOST_FPS = 240.0
_LONGEST_FRAMES = 36_000
_SEAM_S = 0.4


@dataclass(frozen=True)
class Excerpt:
    """Which part of a file's movement: from ``start`` on for ``seconds``, at ``fps`` frames a second.

    ``take`` names one of a GLB's animations.
    """

    start: float = 0.0
    seconds: float | None = None
    fps: float = 30.0
    take: str | None = None

    def __post_init__(self) -> None:
        if not 1.0 <= self.fps <= _MOST_FPS:
            raise MotionError(f"frames a second must be from 1 to {_MOST_FPS:g}, not {self.fps:g}: use for instance 30")


def read_motion(path: Path, excerpt: Excerpt) -> tuple[SourceMotion, int]:
    """The excerpt of the file's movement, and how many frames of a calibration pose at its beginning are left out.

    Raises:
        MotionError: the file is of no known format, cannot be read or is damaged, or has no such part.
    """
    if not path.exists():
        raise MotionError(f"there is no file {path}: name a motion file ({', '.join(SUFFIXES)})")
    suffix = path.suffix.lower()
    if excerpt.take is not None and suffix not in (".glb", ".gltf"):
        raise MotionError(f"--take chooses among the animations of a GLB file, and {path.name} is none: leave it out")
    match suffix:
        case ".bvh":
            motion = read_bvh(path)
        case ".glb" | ".gltf":
            motion = read_glb_clip(path, excerpt.take)
        case ".npz":
            motion = read_amass(path)
        case _:
            raise MotionError(
                f'{path.name} is of no format that is read here: wanted {", ".join(SUFFIXES)}, found "{suffix}"'
            )
    motion, cut = without_leap(motion)
    frames = (excerpt.seconds or float(motion.times[-1])) * excerpt.fps
    if frames > _LONGEST_FRAMES:
        raise MotionError(f"{path.name} would give {frames:.0f} frames: choose a part by --start and --seconds")
    return resampled(motion, excerpt.fps, excerpt.start, excerpt.seconds), cut


def looped(clip: Clip) -> Clip:
    """The clip cut where it comes nearest to its beginning, its end melted into its first pose, and its way closed.

    The cut is in the last third. What the figure has gone over the ground by then is taken out evenly.
    """
    num = len(clip.times)
    if num < 4:
        return clip
    last = _nearest_end(clip)
    rotations, shift = clip.joint_rotations[: last + 1].clone(), clip.root_translation[: last + 1].clone()
    share = torch.arange(last + 1) / last
    away = shift[-1] - shift[0]
    away[1] = 0.0
    shift -= share[:, None] * away
    fps = 1.0 / float(clip.times[1] - clip.times[0])
    seam = min(max(round(_SEAM_S * fps), 1), last // 2)
    for step in range(seam + 1):
        frame = last - seam + step
        weight = step / seam
        weight = weight * weight * (3.0 - 2.0 * weight)
        rotations[frame] = _towards(rotations[frame], clip.joint_rotations[0], weight)
        shift[frame] = torch.lerp(shift[frame], clip.root_translation[0], weight)
    rotations[-1], shift[-1] = rotations[0], shift[0]
    return dataclasses.replace(clip, times=clip.times[: last + 1], joint_rotations=rotations, root_translation=shift)


def _nearest_end(clip: Clip) -> int:
    num = len(clip.times)
    first = max(num * 2 // 3, 3)
    difference = (clip.joint_rotations[first:] - clip.joint_rotations[0]).square().sum(dim=(1, 2, 3))
    heights = (clip.root_translation[first:, 1] - clip.root_translation[0, 1]).square()
    pace = clip.joint_rotations[first:] - clip.joint_rotations[first - 1 : -1]
    pace = (pace - (clip.joint_rotations[1] - clip.joint_rotations[0])).square().sum(dim=(1, 2, 3))
    return first + int(torch.argmin(difference + 20.0 * heights + 10.0 * pace))


def _towards(start: torch.Tensor, end: torch.Tensor, share: float) -> torch.Tensor:
    first = Rotation.from_matrix(start.double().numpy())
    way = (first.inv() * Rotation.from_matrix(end.double().numpy())).as_rotvec()
    return torch.from_numpy((first * Rotation.from_rotvec(share * np.asarray(way))).as_matrix()).to(start.dtype)
