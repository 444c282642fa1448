"""Anatomical angles: each does what its name says, on any humanoid, and left mirrors right."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from clipmatrix.bodies.anatomy import (
    ANGLE_NAMES,
    LIMITS_DEG,
    axis_rotation,
    build_pose_space,
    limits,
    mirrored_angles,
    rotation_about,
)
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.rig import world_from_joint
from clipmatrix.errors import BodyError

DOWN, FORWARD, LEFT, BACK, UP = (0, -1, 0), (0, 0, 1), (1, 0, 0), (0, 0, -1), (0, 1, 0)
RIGHT = (-1, 0, 0)


def angles(**degrees: float) -> Tensor:
    row = torch.zeros(1, len(ANGLE_NAMES))
    for name, value in degrees.items():
        row[0, ANGLE_NAMES.index(name)] = math.radians(value)
    return row


def places(body: Body, pose: Tensor) -> dict[str, Tensor]:
    frames = world_from_joint(body.rig, build_pose_space(body).joint_rotations(pose))
    return {role: frames[:, joint, :3, 3] for role, joint in body.humanoid.items()}


def direction(body: Body, pose: Tensor, start: str, end: str) -> Tensor:
    where = places(body, pose)
    return torch.nn.functional.normalize(where[end] - where[start], dim=-1)[0]


@pytest.fixture(params=["support_body", "anny_body"])
def body(request: pytest.FixtureRequest) -> Body:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("side", ["l", "r"])
@pytest.mark.parametrize("limb", ["arm", "leg"])
def test_zero_is_the_standing_figure_with_straight_limbs(body: Body, limb: str, side: str) -> None:
    end = {"arm": "hand", "leg": "foot"}[limb]
    for start, stop in ((f"upper_{limb}", f"lower_{limb}"), (f"lower_{limb}", end)):
        bone = direction(body, angles(), f"{start}_{side}", f"{stop}_{side}")
        torch.testing.assert_close(bone, torch.tensor(DOWN, dtype=torch.float32), atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    ("pose", "start", "end", "wanted"),
    [
        ({"elbow_flexion_l": 90}, "lower_arm_l", "hand_l", FORWARD),
        ({"elbow_flexion_r": 90}, "lower_arm_r", "hand_r", FORWARD),
        ({"shoulder_flexion_l": 90}, "upper_arm_l", "lower_arm_l", FORWARD),
        ({"shoulder_flexion_r": 180}, "upper_arm_r", "lower_arm_r", UP),
        ({"shoulder_abduction_l": 90}, "upper_arm_l", "lower_arm_l", LEFT),
        ({"shoulder_abduction_r": 90}, "upper_arm_r", "lower_arm_r", RIGHT),
        ({"shoulder_rotation_l": 90, "elbow_flexion_l": 90}, "lower_arm_l", "hand_l", RIGHT),
        ({"shoulder_rotation_r": 90, "elbow_flexion_r": 90}, "lower_arm_r", "hand_r", LEFT),
        ({"hip_flexion_l": 90}, "upper_leg_l", "lower_leg_l", FORWARD),
        ({"hip_abduction_r": 90}, "upper_leg_r", "lower_leg_r", RIGHT),
        ({"knee_flexion_l": 90}, "lower_leg_l", "foot_l", BACK),
        ({"hip_rotation_l": 90, "knee_flexion_l": 90}, "lower_leg_l", "foot_l", LEFT),
        ({"body_pitch": 90}, "hips", "spine", FORWARD),
        ({"body_roll": 90}, "hips", "spine", LEFT),
    ],
)
def test_an_angle_turns_its_bone_the_way_it_says(
    body: Body, pose: dict[str, float], start: str, end: str, wanted: tuple[float, float, float]
) -> None:
    bind_bone = direction(body, angles(), start, end)
    bone = direction(body, angles(**pose), start, end)
    # The spine of a real body is not quite upright at zero; the limbs are.
    slack = 2e-3 if start != "hips" else 1.5 * math.acos(min(1.0, float(bind_bone[1]))) + 2e-3
    assert torch.dot(bone, torch.tensor(wanted, dtype=torch.float32)) > math.cos(slack) - 1e-5


def test_bends_of_the_trunk_end_at_the_angle_asked_for(support_body: Body) -> None:
    """The vertebrae share 60 degrees of flexion: the chest's frame is turned by 60 about +X, the head stays on it."""
    space = build_pose_space(support_body)
    frames = world_from_joint(support_body.rig, space.joint_rotations(angles(spine_flexion=60.0)))
    wanted = axis_rotation(0, torch.tensor([math.radians(60.0)]))[0]
    for role in ("chest", "head"):
        turned = frames[0, support_body.humanoid[role], :3, :3]
        torch.testing.assert_close(turned, wanted, atol=1e-5, rtol=0)


