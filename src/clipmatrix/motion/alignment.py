"""Two skeletons laid over each other: axes, a common reference pose, and how each bone of one lies in the other.

A movement is carried over as turns in space from a pose that both skeletons can take, never as angles at joints: those
depend on how a rig's maker drew it. The reference is the file's own rest pose where that is a standing figure, and else
the frame of the movement in which the figure stands most upright. Per bone the alignment turns the body's bind
direction into the file's reference direction, so that an A-pose meets a T-pose; knows nothing of time beyond that.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from clipmatrix.motion.joint_names import FINGERS, JointRoles
from clipmatrix.motion.source import NEAR_ZERO, SourceMotion

_SIDES = ("l", "r")
_SNAP_COSINE = 0.9
_STANDING_COSINE = 0.8


@dataclass(frozen=True, eq=False)
class Reference:
    """A pose of the file's skeleton that a standing figure could take: in the file's axes, with a name for the user.

    ``common_from_file`` turns the pose into a figure that stands along +Y and faces +Z.
    """

    rotations: Float[np.ndarray, "j 3 3"]
    positions: Float[np.ndarray, "j 3"]
    common_from_file: Float[np.ndarray, "3 3"]
    name: str


def find_reference(motion: SourceMotion, roles: JointRoles) -> Reference:
    """The rest pose if it stands, else the frame that stands best."""
    if _standing(motion.rest_positions[None], roles)[0] >= _STANDING_COSINE:
        axes = body_axes(motion.rest_positions, roles, is_snapped=True)
        return Reference(motion.rest_rotations, motion.rest_positions, axes, "rest pose")
    frame = int(np.argmax(_standing(motion.positions, roles)))
    axes = body_axes(motion.positions[frame], roles, is_snapped=False)
    return Reference(motion.rotations[frame], motion.positions[frame], axes, f"pose at {motion.times[frame]:.2f} s")


def _standing(positions: Float[np.ndarray, "n j 3"], roles: JointRoles) -> Float[np.ndarray, "n"]:
    """How straight the figure stands in each pose: the smallest cosine between its trunk and a bone of its legs."""
    j = roles.joints
    up = _unit(positions[:, j["head"]] - positions[:, j["hips"]])
    bones = []
    for side in _SIDES:
        hip, knee, ankle = (positions[:, j[f"{role}_{side}"]] for role in ("upper_leg", "lower_leg", "foot"))
        bones += [_unit(hip - knee), _unit(knee - ankle)]
    cosines = np.stack([(bone * up).sum(axis=-1) for bone in bones])
    # A figure's legs are on two sides: without that there is no telling front from back.
    across = np.linalg.norm(positions[:, j["upper_leg_l"]] - positions[:, j["upper_leg_r"]], axis=-1)
    return np.where(across > NEAR_ZERO, cosines.min(axis=0), -1.0)


def body_axes(positions: Float[np.ndarray, "j 3"], roles: JointRoles, is_snapped: bool) -> Float[np.ndarray, "3 3"]:
    """Rows: the figure's left, up and forward in the file's axes; snapped to those where they are near."""
    j = roles.joints
    up = _unit(positions[j["head"]] - positions[j["hips"]])
    if is_snapped:
        up = _snap(up)
    left = positions[j["upper_leg_l"]] - positions[j["upper_leg_r"]]
    left = _unit(left - (left @ up) * up)
    if is_snapped:
        left = _snap(left)
        left = _unit(left - (left @ up) * up)
    return np.stack([left, up, np.cross(left, up)])


def world_axes(motion: SourceMotion, roles: JointRoles, reference: Reference) -> tuple[Float[np.ndarray, "3 3"], str]:
    """What turns the file's world upright (+Y up), and the name of its own up axis.

    The reference's up is the world's too, unless most of the movement is upright along another axis: SMPL's figures
    rest along Y in files whose ground is the XY plane.
    """
    j = roles.joints
    up = _unit(motion.positions[:, j["head"]] - motion.positions[:, j["hips"]]).mean(axis=0)
    axis = int(np.argmax(np.abs(reference.common_from_file[1])))
    sign = float(np.sign(reference.common_from_file[1][axis]))
    other = int(np.argmax(np.abs(up)))
    if abs(up[other]) > 0.6 and abs(up[axis]) < 0.4:
        axis, sign = other, float(np.sign(up[other]))
    target = np.zeros(3)
    target[axis] = sign
    return _shortest(target, np.array([0.0, 1.0, 0.0])), ("" if sign > 0 else "-") + "XYZ"[axis]


def alignments(
    reference: Reference,
    source: JointRoles,
    target: JointRoles,
    target_places: Float[np.ndarray, "_ 3"],
) -> dict[str, Float[np.ndarray, "3 3"]]:
    """For each role of a limb, and each finger bone (``index_l/0`` ...), the turn from the body's bind pose to the
    reference, in common axes. Roles of the trunk need none: both figures stand."""
    places = reference.positions @ reference.common_from_file.T
    found: dict[str, Float[np.ndarray, "3 3"]] = {}
    for side in _SIDES:
        _align_chain(found, places, target_places, source, target, ("upper_arm", "lower_arm", "hand"), side)
        _align_hand(found, places, target_places, source, target, side)
        _align_chain(found, places, target_places, source, target, ("upper_leg", "lower_leg", "foot"), side)
        found[f"foot_{side}"] = _align_foot(reference, places, target_places, source, target, side)
    return found


def _align_chain(
    found: dict[str, Float[np.ndarray, "3 3"]],
    source_places: Float[np.ndarray, "_ 3"],
    target_places: Float[np.ndarray, "_ 3"],
    source: JointRoles,
    target: JointRoles,
    chain: tuple[str, str, str],
    side: str,
) -> None:
    """Bone by bone along a limb: as the bone above, and then the shortest way to the bone's own direction."""
    above = np.eye(3)
    for role, end in itertools.pairwise(chain):
        names = (f"{role}_{side}", f"{end}_{side}")
        if all(name in roles.joints for name in names for roles in (source, target)):
            wanted = _unit(source_places[source.joints[names[1]]] - source_places[source.joints[names[0]]])
            own = _unit(target_places[target.joints[names[1]]] - target_places[target.joints[names[0]]])
            above = _shortest(above @ own, wanted) @ above
        found[names[0]] = above
    found[f"{chain[2]}_{side}"] = above


