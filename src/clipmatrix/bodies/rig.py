"""Joints: forward kinematics and linear blend skinning; knows nothing of shapes, textures or particular bodies."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

NUM_INFLUENCES = 4
"""Joint influences per vertex: what every glTF viewer reads (JOINTS_0 and WEIGHTS_0)."""


@dataclass(frozen=True, eq=False)
class Rig:
    """A skeleton bound to vertices.

    ``parents`` holds the parent of each joint, -1 for roots; parents come before their children.
    ``joint_from_bind`` is glTF's inverse bind matrix: it maps bind-pose model space to the joint's own frame.
    ``joint_weights`` sum to one for each vertex.
    """

    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    joint_from_bind: Float[Tensor, "j 4 4"]
    joint_ids: Int64[Tensor, "v k"]
    joint_weights: Float[Tensor, "v k"]

    @property
    def bind_from_joint(self) -> Float[Tensor, "j 4 4"]:
        """The joints' frames in the bind pose."""
        return torch.linalg.inv(self.joint_from_bind)


def parent_from_joint(rig: Rig) -> Float[Tensor, "j 4 4"]:
    """The bind pose of each joint in the frame of its parent (of the model for roots)."""
    bind = rig.bind_from_joint
    inverse = rig.joint_from_bind
    eye = torch.eye(4, dtype=bind.dtype, device=bind.device)
    return torch.stack([(inverse[p] if p >= 0 else eye) @ bind[i] for i, p in enumerate(rig.parents)])


def world_from_joint(
    rig: Rig,
    joint_rotations: Float[Tensor, "b j 3 3"],
    root_translation: Float[Tensor, "b 3"] | None = None,
) -> Float[Tensor, "b j 4 4"]:
    """Forward kinematics: the posed frame of every joint.

    Each rotation turns its joint in the joint's own bind frame: identity is the bind pose. ``root_translation`` in
    metres moves the roots. Differentiable with respect to the rotations and to the rig's matrices.
    """
    local = parent_from_joint(rig)
    rotation = torch.zeros(*joint_rotations.shape[:2], 4, 4, dtype=local.dtype, device=local.device)
    rotation[..., :3, :3] = joint_rotations
    rotation[..., 3, 3] = 1.0
    step = local @ rotation
    frames: list[Tensor] = []
    for index, parent in enumerate(rig.parents):
        if parent >= 0:
            frames.append(frames[parent] @ step[:, index])
            continue
        frame = step[:, index]
        if root_translation is not None:
            shift = torch.zeros_like(frame)
            shift[:, :3, 3] = root_translation
            frame = frame + shift
        frames.append(frame)
    return torch.stack(frames, dim=1)


def skin(
    vertices: Float[Tensor, "v 3"],
    rig: Rig,
    world_from_joints: Float[Tensor, "b j 4 4"],
) -> Float[Tensor, "b v 3"]:
    """Linear blend skinning of bind-pose vertices, as glTF defines it."""
    matrices = (world_from_joints @ rig.joint_from_bind)[..., :3, :]
    num_views, num_joints = matrices.shape[:2]
    flat = matrices.reshape(num_views, num_joints, 12)
    blended = torch.zeros(num_views, vertices.shape[0], 12, dtype=flat.dtype, device=flat.device)
    for k in range(rig.joint_ids.shape[1]):
        blended = blended + rig.joint_weights[:, k, None] * flat.index_select(1, rig.joint_ids[:, k])
    blended = blended.unflatten(-1, (3, 4))
    return torch.einsum("bvij,vj->bvi", blended[..., :3], vertices) + blended[..., 3]
