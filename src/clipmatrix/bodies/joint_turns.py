"""Joint rotations out of the turns of body parts, and back; knows rigs, and nothing of what the parts are."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.rig import Rig, parent_from_joint


def rotations_from_turns(rig: Rig, turns: Mapping[int, Float[Tensor, "n 3 3"]]) -> Float[Tensor, "n j 3 3"]:
    """The rotation of every joint in its own bind frame, as ``world_from_joint`` takes them.

    ``turns`` says by joint how its part of the body is turned from the bind pose, in world axes; joints that are
    not named follow their parents. At least one must be named.
    """
    bind = rig.bind_from_joint[:, :3, :3]
    some = next(iter(turns.values()))
    eye = torch.eye(3, dtype=some.dtype, device=some.device).expand(some.shape[0], 3, 3)
    turned: list[Tensor] = []
    locals_: list[Tensor] = []
    for joint, parent in enumerate(rig.parents):
        above = turned[parent] if parent >= 0 else eye
        turned.append(turns.get(joint, above))
        locals_.append(above.transpose(1, 2) @ turned[joint])
    bind = bind.to(some.dtype)
    return bind.transpose(1, 2) @ torch.stack(locals_, dim=1) @ bind


def joint_rotation(
    rig: Rig, joint: int, world_from_parent: Float[Tensor, "n 3 3"] | None, world_from_joint: Float[Tensor, "n 3 3"]
) -> Float[Tensor, "n 3 3"]:
    """The rotation of one joint in its own bind frame that gives it the wanted frame under its parent's frame."""
    local = parent_from_joint(rig)[joint, :3, :3].to(world_from_joint.dtype)
    wanted = world_from_joint if world_from_parent is None else world_from_parent.transpose(1, 2) @ world_from_joint
    return local.T @ wanted
