"""Forward kinematics and skinning: closed forms, readable twins, axioms and gradients."""

import math

import pytest
import torch
from torch import Tensor

from clipmatrix.bodies.anatomy import axis_rotation
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.rig import Rig, skin, world_from_joint

QUARTER = math.pi / 2


def random_rotations(shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Tensor:
    vectors = torch.randn(*shape, 3, generator=generator, dtype=dtype)
    cross = torch.zeros(*shape, 3, 3, dtype=dtype)
    cross[..., 0, 1], cross[..., 0, 2], cross[..., 1, 2] = -vectors[..., 2], vectors[..., 1], -vectors[..., 0]
    return torch.linalg.matrix_exp(cross - cross.transpose(-1, -2))


def random_rig(num_joints: int, num_vertices: int, generator: torch.Generator) -> Rig:
    """A tree of joints with turned bind frames, every vertex bound to four of them."""
    bind = torch.eye(4, dtype=torch.float64).repeat(num_joints, 1, 1)
    bind[:, :3, :3] = random_rotations((num_joints,), generator)
    bind[:, :3, 3] = torch.randn(num_joints, 3, generator=generator, dtype=torch.float64)
    parents = (-1, *(int(torch.randint(j, (), generator=generator)) for j in range(1, num_joints)))
    weights = torch.rand(num_vertices, 4, generator=generator, dtype=torch.float64)
    return Rig(
        joint_names=tuple(f"joint{j}" for j in range(num_joints)),
        parents=parents,
        joint_from_bind=torch.linalg.inv(bind),
        joint_ids=torch.randint(num_joints, (num_vertices, 4), generator=generator),
        joint_weights=weights / weights.sum(dim=1, keepdim=True),
    )


def twin_world_from_joint(rig: Rig, rotations: Tensor, translation: Tensor) -> Tensor:
    """One joint after the other, as the definition reads."""
    views = []
    for b in range(rotations.shape[0]):
        frames: list[Tensor] = []
        for j, parent in enumerate(rig.parents):
            turn = torch.eye(4, dtype=torch.float64)
            turn[:3, :3] = rotations[b, j]
            frame = rig.bind_from_joint[j] @ turn
            if parent >= 0:
                frame = frames[parent] @ rig.joint_from_bind[parent] @ frame
            else:
                frame = frame.clone()
                frame[:3, 3] += translation[b]
            frames.append(frame)
        views.append(torch.stack(frames))
    return torch.stack(views)


def twin_skin(vertices: Tensor, rig: Rig, frames: Tensor) -> Tensor:
    """One vertex and one influence after the other."""
    posed = torch.zeros(frames.shape[0], *vertices.shape, dtype=vertices.dtype)
    for b in range(frames.shape[0]):
        for v in range(vertices.shape[0]):
            for k in range(4):
                joint = int(rig.joint_ids[v, k])
                point = torch.cat([vertices[v], torch.ones(1, dtype=vertices.dtype)])
                moved = frames[b, joint] @ rig.joint_from_bind[joint] @ point
                posed[b, v] += rig.joint_weights[v, k] * moved[:3]
    return posed


def test_two_bones_reach_where_trigonometry_says() -> None:
    """Root at 0, child at (1, 0, 0), tip at (2, 0, 0); both turned 90 degrees about z: child (0, 1), tip (-1, 1)."""
    joint_from_bind = torch.eye(4).repeat(2, 1, 1)
    joint_from_bind[1, 0, 3] = -1.0
    rig = Rig(("root", "child"), (-1, 0), joint_from_bind, torch.tensor([[1, 0, 0, 0]]), torch.tensor([[1.0, 0, 0, 0]]))
    turn = axis_rotation(2, torch.full((2,), QUARTER))[None]
    frames = world_from_joint(rig, turn)
    torch.testing.assert_close(frames[0, 1, :3, 3], torch.tensor([0.0, 1.0, 0.0]), atol=1e-6, rtol=0)
    tip = skin(torch.tensor([[2.0, 0.0, 0.0]]), rig, frames)[0, 0]
    torch.testing.assert_close(tip, torch.tensor([-1.0, 1.0, 0.0]), atol=1e-6, rtol=0)


def test_blending_halves_meets_in_the_middle() -> None:
    """A vertex at (2, 0, 0) half on a still root, half on a child at (1, 0, 0) turned 90 degrees: the mean of (2, 0)
    and (1, 1), which is (1.5, 0.5)."""
    joint_from_bind = torch.eye(4).repeat(2, 1, 1)
    joint_from_bind[1, 0, 3] = -1.0
    half = torch.tensor([[0.5, 0.5, 0.0, 0.0]])
    rig = Rig(("root", "child"), (-1, 0), joint_from_bind, torch.tensor([[0, 1, 0, 0]]), half)
    turn = axis_rotation(2, torch.tensor([0.0, QUARTER]))[None]
    posed = skin(torch.tensor([[2.0, 0.0, 0.0]]), rig, world_from_joint(rig, turn))
    torch.testing.assert_close(posed[0, 0], torch.tensor([1.5, 0.5, 0.0]), atol=1e-6, rtol=0)


def test_kinematics_and_skinning_equal_their_readable_twins(generator: torch.Generator) -> None:
    rig = random_rig(9, 12, generator)
    rotations = random_rotations((3, 9), generator)
    translation = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    vertices = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    frames = world_from_joint(rig, rotations, translation)
    torch.testing.assert_close(frames, twin_world_from_joint(rig, rotations, translation), atol=1e-12, rtol=0)
    torch.testing.assert_close(skin(vertices, rig, frames), twin_skin(vertices, rig, frames), atol=1e-12, rtol=0)


def test_identity_is_the_bind_pose(support_body: Body) -> None:
    rig = support_body.rig
    frames = world_from_joint(rig, torch.eye(3).repeat(2, len(rig.parents), 1, 1))
    torch.testing.assert_close(frames[1], rig.bind_from_joint, atol=1e-6, rtol=0)
    posed = skin(support_body.template.vertices, rig, frames)
    torch.testing.assert_close(posed[0], support_body.template.vertices, atol=1e-6, rtol=0)


def test_a_turned_root_moves_everything_rigidly(support_body: Body, generator: torch.Generator) -> None:
    """posed = R (v - root) + root + shift for every vertex, whatever its weights."""
    rig, vertices = support_body.rig, support_body.template.vertices
    rotations = torch.eye(3).repeat(1, len(rig.parents), 1, 1)
    turn = random_rotations((), generator, torch.float32)
    rotations[0, 0] = turn
    shift = torch.tensor([[0.3, -0.2, 1.5]])
    posed = skin(vertices, rig, world_from_joint(rig, rotations, shift))[0]
    root = rig.bind_from_joint[0, :3, 3]
    torch.testing.assert_close(posed, (vertices - root) @ turn.T + root + shift, atol=2e-6, rtol=0)


def test_gradients_agree_with_finite_differences(generator: torch.Generator) -> None:
    rig = random_rig(3, 2, generator)
    vertices = torch.randn(2, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    rotations = random_rotations((1, 3), generator).requires_grad_()
    translation = torch.randn(1, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    inverse_bind = rig.joint_from_bind.clone().requires_grad_()

    def pose(v: Tensor, r: Tensor, t: Tensor, m: Tensor) -> Tensor:
        own = Rig(rig.joint_names, rig.parents, m, rig.joint_ids, rig.joint_weights)
        return skin(v, own, world_from_joint(own, r, t))

    assert torch.autograd.gradcheck(pose, (vertices, rotations, translation, inverse_bind))


@pytest.mark.parametrize("num_views", [1, 4])
def test_the_same_pose_gives_the_same_bits(support_body: Body, generator: torch.Generator, num_views: int) -> None:
    rig = support_body.rig
    rotations = random_rotations((num_views, len(rig.parents)), generator, torch.float32)

    def run() -> tuple[Tensor, Tensor]:
        vertices = support_body.template.vertices.clone().requires_grad_()
        posed = skin(vertices, rig, world_from_joint(rig, rotations))
        (gradient,) = torch.autograd.grad(posed.square().sum(), vertices)
        return posed.detach(), gradient

    for first, second in zip(run(), run(), strict=True):
        assert torch.equal(first, second)
