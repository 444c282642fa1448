"""A foreign movement carried over to a body's skeleton; knows neither files nor particular skeletons.

Each joint's turn in space since the reference pose (see ``alignment``) becomes the same turn of the body's part. Chains
of other lengths (spines, necks, fingers) share their bends by place along the chain, and twists along a limb are spread
over the joints that the body has for them. Hips move by the ratio of the legs' lengths, which also settles centimetres
or metres, and feet are held where they stand.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from clipmatrix.bodies.body import RestBody
from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.feet import flex_toes, ground_height, lock_feet, sliding_cm, track_feet
from clipmatrix.bodies.joint_turns import rotations_from_turns
from clipmatrix.bodies.rig import world_from_joint
from clipmatrix.errors import MotionError
from clipmatrix.motion.alignment import alignments, find_reference, world_axes
from clipmatrix.motion.joint_names import LIMBS, JointRoles, find_roles
from clipmatrix.motion.report import RetargetReport
from clipmatrix.motion.source import SourceMotion

Turns = dict[int, Float[np.ndarray, "n 3 3"]]
# A twist along a limb: how much of it each of the limb's two joints has; the next joint has all of it.
_UPPER_ARM_TWIST, _UPPER_LEG_TWIST = 0.4, 0.5
_LOWER_ARM_TWISTS = (0.25, 0.7)
_STILL_RAD = 0.02
# A finger that never moves but is bent by as much as this from rest is a fist or a pointing hand on purpose.
_SHAPED_RAD = 0.35


@dataclass(frozen=True)
class RetargetConfig:
    """``holds_feet`` keeps standing feet in place; ``is_in_place`` takes the way over the ground out."""

    holds_feet: bool = True
    is_in_place: bool = False


def retarget(
    motion: SourceMotion, rest: RestBody, name: str, config: RetargetConfig | None = None
) -> tuple[Clip, RetargetReport]:
    """The movement as a clip of the body ``rest``, which starts over the origin facing +Z, and how well it fitted.

    Raises:
        MotionError: the file's joints, or the body's, are not named like those of a human.
    """
    config = config or RetargetConfig()
    source = find_roles(motion.joint_names, motion.parents)
    target = find_roles(rest.rig.joint_names, rest.rig.parents)
    for roles, whose in ((source, f'the movement "{motion.name}"'), (target, "the model")):
        if roles.missing:
            raise MotionError(
                f"{whose} is no humanoid by its joints' names, for want of {', '.join(roles.missing[:4])}: name them "
                "as Mixamo, CMU, VRM or SMPL-X do"
            )
    fps = 1.0 / float(motion.times[1] - motion.times[0]) if len(motion.times) > 1 else 30.0
    reference = find_reference(motion, source)
    up_from_file, up_name = world_axes(motion, source, reference)
    back = (reference.common_from_file @ reference.rotations).transpose(0, 2, 1)
    deltas = up_from_file @ motion.rotations @ back
    heading = _first_heading(deltas[0, source.joints["hips"]])
    deltas = heading @ deltas
    positions = motion.positions @ (heading @ up_from_file).T

    places = rest.rig.bind_from_joint[:, :3, 3].double().numpy()
    still = _still_fingers(motion, source)
    turns = _turns(deltas, source, target, alignments(reference, source, target, places), still, places)
    rotations = rotations_from_turns(rest.rig, {j: torch.from_numpy(turn).float() for j, turn in turns.items()})
    scale = _leg_length(places, target) / _leg_length(reference.positions, source)
    shift = _root_shift(rest, target, rotations, _hip_middle(positions, source) * scale, config.is_in_place)
    if config.is_in_place:
        sliding = (0.0, 0.0)
        shift = _grounded(rest, target, rotations, shift, fps)
    else:
        rotations, shift, sliding = _on_feet(rest, source, target, rotations, shift, fps, config)
    clip = Clip(name, torch.from_numpy(motion.times).float(), rotations, shift)
    report = RetargetReport(
        mapped=_pairs(motion, rest, source, target, still),
        lost=_lost(motion, source, target),
        still=tuple(motion.joint_names[j] for name in sorted(still) for j in source.fingers[name]),
        missing=_missing(source, target, still),
        reference=reference.name,
        up=up_name,
        scale=scale,
        frames=len(motion.times),
        seconds=float(motion.times[-1]),
        sliding_cm=sliding,
    )
    return clip, report


def _first_heading(turn: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
    """The rotation about +Y that makes a figure turned like this face +Z."""
    forward = turn[:, 2]
    if np.hypot(forward[0], forward[2]) < 0.3:
        return np.eye(3)
    return Rotation.from_euler("y", -np.arctan2(forward[0], forward[2])).as_matrix()


def _turns(
    deltas: Float[np.ndarray, "n j 3 3"],
    source: JointRoles,
    target: JointRoles,
    aligned: dict[str, Float[np.ndarray, "3 3"]],
    still: set[str],
    places: Float[np.ndarray, "_ 3"],
) -> Turns:
    """How each of the body's joints is turned from the bind pose, in world axes."""
    hips = deltas[:, source.joints["hips"]]
    turns: Turns = {target.joints["hips"]: hips}
    chest = _share(turns, target.spine, [hips, *(deltas[:, j] for j in source.spine)])
    neck = [chest, *(deltas[:, j] for j in (*source.neck, source.joints["head"]))]
    _share(turns, (*target.neck, target.joints["head"]), neck)
    for side in ("l", "r"):
        own = {}
        for role in LIMBS:
            name = f"{role}_{side}"
            if name in source.joints and name in target.joints:
                own[role] = deltas[:, source.joints[name]] @ aligned.get(name, np.eye(3))
        if "shoulder" in own:
            turns[target.joints[f"shoulder_{side}"]] = own["shoulder"]
        _spread_arm(turns, own, own.get("shoulder", chest), target, places, side)
        _spread_leg(turns, own, hips, target, places, side)
        toes = own.get("toes", own["foot"])
        if "toes" in own:
            toes = deltas[:, source.joints[f"toes_{side}"]] @ aligned[f"foot_{side}"]
        turns.update(dict.fromkeys(target.toes[side], toes))
        for name, bones in target.fingers.items():
            if name.endswith(f"_{side}") and name in source.fingers and name not in still and "hand" in own:
                sources = [
                    deltas[:, j] @ aligned[f"{name}/{min(k, len(bones) - 1)}"]
                    for k, j in enumerate(source.fingers[name])
                ]
                for bone, joint in enumerate(bones):
                    turns[joint] = sources[min(bone, len(sources) - 1)]
    return turns


