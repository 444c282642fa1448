"""Key poses, the sampler and the stance: within the limits, on their feet, arms outside of the trunk."""

import math

import pytest
import torch
from torch import Tensor

from clipmatrix.bodies.anatomy import ANGLE_NAMES, build_pose_space, limits
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.key_poses import KEY_POSE_NAMES, angles_deg, key_angles
from clipmatrix.bodies.poses import PoseConfig, PoseSampler, grounding, key_poses
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.bodies.stance import arm_clearance, build_trunk, settle
from clipmatrix.errors import ConfigError


def is_within_limits(angles: Tensor) -> bool:
    low, high = limits().unbind(1)
    return bool(((angles >= low - 1e-6) & (angles <= high + 1e-6)).all())


def posed_vertices(body: Body, rotations: Tensor) -> Tensor:
    return skin(body.template.vertices, body.rig, world_from_joint(body.rig, rotations))


def test_key_poses_keep_the_limits_and_differ(support_body: Body) -> None:
    assert len(KEY_POSE_NAMES) >= 16
    assert is_within_limits(key_angles())
    poses = key_poses(support_body)
    assert tuple(poses) == KEY_POSE_NAMES
    flat = torch.stack(list(poses.values())).flatten(1)
    distance = torch.cdist(flat, flat) + 10 * torch.eye(len(flat))
    assert float(distance.min()) > 0.2


def test_a_sides_own_angle_goes_before_that_of_both_and_both_before_ease() -> None:
    row = angles_deg({"elbow_flexion": 50.0, "elbow_flexion_r": 70.0})
    assert row[ANGLE_NAMES.index("elbow_flexion_l")] == 50.0
    assert row[ANGLE_NAMES.index("elbow_flexion_r")] == 70.0
    assert row[ANGLE_NAMES.index("shoulder_abduction_l")] == angles_deg({})[ANGLE_NAMES.index("shoulder_abduction_l")]
    assert row[ANGLE_NAMES.index("shoulder_abduction_l")] > 0.0


@pytest.mark.parametrize("config", [PoseConfig(), PoseConfig(max_mix=1.0, jitter_deg=30.0, max_yaw_deg=180.0)])
def test_thousands_of_samples_keep_the_limits(
    support_body: Body, generator: torch.Generator, config: PoseConfig
) -> None:
    angles = PoseSampler(support_body, config).sample_angles(4000, generator)
    assert is_within_limits(angles)
    assert bool(torch.isfinite(angles).all())
    # The limits hold because poses are kept in, not because nothing moves.
    assert float(angles[:, ANGLE_NAMES.index("knee_flexion_l")].std()) > math.radians(10)


