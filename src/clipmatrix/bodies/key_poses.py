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
    "a_pose": {"shoulder_abduction": 42.0, "elbow_flexion": 3.0, "hip_abduction": 6.0},
    "t_pose": {"shoulder_abduction": 88.0, "girdle_elevation": 6.0, "elbow_flexion": 2.0, "hip_abduction": 3.0},
    "contrapposto": {
        "body_roll": -3.0, "spine_bend": 6.0, "neck_rotation": 15.0, "neck_bend": -3.0, "hip_abduction_l": 9.0,
        "hip_rotation_l": -18.0, "knee_flexion_l": 18.0, "ankle_dorsiflexion_l": 8.0, "hip_flexion_l": 12.0,
        "hip_abduction_r": -1.0, "elbow_flexion_l": 22.0, "elbow_flexion_r": 14.0, "shoulder_flexion_l": 6.0,
    },
    "walk_left": {
        "body_yaw": -4.0, "spine_rotation": 9.0, "hip_flexion_l": 26.0, "knee_flexion_l": 6.0,
        "ankle_dorsiflexion_l": 3.0, "hip_flexion_r": -16.0, "knee_flexion_r": 16.0, "ankle_dorsiflexion_r": -8.0,
        "toe_extension_r": 30.0, "hip_abduction": 2.0, "shoulder_flexion_l": -22.0, "elbow_flexion_l": 12.0,
        "shoulder_flexion_r": 24.0, "elbow_flexion_r": 26.0,
    },
    "run_left": {
        "body_pitch": 9.0, "spine_rotation": 14.0, "spine_flexion": 6.0, "neck_flexion": -10.0, "hip_flexion_l": 68.0,
        "knee_flexion_l": 84.0, "ankle_dorsiflexion_l": 8.0, "hip_flexion_r": -12.0, "knee_flexion_r": 18.0,
        "ankle_dorsiflexion_r": -28.0, "toe_extension_r": 40.0, "shoulder_flexion_l": -42.0, "elbow_flexion_l": 88.0,
        "shoulder_flexion_r": 46.0, "elbow_flexion_r": 96.0, "finger_curl": 55.0, "index_curl": 50.0,
        "thumb_curl": 25.0, "shoulder_abduction": 12.0,
    },
    "crouch": {
        "body_pitch": 28.0, "spine_flexion": 32.0, "neck_flexion": -32.0, "hip_flexion": 112.0, "knee_flexion": 124.0,
        "hip_abduction": 16.0, "hip_rotation": -12.0, "ankle_dorsiflexion": 18.0, "shoulder_flexion": 52.0,
        "shoulder_abduction": 16.0, "elbow_flexion": 42.0, "ankle_inversion": 3.0,
    },
    "reach_up": {
        "spine_flexion": -10.0, "neck_flexion": -22.0, "shoulder_flexion": 160.0, "shoulder_abduction": 10.0,
        "girdle_elevation": 26.0, "elbow_flexion": 12.0, "ankle_dorsiflexion": -12.0, "toe_extension": 14.0,
        "finger_curl": 6.0,
    },
    "warrior": {
        "body_yaw": 0.0, "hip_abduction_l": 40.0, "hip_rotation_l": -42.0, "hip_flexion_l": 46.0,
        "knee_flexion_l": 62.0, "ankle_dorsiflexion_l": 14.0, "hip_abduction_r": 38.0, "hip_rotation_r": -6.0,
        "knee_flexion_r": 2.0, "ankle_inversion_r": 20.0, "shoulder_abduction": 88.0, "elbow_flexion": 3.0,
        "neck_rotation": 58.0, "spine_rotation": 8.0, "girdle_elevation": 5.0, "finger_curl": 4.0, "index_curl": 3.0,
    },
    "sit": {
        "body_pitch": -4.0, "spine_flexion": 8.0, "hip_flexion": 88.0, "knee_flexion": 88.0, "hip_abduction": 9.0,
        "hip_rotation": 0.0, "shoulder_flexion": 34.0, "elbow_flexion": 42.0, "shoulder_abduction": 10.0,
        "forearm_pronation": 50.0, "shoulder_rotation": 10.0, "ankle_dorsiflexion": 2.0,
    },
    "dance": {
        "body_roll": 6.0, "spine_bend": -16.0, "spine_rotation": 12.0, "neck_bend": 10.0, "neck_rotation": -18.0,
        "hip_flexion_l": 34.0, "hip_abduction_l": 26.0, "knee_flexion_l": 58.0, "hip_rotation_l": -25.0,
        "ankle_dorsiflexion_l": -32.0, "knee_flexion_r": 14.0, "hip_flexion_r": 10.0, "shoulder_abduction_l": 118.0,
        "girdle_elevation_l": 18.0, "elbow_flexion_l": 48.0, "shoulder_rotation_l": -60.0,
        "shoulder_abduction_r": 62.0, "elbow_flexion_r": 36.0, "shoulder_flexion_r": 18.0, "wrist_flexion_r": -25.0,
    },
    "hands_on_hips": {
        "shoulder_abduction": 52.0, "shoulder_flexion": -14.0, "shoulder_rotation": 62.0, "elbow_flexion": 96.0,
        "forearm_pronation": -10.0, "wrist_flexion": -30.0, "finger_curl": 25.0, "hip_abduction": 9.0,
        "spine_flexion": -5.0, "neck_flexion": -4.0, "girdle_elevation": 4.0,
    },
    "throw": {
        "body_yaw": -30.0, "spine_rotation": -26.0, "spine_flexion": -10.0, "spine_bend": -8.0, "neck_rotation": 48.0,
        "hip_flexion_l": 36.0, "knee_flexion_l": 10.0, "hip_abduction_l": 12.0, "hip_flexion_r": -14.0,
        "knee_flexion_r": 24.0, "hip_abduction_r": 14.0, "hip_rotation_r": -25.0, "shoulder_abduction_r": 92.0,
        "shoulder_rotation_r": -86.0, "elbow_flexion_r": 96.0, "finger_curl_r": 45.0, "index_curl_r": 40.0,
        "shoulder_flexion_l": 72.0, "shoulder_abduction_l": 28.0, "elbow_flexion_l": 18.0, "girdle_elevation_r": 8.0,
    },
    "kick": {
        "body_pitch": -12.0, "spine_flexion": 10.0, "hip_flexion_r": 88.0, "knee_flexion_r": 12.0,
        "ankle_dorsiflexion_r": -22.0, "hip_flexion_l": -6.0, "knee_flexion_l": 12.0, "ankle_dorsiflexion_l": 10.0,
        "shoulder_flexion_l": 56.0, "elbow_flexion_l": 84.0, "shoulder_flexion_r": -24.0,
        "shoulder_abduction_r": 36.0, "elbow_flexion_r": 62.0, "shoulder_abduction_l": 14.0, "finger_curl": 70.0,
        "index_curl": 68.0, "thumb_curl": 35.0,
    },
    "think": {
        "shoulder_flexion_r": 54.0, "shoulder_abduction_r": 6.0, "elbow_flexion_r": 132.0,
        "forearm_pronation_r": -10.0, "shoulder_rotation_r": 26.0, "finger_curl_r": 62.0, "index_curl_r": 24.0,
        "thumb_curl_r": 10.0, "wrist_flexion_r": 10.0, "neck_flexion": 14.0, "neck_rotation": -10.0,
        "shoulder_flexion_l": 26.0, "shoulder_rotation_l": 68.0, "elbow_flexion_l": 86.0,
        "shoulder_abduction_l": 14.0, "hip_abduction_l": 6.0, "knee_flexion_l": 10.0, "hip_flexion_l": 6.0,
    },
    "wave": {
        "shoulder_abduction_r": 96.0, "shoulder_rotation_r": -82.0, "elbow_flexion_r": 92.0,
        "shoulder_flexion_r": 20.0, "girdle_elevation_r": 10.0, "finger_curl_r": 4.0, "index_curl_r": 3.0,
        "thumb_curl_r": 0.0, "forearm_pronation_r": 20.0, "neck_bend": -6.0, "spine_bend": 4.0,
    },
    "cheer": {
        "shoulder_abduction": 148.0, "shoulder_flexion": 10.0, "girdle_elevation": 26.0, "elbow_flexion": 24.0,
        "shoulder_rotation": -40.0, "finger_curl": 70.0, "index_curl": 68.0, "thumb_curl": 35.0,
        "spine_flexion": -10.0, "neck_flexion": -16.0, "hip_abduction": 10.0,
    },
    "point": {
        "shoulder_flexion_r": 84.0, "shoulder_abduction_r": 6.0, "elbow_flexion_r": 6.0, "finger_curl_r": 80.0,
        "index_curl_r": 2.0, "thumb_curl_r": 38.0, "forearm_pronation_r": 50.0, "girdle_protraction_r": 10.0,
        "spine_rotation": 10.0, "neck_rotation": -4.0, "hip_flexion_l": 8.0, "hip_flexion_r": -6.0,
    },
    "guard": {
        "body_yaw": -24.0, "neck_rotation": 22.0, "spine_flexion": 10.0, "hip_flexion_l": 30.0,
        "knee_flexion_l": 28.0, "ankle_dorsiflexion_l": 6.0, "hip_flexion_r": 2.0, "knee_flexion_r": 34.0,
        "hip_abduction": 12.0, "hip_rotation_r": -24.0, "ankle_dorsiflexion_r": 14.0, "shoulder_flexion_l": 58.0,
        "elbow_flexion_l": 112.0, "shoulder_flexion_r": 40.0, "elbow_flexion_r": 128.0, "shoulder_abduction": 10.0,
        "forearm_pronation": 20.0, "finger_curl": 88.0, "index_curl": 88.0, "thumb_curl": 45.0,
        "shoulder_rotation": 10.0,
    },
    "bow": {
        "body_pitch": 30.0, "spine_flexion": 34.0, "neck_flexion": 14.0, "hip_flexion": 32.0,
        "shoulder_flexion": 42.0, "shoulder_abduction": 8.0, "elbow_flexion": 14.0, "hip_abduction": 2.0,
    },
    "lunge": {
        "body_pitch": 4.0, "hip_flexion_l": 68.0, "knee_flexion_l": 70.0, "ankle_dorsiflexion_l": 4.0,
        "hip_flexion_r": -16.0, "knee_flexion_r": 52.0, "ankle_dorsiflexion_r": 2.0, "toe_extension_r": 56.0,
        "shoulder_flexion_r": 34.0, "elbow_flexion_r": 48.0, "shoulder_flexion_l": -28.0, "elbow_flexion_l": 34.0,
        "hip_abduction": 3.0, "hip_rotation": -2.0,
    },
    "shrug": {
        "girdle_elevation": 32.0, "shoulder_abduction": 26.0, "shoulder_rotation": -55.0, "elbow_flexion": 84.0,
        "forearm_pronation": -60.0, "neck_bend": 12.0, "finger_curl": 10.0, "wrist_flexion": -20.0,
        "shoulder_flexion": 8.0,
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
