"""Which joint of a skeleton is which part of a human, by its name and its place in the tree; knows no movement.

Names are taken apart into words, sides and numbers first, so that one table of words reads CMU's (``lShldr``,
``LeftUpLeg``), Mixamo's (``mixamorig:LeftForeArm``), Biovision's (``LeftKnee``), SMPL-X's (``left_wrist``), VRM's
(``leftUpperLeg``, ``J_Bip_L_UpperArm``), 3ds Max's, Unreal's, Rigify's deform bones' and Anny's (``upperarm01.L``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

LIMBS = ("shoulder", "upper_arm", "lower_arm", "hand", "upper_leg", "lower_leg", "foot", "toes")
"""The roles of a side, without it."""
FINGERS = ("thumb", "index", "middle", "ring", "little")
REQUIRED = (
    "hips",
    "head",
    *(f"{r}_{s}" for s in "lr" for r in ("upper_arm", "lower_arm", "upper_leg", "lower_leg", "foot")),
)
"""Without these a movement cannot be carried over."""

_PREFIXES = re.compile(
    r"^(?:.*[:|])?(?:mixamorig\d*_?|bip(?:ed)?\s?0*\d+[_\s]*|cc_base_|def-|org-|j_(?:bip|sec|adj)_|b_|bn_)*", re.I
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SIDES = {"l": "l", "left": "l", "lt": "l", "r": "r", "right": "r", "rt": "r"}
_CENTRE_WORDS = {
    "hips": ("hips", "pelvis", "hip", "root", "cog", "center"),
    "head": ("head",),
}
# role: the names that mean it, most telling first; what stands behind a stroke counts only where nothing before is.
_SIDE_WORDS = {
    "shoulder": ("collar", "clavicle", "collarbone", "clav", "shoulder"),
    "upper_arm": ("upperarm", "uparm", "shldr", "upperarm01", "upperarm1", "humerus", "arm", "shoulder"),
    "lower_arm": ("lowerarm", "forearm", "loarm", "lowerarm01", "forearm1", "elbow", "lowarm", "radius"),
    "hand": ("wrist", "hand", "palm"),
    "upper_leg": ("upleg", "upperleg", "thigh", "upperleg01", "thigh1", "femur", "hip"),
    "lower_leg": ("lowerleg", "lowleg", "shin", "calf", "lowerleg01", "shin1", "tibia", "knee", "leg"),
    "foot": ("ankle", "foot"),
    "toes": ("toebase", "toes", "toe", "ball", "toe0", "toe21", "foot"),
}
_ALL_SIDE_WORDS = {word for words in _SIDE_WORDS.values() for word in words}
_TWISTS = {
    "upper_arm_twist": ("upperarm02", "upperarmtwist", "upperarmtwist01"),
    "lower_arm_twist": ("lowerarm02", "forearmtwist", "lowerarmtwist01", "foretwist"),
    "upper_leg_twist": ("upperleg02", "uplegtwist", "thightwist01"),
    "lower_leg_twist": ("lowerleg02", "legtwist", "calftwist01"),
}
_FINGER_WORDS = (
    ("thumb", re.compile(r"^(?:hand)?(?:thumb)")),
    ("index", re.compile(r"^(?:hand)?(?:f?index|pointer)")),
    ("middle", re.compile(r"^(?:hand)?(?:f?middle|mid(?!dle))")),
    ("ring", re.compile(r"^(?:hand)?(?:f?ring)")),
    ("little", re.compile(r"^(?:hand)?(?:f?pinky|little|pinkie)")),
)
_NUMBERED_FINGER = re.compile(r"^finger(\d)(\d?)$")


@dataclass(frozen=True)
class JointRoles:
    """Joint ids by role.

    ``joints`` holds hips, head and the sides' limbs (``upper_arm_l`` ...), with ``_twist`` joints where there are
    some. ``spine`` are the joints from above the hips to where arms and neck part; ``neck`` those from there to
    below the head; ``fingers`` those of a finger from the palm outwards (``index_l`` ...); ``toes`` all joints
    right below a foot, or the ends of its bones where there are no joints.
    """

    joints: dict[str, int]
    spine: tuple[int, ...]
    neck: tuple[int, ...]
    fingers: dict[str, tuple[int, ...]]
    toes: dict[str, tuple[int, ...]]

    @property
    def missing(self) -> list[str]:
        """The roles that a movement cannot do without and this skeleton lacks."""
        return [role for role in REQUIRED if role not in self.joints]


def find_roles(joint_names: Sequence[str], parents: Sequence[int]) -> JointRoles:
    """What each joint of the skeleton is, as far as names tell; ``missing`` says what they do not tell."""
    # The ends of bones are no joints of their own, however they are called.
    read = [(None, "") if name.endswith("_end") else _read_name(name) for name in joint_names]
    joints: dict[str, int] = {}
    for role, words in _CENTRE_WORDS.items():
        found = _first(read, None, words)
        if found is not None:
            joints[role] = found
    for side in ("l", "r"):
        joints.update(_side_roles(read, side))
    spine, neck = _trunk(joints, parents)
    fingers = {}
    for side in ("l", "r"):
        for finger in FINGERS:
            found_joints = _finger(read, parents, side, finger, joint_names)
            if found_joints:
                fingers[f"{finger}_{side}"] = found_joints
    toes = {}
    for side in ("l", "r"):
        foot = joints.get(f"foot_{side}")
        if foot is not None:
            below = [j for j, parent in enumerate(parents) if parent == foot]
            named = [j for j in below if not joint_names[j].endswith("_end")]
            toes[side] = tuple(named or below)
    return JointRoles(joints, spine, neck, fingers, toes)


def _read_name(name: str) -> tuple[str | None, str]:
    """The side of a name (l, r or None) and the rest of it in small letters, without what only says whose rig it is."""
    words = _WORDS.findall(_PREFIXES.sub("", name))
    side, rest = None, []
    for index, word in enumerate(words):
        low = word.lower()
        if low in _SIDES and (len(low) > 1 or index in (0, len(words) - 1) or len(words) > 2) and side is None:
            side = _SIDES[low]
        elif low != "c":
            rest.append(low)
    base = "".join(rest)
    if side is None:
        for start in ("left", "right"):
            if base.startswith(start):
                return start[0], base.removeprefix(start)
        # CMU's own skeleton writes lfemur and rhumerus.
        if base[:1] in ("l", "r") and base[1:] in _ALL_SIDE_WORDS:
            return base[0], base[1:]
    return side, base


def _first(read: Sequence[tuple[str | None, str]], side: str | None, words: Sequence[str]) -> int | None:
    for word in words:
        for joint, (its_side, base) in enumerate(read):
            if its_side == side and base == word:
                return joint
    return None


def _side_roles(read: Sequence[tuple[str | None, str]], side: str) -> dict[str, int]:
    """The limbs of one side; a joint has one role, and the more telling name wins."""
    roles: dict[str, int] = {}
    # A shoulder is the collar bone where there is an arm beside it, and the upper arm where there is a collar.
    order = ("upper_arm", "shoulder", "lower_arm", "hand", "upper_leg", "lower_leg", "foot", "toes")
    taken: set[int] = set()
    for role in order:
        words = _SIDE_WORDS[role]
        found = _first([(s, b) if j not in taken else (None, "") for j, (s, b) in enumerate(read)], side, words)
        if found is not None:
            roles[f"{role}_{side}"] = found
            taken.add(found)
    for role, words in _TWISTS.items():
        found = _first(read, side, words)
        if found is not None:
            roles[f"{role}_{side}"] = found
    return roles


def _trunk(joints: dict[str, int], parents: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The spine and the neck: the joints between hips and head, parted where an arm leaves."""
    if "hips" not in joints or "head" not in joints:
        return (), ()
    up = _ancestors(joints["head"], parents)
    if joints["hips"] in up:
        up = up[: up.index(joints["hips"])]
    path = up[::-1]
    arm = joints.get("upper_arm_l", joints.get("upper_arm_r"))
    if arm is None:
        return tuple(path), ()
    above_arm = set(_ancestors(arm, parents))
    return tuple(j for j in path if j in above_arm), tuple(j for j in path if j not in above_arm)


def _ancestors(joint: int, parents: Sequence[int]) -> list[int]:
    found = []
    while parents[joint] >= 0:
        joint = parents[joint]
        found.append(joint)
    return found


def _finger(
    read: Sequence[tuple[str | None, str]], parents: Sequence[int], side: str, finger: str, joint_names: Sequence[str]
) -> tuple[int, ...]:
    pattern = dict(_FINGER_WORDS)[finger]
    found = []
    for joint, (its_side, base) in enumerate(read):
        if its_side != side:
            continue
        numbered = _NUMBERED_FINGER.match(base)
        is_it = bool(pattern.match(base)) and "toe" not in base
        if numbered:
            # Anny counts from 1 and parts its numbers by a hyphen; 3ds Max counts from 0.
            digit = int(numbered[1]) - (1 if "-" in joint_names[joint] else 0)
            is_it = 0 <= digit < 5 and FINGERS[digit] == finger
        if is_it and not (finger != "thumb" and "metacarpal" in base):
            found.append(joint)
    found.sort(key=lambda joint: len(_ancestors(joint, parents)))
    return tuple(found[:3])
