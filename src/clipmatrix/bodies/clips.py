"""Animation clips for a humanoid body: idle, walk, run, wave, dance, crouch, turn, jump and a tour of the key poses.

Every clip is a loop in place: the figure stays over the origin and the first frame is also the last. Feet stay where
they stand, or go back evenly with the ground under a figure that walks or runs. Knows no file format.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.anatomy import ANGLE_NAMES, PoseSpace, build_pose_space, limits
from clipmatrix.bodies.body import Body, RestBody
from clipmatrix.bodies.curves import FRAMES_PER_SECOND, angle_rows, at_ease, periodic, phases, sine, smooth_step
from clipmatrix.bodies.feet import lock_loop
from clipmatrix.bodies.key_poses import KEY_POSE_NAMES, key_angles
from clipmatrix.bodies.moves import crouch_angles, jump_angles, jump_heights, turn_angles
from clipmatrix.bodies.poses import grounding
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.bodies.stance import plant, settle

# Angles in degrees at each tenth of a stride, from the heel's strike to its next one: walking after Winter, "The
# Biomechanics and Motor Control of Human Gait" (1991), running after Novacheck, "The biomechanics of running" (1998),
# both rounded, then fitted by eye so that the heel comes down where the sole of a rigid figure is.
_WALK_LEG = {
    "hip_flexion": (24.0, 22.0, 15.0, 5.0, -5.0, -9.0, -1.0, 15.0, 25.0, 26.0),
    "knee_flexion": (3.0, 12.0, 12.0, 8.0, 11.0, 26.0, 48.0, 60.0, 44.0, 10.0),
    "ankle_dorsiflexion": (0.0, -5.0, 0.0, 6.0, 10.0, 6.0, -12.0, -6.0, 1.0, 1.0),
    "toe_extension": (6.0, 0.0, 0.0, 0.0, 12.0, 32.0, 24.0, 4.0, 4.0, 8.0),
}
_RUN_LEG = {
    "hip_flexion": (38.0, 34.0, 20.0, 2.0, -14.0, -8.0, 14.0, 42.0, 54.0, 48.0),
    "knee_flexion": (18.0, 38.0, 36.0, 22.0, 18.0, 48.0, 92.0, 104.0, 72.0, 32.0),
    "ankle_dorsiflexion": (6.0, 18.0, 16.0, -6.0, -26.0, -16.0, -2.0, 6.0, 8.0, 7.0),
    "toe_extension": (4.0, 0.0, 2.0, 20.0, 24.0, 6.0, 0.0, 0.0, 2.0, 6.0),
}
# A runner is in the air after each push: from this share of a stride to that one, and again half a stride later.
_FLIGHT = (0.36, 0.52)
_FEET, _HIPS = ("foot_l", "foot_r"), ("hips",)
_TOUR = (
    "stand", "contrapposto", "hands_on_hips", "point", "t_pose", "reach_up", "warrior", "lunge", "guard", "throw",
    "crouch", "cheer", "think", "bow", "dance", "shrug",
)  # fmt: skip
_RUN_FLIGHT_M = 0.05
_HOLD_S, _MOVE_S = 0.7, 0.7
_CHUNK = 32


@dataclass(frozen=True, eq=False)
class Clip:
    """A movement: times in seconds, the rotations of the joints in their bind frames, the root's shift in metres.

    ``joint_shift`` moves single joints in their parents' frames, as ``world_from_joint`` says; most clips have none.
    """

    name: str
    times: Float[Tensor, "n"]
    joint_rotations: Float[Tensor, "n j 3 3"]
    root_translation: Float[Tensor, "n 3"]
    joint_shift: Float[Tensor, "n j 3"] | None = None


def build_clips(body: Body, rest: RestBody | None = None) -> tuple[Clip, ...]:
    """The clips idle, walk, run, wave, dance, crouch, turn, jump and poses, 30 frames a second, standing on y = 0.

    ``rest`` is the body as it is to be shown (its shape and its deformations), None for the neutral one: rotations are
    the same for every shape, but where the soles are is not.

    Raises:
        BodyError: the body does not name the joints of a humanoid.
    """
    space = build_pose_space(body)
    shown = rest or RestBody(body.template.vertices, body.rig)
    movements = (
        _Movement("idle", _idle(), _FEET),
        _Movement("walk", _stride(phases(1.1), _walk(phases(1.1)), _WALK_LEG), _HIPS, is_gait=True),
        _Movement(
            "run", _stride(phases(0.7), _run(phases(0.7)), _RUN_LEG), _HIPS, _RUN_FLIGHT_M * _flight(phases(0.7)), True
        ),
        _Movement("wave", _wave(), _FEET),
        _Movement("dance", _dance(), _FEET),
        _Movement("crouch", crouch_angles(space), _FEET),
        _Movement("turn", turn_angles(), _HIPS),
        _Movement("jump", jump_angles(), _HIPS, jump_heights()),
        _Movement("poses", _tour(space), _FEET, is_held=False),
    )
    with torch.no_grad():
        return tuple(_clip(movement, space, shown) for movement in movements)


@dataclass(frozen=True, eq=False)
class _Movement:
    """Angles in radians, the roles whose middle stays over the origin, and how high above the ground the soles are.

    Under a gait the ground goes back as fast as its feet; where nothing is held feet may slide from pose to pose.
    """

    name: str
    angles: Float[Tensor, "n a"]
    anchors: tuple[str, ...]
    heights: Float[Tensor, "n"] | None = None
    is_gait: bool = False
    is_held: bool = True


def _clip(movement: _Movement, space: PoseSpace, rest: RestBody) -> Clip:
    angles = movement.angles.to(rest.vertices.device)
    if movement.anchors == _FEET:
        angles = plant(space, angles)
    low, high = limits(angles.device).unbind(1)
    rotations = space.joint_rotations(torch.minimum(torch.maximum(angles, low), high))
    anchors = [space.body.humanoid[role] for role in movement.anchors]
    num = angles.shape[0]
    heights = movement.heights if movement.heights is not None else torch.zeros(num)
    shift = torch.cat([_standing(rest, part, anchors) for part in rotations.split(_CHUNK)])
    shift[:, 1] += heights
    if movement.is_held:
        rotations, shift = lock_loop(
            rest, space.body.humanoid, rotations, shift, float(FRAMES_PER_SECOND), movement.is_gait
        )
        lowest = torch.cat([_standing(rest, part, anchors)[:, 1] for part in rotations.split(_CHUNK)])
        shift[:, 1] = lowest + heights
    # The loop closes exactly, not only up to rounding.
    rotations[-1], shift[-1] = rotations[0], shift[0]
    times = torch.arange(num, device=angles.device) / FRAMES_PER_SECOND
    return Clip(movement.name, times, rotations, shift)


def _standing(rest: RestBody, rotations: Float[Tensor, "n j 3 3"], anchors: list[int]) -> Float[Tensor, "n 3"]:
    """The root's shift that sets the body down on y = 0, the middle of the anchor joints over the origin."""
    frames = world_from_joint(rest.rig, rotations)
    shift = grounding(skin(rest.vertices, rest.rig, frames))
    middle = frames[:, anchors, :3, 3].mean(dim=1)
    shift[:, 0], shift[:, 2] = -middle[:, 0], -middle[:, 2]
    return shift


