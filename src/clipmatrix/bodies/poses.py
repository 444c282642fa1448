"""Key poses on a body, random poses around them, and their stand on the ground; knows not how a rig is built."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.anatomy import ANGLE_NAMES, ARM_ANGLES, build_pose_space, limits, mirrored_angles
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.clearance import build_obstacles, limb_clearance
from clipmatrix.bodies.key_poses import KEY_POSE_NAMES, key_angles
from clipmatrix.bodies.rig import world_from_joint
from clipmatrix.bodies.stance import arm_clearance, build_trunk, settle
from clipmatrix.errors import ConfigError

# Half the thickness of a hand or a slim forearm.
_ARM_MARGIN_M = 0.03

_HAND_MARGIN_M, _FOOT_MARGIN_M = -0.02, 0.015
"""With these no hand of 2,000 poses of the Anny body was deeper in it than 3.1 cm, and no foot was in it at all."""


@dataclass(frozen=True)
class PoseConfig:
    """How far sampled poses go from the key poses.

    ``max_mix`` is the largest share of the second of two mixed key poses. ``jitter_deg`` is the standard deviation of
    an angle, for joints that move a lot; those with a small range have a tenth of their range at most.
    ``max_yaw_deg`` turns the whole figure; 0 leaves that to the cameras.
    """

    max_mix: float = 0.5
    jitter_deg: float = 6.0
    max_yaw_deg: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.max_mix <= 1.0:
            raise ConfigError(f"expected max_mix between 0 and 1, found {self.max_mix}: choose a share")
        if not 0.0 <= self.jitter_deg <= 45.0:
            raise ConfigError(f"expected jitter_deg between 0 and 45, found {self.jitter_deg}: choose fewer degrees")
        if not 0.0 <= self.max_yaw_deg <= 180.0:
            raise ConfigError(f"expected max_yaw_deg between 0 and 180, found {self.max_yaw_deg}: choose an angle")


def key_poses(body: Body) -> dict[str, Float[Tensor, "j 3 3"]]:
    """The key poses as joint rotations of a humanoid body."""
    angles = key_angles().to(body.template.vertices.device)
    return dict(zip(KEY_POSE_NAMES, build_pose_space(body).joint_rotations(angles), strict=True))


class PoseSampler:
    """Draws poses of a humanoid body: mixtures of two key poses, some mirrored, jittered within the limits.

    No hand is deeper than 4 cm inside of the rest of the body, and no foot deeper than 2 cm, with the usual settings.
    """

    def __init__(self, body: Body, config: PoseConfig | None = None) -> None:
        self._config = config or PoseConfig()
        self._body = body
        self._space = build_pose_space(body)
        self._trunk = build_trunk(body)
        self._obstacles = build_obstacles(body)
        self._device = body.template.vertices.device
        self._keys = key_angles()
        self._limits = limits()
        span = self._limits[:, 1] - self._limits[:, 0]
        jitter = torch.minimum(torch.full_like(span, math.radians(self._config.jitter_deg)), 0.1 * span)
        jitter[ANGLE_NAMES.index("body_yaw")] = 0.0
        # Anatomical jitter of the trunk topples figures sooner than it varies them.
        for name in ("body_pitch", "body_roll"):
            jitter[ANGLE_NAMES.index(name)] *= 0.4
        self._jitter = jitter

    def sample(self, num: int, generator: torch.Generator) -> Float[Tensor, "b j 3 3"]:
        """Joint rotations of ``num`` random poses; the same generator state gives the same poses."""
        return self._space.joint_rotations(self.sample_angles(num, generator).to(self._device))

    def sample_angles(self, num: int, generator: torch.Generator) -> Float[Tensor, "b a"]:
        """Anatomical angles of ``num`` random poses, in radians, all within the limits."""
        num_keys = self._keys.shape[0]
        first = self._keys[torch.randint(num_keys, (num,), generator=generator)]
        second = self._keys[torch.randint(num_keys, (num,), generator=generator)]
        mix = self._config.max_mix * torch.rand(num, 1, generator=generator)
        angles = first + mix * (second - first)
        angles = angles + self._jitter * torch.randn(angles.shape, generator=generator)
        is_mirrored = torch.rand(num, 1, generator=generator) < 0.5
        first = torch.where(is_mirrored, mirrored_angles(first), first)
        angles = torch.where(is_mirrored, mirrored_angles(angles), angles)
        yaw = math.radians(self._config.max_yaw_deg) * (2 * torch.rand(num, generator=generator) - 1)
        angles[:, ANGLE_NAMES.index("body_yaw")] += yaw
        angles = angles.clamp(self._limits[:, 0], self._limits[:, 1])
        return self._limbs_out(settle(self._space, self._arms_out(angles, first)), first, yaw)

    def _limbs_out(
        self, angles: Float[Tensor, "b a"], keys: Float[Tensor, "b a"], yaw: Float[Tensor, "b"]
    ) -> Float[Tensor, "b a"]:
        """The settled poses, with a key pose in place of one that puts a hand or a foot into the body all the same."""
        frames = world_from_joint(self._body.rig, self._space.joint_rotations(angles))
        hands, feet = limb_clearance(self._body, self._obstacles, frames)
        is_inside = (hands < _HAND_MARGIN_M) | (feet < _FOOT_MARGIN_M)
        if bool(is_inside.any()):
            keys = keys[is_inside].clone()
            keys[:, ANGLE_NAMES.index("body_yaw")] += yaw[is_inside]
            angles[is_inside] = settle(self._space, keys.clamp(self._limits[:, 0], self._limits[:, 1]))
        return angles

    def _arms_out(self, angles: Float[Tensor, "b a"], keys: Float[Tensor, "b a"]) -> Float[Tensor, "b a"]:
        """The poses with the arms of their key pose where the mixture would put an arm into the trunk."""
        frames = world_from_joint(self._body.rig, self._space.joint_rotations(angles))
        is_inside = arm_clearance(self._body, self._trunk, frames) < _ARM_MARGIN_M
        for column, side in enumerate(("l", "r")):
            ids = [ANGLE_NAMES.index(f"{name}_{side}") for name in ARM_ANGLES]
            angles[:, ids] = torch.where(is_inside[:, column, None], keys[:, ids], angles[:, ids])
        return angles


def grounding(vertices: Float[Tensor, "b v 3"]) -> Float[Tensor, "b 3"]:
    """The translation in metres that puts the lowest vertex of each posed body on y = 0."""
    shift = torch.zeros_like(vertices[:, 0])
    shift[:, 1] = -vertices[..., 1].amin(dim=1)
    return shift
