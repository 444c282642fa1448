"""Poses as anatomical angles: what each joint of a human can do, and how a rig does it; knows no particular pose.

Anatomical zero is the standing figure: legs and arms straight down, palms facing the thighs, feet forward. Each angle
is measured from there as a clinician does (flexion, abduction, rotation), so one table of limits serves every rig.
Angles between limits form a box: every mixture of two poses that keep the limits keeps them too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.errors import BodyError

_TRUNK_LIMITS_DEG: dict[str, tuple[float, float]] = {
    "body_pitch": (-30.0, 45.0),  # the pelvis and all above it leaning forward (+) or back
    "body_roll": (-25.0, 25.0),  # leaning to the figure's left (+)
    "body_yaw": (-180.0, 180.0),  # turning to the figure's left (+)
    "spine_flexion": (-25.0, 80.0),
    "spine_bend": (-35.0, 35.0),  # to the left (+)
    "spine_rotation": (-45.0, 45.0),  # to the left (+)
    "neck_flexion": (-45.0, 45.0),
    "neck_bend": (-45.0, 45.0),
    "neck_rotation": (-60.0, 60.0),
}
_SIDE_LIMITS_DEG: dict[str, tuple[float, float]] = {
    "girdle_elevation": (-10.0, 40.0),
    "girdle_protraction": (-25.0, 25.0),
    "shoulder_flexion": (-60.0, 180.0),
    "shoulder_abduction": (-45.0, 180.0),
    "shoulder_rotation": (-90.0, 70.0),  # internal (+)
    "elbow_flexion": (0.0, 150.0),
    "forearm_pronation": (-80.0, 80.0),
    "wrist_flexion": (-70.0, 80.0),
    "wrist_deviation": (-20.0, 30.0),  # ulnar (+)
    "finger_curl": (0.0, 90.0),
    "index_curl": (0.0, 90.0),
    "thumb_curl": (0.0, 50.0),
    "hip_flexion": (-30.0, 120.0),
    "hip_abduction": (-30.0, 45.0),
    "hip_rotation": (-45.0, 45.0),  # internal (+)
    "knee_flexion": (0.0, 135.0),
    "ankle_dorsiflexion": (-50.0, 20.0),
    "ankle_inversion": (-15.0, 35.0),
    "toe_extension": (-35.0, 70.0),
}
LIMITS_DEG: dict[str, tuple[float, float]] = {
    **_TRUNK_LIMITS_DEG,
    **{f"{name}_{side}": limits for side in ("l", "r") for name, limits in _SIDE_LIMITS_DEG.items()},
}
"""Smallest and largest value of every angle, in degrees.