def _share(
    turns: Turns, joints: tuple[int, ...], bends: list[Float[np.ndarray, "n 3 3"]]
) -> Float[np.ndarray, "n 3 3"]:
    """Spreads the turns along one chain over another of any length, from its start to its end; gives the end's."""
    for number, joint in enumerate(joints, start=1):
        place = number / len(joints) * (len(bends) - 1)
        low = min(int(np.floor(place + 1e-9)), len(bends) - 1)
        share = place - low
        turns[joint] = bends[low] if share < 1e-6 else _between(bends[low], bends[low + 1], share)
    return bends[-1] if not joints else turns[joints[-1]]


def _between(
    start: Float[np.ndarray, "n 3 3"], end: Float[np.ndarray, "n 3 3"], share: float
) -> Float[np.ndarray, "n 3 3"]:
    first = Rotation.from_matrix(start)
    way = (first.inv() * Rotation.from_matrix(end)).as_rotvec()
    return (first * Rotation.from_rotvec(share * way)).as_matrix()


def _spread_arm(
    turns: Turns,
    own: dict[str, Float[np.ndarray, "n 3 3"]],
    girdle: Float[np.ndarray, "n 3 3"],
    target: JointRoles,
    places: Float[np.ndarray, "_ 3"],
    side: str,
) -> None:
    j = target.joints
    upper, lower = own["upper_arm"], own["lower_arm"]
    elbow_axis = places[j[f"lower_arm_{side}"]] - places[j[f"upper_arm_{side}"]]
    swing, twist = _swing_twist(girdle, upper, elbow_axis)
    if f"upper_arm_twist_{side}" in j:
        turns[j[f"upper_arm_{side}"]] = swing @ _part(twist, _UPPER_ARM_TWIST)
        turns[j[f"upper_arm_twist_{side}"]] = upper
    else:
        turns[j[f"upper_arm_{side}"]] = upper
    if "hand" not in own:
        turns[j[f"lower_arm_{side}"]] = lower
        return
    turns[j[f"hand_{side}"]] = own["hand"]
    if f"lower_arm_twist_{side}" not in j:
        turns[j[f"lower_arm_{side}"]] = lower
        return
    # Skeletons turn the palm at the elbow, at the wrist or at both: the sum is what the forearm's joints share.
    axis = places[j[f"hand_{side}"]] - places[j[f"lower_arm_{side}"]]
    swing, at_elbow = _swing_twist(upper, lower, axis)
    _, at_wrist = _swing_twist(lower, own["hand"], axis)
    total = at_elbow + at_wrist
    turns[j[f"lower_arm_{side}"]] = swing @ _part(total, _LOWER_ARM_TWISTS[0])
    turns[j[f"lower_arm_twist_{side}"]] = swing @ _part(total, _LOWER_ARM_TWISTS[1])


