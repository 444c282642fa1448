"""Characters as engines like them: joints called as VRM or Mixamo call them, arms level or hanging at rest.

Knows no file formats.

References:
    VRM Consortium, VRMC_vrm 1.0, humanoid. Adobe, Mixamo's standard skeleton.
"""

import itertools
import math
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation
from torch import Tensor

from clipmatrix.bodies.body import Morph
from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.rig import Rig, parent_from_joint, world_from_joint
from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character
from clipmatrix.motion.joint_names import FINGERS, JointRoles, find_roles

NameSet = Literal["own", "vrm", "mixamo"]
NAME_SETS: tuple[NameSet, ...] = ("own", "vrm", "mixamo")
RestPose = Literal["own", "a", "t"]
REST_POSES: tuple[RestPose, ...] = ("own", "a", "t")

_A_POSE = math.radians(45)
_SHOULDER_SHARE = 0.2
"""How much of an arm's lift its shoulder does."""
_SIDES = {"l": ("left", "Left"), "r": ("right", "Right")}
# role: VRM's name without its side, Mixamo's without prefix and side.
_LIMB_NAMES = {
    "shoulder": ("Shoulder", "Shoulder"),
    "upper_arm": ("UpperArm", "Arm"),
    "lower_arm": ("LowerArm", "ForeArm"),
    "hand": ("Hand", "Hand"),
    "upper_leg": ("UpperLeg", "UpLeg"),
    "lower_leg": ("LowerLeg", "Leg"),
    "foot": ("Foot", "Foot"),
    "toes": ("Toes", "ToeBase"),
}
_SPINE_NAMES = (("spine", "chest", "upperChest"), ("Spine", "Spine1", "Spine2"))
_PHALANGES = ("Proximal", "Intermediate", "Distal")
_THUMB = ("Metacarpal", "Proximal", "Distal")
_MIXAMO_FINGERS = {"thumb": "Thumb", "index": "Index", "middle": "Middle", "ring": "Ring", "little": "Pinky"}


def renamed(character: Character, name_set: NameSet) -> Character:
    """The character whose humanoid joints bear the names of the set; joints that it does not know keep theirs.

    A joint that happens to bear such a name already, and is another one, gets an underscore behind it.

    Raises:
        ExportError: the rig is no humanoid whose joints can be told by their names.
    """
    if name_set == "own":
        return character
    rig = character.rig
    chosen = _set_names(_roles(rig), 0 if name_set == "vrm" else 1)
    taken = set(chosen.values())
    names = []
    for joint, name in enumerate(rig.joint_names):
        new = chosen.get(joint, name)
        while joint not in chosen and new in taken:
            new += "_"
        taken.add(new)
        names.append(new)
    return replace(character, rig=replace(rig, joint_names=tuple(names)))


def _roles(rig: Rig) -> JointRoles:
    roles = find_roles(rig.joint_names, rig.parents)
    if roles.missing:
        raise ExportError(
            f"wanted a humanoid rig, found none of the joints {', '.join(roles.missing)}; "
            "leave the names and the rest pose as they are"
        )
    return roles


def _set_names(roles: JointRoles, column: int) -> dict[int, str]:
    """The names of one set by joint."""
    prefix = "mixamorig:" if column else ""
    found: dict[int, str] = {}
    spread = _spread(roles.spine, 3)
    for joint, name in zip(spread, _SPINE_NAMES[column], strict=False):
        found[joint] = prefix + name
    if roles.neck:
        found[roles.neck[0]] = prefix + ("Neck" if column else "neck")
    for role in ("hips", "head"):
        found[roles.joints[role]] = prefix + (role.capitalize() if column else role)
    for side, words in _SIDES.items():
        word = words[column]
        for role, names in _LIMB_NAMES.items():
            joint = roles.joints.get(f"{role}_{side}")
            # One name for five toes would move one of them only.
            is_one_of_many = role == "toes" and len(roles.toes.get(side, ())) > 1
            if joint is not None and not is_one_of_many:
                found[joint] = f"{prefix}{word}{names[column]}"
        for finger in FINGERS:
            bones = roles.fingers.get(f"{finger}_{side}", ())
            parts = _THUMB if finger == "thumb" else _PHALANGES
            for number, joint in enumerate(bones):
                vrm = f"{word}{finger.capitalize()}{parts[number]}"
                found[joint] = f"{prefix}{word}Hand{_MIXAMO_FINGERS[finger]}{number + 1}" if column else vrm
    return found


def _spread(chain: tuple[int, ...], num: int) -> list[int]:
    """``num`` joints of the chain from its first to its last, or all where there are fewer."""
    if len(chain) <= num:
        return list(chain)
    return [chain[round(index * (len(chain) - 1) / (num - 1))] for index in range(num)]