def _align_hand(
    found: dict[str, Float[np.ndarray, "3 3"]],
    source_places: Float[np.ndarray, "_ 3"],
    target_places: Float[np.ndarray, "_ 3"],
    source: JointRoles,
    target: JointRoles,
    side: str,
) -> None:
    """The hand by its palm, where both have fingers, and its fingers from there."""
    hand = f"hand_{side}"
    frames = [_palm(places, roles, side) for places, roles in ((source_places, source), (target_places, target))]
    if frames[0] is not None and frames[1] is not None:
        found[hand] = frames[0] @ frames[1].T
    for finger in FINGERS:
        name = f"{finger}_{side}"
        if name not in source.fingers or name not in target.fingers:
            continue
        above = found[hand]
        own, other = target.fingers[name], source.fingers[name]
        for bone in range(len(own)):
            if bone + 1 < min(len(own), len(other)):
                wanted = _unit(source_places[other[bone + 1]] - source_places[other[bone]])
                direction = _unit(target_places[own[bone + 1]] - target_places[own[bone]])
                above = _shortest(above @ direction, wanted) @ above
            found[f"{name}/{bone}"] = above


def _palm(places: Float[np.ndarray, "j 3"], roles: JointRoles, side: str) -> Float[np.ndarray, "3 3"] | None:
    """Columns: along the palm, across it to the index finger, and out of it; None without fingers."""
    first = {finger: roles.fingers.get(f"{finger}_{side}") for finger in ("index", "middle", "little")}
    if f"hand_{side}" not in roles.joints or first["index"] is None or first["little"] is None:
        return None
    wrist = places[roles.joints[f"hand_{side}"]]
    index, little = places[first["index"][0]], places[first["little"][0]]
    middle = (index + little) / 2 if first["middle"] is None else places[first["middle"][0]]
    along = _unit(middle - wrist)
    across = index - little
    across = _unit(across - (across @ along) * along)
    return np.stack([along, across, np.cross(along, across)], axis=1)


def _align_foot(
    reference: Reference,
    source_places: Float[np.ndarray, "_ 3"],
    target_places: Float[np.ndarray, "_ 3"],
    source: JointRoles,
    target: JointRoles,
    side: str,
) -> Float[np.ndarray, "3 3"]:
    """About the vertical only, for soles are flat in both."""
    headings = []
    for places, roles in ((source_places, source), (target_places, target)):
        toes = roles.toes.get(side, ())
        if not toes:
            return np.eye(3)
        ahead = places[list(toes)].mean(axis=0) - places[roles.joints[f"foot_{side}"]]
        if np.hypot(ahead[0], ahead[2]) < 0.2 * np.linalg.norm(ahead) + NEAR_ZERO:
            return np.eye(3)
        headings.append(np.arctan2(ahead[0], ahead[2]))
    return Rotation.from_euler("y", headings[0] - headings[1]).as_matrix()


def _unit(vectors: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), NEAR_ZERO)


def _snap(vector: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    axis = int(np.argmax(np.abs(vector)))
    if abs(vector[axis]) < _SNAP_COSINE:
        return vector
    snapped = np.zeros(3)
    snapped[axis] = np.sign(vector[axis])
    return snapped


def _shortest(source: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The rotation without twist from one unit vector to another; about any axis across where they are opposite."""
    cross, dot = np.cross(source, target), float(source @ target)
    if np.linalg.norm(cross) < 1e-8:
        if dot > 0:
            return np.eye(3)
        axis = np.cross(source, np.eye(3)[int(np.argmin(np.abs(source)))])
        return Rotation.from_rotvec(np.pi * _unit(axis)).as_matrix()
    return Rotation.from_rotvec(_unit(cross) * np.arctan2(np.linalg.norm(cross), dot)).as_matrix()