def _spread_leg(
    turns: Turns,
    own: dict[str, Float[np.ndarray, "n 3 3"]],
    hips: Float[np.ndarray, "n 3 3"],
    target: JointRoles,
    places: Float[np.ndarray, "_ 3"],
    side: str,
) -> None:
    j = target.joints
    upper = own["upper_leg"]
    swing, twist = _swing_twist(hips, upper, places[j[f"lower_leg_{side}"]] - places[j[f"upper_leg_{side}"]])
    if f"upper_leg_twist_{side}" in j:
        turns[j[f"upper_leg_{side}"]] = swing @ _part(twist, _UPPER_LEG_TWIST)
        turns[j[f"upper_leg_twist_{side}"]] = upper
    else:
        turns[j[f"upper_leg_{side}"]] = upper
    turns[j[f"lower_leg_{side}"]] = own["lower_leg"]
    turns[j[f"foot_{side}"]] = own["foot"]


def _swing_twist(
    above: Float[np.ndarray, "n 3 3"], turn: Float[np.ndarray, "n 3 3"], axis: Float[np.ndarray, "3"]
) -> tuple[Float[np.ndarray, "n 3 3"], Float[np.ndarray, "n 3"]]:
    """A part's turn without its twist about its own bone since the part above, and that twist as a rotation vector.

    ``axis`` is the bone in the bind pose. The twist is continuous in time, whatever it adds up to.
    """
    axis = axis / np.linalg.norm(axis)
    local = Rotation.from_matrix(above.transpose(0, 2, 1) @ turn)
    quat = local.as_quat()
    angle = np.unwrap(2 * np.arctan2(quat[:, :3] @ axis, quat[:, 3]))
    # Start between -pi and pi, from where the unwrapped angle goes on.
    angle -= 2 * np.pi * np.round(angle[0] / (2 * np.pi))
    twist = angle[:, None] * axis
    swing = turn @ Rotation.from_rotvec(-twist).as_matrix()
    return swing, twist


def _part(twist: Float[np.ndarray, "n 3"], share: float) -> Float[np.ndarray, "n 3 3"]:
    return Rotation.from_rotvec(share * twist).as_matrix()


def _still_fingers(motion: SourceMotion, roles: JointRoles) -> set[str]:
    """Fingers that keep one shape throughout: their file says nothing of them, whatever its rest pose is."""
    still = set()
    for name, joints in roles.fingers.items():
        hand = roles.joints.get(f"hand_{name[-1]}")
        if hand is None:
            still.add(name)
            continue
        local = motion.rotations[:, hand, None].swapaxes(-1, -2) @ motion.rotations[:, list(joints)]
        away = Rotation.from_matrix((local[:1].swapaxes(-1, -2) @ local).reshape(-1, 3, 3)).magnitude()
        at_rest = motion.rest_rotations[hand].T @ motion.rest_rotations[list(joints)]
        off = Rotation.from_matrix(at_rest.swapaxes(-1, -2) @ local[0]).magnitude()
        if away.max() < _STILL_RAD and off.max() < _SHAPED_RAD:
            still.add(name)
    return still


def _leg_length(places: Float[np.ndarray, "j 3"], roles: JointRoles) -> float:
    total = 0.0
    for side in ("l", "r"):
        hip, knee, ankle = (places[roles.joints[f"{role}_{side}"]] for role in ("upper_leg", "lower_leg", "foot"))
        total += float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee)) / 2
    return total


def _hip_middle(positions: Float[np.ndarray, "n j 3"], roles: JointRoles) -> Float[np.ndarray, "n 3"]:
    return positions[:, [roles.joints["upper_leg_l"], roles.joints["upper_leg_r"]]].mean(axis=1)


