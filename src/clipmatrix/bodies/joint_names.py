"""What the joints of a humanoid are, by what people call them; knows no mesh.

Understands the names of the common makers (Mixamo, Unreal, Unity and VRM, Blender's Rigify, MakeHuman, Character
Creator, BVH files): a side, a word for the bone, and numbers.
"""

import re
from collections.abc import Mapping, Sequence

_PREFIX = re.compile(
    r"^(mixamorig\d*[:_]?|armature[|_]|bip0*1?[ _.]|cc_base_|def-|org-|j_bip_[clr]_|valvebiped[._])", re.I
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SIDES = {"l": "l", "left": "l", "r": "r", "right": "r"}

# Words without side and blanks, by role. Of several joints that fit a role the first in the tree has it.
_SIDE_WORDS = {
    "shoulder": ("shoulder", "clavicle", "collar", "collarbone", "clav"),
    "upper_arm": ("upperarm", "uparm", "arm", "shldr", "armupper", "bicep"),
    "lower_arm": ("lowerarm", "forearm", "lowarm", "elbow", "armlower"),
    "hand": ("hand", "wrist"),
    "upper_leg": ("upperleg", "upleg", "thigh", "legupper", "hip", "buttock"),
    "lower_leg": ("lowerleg", "lowleg", "leg", "calf", "shin", "knee", "leglower"),
    "foot": ("foot", "ankle"),
    "toe_2": ("toe", "toes", "toebase", "ball", "balltoe"),
    "eye": ("eye", "eyeball"),
}
_CENTRE_WORDS = {
    "hips": ("hips", "pelvis", "hip", "root"),
    "neck": ("neck",),
    "head": ("head",),
}
_TRUNK_WORDS = ("spine", "chest", "upperchest", "torso", "abdomen", "waist", "spineupper", "spinelower", "lowerback")
_TRUNK_ROLES = ("spine", "waist", "chest", "upper_chest")
_FINGER = re.compile(r"^(?:hand|finger|f)?(thumb|index|middle|mid|ring|pinky|little)(?:finger|proximal)?$")
_FINGER_NAMES = {"mid": "middle", "pinky": "little"}

REGION_ROLES = {
    "head": ("head", "eye"),
    "arms": ("upper_arm", "lower_arm"),
    "hands": ("hand",),
    "legs": ("upper_leg", "lower_leg"),
    "feet": ("foot",),
    "torso": ("hips", "spine", "shoulder"),
}
"""Roles with which a region begins: joints below belong to it until another region begins."""


def humanoid_roles(names: Sequence[str], parents: Sequence[int]) -> dict[str, int]:
    """The joint of each role; without sense for what is needed: a dog's rig has some of them too."""
    roles: dict[str, int] = {}
    read = [_read(name) for name in names]
    for joint, (side, word, number) in enumerate(read):
        finger = _FINGER.match(word)
        if side and finger:
            bone = _FINGER_NAMES.get(finger.group(1), finger.group(1))
            roles.setdefault(f"{bone}_{min(max(number, 1), 3)}_{side}", joint)
        elif side:
            for role, words in _SIDE_WORDS.items():
                if word in words:
                    roles.setdefault(f"{role}_{side}", joint)
        else:
            for role, words in _CENTRE_WORDS.items():
                if word in words and (role != "hips" or word != "root" or "hips" not in roles):
                    roles.setdefault(role, joint)
    named_hips = [joint for joint, (side, word, _) in enumerate(read) if not side and word in ("hips", "pelvis", "hip")]
    if named_hips:
        roles["hips"] = named_hips[0]
    _name_trunk(roles, read, parents)
    _mend_sides(roles, read)
    return roles


def joint_regions(roles: Mapping[str, int], parents: Sequence[int]) -> list[str]:
    """The region of every joint: its own role's, else its parent's; torso where there is none."""
    begins = {
        joint: region
        for region, firsts in REGION_ROLES.items()
        for role, joint in roles.items()
        if re.sub(r"_[lr]$", "", role) in firsts
    }
    regions: list[str] = []
    for joint, parent in enumerate(parents):
        regions.append(begins.get(joint, regions[parent] if parent >= 0 else "torso"))
    return regions


def _read(name: str) -> tuple[str, str, int]:
    """Side (``l``, ``r`` or none), the words run together in small letters, and the last number (0 without)."""
    rest = _PREFIX.sub("", name)
    side = ""
    if rest == name and (match := re.match(r"j_bip_([clr])_", name, re.I)):
        side = _SIDES.get(match.group(1).lower(), "")
    elif match := re.match(r"j_bip_([lr])_", name, re.I):
        side = match.group(1).lower()
    words, number = [], 0
    for token in _WORD.findall(rest):
        small = token.lower()
        if token.isdigit():
            number = int(token)
        elif small in _SIDES and not side:
            side = _SIDES[small]
        else:
            words.append(small)
    word = "".join(words)
    for long in ("left", "right"):
        if not side and word.startswith(long) and len(word) > len(long):
            side, word = _SIDES[long], word[len(long) :]
    return side, word, number


def _name_trunk(roles: dict[str, int], read: Sequence[tuple[str, str, int]], parents: Sequence[int]) -> None:
    """Names the joints of the trunk in the order of the tree; of more than four, four spread evenly."""
    chain = [joint for joint, (side, word, _) in enumerate(read) if not side and word in _TRUNK_WORDS]
    if "neck" in roles:
        above, parent = set(), parents[roles["neck"]]
        while parent >= 0:
            above.add(parent)
            parent = parents[parent]
        chain = [joint for joint in chain if joint in above]
    if len(chain) > len(_TRUNK_ROLES):
        last = len(_TRUNK_ROLES) - 1
        chain = [chain[round(k * (len(chain) - 1) / last)] for k in range(last + 1)]
    roles.update(zip(_TRUNK_ROLES, chain, strict=False))


def _mend_sides(roles: dict[str, int], read: Sequence[tuple[str, str, int]]) -> None:
    """Settles words that mean one thing beside some names and another beside others."""
    for side in ("l", "r"):
        collar = next((j for j, (s, word, _) in enumerate(read) if s == side and word in ("collar", "clavicle")), None)
        if collar is not None:
            shoulder = next((j for j, (s, word, _) in enumerate(read) if s == side and word == "shoulder"), None)
            roles[f"shoulder_{side}"] = collar
            if shoulder is not None and f"upper_arm_{side}" not in roles:
                roles[f"upper_arm_{side}"] = shoulder
        ankle = next((j for j, (s, word, _) in enumerate(read) if s == side and word == "ankle"), None)
        if ankle is not None and roles[f"foot_{side}"] != ankle:
            roles.setdefault(f"toe_2_{side}", roles[f"foot_{side}"])
            roles[f"foot_{side}"] = ankle
