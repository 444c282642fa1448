"""Movements on another body: limbs point where the file's do, whatever both rest poses are, and feet stand still."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.motion.motion_files import turns, write_amass, write_bvh
from tests.support_body import build_support_body
from torch import Tensor

from clipmatrix.bodies.body import RestBody
from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.feet import sliding_cm, track_feet
from clipmatrix.bodies.rig import world_from_joint
from clipmatrix.errors import MotionError
from clipmatrix.motion.joint_names import find_roles
from clipmatrix.motion.reading import Excerpt, looped, read_motion
from clipmatrix.motion.retarget import RetargetConfig, retarget


@pytest.fixture(scope="module")
def rest() -> RestBody:
    body = build_support_body()
    return RestBody(body.template.vertices, body.rig)


def _clip(path: Path, rest: RestBody, config: RetargetConfig | None = None) -> Clip:
    return retarget(read_motion(path, Excerpt(fps=30.0))[0], rest, "clip", config)[0]


def _bone(rest: RestBody, clip: Clip, start: str, end: str) -> Tensor:
    frames = world_from_joint(rest.rig, clip.joint_rotations, clip.root_translation)
    names = rest.rig.joint_names
    return torch.nn.functional.normalize(
        frames[:, names.index(end), :3, 3] - frames[:, names.index(start), :3, 3], dim=1
    )


def test_limbs_point_where_the_files_limbs_point(tmp_path: Path, rest: RestBody) -> None:
    """The body's arms hang in an A-pose, the file's are level: still they end up level, and then straight up."""
    clip = _clip(write_bvh(tmp_path / "a.bvh", turns(61, LeftArm=("z", 90.0))), rest)
    upper, lower = _bone(rest, clip, "upper_arm_l", "lower_arm_l"), _bone(rest, clip, "lower_arm_l", "hand_l")
    for bone in (upper, lower):
        torch.testing.assert_close(bone[0], torch.tensor([1.0, 0.0, 0.0]), atol=1e-3, rtol=0)
        torch.testing.assert_close(bone[-1], torch.tensor([0.0, 1.0, 0.0]), atol=1e-3, rtol=0)
    right = _bone(rest, clip, "upper_arm_r", "lower_arm_r")
    torch.testing.assert_close(right[-1], torch.tensor([-1.0, 0.0, 0.0]), atol=1e-3, rtol=0)


def test_knees_bend_backwards(tmp_path: Path, rest: RestBody) -> None:
    free = RetargetConfig(holds_feet=False)
    clip = _clip(write_bvh(tmp_path / "a.bvh", turns(61, LeftLeg=("x", 90.0)), order="XYZ"), rest, free)
    torch.testing.assert_close(
        _bone(rest, clip, "lower_leg_l", "foot_l")[-1], torch.tensor([0.0, 0.0, -1.0]), atol=0.06, rtol=0
    )


@pytest.mark.parametrize("unit", [0.01, 1.0, 25.4])
def test_the_way_is_scaled_by_the_legs_whatever_the_unit(tmp_path: Path, rest: RestBody, unit: float) -> None:
    path = write_bvh(tmp_path / "a.bvh", turns(61), way_cm=(0.0, 0.0, 87.0), unit=unit)
    clip = _clip(path, rest, RetargetConfig(holds_feet=False))
    # The file's leg is 44 + 43.05 cm long: its way is that of one leg.
    places = rest.rig.bind_from_joint[:, :3, 3]
    hip, knee, ankle = (places[rest.rig.joint_names.index(f"{role}_l")] for role in ("upper_leg", "lower_leg", "foot"))
    leg = float((knee - hip).norm() + (ankle - knee).norm())
    assert float(clip.root_translation[-1, 2] - clip.root_translation[0, 2]) == pytest.approx(leg, rel=0.01)
    still = _clip(path, rest, RetargetConfig(is_in_place=True))
    assert float(still.root_translation[:, 2].abs().max()) < 0.05


def test_the_figure_starts_at_the_origin_and_faces_forward(tmp_path: Path, rest: RestBody) -> None:
    table = turns(31)
    table["Hips"][:, 1] = 130.0
    clip = _clip(write_bvh(tmp_path / "a.bvh", table, way_cm=(40.0, 0.0, 0.0)), rest)
    across = _bone(rest, clip, "upper_leg_r", "upper_leg_l")
    torch.testing.assert_close(across[0], torch.tensor([1.0, 0.0, 0.0]), atol=1e-2, rtol=0)
    assert float(clip.root_translation[0, [0, 2]].abs().max()) < 0.03


def test_z_up_files_stand_upright(tmp_path: Path, rest: RestBody) -> None:
    poses = np.zeros((12, 66))
    poses[:, 0] = np.pi / 2  # AMASS: y-up bodies turned onto a z-up floor
    clip, report = retarget(read_motion(write_amass(tmp_path / "a.npz", poses), Excerpt())[0], rest, "clip")
    assert report.up == "Z"
    torch.testing.assert_close(_bone(rest, clip, "hips", "head")[0], torch.tensor([0.0, 1.0, 0.0]), atol=0.1, rtol=0)


def test_standing_feet_are_held(tmp_path: Path, rest: RestBody) -> None:
    """The file's figure drifts by 12 cm a second without a step: its feet slide, and those of the clip do not."""
    path = write_bvh(tmp_path / "a.bvh", turns(61), way_cm=(12.0, 0.0, 0.0))
    roles = find_roles(rest.rig.joint_names, rest.rig.parents).joints
    free, held = (_clip(path, rest, RetargetConfig(holds_feet=flag)) for flag in (False, True))
    before = track_feet(rest, roles, free.joint_rotations, free.root_translation, 30.0)
    after = track_feet(rest, roles, held.joint_rotations, held.root_translation, 30.0)
    assert sliding_cm(before) > 8.0
    assert sliding_cm(after, before) < 0.5
    assert float(np.abs(after["l"].lowest).max()) < 0.005