def test_curled_fingers_come_near_the_wrist(anny_body: Body) -> None:
    def reach(curl: float) -> Tensor:
        where = places(anny_body, angles(finger_curl_l=curl, index_curl_l=curl, finger_curl_r=curl, index_curl_r=curl))
        tips = [where[f"{finger}_3_{side}"] - where[f"hand_{side}"] for finger in ("index", "ring") for side in "lr"]
        return torch.cat(tips).norm(dim=1)

    assert bool((reach(80.0) < 0.75 * reach(0.0)).all())


def test_every_rotation_is_a_rotation(body: Body, generator: torch.Generator) -> None:
    low, high = limits().unbind(1)
    pose = low + (high - low) * torch.rand(20, len(ANGLE_NAMES), generator=generator)
    rotations = build_pose_space(body).joint_rotations(pose)
    eye = torch.eye(3).expand_as(rotations)
    torch.testing.assert_close(rotations @ rotations.transpose(-1, -2), eye, atol=1e-5, rtol=0)
    assert float(torch.linalg.det(rotations).min()) > 0.99


def test_the_mirrored_pose_is_seen_in_the_mirror(body: Body, generator: torch.Generator) -> None:
    low, high = limits().unbind(1)
    pose = low + (high - low) * torch.rand(5, len(ANGLE_NAMES), generator=generator)
    where, seen = places(body, pose), places(body, mirrored_angles(pose))
    # Anny places some joints a millimetre off the mirror.
    for role, place in where.items():
        partner = role[:-1] + {"l": "r", "r": "l"}[role[-1]] if role[-2:] in ("_l", "_r") else role
        torch.testing.assert_close(seen[partner], place * torch.tensor([-1.0, 1.0, 1.0]), atol=4e-3, rtol=0)


def test_mirroring_twice_changes_nothing(generator: torch.Generator) -> None:
    pose = torch.randn(3, len(ANGLE_NAMES), generator=generator)
    assert torch.equal(mirrored_angles(mirrored_angles(pose)), pose)
    assert not torch.equal(mirrored_angles(pose), pose)


def test_limits_leave_room_around_zero() -> None:
    assert all(low <= 0.0 <= high and low < high for low, high in LIMITS_DEG.values())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_rotations_about_an_axis_agree(axis: int) -> None:
    angle = torch.tensor([0.0, 0.7, -2.9])
    torch.testing.assert_close(axis_rotation(axis, angle), rotation_about(torch.eye(3)[axis], angle))


def test_joint_rotations_are_differentiable(support_body: Body, generator: torch.Generator) -> None:
    space = build_pose_space(support_body)
    pose = 0.3 * torch.randn(1, len(ANGLE_NAMES), generator=generator)
    pose.requires_grad_()
    probe = torch.randn(1, len(support_body.rig.parents), 3, 3, generator=generator)
    (gradient,) = torch.autograd.grad((space.joint_rotations(pose) * probe).sum(), pose)
    column = ANGLE_NAMES.index("knee_flexion_l")
    step = torch.zeros_like(pose)
    step[0, column] = 1e-2
    with torch.no_grad():
        change = ((space.joint_rotations(pose + step) - space.joint_rotations(pose - step)) * probe).sum() / 2e-2
    assert float(gradient[0, column]) == pytest.approx(float(change), rel=1e-2, abs=1e-3)


def test_a_body_without_legs_is_refused_by_name(support_body: Body) -> None:
    roles = {role: joint for role, joint in support_body.humanoid.items() if role != "upper_leg_l"}
    with pytest.raises(BodyError, match="upper_leg_l"):
        build_pose_space(dataclasses.replace(support_body, humanoid=roles))
