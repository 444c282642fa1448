"""Poses between the keys of a clip, as glTF viewers interpolate them; knows nothing of files or rendering."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from scipy.spatial.transform import Rotation
from torch import Tensor

from clipmatrix.bodies.clips import Clip


@dataclass(frozen=True, eq=False)
class Motion:
    """Poses at some moments: what ``world_from_joint`` takes."""

    joint_rotations: Float[Tensor, "n j 3 3"]
    root_translation: Float[Tensor, "n 3"]
    joint_shift: Float[Tensor, "n j 3"] | None = None

    @property
    def shifts(self) -> Float[Tensor, "n j 3"]:
        """The joints' shifts, zero where there are none."""
        return torch.zeros_like(self.joint_rotations[..., 0]) if self.joint_shift is None else self.joint_shift

    def at(self, index: int) -> "Motion":
        """One moment of it."""
        one = slice(index, index + 1)
        shift = None if self.joint_shift is None else self.joint_shift[one]
        return Motion(self.joint_rotations[one], self.root_translation[one], shift)


def stand_still(num_joints: int, num_moments: int = 1) -> Motion:
    """The bind pose at every moment."""
    return Motion(torch.eye(3).expand(num_moments, num_joints, 3, 3), torch.zeros(num_moments, 3))


def join(motions: Sequence[Motion]) -> Motion:
    """All moments of the motions, one after another."""
    return Motion(
        torch.cat([motion.joint_rotations for motion in motions]),
        torch.cat([motion.root_translation for motion in motions]),
        torch.cat([motion.shifts for motion in motions]) if _is_any_shifted(motions) else None,
    )


def sample_clip(clip: Clip, times: Float[Tensor, "n"]) -> Motion:
    """The clip's poses at ``times`` in seconds: turned along the shortest way between keys, still before and after.

    The same as glTF's LINEAR interpolation of what ``write_glb`` writes.
    """
    times = times.clamp(float(clip.times[0]), float(clip.times[-1]))
    after = torch.searchsorted(clip.times, times, right=True).clamp(1, max(len(clip.times) - 1, 1))
    after = after.clamp_max(len(clip.times) - 1)
    before = (after - 1).clamp_min(0)
    span = (clip.times[after] - clip.times[before]).clamp_min(1e-9)
    share = (times - clip.times[before]) / span
    return blend(_keys(clip, before), _keys(clip, after), share)


def blend(start: Motion, end: Motion, share: Float[Tensor, "n"]) -> Motion:
    """The poses ``share`` of the way from start to end: each joint turns along the shortest way (slerp)."""
    num_moments, num_joints = start.joint_rotations.shape[:2]
    first = Rotation.from_matrix(start.joint_rotations.reshape(-1, 3, 3).double().numpy())
    last = Rotation.from_matrix(end.joint_rotations.reshape(-1, 3, 3).double().numpy())
    weight = share.double().repeat_interleave(num_joints)[:, None].numpy()
    turned = first * Rotation.from_rotvec((first.inv() * last).as_rotvec() * weight)
    rotations = torch.from_numpy(turned.as_matrix()).to(start.joint_rotations.dtype)
    return Motion(
        rotations.reshape(num_moments, num_joints, 3, 3),
        torch.lerp(start.root_translation, end.root_translation, share[:, None]),
        torch.lerp(start.shifts, end.shifts, share[:, None, None]) if _is_any_shifted((start, end)) else None,
    )


def _is_any_shifted(motions: Sequence[Motion]) -> bool:
    return any(motion.joint_shift is not None for motion in motions)


def _keys(clip: Clip, key_ids: Int64[Tensor, "n"]) -> Motion:
    shift = None if clip.joint_shift is None else clip.joint_shift[key_ids]
    return Motion(clip.joint_rotations[key_ids], clip.root_translation[key_ids], shift)