def reposed(character: Character, pose: RestPose) -> Character:
    """The character with its arms at rest level at the sides (``t``) or hanging by 45 degrees (``a``), joints unturned.

    Mesh, joints, facial actions and clips go with them: every clip shows the same poses as before. The mesh is the one
    that blended skinning brings back to the old rest pose exactly, so that poses near it differ least, at the armpits.

    Raises:
        ExportError: the rig is no humanoid whose joints can be told by their names.
    """
    if pose == "own":
        return character
    rig = character.rig
    turns = _arm_turns(rig, _roles(rig), 0.0 if pose == "t" else _A_POSE)
    frames = world_from_joint(rig, turns[None])
    new_from_old_skin = _unskinning(rig, frames[0])
    vertices = _moved(new_from_old_skin, character.mesh.vertices)
    # New frames at the posed joints, parallel to the world's axes as all bodies' are.
    bind = torch.eye(4).repeat(len(rig.parents), 1, 1)
    bind[:, :3, 3] = frames[0, :, :3, 3]
    new_from_old = frames[0, :, :3, :3]
    new_rig = replace(rig, joint_from_bind=torch.linalg.inv(bind))
    return replace(
        character,
        mesh=replace(character.mesh, vertices=vertices),
        rig=new_rig,
        clips=tuple(_carried(clip, rig, new_from_old) for clip in character.clips),
        morphs=tuple(Morph(m.name, _turned(new_from_old_skin, m.offsets)) for m in character.morphs),
    )


def _arm_turns(rig: Rig, roles: JointRoles, below: float) -> Float[Tensor, "j 3 3"]:
    """The joints' turns that bring both arms to ``below`` radians under the horizon, in the plane of the body."""
    frames = rig.bind_from_joint
    places, axes = frames[:, :3, 3], frames[:, :3, :3]
    turns = torch.eye(3).repeat(len(rig.parents), 1, 1)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        aim = torch.tensor([sign * math.cos(below), -math.sin(below), 0.0])
        done = torch.eye(3)
        middle = roles.fingers.get(f"middle_{side}", ())
        chain = [roles.joints[f"upper_arm_{side}"], roles.joints[f"lower_arm_{side}"]]
        chain += [roles.joints[f"hand_{side}"]] if f"hand_{side}" in roles.joints else []
        chain += [middle[0]] if middle and len(chain) == 3 else []
        shoulder = roles.joints.get(f"shoulder_{side}")
        if shoulder is not None:
            # Arms are lifted with the shoulder, or the skin beside the neck would fold.
            bone = torch.nn.functional.normalize(places[chain[1]] - places[chain[0]], dim=0)
            done = _part(_shortest(bone, aim), _SHOULDER_SHARE)
            turns[shoulder] = axes[shoulder].T @ done @ axes[shoulder]
        for joint, end in itertools.pairwise(chain):
            bone = torch.nn.functional.normalize(places[end] - places[joint], dim=0)
            # The joint is turned in space by what its parents are and by what still parts its bone from the aim.
            turned = _shortest(done @ bone, aim) @ done
            turns[joint] = axes[joint].T @ done.T @ turned @ axes[joint]
            done = turned
    return turns


def _shortest(start: Float[Tensor, "3"], end: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """The smallest rotation that turns one unit vector into another that is not its opposite."""
    x, y, z = torch.linalg.cross(start, end).unbind()
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    return torch.eye(3) + skew + skew @ skew / (1.0 + start @ end).clamp_min(1e-6)


def _part(rotation: Float[Tensor, "3 3"], share: float) -> Float[Tensor, "3 3"]:
    """The rotation by a share of its angle, about the same axis."""
    turn = Rotation.from_matrix(rotation.double().numpy()).as_rotvec() * share
    return torch.from_numpy(Rotation.from_rotvec(turn).as_matrix()).float()


def _carried(clip: Clip, rig: Rig, new_from_old: Float[Tensor, "j 3 3"]) -> Clip:
    """The clip for joints whose frames are turned: the same frames in the world up to that turn."""
    old_from_new = new_from_old.transpose(1, 2)
    # The rest turn of the new joints is none, so that a joint's turn is all of its local one.
    parents = torch.tensor([parent if parent >= 0 else len(rig.parents) for parent in rig.parents])
    parent_new_from_old = torch.cat([new_from_old, torch.eye(3)[None]])[parents]
    local = parent_from_joint(rig)[:, :3, :3] @ clip.joint_rotations
    rotations = parent_new_from_old @ local @ old_from_new
    shift = clip.joint_shift
    shift = None if shift is None else torch.einsum("jab,njb->nja", parent_new_from_old, shift)
    return replace(clip, joint_rotations=rotations, joint_shift=shift)


def _unskinning(rig: Rig, frames: Float[Tensor, "j 4 4"]) -> Float[Tensor, "v 4 4"]:
    """What moves each vertex to where skinning from the posed joints back to the bind pose would bring it from."""
    back = torch.linalg.inv((frames @ rig.joint_from_bind).double())
    blended = (rig.joint_weights.double()[..., None, None] * back[rig.joint_ids]).sum(dim=1)
    return torch.linalg.inv(blended).float()


def _moved(matrices: Float[Tensor, "v 4 4"], points: Float[Tensor, "v 3"]) -> Float[Tensor, "v 3"]:
    return (matrices[:, :3, :3] @ points[..., None]).squeeze(-1) + matrices[:, :3, 3]


def _turned(matrices: Float[Tensor, "v 4 4"], offsets: Float[Tensor, "v 3"]) -> Float[Tensor, "v 3"]:
    return (matrices[:, :3, :3] @ offsets[..., None]).squeeze(-1)
