"""How far hands and feet stay outside of legs, trunk and head, by capsules around the bones; knows no poses."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.stance import Trunk, arm_clearance, build_trunk

_HAND_ROLES = ("hand", "thumb_3", "index_3", "middle_3", "little_3")
_THICKNESS = 0.8
"""A capsule's radius, as a quantile of the distances of the bone's vertices: muscles bulge on one side only."""


@dataclass(frozen=True, eq=False)
class _Capsule:
    """A bone from one joint's origin to a place in that joint's bind pose, with its flesh."""

    joint: int
    tail: Float[Tensor, "3"]
    radius: float
    side: str


@dataclass(frozen=True, eq=False)
class Obstacles:
    """Legs and head as capsules, and the trunk as elliptic cylinders; good to a centimetre or two."""

    capsules: tuple[_Capsule, ...]
    trunk: Trunk
    feet: dict[str, Float[Tensor, "n 3"]]


def build_obstacles(body: Body) -> Obstacles:
    """The obstacles of the body's neutral shape."""
    heads = body.rig.bind_from_joint[:, :3, 3]
    roles = body.humanoid
    capsules = []
    for side in ("l", "r"):
        for role, tail in (("upper_leg", "lower_leg"), ("lower_leg", "foot")):
            joint = roles[f"{role}_{side}"]
            capsules.append(_capsule(body, joint, heads[roles[f"{tail}_{side}"]], side))
    is_head = body.regions["head"] > 0.9
    top = heads[roles["head"]].clone()
    top[1] = body.template.vertices[is_head][:, 1].max() - 0.08
    capsules.append(_capsule(body, roles["head"], top, ""))
    feet = {side: _sole(body, side) for side in ("l", "r")}
    return Obstacles(tuple(capsules), build_trunk(body), feet)


def limb_clearance(
    body: Body, obstacles: Obstacles, frames: Float[Tensor, "b j 4 4"]
) -> tuple[Float[Tensor, "b"], Float[Tensor, "b"]]:
    """How far the nearer hand stays outside of trunk, legs and head, and the nearer foot outside of the other leg.

    In metres, for frames from ``world_from_joint``; negative is inside. Hands are measured at their joints, their own
    thickness comes on top; feet at the ends of their soles.
    """
    hands = arm_clearance(body, obstacles.trunk, frames).amin(dim=1)
    feet = torch.full_like(hands, 1.0)
    for side in ("l", "r"):
        joints = [body.humanoid[f"{role}_{side}"] for role in _HAND_ROLES if f"{role}_{side}" in body.humanoid]
        points = frames[:, joints, :3, 3]
        foot = frames[:, body.humanoid[f"foot_{side}"]]
        soles = obstacles.feet[side] @ foot[:, :3, :3].transpose(1, 2) + foot[:, None, :3, 3]
        for capsule in obstacles.capsules:
            hands = torch.minimum(hands, _distance(capsule, frames, points))
            if capsule.side and capsule.side != side:
                feet = torch.minimum(feet, _distance(capsule, frames, soles))
    return hands, feet


def _capsule(body: Body, joint: int, tail_bind: Float[Tensor, "3"], side: str) -> _Capsule:
    head = body.rig.bind_from_joint[joint, :3, 3]
    axis = tail_bind - head
    share = (body.rig.joint_weights * (body.rig.joint_ids == joint)).sum(dim=1)
    points = body.template.vertices[share > 0.5] - head
    if not len(points):
        return _Capsule(joint, axis, 0.0, side)
    along = ((points @ axis) / axis.square().sum()).clamp(0.0, 1.0)
    apart = (points - along[:, None] * axis).norm(dim=1)
    return _Capsule(joint, axis, float(apart.quantile(_THICKNESS)), side)


def _sole(body: Body, side: str) -> Float[Tensor, "n 3"]:
    """A few places of the foot from its joint: the joint itself, the toes' tips, the ball's sides and the heel."""
    is_side = body.template.vertices[:, 0] > 0 if side == "l" else body.template.vertices[:, 0] < 0
    points = body.template.vertices[(body.regions["feet"] > 0.9) & is_side]
    points = points - body.rig.bind_from_joint[body.humanoid[f"foot_{side}"], :3, 3]
    ends = [points[:, 2].argmax(), points[:, 2].argmin(), points[:, 0].argmax(), points[:, 0].argmin()]
    return torch.cat([torch.zeros(1, 3), points[torch.stack(ends)]])


def _distance(
    capsule: _Capsule, frames: Float[Tensor, "b j 4 4"], points_world: Float[Tensor, "b n 3"]
) -> Float[Tensor, "b"]:
    """The least distance of the points from the capsule's surface, in metres."""
    frame = frames[:, capsule.joint]
    axis = (frame[:, :3, :3] @ capsule.tail.to(frame))[:, None]
    apart = points_world - frame[:, None, :3, 3]
    along = ((apart * axis).sum(-1, keepdim=True) / axis.square().sum(-1, keepdim=True)).clamp(0.0, 1.0)
    return ((apart - along * axis).norm(dim=-1) - capsule.radius).amin(dim=1)