def test_the_report_tells_what_was_lost(tmp_path: Path, rest: RestBody) -> None:
    path = write_bvh(tmp_path / "a.bvh", turns(31, Tail=("x", 40.0)))
    _, report = retarget(read_motion(path, Excerpt())[0], rest, "clip")
    assert report.lost == ("Tail",)
    assert ("LeftForeArm", "lower_arm_l") in report.mapped
    assert any("Tail" in line for line in report.lines())


def test_skeletons_that_are_no_humanoid_are_refused(tmp_path: Path, rest: RestBody) -> None:
    path = write_bvh(tmp_path / "a.bvh", turns(8))
    path.write_text(path.read_text().replace("LeftUpLeg", "Fin"))
    with pytest.raises(MotionError, match="upper_leg_l"):
        _clip(path, rest)


def test_loops_close(tmp_path: Path, rest: RestBody) -> None:
    clip = looped(_clip(write_bvh(tmp_path / "a.bvh", turns(91, LeftArm=("z", 80.0)), way_cm=(0.0, 0.0, 60.0)), rest))
    assert torch.equal(clip.joint_rotations[0], clip.joint_rotations[-1])
    assert torch.equal(clip.root_translation[0], clip.root_translation[-1])


@pytest.mark.parametrize(
    ("names", "parents"),
    [
        (("hip", "abdomen", "chest", "neck", "head", "lCollar", "lShldr", "lForeArm", "lHand", "rCollar", "rShldr",
          "rForeArm", "rHand", "lButtock", "lThigh", "lShin", "lFoot", "rButtock", "rThigh", "rShin", "rFoot"),
         (-1, 0, 1, 2, 3, 2, 5, 6, 7, 2, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19)),
        (("pelvis", "spine1", "neck", "head", "left_collar", "left_shoulder", "left_elbow", "left_wrist",
          "right_collar",
          "right_shoulder", "right_elbow", "right_wrist", "left_hip", "left_knee", "left_ankle", "left_foot",
          "right_hip",
          "right_knee", "right_ankle", "right_foot"),
         (-1, 0, 1, 2, 1, 4, 5, 6, 1, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18)),
        (("Hips", "Chest", "Neck", "Head", "LeftCollar", "LeftShoulder", "LeftElbow", "LeftWrist", "RightCollar",
          "RightShoulder", "RightElbow", "RightWrist", "LeftHip", "LeftKnee", "LeftAnkle", "RightHip", "RightKnee",
          "RightAnkle"), (-1, 0, 1, 2, 1, 4, 5, 6, 1, 8, 9, 10, 0, 12, 13, 0, 15, 16)),
        (("hips", "spine", "neck", "head", "leftShoulder", "leftUpperArm", "leftLowerArm", "leftHand", "rightShoulder",
          "rightUpperArm", "rightLowerArm", "rightHand", "leftUpperLeg", "leftLowerLeg", "leftFoot", "rightUpperLeg",
          "rightLowerLeg", "rightFoot"), (-1, 0, 1, 2, 1, 4, 5, 6, 1, 8, 9, 10, 0, 12, 13, 0, 15, 16)),
    ],
    ids=["CMU", "SMPL", "Biovision", "VRM"],
)  # fmt: skip
def test_the_usual_names_are_known(names: tuple[str, ...], parents: tuple[int, ...]) -> None:
    roles = find_roles(names, parents)
    assert roles.missing == []
    chain = [roles.joints[f"{role}_l"] for role in ("shoulder", "upper_arm", "lower_arm", "hand")]
    assert all(parents[below] == above for above, below in itertools.pairwise(chain))
    legs = [roles.joints[f"{role}_r"] for role in ("upper_leg", "lower_leg", "foot")]
    assert all(parents[below] == above for above, below in itertools.pairwise(legs))
    assert len(roles.spine) >= 1
