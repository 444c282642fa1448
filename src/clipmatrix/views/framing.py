"""Cameras that hold given points in their frame, exactly; knows no randomness and no prompts."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.views.camera import Cameras, look_at, orbit, perspective

_CLEARANCE = 0.15
"""Least distance in metres from the eye to the framed points: three times the near plane."""


def camera_axes(
    azimuth: Float[Tensor, "b"], elevation: Float[Tensor, "b"], roll: Float[Tensor, "b"]
) -> Float[Tensor, "b 3 3"]:
    """Rows right, up and back of cameras that look from there; radians, as in ``orbit``."""
    zero = torch.zeros(azimuth.shape[0], 3, dtype=azimuth.dtype, device=azimuth.device)
    one = torch.ones_like(azimuth)
    return orbit(zero, azimuth, elevation, one, one, roll).view_from_world[:, :3, :3]


def frame_center(points_world: Float[Tensor, "n 3"], axes: Float[Tensor, "3 3"]) -> Float[Tensor, "3"]:
    """The middle of the box around the points whose sides follow the camera's axes, in world space."""
    low, high = extents(points_world, axes)
    return ((low + high) / 2) @ axes


def extents(points_world: Float[Tensor, "n 3"], axes: Float[Tensor, "a 3"]) -> tuple[Float[Tensor, "a"], ...]:
    """The smallest and the largest coordinate of the points along each axis."""
    # Axis by axis in memory: the extremes of columns take ten times as long as those of rows.
    along = axes @ points_world.T
    return along.amin(dim=1), along.amax(dim=1)


def frame_distance(
    points_world: Float[Tensor, "n 3"],
    target_world: Float[Tensor, "3"],
    axes: Float[Tensor, "3 3"],
    fov_y: Float[Tensor, ""],
    margin: Float[Tensor, ""],
    aspect: float = 1.0,
) -> Float[Tensor, ""]:
    """The least distance in metres from the target at which no point leaves the frame shrunk by ``margin``.

    A point at (x, y, z) of the camera's axes around the target, z towards the eye, is inside at distance d when
    margin max(|x| / aspect, |y|) <= (d - z) tan(fov / 2); the answer is the largest such d. Exact for perspective,
    where a bounding sphere would leave a standing figure a third of the frame.
    """
    x, y, z = (axes @ (points_world - target_world).T).unbind()
    reach = torch.maximum(x.abs() / aspect, y.abs()) * margin / torch.tan(fov_y / 2)
    return torch.maximum((z + reach).amax(), z.amax() + _CLEARANCE)


def frame_half_height(
    points_world: Float[Tensor, "n 3"],
    target_world: Float[Tensor, "3"],
    axes: Float[Tensor, "3 3"],
    margin: Float[Tensor, ""],
    aspect: float = 1.0,
) -> Float[Tensor, ""]:
    """Half the height in metres of a frame without perspective that no point leaves when it is shrunk by ``margin``."""
    x, y, _ = ((points_world - target_world) @ axes.T).unbind(-1)
    return (torch.maximum(x.abs() / aspect, y.abs()).amax() * margin).clamp_min(_CLEARANCE)


def contact_cameras(
    vertices_world: Float[Tensor, "#b v 3"],
    num_views: int = 8,
    elevation: float = math.radians(8),
    fov_y: float = math.radians(30),
    margin: float = 1.08,
    aspect: float = 1.0,
) -> Cameras:
    """Cameras evenly round the figure from its front, for a contact sheet: each figure in its middle, all at one scale.

    Angles in radians. The vertices are one pose for all views, or one per view.
    """
    azimuth = torch.arange(num_views, dtype=vertices_world.dtype, device=vertices_world.device)
    azimuth = azimuth * (2 * math.pi / num_views)
    axes = camera_axes(azimuth, torch.full_like(azimuth, elevation), torch.zeros_like(azimuth))
    poses = vertices_world.expand(num_views, *vertices_world.shape[1:])
    targets = torch.stack([frame_center(poses[i], axes[i]) for i in range(num_views)])
    return _at_one_distance(poses, targets, axes, fov_y, margin, aspect)


def turntable_cameras(
    vertices_world: Float[Tensor, "#b v 3"],
    num_frames: int,
    num_turns: float = 1.0,
    elevation: float = math.radians(8),
    fov_y: float = math.radians(30),
    margin: float = 1.08,
    aspect: float = 1.0,
) -> Cameras:
    """Cameras of a turning film: one fixed target and one distance, so that nothing jumps and nothing leaves the frame.

    Angles in radians. The vertices are one pose for all frames, or one per frame. The last frame stops one step short
    of the first, so that the film loops.
    """
    azimuth = torch.arange(num_frames, dtype=vertices_world.dtype, device=vertices_world.device)
    azimuth = azimuth * (2 * math.pi * num_turns / num_frames)
    axes = camera_axes(azimuth, torch.full_like(azimuth, elevation), torch.zeros_like(azimuth))
    points = vertices_world.flatten(0, 1)
    target = (points.amin(dim=0) + points.amax(dim=0)) / 2
    poses = vertices_world.expand(num_frames, *vertices_world.shape[1:])
    return _at_one_distance(poses, target.expand(num_frames, 3), axes, fov_y, margin, aspect)


def _at_one_distance(
    poses_world: Float[Tensor, "b v 3"],
    targets_world: Float[Tensor, "b 3"],
    axes: Float[Tensor, "b 3 3"],
    fov_y: float,
    margin: float,
    aspect: float,
) -> Cameras:
    """Cameras as far from their targets as the one that needs most."""
    fov = torch.full((axes.shape[0],), fov_y, dtype=axes.dtype, device=axes.device)
    wide = torch.full_like(fov, margin)
    needed = [
        frame_distance(pose, target, axis, fov[0], wide[0], aspect)
        for pose, target, axis in zip(poses_world, targets_world, axes, strict=True)
    ]
    eyes = targets_world + torch.stack(needed).amax() * axes[:, 2]
    return Cameras(look_at(eyes, targets_world), perspective(fov, aspect))
