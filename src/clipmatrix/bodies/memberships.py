"""How much each vertex belongs to the regions, by the joints that move it; knows no file."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import REGIONS
from clipmatrix.bodies.joint_names import joint_regions
from clipmatrix.bodies.rig import Rig


def joint_memberships(rig: Rig, humanoid: Mapping[str, int]) -> dict[str, Float[Tensor, "v"]]:
    """Soft membership of the vertices in every region: the weight that the region's joints have on them."""
    of_joint = joint_regions(humanoid, rig.parents)
    regions = {"whole": torch.ones(len(rig.joint_ids))}
    for name in REGIONS[1:]:
        is_member = torch.tensor([region == name for region in of_joint])
        regions[name] = (rig.joint_weights * is_member[rig.joint_ids]).sum(dim=1)
    return regions
