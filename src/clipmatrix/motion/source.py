"""A movement as a file tells it, on the file's own skeleton; knows neither file formats nor bodies."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp

from clipmatrix.errors import MotionError

NEAR_ZERO = 1e-9
# No human joint turns at 1800 degrees a second, in radians; and few at 600.
_LEAP, _HASTE = 31.4, 10.5
_LEAD_S = 0.1


@dataclass(frozen=True, eq=False)
class SourceMotion:
    """Where every joint is, and how it is turned, at rest and at each moment.

    All in the file's own axes and unit of length. ``times`` are in seconds and start at 0. ``parents`` come before
    their children, -1 for roots. Ends of bones that the file names no joint for are joints too, called ``X_end``.
    ``name`` is what the file calls the movement.
    """

    name: str
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    rest_rotations: Float[np.ndarray, "j 3 3"]
    rest_positions: Float[np.ndarray, "j 3"]
    times: Float[np.ndarray, "n"]
    rotations: Float[np.ndarray, "n j 3 3"]
    positions: Float[np.ndarray, "n j 3"]


def chain(
    parents: Sequence[int], local_rotations: Float[np.ndarray, "n j 3 3"], local_offsets: Float[np.ndarray, "n j 3"]
) -> tuple[Float[np.ndarray, "n j 3 3"], Float[np.ndarray, "n j 3"]]:
    """The joints' rotations and positions in the file's space, from those in each parent's frame."""
    rotations, positions = np.empty_like(local_rotations), np.empty_like(local_offsets)
    for joint, parent in enumerate(parents):
        if parent < 0:
            rotations[:, joint], positions[:, joint] = local_rotations[:, joint], local_offsets[:, joint]
            continue
        above = rotations[:, parent]
        rotations[:, joint] = above @ local_rotations[:, joint]
        positions[:, joint] = positions[:, parent] + np.einsum("nij,nj->ni", above, local_offsets[:, joint])
    return rotations, positions


def resampled(motion: SourceMotion, fps: float, start: float = 0.0, seconds: float | None = None) -> SourceMotion:
    """The part from ``start`` on, ``seconds`` long or to the end, at ``fps`` frames a second and with times from 0.

    Raises:
        MotionError: the movement is over before ``start``, or its part is shorter than two frames.
    """
    length = float(motion.times[-1])
    if start < 0.0 or (start > 0.0 and start >= length):
        raise MotionError(f"--start must be from 0 to below {length:.2f} s, the movement's length, not {start:g}")
    if seconds is not None and seconds <= 0.0:
        raise MotionError(f"--seconds must be more than 0, not {seconds:g}: leave it out for the whole movement")
    end = length if seconds is None else min(start + seconds, length)
    num = int(np.floor((end - start) * fps + 1e-6)) + 1
    if num < 2 and length > 0.0:
        raise MotionError(f"wanted at least two frames, found {end - start:.3f} s of movement: choose a longer part")
    times = start + np.arange(num) / fps
    positions = np.stack(
        [
            np.interp(times, motion.times, motion.positions[:, j, axis])
            for j in range(len(motion.parents))
            for axis in range(3)
        ],
        axis=-1,
    ).reshape(num, len(motion.parents), 3)
    rotations = np.empty((num, len(motion.parents), 3, 3))
    for joint in range(len(motion.parents)):
        keys = motion.rotations[:, joint]
        if len(motion.times) == 1:
            rotations[:, joint] = keys[0]
        else:
            rotations[:, joint] = Slerp(motion.times, Rotation.from_matrix(keys))(np.clip(times, 0, length)).as_matrix()
    return dataclasses.replace(motion, times=times - start, rotations=rotations, positions=positions)


def without_leap(motion: SourceMotion) -> tuple[SourceMotion, int]:
    """The movement without the frames at its beginning that lead from a calibration pose, and how many there were.

    Many recordings begin with a T-pose and leap from it into what was recorded. A joint that turns faster than
    ``_LEAP`` in the first tenth of a second is such a leap; it ends with the last joint faster than ``_HASTE``.
    """
    num = min(int(np.searchsorted(motion.times, _LEAD_S, side="right")) + 1, len(motion.times) - 2)
    if num < 2:
        return motion, 0
    steps = motion.rotations[: num - 1].swapaxes(-1, -2) @ motion.rotations[1:num]
    angles = Rotation.from_matrix(steps.reshape(-1, 3, 3)).magnitude().reshape(num - 1, -1).max(axis=1)
    speeds = angles / np.diff(motion.times[:num])
    if speeds.max() < _LEAP:
        return motion, 0
    cut = int(np.flatnonzero(speeds > _HASTE)[-1]) + 1
    kept = slice(cut, None)
    times = motion.times[kept] - motion.times[cut]
    return (
        dataclasses.replace(motion, times=times, rotations=motion.rotations[kept], positions=motion.positions[kept]),
        cut,
    )


def check_finite(motion: SourceMotion, place: str) -> SourceMotion:
    """The same movement, if all of its numbers are numbers; ``place`` says where it is from.

    Raises:
        MotionError: some are not.
    """
    for values in (motion.rest_positions, motion.positions, motion.rotations, motion.times):
        if not np.isfinite(values).all():
            raise MotionError(f"{place} holds values that are no numbers (nan or infinite): export the movement again")
    return motion