def test_the_generator_decides_the_poses(support_body: Body) -> None:
    sampler = PoseSampler(support_body)
    first = sampler.sample(6, torch.Generator().manual_seed(7))
    again = sampler.sample(6, torch.Generator().manual_seed(7))
    other = sampler.sample(6, torch.Generator().manual_seed(8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_without_mixture_and_jitter_the_settled_key_poses_remain(
    support_body: Body, generator: torch.Generator
) -> None:
    """Each sample's elbows, which settling leaves alone, are those of one key pose or its mirror image."""
    angles = PoseSampler(support_body, PoseConfig(max_mix=0.0, jitter_deg=0.0)).sample_angles(60, generator)
    elbows = angles[:, [ANGLE_NAMES.index("elbow_flexion_l"), ANGLE_NAMES.index("elbow_flexion_r")]]
    keys = key_angles()[:, [ANGLE_NAMES.index("elbow_flexion_l"), ANGLE_NAMES.index("elbow_flexion_r")]]
    either = torch.cat([keys, keys.flip(1)])
    nearest = (elbows[:, None] - either).abs().amax(dim=2).amin(dim=1)
    assert float(nearest.max()) < 1e-5


def test_sampled_bodies_are_upright_with_arms_outside_of_the_trunk(anny_body: Body, generator: torch.Generator) -> None:
    rotations = PoseSampler(anny_body).sample(400, generator)
    frames = world_from_joint(anny_body.rig, rotations)
    head, hips = (frames[:, anny_body.humanoid[role], 1, 3] for role in ("head", "hips"))
    assert float((head - hips).min()) > 0.15
    clearance = arm_clearance(anny_body, build_trunk(anny_body), frames)
    assert float((clearance < 0.0).float().mean()) < 0.01
    assert float((clearance < -0.02).float().mean()) < 0.002


def test_key_poses_keep_their_arms_outside_of_the_trunk(anny_body: Body) -> None:
    frames = world_from_joint(anny_body.rig, torch.stack(list(key_poses(anny_body).values())))
    assert float(arm_clearance(anny_body, build_trunk(anny_body), frames).min()) > 0.0


def test_a_hand_in_the_belly_is_found(anny_body: Body) -> None:
    """Arms hanging, elbows at 90 degrees, turned inward: both hands are pushed through the trunk."""
    row = {"shoulder_flexion": -10.0, "shoulder_rotation": 70.0, "elbow_flexion": 85.0, "shoulder_abduction": -5.0}
    angles = torch.tensor([angles_deg(row)]) * (math.pi / 180)
    frames = world_from_joint(anny_body.rig, build_pose_space(anny_body).joint_rotations(angles))
    assert float(arm_clearance(anny_body, build_trunk(anny_body), frames).max()) < -0.02


@pytest.mark.parametrize("name", ["support_body", "anny_body"])
def test_settling_puts_a_leaning_figure_back_on_flat_soles(name: str, request: pytest.FixtureRequest) -> None:
    """Tipped forward by ten degrees, one knee bent a little: it stands up, both ankles level, both soles flat."""
    body: Body = request.getfixturevalue(name)
    space = build_pose_space(body)
    tipped = {"body_pitch": 10.0, "knee_flexion_l": 22.0, "hip_flexion_l": 9.0, "ankle_inversion_r": 12.0}
    angles = torch.tensor([angles_deg(tipped)]) * (math.pi / 180)
    settled = settle(space, angles)
    assert is_within_limits(settled)
    before, after = (world_from_joint(body.rig, space.joint_rotations(pose)) for pose in (angles, settled))
    lean = [
        abs(
            float(
                f[0, body.humanoid["head"], 2, 3]
                - f[0, [body.humanoid["foot_l"], body.humanoid["foot_r"]], 2, 3].mean()
            )
        )
        for f in (before, after)
    ]
    assert lean[1] < 0.5 * lean[0]
    # The rest pose's feet are level on the ground, so the frame's own up axis is the sole's.
    up = after[0, [body.humanoid["foot_l"], body.humanoid["foot_r"]], :3, 1]
    bind_up = (space.zeros["l"].foot @ body.rig.bind_from_joint[body.humanoid["foot_l"], :3, :3])[:, 1]
    assert float((up @ bind_up).min()) > math.cos(math.radians(2.0))
    ankles = after[0, [body.humanoid["foot_l"], body.humanoid["foot_r"]], 1, 3]
    assert abs(float(ankles[0] - ankles[1])) < 0.01


def test_grounding_puts_the_lowest_vertex_on_the_ground(support_body: Body, generator: torch.Generator) -> None:
    vertices = posed_vertices(support_body, PoseSampler(support_body).sample(10, generator))
    shift = grounding(vertices)
    lowest = (vertices + shift[:, None])[..., 1].amin(dim=1)
    torch.testing.assert_close(lowest, torch.zeros(10), atol=1e-6, rtol=0)
    assert bool((shift[:, [0, 2]] == 0).all())


@pytest.mark.parametrize(
    ("field", "value"), [("max_mix", 1.5), ("max_mix", -0.1), ("jitter_deg", 90.0), ("max_yaw_deg", -1.0)]
)
def test_settings_out_of_range_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=field):
        PoseConfig(**{field: value})
