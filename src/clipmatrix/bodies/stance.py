"""What makes a pose physically plausible: balance, soles down, arms outside of the trunk; knows no key pose."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.anatomy import ANGLE_NAMES, PoseSpace, axis_rotation, limits
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.memberships import joint_memberships
from clipmatrix.bodies.rig import world_from_joint

# Where the body's mass is, roughly, after de Leva, "Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters"
# (1996): each role's joint stands for the segment around or below it.
_MASSES = {"hips": 0.22, "chest": 0.30, "head": 0.09}
_SIDE_MASSES = {"lower_arm": 0.04, "hand": 0.01, "upper_leg": 0.04, "lower_leg": 0.12, "foot": 0.03}
# A sole is set down fully where its ankle is nearly as low as the other one's, and not at all where it is well above.
_PLANTED_M, _LIFTED_M = 0.05, 0.13
# Leaning that a step would catch is corrected; more than that is meant so (sitting, falling into a run).
_MAX_LEAN_DEG, _MEANT_LEAN_DEG = 14.0, 24.0
_ARM_ROLES = ("lower_arm_twist", "hand", "thumb_3", "index_3", "middle_3", "little_3")
_TRUNK_ROLES = ("hips", "spine", "waist", "chest", "upper_chest", "neck")


@dataclass(frozen=True, eq=False)
class _TrunkSlice:
    """The trunk around one joint in the bind pose: an upright elliptic cylinder."""

    joint: int
    low: float
    high: float
    centre_z: float
    radius_x: float
    radius_z: float


@dataclass(frozen=True, eq=False)
class Trunk:
    """The trunk as elliptic cylinders that move with the spine; good to a centimetre or two."""

    slices: tuple[_TrunkSlice, ...]


def build_trunk(body: Body) -> Trunk:
    """The trunk of the body's neutral shape."""
    heights = body.rig.bind_from_joint[:, :3, 3]
    is_torso = joint_memberships(body.rig, body.humanoid)["torso"] > 0.6
    points = body.template.vertices[is_torso]
    joints = [body.humanoid[role] for role in _TRUNK_ROLES if role in body.humanoid]
    slices = []
    for joint, above in itertools.pairwise(joints):
        low, high = float(heights[joint, 1]), float(heights[above, 1])
        if joint == joints[0]:
            low = float(points[:, 1].min())
        inside = points[(points[:, 1] >= low) & (points[:, 1] <= high)]
        if high <= low or inside.shape[0] < 3:
            continue
        front, back = float(inside[:, 2].max()), float(inside[:, 2].min())
        width = float(inside[:, 0].abs().max())
        slices.append(_TrunkSlice(joint, low, high, (front + back) / 2, width, (front - back) / 2))
    return Trunk(tuple(slices))


def arm_clearance(body: Body, trunk: Trunk, frames: Float[Tensor, "b j 4 4"]) -> Float[Tensor, "b 2"]:
    """How far the lower arm and the hand stay outside of the trunk in metres, left and right; negative is inside.

    Measured at the joints (the limb's own thickness comes on top), for frames from ``world_from_joint``.
    """
    sides = []
    for side in ("l", "r"):
        joints = [body.humanoid[f"{role}_{side}"] for role in _ARM_ROLES if f"{role}_{side}" in body.humanoid]
        points = frames[:, joints, :, 3]
        nearest = points.new_full(points.shape[:2], 1.0)
        for part in trunk.slices:
            bind_from_world = body.rig.bind_from_joint[part.joint] @ torch.linalg.inv(frames[:, part.joint])
            x, y, z, _ = (bind_from_world[:, None] @ points[..., None]).squeeze(-1).unbind(-1)
            radius = torch.sqrt((x / part.radius_x) ** 2 + ((z - part.centre_z) / part.radius_z) ** 2)
            distance = (radius - 1.0) * min(part.radius_x, part.radius_z)
            is_beside = (y >= part.low) & (y <= part.high)
            nearest = torch.where(is_beside, torch.minimum(nearest, distance), nearest)
        sides.append(nearest.amin(dim=1))
    return torch.stack(sides, dim=1)


