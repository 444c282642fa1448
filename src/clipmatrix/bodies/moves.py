"""The angles of single movements on the spot: crouching, turning about by steps, jumping; knows no rig."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.anatomy import ANGLE_NAMES, PoseSpace
from clipmatrix.bodies.curves import FRAMES_PER_SECOND, angle_rows, at_ease, phases, sine, smooth_step
from clipmatrix.bodies.key_poses import KEY_POSE_NAMES, key_angles
from clipmatrix.bodies.stance import settle

_CROUCH_S, _TURN_S, _JUMP_S = 3.6, 5.0, 2.0
# A whole turn takes four steps of each foot, a quarter each; a foot is in the air for this share of its step.
_TURN_STEPS, _SWING = 4, 0.45
_JUMP_M, _GRAVITY = 0.28, 9.81
_TAKE_OFF_S = 0.80


def crouch_angles(space: PoseSpace) -> Float[Tensor, "n a"]:
    """Down into a crouch, a breath and a look around there, and up again."""
    phase = phases(_CROUCH_S)
    keys = key_angles()[[KEY_POSE_NAMES.index("stand"), KEY_POSE_NAMES.index("crouch")]]
    stand, crouch = settle(space, keys.to(space.bind_rotations.device)).cpu()
    down = smooth_step((phase - 0.04) / 0.27) * smooth_step((0.96 - phase) / 0.27)
    angles = torch.lerp(stand, crouch, down[:, None])
    for name, degrees in (
        ("neck_rotation", 24 * sine((phase - 0.3).clamp(0.0, 0.4) / 0.4)),
        ("spine_flexion", 3 * sine((phase - 0.3).clamp(0.0, 0.4) / 0.4, 2)),
    ):
        angles[:, ANGLE_NAMES.index(name)] += down * degrees * (math.pi / 180)
    return angles


def turn_angles() -> Float[Tensor, "n a"]:
    """Once round to the left in eight small steps; head and shoulders lead."""
    phase = phases(_TURN_S)
    columns = at_ease(phase.shape[0])
    columns["body_yaw"] = (360 * phase + 180) % 360 - 180
    columns["body_roll"] = 1.5 * sine(phase, _TURN_STEPS, 0.1)
    columns["body_pitch"] = 1 + 0 * phase
    columns["spine_rotation"] = 6 + 2 * sine(phase, 2 * _TURN_STEPS)
    columns["neck_rotation"] = 16 + 4 * sine(phase, _TURN_STEPS)
    for side, sign, lead in (("l", 1.0, 0.0), ("r", -1.0, 0.5)):
        step = (_TURN_STEPS * phase + lead) % 1.0
        # The foot turns while it is in the air, and not before or after.
        swing = smooth_step((step / _SWING - 0.12) / 0.7)
        # How far the foot is ahead of the hips, which turn evenly.
        ahead = 360 / _TURN_STEPS * (swing - step) - 360 / _TURN_STEPS * (0.5 - _SWING / 2)
        lift = torch.sin(math.pi * (step / _SWING).clamp(0.0, 1.0)) ** 2
        columns[f"hip_rotation_{side}"] = -sign * ahead
        columns[f"hip_abduction_{side}"] = 5 + 3 * lift
        # The sole stays level on its way up and down, or its toes would be the last to leave the ground.
        columns[f"hip_flexion_{side}"] = 3 + 26 * lift
        columns[f"knee_flexion_{side}"] = 6 + 32 * lift
        columns[f"ankle_dorsiflexion_{side}"] = 3 + 6 * lift
        columns[f"shoulder_flexion_{side}"] = 4 - 8 * sine(phase, _TURN_STEPS, 0.25 * sign)
        columns[f"elbow_flexion_{side}"] = 22 + 6 * lift
    return angle_rows(columns)


def jump_angles() -> Float[Tensor, "n a"]:
    """A dip with the arms back, a jump straight up with the arms up, a soft landing."""
    phase = phases(_JUMP_S)
    time = phase * _JUMP_S
    land = _TAKE_OFF_S + _flight_s()
    columns = at_ease(phase.shape[0])
    dip = _bump(time, 0.10, 0.52, _TAKE_OFF_S)
    give = _bump(time, land - 0.02, land + 0.14, _JUMP_S - 0.06)
    push = _bump(time, 0.56, _TAKE_OFF_S, land - 0.06)
    tuck = _bump(time, _TAKE_OFF_S, (_TAKE_OFF_S + land) / 2, land)
    reach = _bump(time, 0.34, _TAKE_OFF_S + 0.2, land + 0.5)
    bend = 1.0 * dip + 0.8 * give
    columns["body_pitch"] = 20 * bend
    columns["spine_flexion"] = 14 * bend - 8 * reach * (1 - give)
    columns["neck_flexion"] = -16 * bend - 10 * reach
    for side in ("l", "r"):
        columns[f"hip_flexion_{side}"] = 58 * bend + 14 * tuck
        columns[f"knee_flexion_{side}"] = 3 + 76 * bend + 26 * tuck
        columns[f"ankle_dorsiflexion_{side}"] = 18 * bend - 42 * push * (1 - bend) * (1 - tuck) - 20 * tuck
        columns[f"toe_extension_{side}"] = 24 * push * (1 - tuck)
        columns[f"shoulder_flexion_{side}"] = -24 * dip + 96 * reach * (1 - dip)
        columns[f"shoulder_abduction_{side}"] = 12 + 14 * reach + 8 * give
        columns[f"elbow_flexion_{side}"] = 14 + 16 * dip + 22 * give
        columns[f"hip_abduction_{side}"] = 5 + 3 * bend
    return angle_rows(columns)


def jump_heights() -> Float[Tensor, "n"]:
    """How high the soles are above the ground in metres: a throw straight up."""
    since = phases(_JUMP_S) * _JUMP_S - _TAKE_OFF_S
    return (since * (_flight_s() - since) * _GRAVITY / 2).clamp_min(0.0)


def _flight_s() -> float:
    frames = round(2 * math.sqrt(2 * _JUMP_M / _GRAVITY) * FRAMES_PER_SECOND)
    return frames / FRAMES_PER_SECOND


def _bump(time: Float[Tensor, "n"], start: float, top: float, end: float) -> Float[Tensor, "n"]:
    """0 before ``start`` and after ``end``, 1 at ``top``, smooth between."""
    return smooth_step((time - start) / (top - start)) * smooth_step((end - time) / (end - top))