Normal ranges of motion of the American Academy of Orthopaedic Surgeons (Greene and Heckman, "The Clinical Measurement
of Joint Motion", 1994). Two are ours: the girdle follows Ludewig et al., "Motion of the shoulder complex during
multiplanar humeral elevation" (2009), and the lean of the whole body keeps figures upright.
"""
ANGLE_NAMES = tuple(LIMITS_DEG)
ARM_ANGLES = tuple(
    name for name in _SIDE_LIMITS_DEG if name.startswith(("girdle", "shoulder", "elbow", "forearm", "wrist"))
)
"""The angles of an arm, without their side."""

# Angles whose sign changes in the mirror; those of a side change places with the other side's.
_ODD_ANGLES = ("body_roll", "body_yaw", "spine_bend", "spine_rotation", "neck_bend", "neck_rotation")

# How a chain of joints shares one bend: (role, share of flexion and side bend, share of rotation).
_SPINE = (("spine", 0.3, 0.15), ("waist", 0.3, 0.25), ("chest", 0.25, 0.35), ("upper_chest", 0.15, 0.25))
_NECK = (("neck", 0.25, 0.25), ("neck_middle", 0.2, 0.25), ("neck_upper", 0.2, 0.25), ("head", 0.35, 0.25))
# How far a twist along a limb has gone at the limb's two joints; the next joint has all of it.
_UPPER_ARM_TWIST = 0.4
_LOWER_ARM_TWISTS = (0.25, 0.7)
_UPPER_LEG_TWIST = 0.5
_FINGERS = ("index", "middle", "ring", "little")
_REQUIRED_ROLES = (
    "hips",
    "spine",
    "head",
    *(
        f"{role}_{side}"
        for side in ("l", "r")
        for role in ("upper_arm", "lower_arm", "hand", "upper_leg", "lower_leg", "foot")
    ),
)


@dataclass(frozen=True, eq=False)
class _LimbZero:
    """Rotations from the bind pose to anatomical zero for one side: what the rig's maker drew, undone."""

    upper_arm: Float[Tensor, "3 3"]  # without the twist about the bone
    upper_arm_twist: Float[Tensor, ""]
    lower_arm: Float[Tensor, "3 3"]
    lower_arm_twist: Float[Tensor, ""]
    hand: Float[Tensor, "3 3"]
    upper_leg: Float[Tensor, "3 3"]
    lower_leg: Float[Tensor, "3 3"]
    foot: Float[Tensor, "3 3"]
    thumb_axis: Float[Tensor, "3"]


@dataclass(frozen=True, eq=False)
class PoseSpace:
    """Turns anatomical angles into a rig's joint rotations."""

    body: Body
    zeros: Mapping[str, _LimbZero]
    bind_rotations: Float[Tensor, "j 3 3"]

    def joint_rotations(self, angles: Float[Tensor, "b a"]) -> Float[Tensor, "b j 3 3"]:
        """The rotation of every joint in its own bind frame, for angles in radians in the order of ``ANGLE_NAMES``.

        Differentiable. Joints that no angle speaks of follow their parents. Some 2 ms for any small batch.
        """
        turned = _turned_roles(self.body.humanoid, self.zeros, dict(zip(ANGLE_NAMES, angles.unbind(1), strict=True)))
        by_joint = {self.body.humanoid[role]: rotation for role, rotation in turned.items()}
        eye = torch.eye(3, dtype=angles.dtype, device=angles.device).expand(angles.shape[0], 3, 3)
        deformations: list[Tensor] = []
        locals_: list[Tensor] = []
        for joint, parent in enumerate(self.body.rig.parents):
            above = deformations[parent] if parent >= 0 else eye
            deformations.append(by_joint.get(joint, above))
            locals_.append(above.transpose(1, 2) @ deformations[joint])
        bind = self.bind_rotations
        return bind.transpose(1, 2) @ torch.stack(locals_, dim=1) @ bind


def build_pose_space(body: Body) -> PoseSpace:
    """The pose space of a humanoid body, from the joints of its neutral shape.

    Raises:
        BodyError: the body does not name the joints of a humanoid.
    """
    missing = [role for role in _REQUIRED_ROLES if role not in body.humanoid]
    if missing:
        raise BodyError(f"expected a humanoid body, found {body.name!r} without {missing[0]}: pose it by its own clips")
    bind = body.rig.bind_from_joint
    places = {role: bind[joint, :3, 3] for role, joint in body.humanoid.items()}
    return PoseSpace(body, {side: _limb_zero(places, side) for side in ("l", "r")}, bind[:, :3, :3])


def limits(device: torch.device | str = "cpu") -> Float[Tensor, "a 2"]:
    """Smallest and largest value of every angle, in radians."""
    return torch.tensor(list(LIMITS_DEG.values()), device=device) * (math.pi / 180)


def mirrored_angles(angles: Float[Tensor, "b a"]) -> Float[Tensor, "b a"]:
    """The same poses seen in a mirror: left and right changed."""
    order, sign = [], []
    for name in ANGLE_NAMES:
        partner = name[:-1] + {"l": "r", "r": "l"}[name[-1]] if name[-2:] in ("_l", "_r") else name
        order.append(ANGLE_NAMES.index(partner))
        sign.append(-1.0 if name in _ODD_ANGLES else 1.0)
    ids = torch.tensor(order, device=angles.device)
    return angles.index_select(1, ids) * torch.tensor(sign, dtype=angles.dtype, device=angles.device)


def axis_rotation(axis: int, angle: Float[Tensor, "b"]) -> Float[Tensor, "b 3 3"]:
    """Rotations about a coordinate axis (0, 1, 2), by angles in radians."""
    c, s, zero, one = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle), torch.ones_like(angle)
    rows = {
        0: (one, zero, zero, zero, c, -s, zero, s, c),
        1: (c, zero, s, zero, one, zero, -s, zero, c),
        2: (c, -s, zero, s, c, zero, zero, zero, one),
    }[axis]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def rotation_about(axis: Float[Tensor, "3"], angle: Float[Tensor, "b"]) -> Float[Tensor, "b 3 3"]:
    """Rotations about a unit axis, by angles in radians (Rodrigues' formula)."""
    x, y, z = axis.unbind()
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    eye = torch.eye(3, dtype=axis.dtype, device=axis.device)
    return eye + torch.sin(angle)[:, None, None] * cross + (1 - torch.cos(angle))[:, None, None] * (cross @ cross)