def _flight(phase: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """How high a runner is between two steps, as a share of the highest point: two parabolas a stride."""
    within = ((phase % 0.5) - (_FLIGHT[0] % 0.5)) / (_FLIGHT[1] - _FLIGHT[0])
    wrapped = torch.where(within < 0, within + 0.5 / (_FLIGHT[1] - _FLIGHT[0]), within)
    return (4 * wrapped * (1 - wrapped)).clamp_min(0.0)


def _stride(
    phase: Float[Tensor, "n"], columns: Mapping[str, Float[Tensor, "n"]], leg: Mapping[str, tuple[float, ...]]
) -> Float[Tensor, "n a"]:
    """A gait: the legs from their table, the right one half a stride behind, the rest from ``columns``."""
    columns = dict(columns)
    for name, values in leg.items():
        columns[f"{name}_l"] = periodic(values, phase)
        columns[f"{name}_r"] = periodic(values, phase + 0.5)
    return angle_rows(columns)


def _walk(phase: Float[Tensor, "n"]) -> dict[str, Float[Tensor, "n"]]:
    """Pelvis, trunk and arms of a walk; phase 0 is the left heel's strike."""
    columns = at_ease(phase.shape[0])
    forward = torch.cos(2 * math.pi * phase)  # how far the left leg is in front
    columns["body_yaw"] = -4 * forward
    columns["body_pitch"] = 2 + 0 * phase
    columns["body_roll"] = -2.5 * sine(phase, lag=0.03)
    columns["spine_bend"] = 2.5 * sine(phase, lag=0.03)
    columns["spine_rotation"] = 11 * forward
    columns["neck_rotation"] = -7 * forward
    for side, sign in (("l", -1.0), ("r", 1.0)):
        swing = sign * torch.cos(2 * math.pi * (phase - 0.03))
        columns[f"shoulder_flexion_{side}"] = 2 + 22 * swing
        columns[f"elbow_flexion_{side}"] = 20 + 10 * swing
        columns[f"hip_abduction_{side}"] = 1.5 - sign * 2.5 * sine(phase, lag=0.03)
        columns[f"hip_rotation_{side}"] = -4 - sign * 4 * forward
    return columns


def _run(phase: Float[Tensor, "n"]) -> dict[str, Float[Tensor, "n"]]:
    """Pelvis, trunk and arms of a run; phase 0 is the left foot's strike."""
    columns = at_ease(phase.shape[0])
    forward = torch.cos(2 * math.pi * (phase + 0.06))
    columns["body_pitch"] = 8 + 0 * phase
    columns["spine_flexion"] = 5 + 0 * phase
    columns["neck_flexion"] = -9 + 0 * phase
    columns["body_yaw"] = -7 * forward
    columns["spine_rotation"] = 18 * forward
    columns["neck_rotation"] = -11 * forward
    for side, sign in (("l", -1.0), ("r", 1.0)):
        swing = sign * forward
        columns[f"shoulder_flexion_{side}"] = 2 + 40 * swing
        columns[f"shoulder_abduction_{side}"] = 18 + 0 * phase
        columns[f"shoulder_rotation_{side}"] = 14 + 10 * swing
        columns[f"elbow_flexion_{side}"] = 92 + 12 * swing
        columns[f"forearm_pronation_{side}"] = 10 + 0 * phase
        columns[f"finger_curl_{side}"] = 55 + 0 * phase
        columns[f"index_curl_{side}"] = 52 + 0 * phase
        columns[f"thumb_curl_{side}"] = 25 + 0 * phase
        columns[f"hip_abduction_{side}"] = 1 + 0 * phase
        columns[f"hip_rotation_{side}"] = -2 - sign * 7 * forward
    return columns


def _idle() -> Float[Tensor, "n a"]:
    """Six seconds of standing: two breaths, the weight going to one foot and the other, a look around."""
    phase = phases(6.0)
    columns = at_ease(phase.shape[0])
    breath = 0.5 - 0.5 * torch.cos(2 * math.pi * 2 * phase)
    sway = sine(phase)
    columns["body_roll"] = 1.6 * sway
    columns["spine_bend"] = -2.6 * sway
    columns["spine_flexion"] = 1 - 2.5 * breath
    columns["spine_rotation"] = 2.0 * sine(phase, lag=0.1)
    columns["neck_flexion"] = 1 + 2.0 * breath
    columns["neck_rotation"] = 7 * sine(phase, lag=0.2) + 3 * sine(phase, 2, 0.05)
    columns["neck_bend"] = 1.5 * sway
    for side, sign in (("l", 1.0), ("r", -1.0)):
        load = 0.5 - 0.5 * sign * sway  # how much this leg is at rest
        columns[f"girdle_elevation_{side}"] = 2.5 * breath
        columns[f"shoulder_abduction_{side}"] = 9 + 1.5 * breath
        columns[f"shoulder_flexion_{side}"] = 3 + 2 * sine(phase, lag=0.25 + 0.1 * sign)
        columns[f"elbow_flexion_{side}"] = 13 + 2.5 * sine(phase, 2, 0.3 + 0.1 * sign)
        columns[f"knee_flexion_{side}"] = 3 + 7 * load
        columns[f"hip_flexion_{side}"] = 1 + 4 * load
    return angle_rows(columns)


def _wave() -> Float[Tensor, "n a"]:
    """Four seconds: the right hand goes up, waves thrice and comes down."""
    phase = phases(4.0)
    raised = smooth_step((phase - 0.04) / 0.2) * smooth_step((0.96 - phase) / 0.2)
    stand, wave = key_angles()[[KEY_POSE_NAMES.index("stand"), KEY_POSE_NAMES.index("wave")]]
    angles = torch.lerp(stand, wave, raised[:, None])
    shake = raised * smooth_step((phase - 0.2) / 0.08) * smooth_step((0.8 - phase) / 0.08) * sine(phase, 6)
    for name, degrees in (("shoulder_rotation_r", 14), ("elbow_flexion_r", 14), ("wrist_deviation_r", 10)):
        angles[:, ANGLE_NAMES.index(name)] += shake * math.radians(degrees)
    angles[:, ANGLE_NAMES.index("neck_rotation")] -= raised * math.radians(8)
    return angles


def _dance() -> Float[Tensor, "n a"]:
    """Four seconds, eight beats: knees on the beat, hips side to side, arms up by turns."""
    phase = phases(4.0)
    columns = at_ease(phase.shape[0])
    beat = 0.5 - 0.5 * torch.cos(2 * math.pi * 8 * phase)
    sway = sine(phase, 4)
    turn = sine(phase)
    columns["body_roll"] = 7 * sway
    columns["spine_bend"] = -15 * sway
    columns["neck_bend"] = 8 * sway
    columns["spine_rotation"] = 12 * turn
    columns["neck_rotation"] = -6 * turn
    columns["spine_flexion"] = 2 + 4 * beat
    columns["neck_flexion"] = -4 + 7 * beat
    for side, sign in (("l", 1.0), ("r", -1.0)):
        up = 0.5 + 0.5 * sign * turn
        columns[f"girdle_elevation_{side}"] = 14 * up
        columns[f"shoulder_abduction_{side}"] = 32 + 78 * up + 8 * sign * sway
        columns[f"shoulder_flexion_{side}"] = 16 + 10 * up
        columns[f"shoulder_rotation_{side}"] = 10 - 75 * up
        columns[f"elbow_flexion_{side}"] = 78 - 14 * up + 14 * beat
        columns[f"finger_curl_{side}"] = 30 - 16 * up
        columns[f"wrist_flexion_{side}"] = -10 * up + 12 * sign * sway
        columns[f"hip_abduction_{side}"] = 9 + 0 * phase
        bent = 16 + 12 * beat - 8 * sign * sway
        columns[f"knee_flexion_{side}"] = 2 * bent
        columns[f"hip_flexion_{side}"] = bent
    return angle_rows(columns)


def _tour(space: PoseSpace) -> Float[Tensor, "n a"]:
    """The key poses one after the other, each held for a moment, and back to the first."""
    ids = torch.tensor([KEY_POSE_NAMES.index(name) for name in (*_TOUR, _TOUR[0])])
    poses = settle(space, key_angles()[ids].to(space.bind_rotations.device)).cpu()
    per_pose = round((_HOLD_S + _MOVE_S) * FRAMES_PER_SECOND)
    frame = torch.arange(per_pose * len(_TOUR) + 1)
    pose = (frame // per_pose).clamp_max(len(_TOUR) - 1)
    within = (frame - pose * per_pose) / FRAMES_PER_SECOND
    return torch.lerp(poses[pose], poses[pose + 1], smooth_step((within - _HOLD_S) / _MOVE_S)[:, None])
