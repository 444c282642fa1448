"""Cameras as matrices; knows nothing of what they look at."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Cameras:
    """A batch of cameras: OpenGL and glTF axes, +X right, +Y up, looking down -Z, NDC in [-1, 1]."""

    view_from_world: Float[Tensor, "b 4 4"]
    clip_from_view: Float[Tensor, "b 4 4"]

    @property
    def clip_from_world(self) -> Float[Tensor, "b 4 4"]:
        """World to clip space in one step."""
        return self.clip_from_view @ self.view_from_world

    @property
    def positions_world(self) -> Float[Tensor, "b 3"]:
        """The eye points."""
        rotation, shift = self.view_from_world[:, :3, :3], self.view_from_world[:, :3, 3]
        return -(rotation.transpose(1, 2) @ shift[..., None]).squeeze(-1)


def look_at(
    eye_world: Float[Tensor, "b 3"], target_world: Float[Tensor, "b 3"], roll: Float[Tensor, "b"] | None = None
) -> Float[Tensor, "b 4 4"]:
    """``view_from_world`` of cameras at ``eye_world`` that look at ``target_world`` with +Y up, turned by ``roll``."""
    back = torch.nn.functional.normalize(eye_world - target_world, dim=-1)
    up = torch.zeros_like(back)
    up[:, 1] = 1.0
    # Straight up or down has no horizon: take the world's -Z as up there.
    vertical = back[:, 1].abs() > 0.9999
    up[vertical] = up.new_tensor([0.0, 0.0, -1.0])
    right = torch.nn.functional.normalize(torch.linalg.cross(up, back), dim=-1)
    up = torch.linalg.cross(back, right)
    if roll is not None:
        c, s = torch.cos(roll)[:, None], torch.sin(roll)[:, None]
        right, up = c * right + s * up, c * up - s * right
    rotation = torch.stack([right, up, back], dim=1)
    matrix = torch.eye(4, dtype=eye_world.dtype, device=eye_world.device).repeat(eye_world.shape[0], 1, 1)
    matrix[:, :3, :3] = rotation
    matrix[:, :3, 3] = -(rotation @ eye_world[..., None]).squeeze(-1)
    return matrix


def perspective(
    fov_y: Float[Tensor, "b"], aspect: float = 1.0, near: float = 0.05, far: float = 50.0
) -> Float[Tensor, "b 4 4"]:
    """``clip_from_view`` of a pinhole; ``fov_y`` is the full vertical angle in radians, near and far are metres."""
    focal = 1.0 / torch.tan(fov_y / 2)
    matrix = torch.zeros(fov_y.shape[0], 4, 4, dtype=fov_y.dtype, device=fov_y.device)
    matrix[:, 0, 0] = focal / aspect
    matrix[:, 1, 1] = focal
    matrix[:, 2, 2] = (far + near) / (near - far)
    matrix[:, 2, 3] = 2 * far * near / (near - far)
    matrix[:, 3, 2] = -1.0
    return matrix


def orthographic(
    half_height: Float[Tensor, "b"], aspect: float = 1.0, near: float = 0.05, far: float = 50.0
) -> Float[Tensor, "b 4 4"]:
    """``clip_from_view`` without perspective: ``half_height`` metres above the axis are the frame's upper edge."""
    matrix = torch.zeros(half_height.shape[0], 4, 4, dtype=half_height.dtype, device=half_height.device)
    matrix[:, 0, 0] = 1.0 / (half_height * aspect)
    matrix[:, 1, 1] = 1.0 / half_height
    matrix[:, 2, 2] = 2.0 / (near - far)
    matrix[:, 2, 3] = (far + near) / (near - far)
    matrix[:, 3, 3] = 1.0
    return matrix


def orbit(
    target_world: Float[Tensor, "b 3"],
    azimuth: Float[Tensor, "b"],
    elevation: Float[Tensor, "b"],
    distance: Float[Tensor, "b"],
    fov_y: Float[Tensor, "b"],
    roll: Float[Tensor, "b"] | None = None,
    aspect: float = 1.0,
) -> Cameras:
    """Cameras on spheres around their targets.

    Azimuth 0 looks at the figure's front (the eye on +Z), pi/2 has the eye on +X; elevation is above the horizon.
    Angles in radians, distance in metres.
    """
    direction = torch.stack(
        [
            torch.sin(azimuth) * torch.cos(elevation),
            torch.sin(elevation),
            torch.cos(azimuth) * torch.cos(elevation),
        ],
        dim=-1,
    )
    eye = target_world + distance[:, None] * direction
    return Cameras(look_at(eye, target_world, roll), perspective(fov_y, aspect))


def fit_distance(radius: Float[Tensor, "b"], fov_y: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
    """The distance in metres at which a sphere of ``radius`` just fills a square view."""
    return radius / torch.sin(fov_y / 2).clamp_min(math.sin(0.01))