def _root_shift(
    rest: RestBody,
    target: JointRoles,
    rotations: Float[torch.Tensor, "n j 3 3"],
    wanted: Float[np.ndarray, "n 3"],
    is_in_place: bool,
) -> Float[torch.Tensor, "n 3"]:
    """The root's shift that takes the middle of the hip joints along ``wanted``, from above the origin on."""
    hips = [target.joints["upper_leg_l"], target.joints["upper_leg_r"]]
    middle = world_from_joint(rest.rig, rotations)[:, hips, :3, 3].mean(dim=1)
    way = torch.from_numpy(wanted - wanted[0] * [1.0, 0.0, 1.0]).float()
    if is_in_place:
        way[:, [0, 2]] = 0.0
    return way - middle


def _grounded(
    rest: RestBody,
    target: JointRoles,
    rotations: Float[torch.Tensor, "n j 3 3"],
    shift: Float[torch.Tensor, "n 3"],
    fps: float,
) -> Float[torch.Tensor, "n 3"]:
    """The shift with the ground that feet stand on at y = 0."""
    height = ground_height(track_feet(rest, target.joints, rotations, shift, fps), fps)
    return shift - shift.new_tensor([0.0, height, 0.0])


def _on_feet(
    rest: RestBody,
    source: JointRoles,
    target: JointRoles,
    rotations: Float[torch.Tensor, "n j 3 3"],
    shift: Float[torch.Tensor, "n 3"],
    fps: float,
    config: RetargetConfig,
) -> tuple[Float[torch.Tensor, "n j 3 3"], Float[torch.Tensor, "n 3"], tuple[float, float]]:
    """The movement set on the ground, its feet held; and how far they slid before and after, in centimetres."""
    shift = _grounded(rest, target, rotations, shift, fps)
    if not any(f"toes_{side}" in source.joints for side in ("l", "r")):
        rotations = flex_toes(rest, target.joints, target.toes, rotations, shift)
        shift = _grounded(rest, target, rotations, shift, fps)
    before = track_feet(rest, target.joints, rotations, shift, fps)
    if config.holds_feet:
        rotations, shift = lock_feet(rest, target.joints, rotations, shift, fps)
    after = track_feet(rest, target.joints, rotations, shift, fps)
    return rotations, shift, (sliding_cm(before), sliding_cm(after, before))


def _pairs(
    motion: SourceMotion, rest: RestBody, source: JointRoles, target: JointRoles, still: set[str]
) -> tuple[tuple[str, str], ...]:
    pairs = [
        (motion.joint_names[source.joints[role]], rest.rig.joint_names[target.joints[role]])
        for role in source.joints
        if role in target.joints
    ]
    for own, other in ((source.spine, target.spine), (source.neck, target.neck)):
        pairs += [
            (motion.joint_names[j], rest.rig.joint_names[other[min(k, len(other) - 1)]])
            for k, j in enumerate(own)
            if other
        ]
    for name in source.fingers:
        if name in target.fingers and name not in still:
            pairs += [
                (motion.joint_names[a], rest.rig.joint_names[b])
                for a, b in zip(source.fingers[name], target.fingers[name], strict=False)
            ]
    return tuple(pairs)


def _lost(motion: SourceMotion, source: JointRoles, target: JointRoles) -> tuple[str, ...]:
    """Joints that turn against their parent and that neither they nor any joint below carry over."""
    used = {j for role, j in source.joints.items() if role in target.joints}
    used |= {*source.spine, *source.neck}
    used |= {j for name, joints in source.fingers.items() for j in joints if name in target.fingers}
    used |= {j for joints in source.toes.values() for j in joints}
    reaches = set(used)
    for joint in range(len(motion.parents) - 1, -1, -1):
        if joint in reaches and motion.parents[joint] >= 0:
            reaches.add(motion.parents[joint])
    lost = []
    for joint, parent in enumerate(motion.parents):
        if joint in reaches or parent < 0 or motion.joint_names[joint].endswith("_end"):
            continue
        local = motion.rotations[:, parent].swapaxes(-1, -2) @ motion.rotations[:, joint]
        if Rotation.from_matrix(local[0].T @ local).magnitude().max() > _STILL_RAD:
            lost.append(motion.joint_names[joint])
    return tuple(lost)


def _missing(source: JointRoles, target: JointRoles, still: set[str]) -> tuple[str, ...]:
    missing = [role for role in target.joints if role not in source.joints and "_twist" not in role]
    missing += [
        f"{side} toes"
        for side in ("l", "r")
        if f"toes_{side}" not in source.joints and f"toes_{side}" not in target.joints
    ]
    fingers = [name for name in target.fingers if name not in source.fingers]
    return (*missing, *fingers)
