"""Joint names of engines, and rest poses under which all clips still show the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.humanoid_character import build_humanoid_character
from tests.synthetic_character import build_tube_character

from clipmatrix.bodies.rig import world_from_joint
from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character, pose_vertices
from clipmatrix.export.gltf import pack_glb
from clipmatrix.export.humanoid import RestPose, renamed, reposed
from clipmatrix.export.motion import sample_clip
from clipmatrix.motion.joint_names import find_roles


@pytest.fixture(scope="module")
def character() -> Character:
    return build_humanoid_character()


def test_vrm_names(character: Character) -> None:
    names = renamed(character, "vrm").rig.joint_names
    wanted = {"hips", "spine", "chest", "neck", "head"}
    for side in ("left", "right"):
        wanted |= {f"{side}{bone}" for bone in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")}
    assert wanted <= set(names)


def test_mixamo_names(character: Character) -> None:
    names = renamed(character, "mixamo").rig.joint_names
    wanted = {"Hips", "Spine", "Spine1", "Neck", "Head"}
    for side in ("Left", "Right"):
        wanted |= {f"{side}{bone}" for bone in ("Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot")}
    assert {f"mixamorig:{name}" for name in wanted} <= set(names)


@pytest.mark.parametrize("name_set", ["vrm", "mixamo"])
def test_names_stay_unique_and_mean_the_same_joints(character: Character, name_set) -> None:
    clash = ("leftHand", "mixamorig:LeftHand")
    rig = character.rig
    odd = replace(
        rig,
        joint_names=(*rig.joint_names, clash[name_set == "mixamo"]),
        parents=(*rig.parents, 0),
        joint_from_bind=torch.cat([rig.joint_from_bind, rig.joint_from_bind[:1]]),
    )
    for one in (rig, odd):
        made = renamed(replace(character, rig=one), name_set).rig
        assert len(set(made.joint_names)) == len(made.joint_names)
        assert "head" in made.joint_names or "mixamorig:Head" in made.joint_names
    plain = renamed(character, name_set).rig
    before, after = (find_roles(r.joint_names, r.parents).joints for r in (rig, plain))
    assert before == after


@pytest.mark.parametrize(("pose", "below_deg"), [("t", 0.0), ("a", 45.0)])
def test_arms_are_where_the_pose_has_them(character: Character, pose: RestPose, below_deg: float) -> None:
    made = reposed(character, pose)
    roles = find_roles(made.rig.joint_names, made.rig.parents).joints
    places = made.rig.bind_from_joint[:, :3, 3]
    aim = torch.tensor([np.cos(np.radians(below_deg)), -np.sin(np.radians(below_deg)), 0.0]).float()
    for side, sign in (("l", 1.0), ("r", -1.0)):
        for start, end in (("upper_arm", "lower_arm"), ("lower_arm", "hand")):
            bone = places[roles[f"{end}_{side}"]] - places[roles[f"{start}_{side}"]]
            torch.testing.assert_close(
                torch.nn.functional.normalize(bone, dim=0), aim * torch.tensor([sign, 1.0, 1.0]), atol=1e-5, rtol=0
            )
    torch.testing.assert_close(made.rig.bind_from_joint[:, :3, :3], torch.eye(3).expand(len(places), 3, 3))


@pytest.mark.parametrize("pose", ["a", "t"])
def test_clips_show_the_same_poses_from_every_rest_pose(character: Character, pose: RestPose) -> None:
    made = reposed(character, pose)
    for before, after in zip(character.clips, made.clips, strict=True):
        motions = [sample_clip(clip, torch.tensor([0.0, 0.31, 0.9])) for clip in (before, after)]
        frames = [
            world_from_joint(one.rig, motion.joint_rotations, motion.root_translation)[:, :, :3, 3]
            for one, motion in zip((character, made), motions, strict=True)
        ]
        torch.testing.assert_close(frames[0], frames[1], atol=1e-5, rtol=0)
        # Of vertices that hang on one joint alone the surface is the same too.
        is_rigid = character.rig.joint_weights.amax(1) > 0.9999
        assert float(is_rigid.float().mean()) > 0.5
        surfaces = [
            pose_vertices(one, motion)[:, is_rigid] for one, motion in zip((character, made), motions, strict=True)
        ]
        torch.testing.assert_close(surfaces[0], surfaces[1], atol=2e-5, rtol=0)


def test_the_rest_pose_of_the_file_is_its_surface(character: Character) -> None:
    made = reposed(character, "t")
    still = torch.eye(3).expand(1, len(made.rig.parents), 3, 3)
    frames = world_from_joint(made.rig, still)
    torch.testing.assert_close(frames[0], made.rig.bind_from_joint, atol=1e-6, rtol=0)
    assert float(made.mesh.vertices[:, 0].max()) > float(character.mesh.vertices[:, 0].max()) + 0.05
    assert pack_glb(made)


def test_its_own_stays_its_own(character: Character) -> None:
    assert renamed(character, "own") is character
    assert reposed(character, "own") is character


def test_what_is_no_humanoid_is_one_line() -> None:
    tube = build_tube_character()
    for change in (lambda: renamed(tube, "vrm"), lambda: reposed(tube, "t")):
        with pytest.raises(ExportError, match="humanoid rig"):
            change()
