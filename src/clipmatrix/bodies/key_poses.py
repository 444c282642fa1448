"""Key poses of our own, as anatomical angles in degrees; knows no rig."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.anatomy import ANGLE_NAMES, LIMITS_DEG

# What every pose has unless it says otherwise: hands half open, elbows soft, feet a hand apart and a little out.
_EASE_DEG: dict[str, float] = {
    "finger_curl": 12.0,
    "index_curl": 8.0,
    "thumb_curl": 8.0,
    "elbow_flexion": 10.0,
    "shoulder_abduction": 9.0,
    "hip_abduction": 3.0,
    "hip_rotation": -6.0,
    "knee_flexion": 3.0,
    "ankle_dorsiflexion": 2.0,
}

# Angles in degrees. A name without side holds for both sides; those not named are at ease.
KEY_POSES_DEG: dict[str, dict[str, float]] = {
    "stand": {},
    "a_pose": {"shoulder_abduction": 42, "elbow_flexion": 3, "hip_abduction": 6},
    "t_pose": {"shoulder_abduction": 88, "girdle_elevation": 6, "elbow_flexion": 2, "hip_abduction": 3},
    "contrapposto": {
        "body_roll": -3, "spine_bend": 6, "neck_rotation": 15, "neck_bend": -3, "hip_abduction_l": 9,
        "hip_rotation_l": -18, "knee_flexion_l": 18, "ankle_dorsiflexion_l": 8, "hip_flexion_l": 12,
        "hip_abduction_r": -1, "elbow_flexion_l": 22, "elbow_flexion_r": 14, "shoulder_flexion_l": 6,
    },
    "walk_left": {
        "body_yaw": -4, "spine_rotation": 9, "hip_flexion_l": 26, "knee_flexion_l": 6, "ankle_dorsiflexion_l": 3,
        "hip_flexion_r": -16, "knee_flexion_r": 16, "ankle_dorsiflexion_r": -8, "toe_extension_r": 30,
        "hip_abduction": 2, "shoulder_flexion_l": -22, "elbow_flexion_l": 12, "shoulder_flexion_r": 24,
        "elbow_flexion_r": 26,
    },
    "run_left": {
        "body_pitch": 9, "spine_rotation": 14, "spine_flexion": 6, "neck_flexion": -10, "hip_flexion_l": 68,
        "knee_flexion_l": 84, "ankle_dorsiflexion_l": 8, "hip_flexion_r": -12, "knee_flexion_r": 18,
        "ankle_dorsiflexion_r": -28, "toe_extension_r": 40, "shoulder_flexion_l": -42, "elbow_flexion_l": 88,
        "shoulder_flexion_r": 46, "elbow_flexion_r": 96, "finger_curl": 55, "index_curl": 50, "thumb_curl": 25,
        "shoulder_abduction": 12,
    },
    "crouch": {
        "body_pitch": 28, "spine_flexion": 32, "neck_flexion": -32, "hip_flexion": 112, "knee_flexion": 124,
        "hip_abduction": 16, "hip_rotation": -12, "ankle_dorsiflexion": 18, "shoulder_flexion": 52,
        "shoulder_abduction": 16, "elbow_flexion": 42, "ankle_inversion": 3,
    },
    "reach_up": {
        "spine_flexion": -10, "neck_flexion": -22, "shoulder_flexion": 160, "shoulder_abduction": 10,
        "girdle_elevation": 26, "elbow_flexion": 12, "ankle_dorsiflexion": -12, "toe_extension": 14, "finger_curl": 6,
    },
    "warrior": {
        "body_yaw": 0, "hip_abduction_l": 40, "hip_rotation_l": -42, "hip_flexion_l": 46, "knee_flexion_l": 62,
        "ankle_dorsiflexion_l": 14, "hip_abduction_r": 38, "hip_rotation_r": -6, "knee_flexion_r": 2,
        "ankle_inversion_r": 20, "shoulder_abduction": 88, "elbow_flexion": 3, "neck_rotation": 58,
        "spine_rotation": 8, "girdle_elevation": 5, "finger_curl": 4, "index_curl": 3,
    },
    "sit": {
        "body_pitch": -4, "spine_flexion": 8, "hip_flexion": 88, "knee_flexion": 88, "hip_abduction": 9,
        "hip_rotation": 0, "shoulder_flexion": 34, "elbow_flexion": 42, "shoulder_abduction": 10,
        "forearm_pronation": 50, "shoulder_rotation": 10, "ankle_dorsiflexion": 2,
    },
    "dance": {
        "body_roll": 6, "spine_bend": -16, "spine_rotation": 12, "neck_bend": 10, "neck_rotation": -18,
        "hip_flexion_l": 34, "hip_abduction_l": 26, "knee_flexion_l": 58, "hip_rotation_l": -25,
        "ankle_dorsiflexion_l": -32, "knee_flexion_r": 14, "hip_flexion_r": 10, "shoulder_abduction_l": 118,
        "girdle_elevation_l": 18, "elbow_flexion_l": 48, "shoulder_rotation_l": -60, "shoulder_abduction_r": 62,
        "elbow_flexion_r": 36, "shoulder_flexion_r": 18, "wrist_flexion_r": -25,
    },
    "hands_on_hips": {
        "shoulder_abduction": 52, "shoulder_flexion": -14, "shoulder_rotation": 62, "elbow_flexion": 96,
        "forearm_pronation": -10, "wrist_flexion": -30, "finger_curl": 25, "hip_abduction": 9, "spine_flexion": -5,
        "neck_flexion": -4, "girdle_elevation": 4,
    },
    "throw": {
        "body_yaw": -30, "spine_rotation": -26, "spine_flexion": -10, "spine_bend": -8, "neck_rotation": 48,
        "hip_flexion_l": 36, "knee_flexion_l": 10, "hip_abduction_l": 12, "hip_flexion_r": -14, "knee_flexion_r": 24,
        "hip_abduction_r": 14, "hip_rotation_r": -25, "shoulder_abduction_r": 92, "shoulder_rotation_r": -86,
        "elbow_flexion_r": 96, "finger_curl_r": 45, "index_curl_r": 40, "shoulder_flexion_l": 72,
        "shoulder_abduction_l": 28, "elbow_flexion_l": 18, "girdle_elevation_r": 8,
    },
    "kick": {
        "body_pitch": -12, "spine_flexion": 10, "hip_flexion_r": 88, "knee_flexion_r": 12,
        "ankle_dorsiflexion_r": -22, "hip_flexion_l": -6, "knee_flexion_l": 12, "ankle_dorsiflexion_l": 10,
        "shoulder_flexion_l": 56, "elbow_flexion_l": 84, "shoulder_flexion_r": -24, "shoulder_abduction_r": 36,
        "elbow_flexion_r": 62, "shoulder_abduction_l": 14, "finger_curl": 70, "index_curl": 68, "thumb_curl": 35,
    },
    "think": {
        "shoulder_flexion_r": 54, "shoulder_abduction_r": 6, "elbow_flexion_r": 132, "forearm_pronation_r": -10,
        "shoulder_rotation_r": 26, "finger_curl_r": 62, "index_curl_r": 24, "thumb_curl_r": 10, "wrist_flexion_r": 10,
        "neck_flexion": 14, "neck_rotation": -10, "shoulder_flexion_l": 26, "shoulder_rotation_l": 68,
        "elbow_flexion_l": 86, "shoulder_abduction_l": 14, "hip_abduction_l": 6, "knee_flexion_l": 10,
        "hip_flexion_l": 6,
    },
    "wave": {
        "shoulder_abduction_r": 96, "shoulder_rotation_r": -82, "elbow_flexion_r": 92, "shoulder_flexion_r": 20,
        "girdle_elevation_r": 10, "finger_curl_r": 4, "index_curl_r": 3, "thumb_curl_r": 0, "forearm_pronation_r": 20,
        "neck_bend": -6, "spine_bend": 4,
    },
    "cheer": {
        "shoulder_abduction": 148, "shoulder_flexion": 10, "girdle_elevation": 26, "elbow_flexion": 24,
        "shoulder_rotation": -40, "finger_curl": 70, "index_curl": 68, "thumb_curl": 35, "spine_flexion": -10,
        "neck_flexion": -16, "hip_abduction": 10,
    },
    "point": {
        "shoulder_flexion_r": 84, "shoulder_abduction_r": 6, "elbow_flexion_r": 6, "finger_curl_r": 80,
        "index_curl_r": 2, "thumb_curl_r": 38, "forearm_pronation_r": 50, "girdle_protraction_r": 10,
        "spine_rotation": 10, "neck_rotation": -4, "hip_flexion_l": 8, "hip_flexion_r": -6,
    },
    "guard": {
        "body_yaw": -24, "neck_rotation": 22, "spine_flexion": 10, "hip_flexion_l": 30, "knee_flexion_l": 28,
        "ankle_dorsiflexion_l": 6, "hip_flexion_r": 2, "knee_flexion_r": 34, "hip_abduction": 12,
        "hip_rotation_r": -24, "ankle_dorsiflexion_r": 14, "shoulder_flexion_l": 58, "elbow_flexion_l": 112,
        "shoulder_flexion_r": 40, "elbow_flexion_r": 128, "shoulder_abduction": 10, "forearm_pronation": 20,
        "finger_curl": 88, "index_curl": 88, "thumb_curl": 45, "shoulder_rotation": 10,
    },
    "bow": {
        "body_pitch": 30, "spine_flexion": 34, "neck_flexion": 14, "hip_flexion": 32, "shoulder_flexion": 42,
        "shoulder_abduction": 8, "elbow_flexion": 14, "hip_abduction": 2,
    },
    "lunge": {
        "body_pitch": 4, "hip_flexion_l": 68, "knee_flexion_l": 70, "ankle_dorsiflexion_l": 4, "hip_flexion_r": -16,
        "knee_flexion_r": 52, "ankle_dorsiflexion_r": 2, "toe_extension_r": 56, "shoulder_flexion_r": 34,
        "elbow_flexion_r": 48, "shoulder_flexion_l": -28, "elbow_flexion_l": 34, "hip_abduction": 3,
        "hip_rotation": -2,
    },
    "shrug": {
        "girdle_elevation": 32, "shoulder_abduction": 26, "shoulder_rotation": -55, "elbow_flexion": 84,
        "forearm_pronation": -60, "neck_bend": 12, "finger_curl": 10, "wrist_flexion": -20, "shoulder_flexion": 8,
    },
}  # fmt: skip

KEY_POSE_NAMES = tuple(KEY_POSES_DEG)
"""The names of the key poses. Those with a side in them (walk_left ...) are mirrored at random by the sampler."""


def key_angles() -> Float[Tensor, "n a"]:
    """The anatomical angles of the key poses in radians, in the order of ``KEY_POSE_NAMES``."""
    return torch.tensor([angles_deg(pose) for pose in KEY_POSES_DEG.values()]) * (math.pi / 180)


def angles_deg(pose: Mapping[str, float]) -> list[float]:
    """The row of ``ANGLE_NAMES`` for a pose; a side's own value goes before that of both sides, both before ease."""
    both = {**_EASE_DEG, **pose}
    unknown = [name for name in pose if name not in LIMITS_DEG and f"{name}_l" not in LIMITS_DEG]
    assert not unknown, f"a key pose names unknown angles: {unknown}"
    return [float(both.get(name, both.get(name[:-2], 0.0))) for name in ANGLE_NAMES]