def settle(space: PoseSpace, angles: Float[Tensor, "b a"]) -> Float[Tensor, "b a"]:
    """The same poses in balance, both legs reaching the ground where they nearly did, soles flat where they stand.

    Angles in radians, kept within the limits. Not meant to be differentiated. Three forward kinematics.
    """
    return plant(space, _balanced(space, angles))


def plant(space: PoseSpace, angles: Float[Tensor, "b a"]) -> Float[Tensor, "b a"]:
    """The same poses with both legs reaching the ground where they nearly did, soles flat where they stand.

    Like ``settle`` for movements, which are out of balance on purpose.
    """
    angles = _soles_down(space, _evened(space, angles))
    low, high = limits(angles.device).to(angles.dtype).unbind(1)
    return torch.minimum(torch.maximum(angles, low), high)


def _places(space: PoseSpace, angles: Float[Tensor, "b a"]) -> dict[str, Float[Tensor, "b 3"]]:
    frames = world_from_joint(space.body.rig, space.joint_rotations(angles))
    return {role: frames[:, joint, :3, 3] for role, joint in space.body.humanoid.items()}


def _planted(places: Mapping[str, Float[Tensor, "b 3"]]) -> dict[str, Float[Tensor, "b"]]:
    """How much each foot stands on the ground, from 0 to 1, by the height of its ankle above the lower one."""
    lowest = torch.minimum(places["foot_l"][:, 1], places["foot_r"][:, 1])
    share = {}
    for side in ("l", "r"):
        above = (places[f"foot_{side}"][:, 1] - lowest - _PLANTED_M) / (_LIFTED_M - _PLANTED_M)
        share[side] = 1.0 - above.clamp(0.0, 1.0)
    return share


def _balanced(space: PoseSpace, angles: Float[Tensor, "b a"]) -> Float[Tensor, "b a"]:
    """The poses leaned as a whole so that their centre of mass is over their feet."""
    places = _places(space, angles)
    planted = _planted(places)
    masses = {**_MASSES, **{f"{role}_{side}": mass for role, mass in _SIDE_MASSES.items() for side in ("l", "r")}}
    present = {role: mass for role, mass in masses.items() if role in places}
    centre = torch.stack([mass * places[role] for role, mass in present.items()]).sum(0) / sum(present.values())
    # People stand with their weight a little before the ankles.
    soles = {side: places[f"foot_{side}"] + 0.3 * _ball_from_ankle(places, side) for side in ("l", "r")}
    support = _nearest_support(soles, planted, centre)
    offset = centre - support
    yaw = angles[:, ANGLE_NAMES.index("body_yaw")]
    offset = (axis_rotation(1, -yaw) @ offset[..., None]).squeeze(-1)
    leans = {
        "body_pitch": torch.atan2(offset[:, 2], offset[:, 1]),
        "body_roll": torch.atan2(offset[:, 0], offset[:, 1]),
    }
    angles = angles.clone()
    for name, lean in leans.items():
        fade = 1.0 - (lean.abs() - math.radians(_MAX_LEAN_DEG)) / math.radians(_MEANT_LEAN_DEG - _MAX_LEAN_DEG)
        angles[:, ANGLE_NAMES.index(name)] -= lean * fade.clamp(0.0, 1.0)
    return angles


