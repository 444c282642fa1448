"""Hands and feet outside of the body: closed forms on capsules, poses that must be found, and thousands of samples.

The samples are measured by ``tests/penetration.py``, which knows vertices and nothing of capsules.
"""

import math

import pytest
import torch
from tests.penetration import limb_depths
from torch import Tensor

from clipmatrix.bodies.anatomy import build_pose_space
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.clearance import Obstacles, _Capsule, _distance, build_obstacles, limb_clearance
from clipmatrix.bodies.key_poses import angles_deg, key_angles
from clipmatrix.bodies.poses import PoseConfig, PoseSampler, key_poses
from clipmatrix.bodies.rig import world_from_joint


def _clearance(body: Body, obstacles: Obstacles, pose: dict[str, float]) -> tuple[float, float]:
    angles = torch.tensor([angles_deg(pose)]) * (math.pi / 180)
    frames = world_from_joint(body.rig, build_pose_space(body).joint_rotations(angles))
    hands, feet = limb_clearance(body, obstacles, frames)
    return float(hands), float(feet)


@pytest.mark.parametrize(
    ("point", "distance"),
    [
        ((0.5, 0.5, 0.0), 0.4),  # Beside the middle of the bone: 0.5 from its axis, less the radius.
        ((0.0, 1.5, 0.0), 0.4),  # Beyond its tail.
        ((0.3, -0.4, 0.0), 0.4),  # Below its head: sqrt(0.09 + 0.16) - 0.1.
        ((0.02, 0.5, 0.0), -0.08),  # Inside.
    ],
)
def test_distances_from_a_capsule(point: tuple[float, float, float], distance: float) -> None:
    """A bone of one metre with a radius of 0.1, standing up at the origin, or wherever its joint's frame takes it."""
    capsule = _Capsule(0, torch.tensor([0.0, 1.0, 0.0]), 0.1, "l")
    frames = torch.eye(4).repeat(2, 1, 1, 1)
    # The second frame is turned by a right angle about Z and moved: the point goes with it.
    frames[1, 0, :3, :3] = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    frames[1, 0, :3, 3] = torch.tensor([3.0, 2.0, 1.0])
    points = frames[:, 0, :3, :3] @ torch.tensor(point) + frames[:, 0, :3, 3]
    found = _distance(capsule, frames, points[:, None])
    torch.testing.assert_close(found, torch.full((2,), distance), atol=1e-6, rtol=0)


def test_capsules_have_the_radius_of_the_flesh(support_body: Body) -> None:
    """The support body's bones are capsules themselves: legs of 8 and 6 cm."""
    obstacles = build_obstacles(support_body)
    radii = {capsule.joint: capsule.radius for capsule in obstacles.capsules}
    for role, radius in (("upper_leg", 0.08), ("lower_leg", 0.06)):
        for side in ("l", "r"):
            assert radii[support_body.humanoid[f"{role}_{side}"]] == pytest.approx(radius, abs=0.012)


def test_both_sides_of_a_symmetric_body_are_alike(anny_body: Body) -> None:
    obstacles = build_obstacles(anny_body)
    left, right = ([c for c in obstacles.capsules if c.side == side] for side in ("l", "r"))
    assert [c.radius for c in left] == pytest.approx([c.radius for c in right], abs=1e-3)
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    assert all(torch.allclose(a.tail, mirror * b.tail, atol=1e-3) for a, b in zip(left, right, strict=True))


def test_standing_and_every_key_pose_are_clear(anny_body: Body) -> None:
    obstacles = build_obstacles(anny_body)
    frames = world_from_joint(anny_body.rig, torch.stack(list(key_poses(anny_body).values())))
    hands, feet = limb_clearance(anny_body, obstacles, frames)
    # Hands on hips touch: there the capsules are wider than the body by a centimetre or two.
    assert float(hands.min()) > -0.02
    assert float(feet.min()) > 0.0


@pytest.mark.parametrize(
    ("pose", "which"),
    [
        # Arms hanging with bent elbows, turned inward: the hands are in the belly.
        ({"shoulder_flexion": -10.0, "shoulder_rotation": 70.0, "elbow_flexion": 85.0, "shoulder_abduction": -5.0}, 0),
        # Hanging arms pressed into the hips.
        ({"shoulder_abduction": -25.0}, 0),
        # Shins in each other; a few degrees more, and the feet have come out on the other side.
        ({"hip_abduction": -8.0}, 1),
    ],
)
def test_limbs_that_are_inside_are_found(anny_body: Body, pose: dict[str, float], which: int) -> None:
    assert _clearance(anny_body, build_obstacles(anny_body), pose)[which] < -0.02


def test_spreading_the_legs_takes_the_feet_apart(anny_body: Body) -> None:
    obstacles = build_obstacles(anny_body)
    feet = [_clearance(anny_body, obstacles, {"hip_abduction": angle})[1] for angle in (-10.0, 0.0, 10.0, 20.0)]
    assert feet == sorted(feet)
    assert feet[-1] - feet[1] > 0.2


def _deepest(body: Body, config: PoseConfig, num: int) -> dict[str, Tensor]:
    sampler, generator = PoseSampler(body, config), torch.Generator().manual_seed(20210927)
    found: dict[str, list[Tensor]] = {}
    for _ in range(num // 50):
        for name, depths in limb_depths(body, sampler.sample(50, generator)).items():
            found.setdefault(name, []).append(torch.from_numpy(depths))
    return {name: torch.cat(depths) for name, depths in found.items()}


DEEPEST_HAND_M, DEEPEST_FOOT_M = 0.04, 0.02
"""No hand and no foot of a sampled pose is deeper than this inside of the rest of the body."""


@pytest.mark.parametrize(
    "num",
    [pytest.param(100, id="some"), pytest.param(2000, id="thousands", marks=[pytest.mark.slow, pytest.mark.long])],
)
def test_no_hand_and_no_foot_goes_through_the_body(anny_body: Body, num: int) -> None:
    for name, depths in _deepest(anny_body, PoseConfig(), num).items():
        assert float(depths.max()) < (DEEPEST_HAND_M if name.startswith("hands") else DEEPEST_FOOT_M), name


def test_what_would_go_inside_becomes_its_key_pose(anny_body: Body) -> None:
    """With wild jitter many poses would; all that are sampled are clear by the sampler's own measure."""
    sampler = PoseSampler(anny_body, PoseConfig(max_mix=1.0, jitter_deg=30.0))
    rotations = sampler.sample(400, torch.Generator().manual_seed(1))
    frames = world_from_joint(anny_body.rig, rotations)
    hands, feet = limb_clearance(anny_body, build_obstacles(anny_body), frames)
    assert float(hands.min()) >= -0.02
    assert float(feet.min()) >= -0.01
    # It is no bare choice among key poses all the same.
    keys = build_pose_space(anny_body).joint_rotations(key_angles())
    nearest = torch.cdist(rotations.flatten(1), keys.flatten(1)).amin(dim=1)
    assert float((nearest > 0.2).float().mean()) > 0.5