def _turned_roles(
    humanoid: Mapping[str, int], zeros: Mapping[str, _LimbZero], a: Mapping[str, Float[Tensor, "b"]]
) -> dict[str, Float[Tensor, "b 3 3"]]:
    """For each role the rotation from the bind pose to the pose, in world axes."""
    hips = axis_rotation(1, a["body_yaw"]) @ axis_rotation(0, a["body_pitch"]) @ axis_rotation(2, -a["body_roll"])
    turned = {"hips": hips}
    chest = _bend_chain(turned, humanoid, hips, _SPINE, (a["spine_flexion"], a["spine_bend"], a["spine_rotation"]))
    _bend_chain(turned, humanoid, chest, _NECK, (a["neck_flexion"], a["neck_bend"], a["neck_rotation"]))
    for side, sign in (("l", 1.0), ("r", -1.0)):
        own = {name: a[f"{name}_{side}"] for name in _SIDE_LIMITS_DEG}
        limbs = {**_turned_arm(chest, zeros[side], own, sign), **_turned_leg(hips, zeros[side], own, sign)}
        turned.update({f"{role}_{side}": rotation for role, rotation in limbs.items()})
    return {role: rotation for role, rotation in turned.items() if role in humanoid}


def _bend_chain(
    turned: dict[str, Float[Tensor, "b 3 3"]],
    humanoid: Mapping[str, int],
    start: Float[Tensor, "b 3 3"],
    chain: tuple[tuple[str, float, float], ...],
    bends: tuple[Float[Tensor, "b"], Float[Tensor, "b"], Float[Tensor, "b"]],
) -> Float[Tensor, "b 3 3"]:
    """The end of a chain of vertebrae that shares flexion, side bend and rotation; adds each to ``turned``."""
    flexion, bend, rotation = bends
    present = [link for link in chain if link[0] in humanoid]
    total_bend, total_rotation = sum(link[1] for link in present), sum(link[2] for link in present)
    for role, bend_share, rotation_share in present:
        step = axis_rotation(1, rotation * (rotation_share / total_rotation))
        step = step @ axis_rotation(0, flexion * (bend_share / total_bend))
        start = start @ step @ axis_rotation(2, -bend * (bend_share / total_bend))
        turned[role] = start
    return start


def _turned_arm(
    chest: Float[Tensor, "b 3 3"], zero: _LimbZero, a: Mapping[str, Float[Tensor, "b"]], sign: float
) -> dict[str, Float[Tensor, "b 3 3"]]:
    """The roles of one arm; ``sign`` is 1 on the left."""
    girdle = chest @ axis_rotation(2, sign * a["girdle_elevation"]) @ axis_rotation(1, -sign * a["girdle_protraction"])
    swing = girdle @ axis_rotation(0, -a["shoulder_flexion"]) @ axis_rotation(2, sign * a["shoulder_abduction"])
    rotation = -sign * a["shoulder_rotation"]
    twist = rotation + zero.upper_arm_twist
    elbow = swing @ axis_rotation(1, rotation) @ axis_rotation(0, -a["elbow_flexion"])
    pronation = -sign * a["forearm_pronation"]
    forearm_twist = pronation + zero.lower_arm_twist
    wrist = elbow @ axis_rotation(1, pronation)
    hand = wrist @ axis_rotation(2, -sign * a["wrist_flexion"]) @ axis_rotation(0, a["wrist_deviation"])
    turned = {
        "shoulder": girdle,
        "upper_arm": swing @ axis_rotation(1, _UPPER_ARM_TWIST * twist) @ zero.upper_arm,
        "upper_arm_twist": swing @ axis_rotation(1, twist) @ zero.upper_arm,
        "lower_arm": elbow @ axis_rotation(1, _LOWER_ARM_TWISTS[0] * forearm_twist) @ zero.lower_arm,
        "lower_arm_twist": elbow @ axis_rotation(1, _LOWER_ARM_TWISTS[1] * forearm_twist) @ zero.lower_arm,
        "hand": hand @ zero.hand,
    }
    for finger in _FINGERS:
        curl = axis_rotation(2, -sign * a["index_curl" if finger == "index" else "finger_curl"])
        phalanx = hand
        for bone in (1, 2, 3):
            phalanx = phalanx @ curl
            turned[f"{finger}_{bone}"] = phalanx @ zero.hand
    curl = rotation_about(zero.thumb_axis, a["thumb_curl"])
    phalanx = hand
    for bone in (1, 2, 3):
        phalanx = phalanx @ curl
        turned[f"thumb_{bone}"] = phalanx @ zero.hand
    return turned