def _nearest_support(
    soles: Mapping[str, Float[Tensor, "b 3"]], planted: Mapping[str, Float[Tensor, "b"]], centre: Float[Tensor, "b 3"]
) -> Float[Tensor, "b 3"]:
    """The point between the two soles that is nearest to being below ``centre``; all of it by the planted one."""
    across = (soles["r"] - soles["l"]) * centre.new_tensor([1.0, 0.0, 1.0])
    place = ((centre - soles["l"]) * across).sum(dim=1) / across.square().sum(dim=1).clamp_min(1e-6)
    # A lifted foot bears nothing: the share it may get goes with how much it is planted. A figure that could lean on
    # one foot stands with its weight inside of the middle half.
    low = 0.25 + 0.75 * (1.0 - planted["l"])
    high = 0.75 - 0.75 * (1.0 - planted["r"])
    place = torch.minimum(torch.maximum(place, torch.minimum(low, high)), torch.maximum(low, high))
    return soles["l"] + place[:, None] * (soles["r"] - soles["l"])


def _evened(space: PoseSpace, angles: Float[Tensor, "b a"]) -> Float[Tensor, "b a"]:
    """The poses with the lower leg bent at hip and knee until both ankles are level, where they nearly are."""
    places = _places(space, angles)
    planted = _planted(places)
    angles = angles.clone()
    for side, other in (("l", "r"), ("r", "l")):
        hip, knee, ankle = (places[f"{role}_{side}"] for role in ("upper_leg", "lower_leg", "foot"))
        length = (knee - hip).norm(dim=1) + (ankle - knee).norm(dim=1)
        excess = (places[f"foot_{other}"][:, 1] - ankle[:, 1]).clamp_min(0.0) * planted[other]
        # With two equal bones the leg is as long as the cosine of half the knee's angle; the hip takes up the half.
        column = ANGLE_NAMES.index(f"knee_flexion_{side}")
        before = angles[:, column].clone()
        after = 2 * torch.acos((torch.cos(before / 2) - excess / length).clamp(0.4, 1.0))
        after = torch.maximum(after, before)
        angles[:, column] = after
        angles[:, ANGLE_NAMES.index(f"hip_flexion_{side}")] += (after - before) / 2
    return angles


def _soles_down(space: PoseSpace, angles: Float[Tensor, "b a"]) -> Float[Tensor, "b a"]:
    """The poses with the ankles turned so that planted soles are level, and their toes straight."""
    planted = _planted(_places(space, angles))
    angles = angles.clone()
    for side, sign in (("l", 1.0), ("r", -1.0)):
        shin = _shin_rotation(angles, side, sign)
        # The foot's up axis is Rx(-dorsiflexion) Rz(-sign inversion) e_y in the shin's frame; solve for the world's up.
        x, y, z = shin[:, 1].unbind(1)
        level = {"ankle_dorsiflexion": -torch.atan2(z, y), "ankle_inversion": sign * torch.asin(x.clamp(-1.0, 1.0))}
        for name, angle in {**level, "toe_extension": torch.zeros_like(x)}.items():
            column = ANGLE_NAMES.index(f"{name}_{side}")
            angles[:, column] = torch.lerp(angles[:, column], angle, planted[side])
    return angles


def _shin_rotation(angles: Float[Tensor, "b a"], side: str, sign: float) -> Float[Tensor, "b 3 3"]:
    a = dict(zip(ANGLE_NAMES, angles.unbind(1), strict=True))
    hips = axis_rotation(1, a["body_yaw"]) @ axis_rotation(0, a["body_pitch"]) @ axis_rotation(2, -a["body_roll"])
    swing = axis_rotation(0, -a[f"hip_flexion_{side}"]) @ axis_rotation(2, sign * a[f"hip_abduction_{side}"])
    turn = axis_rotation(1, -sign * a[f"hip_rotation_{side}"])
    return hips @ swing @ turn @ axis_rotation(0, a[f"knee_flexion_{side}"])


def _ball_from_ankle(places: Mapping[str, Float[Tensor, "b 3"]], side: str) -> Float[Tensor, "b 3"]:
    toe = places.get(f"toe_2_{side}")
    ankle = places[f"foot_{side}"]
    return torch.zeros_like(ankle) if toe is None else toe - ankle
