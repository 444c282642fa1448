"""Joints of many makers' rigs are known by their names."""

import pytest

from clipmatrix.bodies.joint_names import humanoid_roles, joint_regions

SIDES = ("upper_arm", "lower_arm", "hand", "upper_leg", "lower_leg", "foot")
MAKERS = {
    "mixamo": (
        "mixamorig:Hips mixamorig:Spine mixamorig:Head",
        "mixamorig:{}Arm mixamorig:{}ForeArm mixamorig:{}Hand mixamorig:{}UpLeg mixamorig:{}Leg mixamorig:{}Foot",
        ("Left", "Right"),
    ),
    "unreal": ("pelvis spine_01 head", "upperarm_{0} lowerarm_{0} hand_{0} thigh_{0} calf_{0} foot_{0}", "lr"),
    "unity": (
        "Hips Chest Head",
        "{}UpperArm {}LowerArm {}Hand {}UpperLeg {}LowerLeg {}Foot",
        ("Left", "Right"),
    ),
    "rigify": ("hips spine.001 head", "upper_arm.{} forearm.{} hand.{} thigh.{} shin.{} foot.{}", "LR"),
    "vrm": (
        "J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Head",
        "J_Bip_{}_UpperArm J_Bip_{}_LowerArm J_Bip_{}_Hand J_Bip_{}_UpperLeg J_Bip_{}_LowerLeg J_Bip_{}_Foot",
        "LR",
    ),
    "poser": ("hip abdomen head", "{}Shldr {}ForeArm {}Hand {}Thigh {}Shin {}Foot", "lr"),
    "bip": (
        "Bip01_Pelvis Bip01_Spine Bip01_Head",
        "Bip01_{}_UpperArm Bip01_{}_Forearm Bip01_{}_Hand Bip01_{}_Thigh Bip01_{}_Calf Bip01_{}_Foot",
        "LR",
    ),
    "smpl": (
        "pelvis spine1 head",
        "{}_shoulder {}_elbow {}_wrist {}_hip {}_knee {}_ankle {}_collar {}_foot",
        ("left", "right"),
    ),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_makers_names_are_understood(maker: str) -> None:
    centre, side, words = MAKERS[maker]
    names = centre.split()
    wanted = dict(zip(("hips", "spine", "head"), range(3), strict=True))
    for letter, word in zip("lr", words, strict=True):
        filled = side.replace("{}", word).replace("{0}", word).split()
        wanted |= {f"{role}_{letter}": len(names) + index for index, role in enumerate(SIDES)}
        names += filled
    parents = tuple(range(-1, len(names) - 1))
    roles = humanoid_roles(names, parents)
    assert {role: roles.get(role) for role in wanted} == wanted


def test_fingers_have_their_numbers() -> None:
    roles = humanoid_roles(["LeftHandThumb1", "LeftHandIndex3", "pinky_02_r", "f_middle.01.L"], (-1, 0, 1, 2))
    assert roles == {"thumb_1_l": 0, "index_3_l": 1, "little_2_r": 2, "middle_1_l": 3}


def test_other_rigs_have_no_arms() -> None:
    roles = humanoid_roles(["root", "tail_01", "wing.L", "wing.R", "head"], (-1, 0, 0, 0, 0))
    assert roles == {"hips": 0, "head": 4}


def test_joints_without_a_role_go_with_their_parents() -> None:
    """Hair with the head, a thumb with the hand, a sword too; a tail with the hips."""
    names = ["hips", "spine", "head", "hair", "hand.L", "sword", "tail"]
    roles = {"hips": 0, "spine": 1, "head": 2, "hand_l": 4}
    assert joint_regions(roles, (-1, 0, 1, 2, 1, 4, 0)) == ["torso", "torso", "head", "head", "hands", "hands", "torso"]
    assert len(names) == 7
