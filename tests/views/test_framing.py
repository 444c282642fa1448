"""Framing by closed forms, and the fixed cameras of contact sheets and films."""

import math

import pytest
import torch
from torch import Tensor

from clipmatrix.views.camera import Cameras
from clipmatrix.views.framing import camera_axes, contact_cameras, frame_center, frame_distance, turntable_cameras


def _ndc(cameras: Cameras, vertices: Tensor) -> Tensor:
    clip = torch.cat([vertices, torch.ones_like(vertices[..., :1])], dim=-1) @ cameras.clip_from_world.transpose(1, 2)
    return clip[..., :2] / clip[..., 3:]


def test_distance_of_a_square() -> None:
    """A square of half side 1 facing a camera of 90 degrees: tan 45 = 1, so it fills the frame from 1 m away.

    With margin 2 from 2 m; with aspect 2 its height still decides, with aspect 1/2 its width, from 2 m.
    """
    square = torch.tensor([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]])
    fov, one, two = torch.tensor(math.pi / 2), torch.tensor(1.0), torch.tensor(2.0)
    target, axes = torch.zeros(3), torch.eye(3)
    assert frame_distance(square, target, axes, fov, one).item() == pytest.approx(1.0)
    assert frame_distance(square, target, axes, fov, two).item() == pytest.approx(2.0)
    assert frame_distance(square, target, axes, fov, one, aspect=2.0).item() == pytest.approx(1.0)
    assert frame_distance(square, target, axes, fov, one, aspect=0.5).item() == pytest.approx(2.0)
    # Half a metre nearer to the eye it needs half a metre more.
    nearer = square + torch.tensor([0.0, 0.0, 0.5])
    assert frame_distance(nearer, target, axes, fov, one).item() == pytest.approx(1.5)


def test_axes_and_center() -> None:
    zero = torch.zeros(1)
    assert torch.allclose(camera_axes(zero, zero, zero)[0], torch.eye(3), atol=1e-6)
    # From the figure's left hand side (+X) the camera's right is -Z and its back is +X.
    side = camera_axes(zero + math.pi / 2, zero, zero)[0]
    assert torch.allclose(side, torch.tensor([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), atol=1e-6)
    points = torch.tensor([[0.0, 0.0, 0.0], [2.0, 4.0, 6.0], [1.0, 0.0, 0.0]])
    assert torch.allclose(frame_center(points, side), torch.tensor([1.0, 2.0, 3.0]), atol=1e-6)


def test_contact_cameras_go_round_at_one_scale(generator: torch.Generator) -> None:
    poses = (torch.rand(8, 200, 3, generator=generator) - 0.5) * torch.tensor([0.8, 1.8, 0.4]) + 0.5
    poses = poses + torch.arange(8)[:, None, None] * 0.3
    cameras = contact_cameras(poses, 8)
    assert cameras.view_from_world.shape == (8, 4, 4)
    assert _ndc(cameras, poses).abs().max() <= 1 / 1.08 + 1e-4
    middle = (poses.amin(dim=1) + poses.amax(dim=1)) / 2
    away = cameras.positions_world - middle
    assert away.norm(dim=1).max() / away.norm(dim=1).min() < 1.1
    assert away[0, 2] > 1
    assert away[2, 0] > 1
    assert away[4, 2] < -1


def test_turntables_keep_target_and_distance(generator: torch.Generator) -> None:
    poses = (torch.rand(12, 100, 3, generator=generator) - 0.5) * torch.tensor([0.8, 1.8, 0.4])
    cameras = turntable_cameras(poses, 12)
    assert _ndc(cameras, poses).abs().max() <= 1 / 1.08 + 1e-4
    points = poses.flatten(0, 1)
    target = (points.amin(dim=0) + points.amax(dim=0)) / 2
    distances = (cameras.positions_world - target).norm(dim=1)
    assert torch.allclose(distances, distances[:1].expand(12), rtol=1e-5)
    steps = (cameras.positions_world - cameras.positions_world.roll(1, dims=0)).norm(dim=1)
    # The step from the last frame back to the first is as long as any other.
    assert torch.allclose(steps, steps[:1].expand(12), rtol=1e-4)
    assert turntable_cameras(poses[:1], 30, num_turns=2.0).view_from_world.shape == (30, 4, 4)