def _turned_leg(
    hips: Float[Tensor, "b 3 3"], zero: _LimbZero, a: Mapping[str, Float[Tensor, "b"]], sign: float
) -> dict[str, Float[Tensor, "b 3 3"]]:
    """The roles of one leg; ``sign`` is 1 on the left."""
    swing = hips @ axis_rotation(0, -a["hip_flexion"]) @ axis_rotation(2, sign * a["hip_abduction"])
    rotation = -sign * a["hip_rotation"]
    knee = swing @ axis_rotation(1, rotation) @ axis_rotation(0, a["knee_flexion"])
    foot = knee @ axis_rotation(0, -a["ankle_dorsiflexion"]) @ axis_rotation(2, -sign * a["ankle_inversion"])
    toes = foot @ axis_rotation(0, -a["toe_extension"]) @ zero.foot
    return {
        "upper_leg": swing @ axis_rotation(1, _UPPER_LEG_TWIST * rotation) @ zero.upper_leg,
        "upper_leg_twist": swing @ axis_rotation(1, rotation) @ zero.upper_leg,
        "lower_leg": knee @ zero.lower_leg,
        "lower_leg_twist": knee @ zero.lower_leg,
        "foot": foot @ zero.foot,
        **{f"toe_{number}": toes for number in range(1, 6)},
    }


def _limb_zero(places: Mapping[str, Float[Tensor, "3"]], side: str) -> _LimbZero:
    shoulder, elbow, wrist = (places[f"{role}_{side}"] for role in ("upper_arm", "lower_arm", "hand"))
    forward, down, right = (
        shoulder.new_tensor([0, 0, 1]),
        shoulder.new_tensor([0, -1, 0]),
        shoulder.new_tensor([-1, 0, 0]),
    )
    upper, lower = _unit(elbow - shoulder), _unit(wrist - elbow)
    # The elbow's hinge shows in a bent arm; a straight one is taken to bend forward.
    bend = torch.linalg.cross(upper, lower)
    hinge = _unit(bend) if float(bend.norm()) > 0.1 else _unit(torch.linalg.cross(upper, forward))
    upper_arm = _shortest(upper, down)
    lower_arm = _frame(down, right) @ _frame(lower, hinge).T
    hand, thumb_axis = _hand_zero(places, side, lower_arm)
    knee, ankle = places[f"lower_leg_{side}"], places[f"foot_{side}"]
    foot = torch.eye(3, dtype=shoulder.dtype, device=shoulder.device)
    if f"toe_2_{side}" in places:
        toes = places[f"toe_2_{side}"] - ankle
        foot = axis_rotation(1, -torch.atan2(toes[0], toes[2])[None])[0]
    return _LimbZero(
        upper_arm=upper_arm,
        upper_arm_twist=_twist_about_y(_frame(down, right) @ _frame(upper, hinge).T @ upper_arm.T),
        lower_arm=lower_arm,
        lower_arm_twist=_twist_about_y(hand @ lower_arm.T),
        hand=hand,
        upper_leg=_shortest(_unit(knee - places[f"upper_leg_{side}"]), down),
        lower_leg=_shortest(_unit(ankle - knee), down),
        foot=foot,
        thumb_axis=thumb_axis,
    )


def _hand_zero(
    places: Mapping[str, Float[Tensor, "3"]], side: str, lower_arm: Float[Tensor, "3 3"]
) -> tuple[Float[Tensor, "3 3"], Float[Tensor, "3"]]:
    """The hand's rotation to anatomical zero, and the axis there about which its thumb closes."""
    wrist = places[f"hand_{side}"]
    down, forward = wrist.new_tensor([0, -1, 0]), wrist.new_tensor([0, 0, 1])
    if any(f"{finger}_1_{side}" not in places for finger in ("index", "middle", "little")):
        return lower_arm, down
    index, middle, little = (places[f"{finger}_1_{side}"] for finger in ("index", "middle", "little"))
    hand = _frame(down, forward) @ _frame(_unit(middle - wrist), _unit(index - little)).T
    if f"thumb_2_{side}" not in places:
        return hand, down
    thumb = hand @ _unit(places[f"thumb_3_{side}"] - places[f"thumb_1_{side}"])
    palm = wrist.new_tensor([-1.0 if side == "l" else 1.0, 0, -0.6])
    return hand, _unit(torch.linalg.cross(thumb, palm))


def _unit(vector: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
    return vector / vector.norm().clamp_min(1e-9)


def _frame(first: Float[Tensor, "3"], second: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """The orthonormal columns: ``first``, the part of ``second`` across it, and their cross product."""
    across = _unit(second - (second @ first) * first)
    return torch.stack([first, across, torch.linalg.cross(first, across)], dim=1)


def _shortest(source: Float[Tensor, "3"], target: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """The rotation without twist that takes one unit vector to another."""
    axis = torch.linalg.cross(source, target)
    angle = torch.atan2(axis.norm(), source @ target)
    return rotation_about(_unit(axis), angle[None])[0]


def _twist_about_y(rotation: Float[Tensor, "3 3"]) -> Float[Tensor, ""]:
    """The angle in radians of the part of a rotation that turns about +Y (swing-twist decomposition)."""
    # For a rotation matrix the quaternion's y over w is (R02 - R20) / (1 + trace).
    return 2 * torch.atan2(rotation[0, 2] - rotation[2, 0], 1 + rotation.trace())
