"""Where the parts of a body lie on its texture; knows nothing of colours."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.render.bake import find_texels

PART_SIDE = 256
"""The side of the maps in texels, at most."""


def part_maps(body: Body, texture_size: int) -> Float[Tensor, "p hp wp"] | None:
    """Soft membership in [0, 1] of each texel in each named part, continued beyond the islands; None without parts.

    The maps have a quarter of the texture's side, or ``PART_SIDE`` if that is less.
    """
    weights = [member for name, member in body.regions.items() if name != "whole"]
    if not weights:
        return None
    side = min(PART_SIDE, max(2, texture_size // 4))
    texels = find_texels(body.template, side)
    if len(texels.indices) == 0:
        return None
    by_vertex = torch.stack(weights, dim=1).detach().cpu().numpy()
    members = np.einsum("nc,ncp->np", texels.weights, by_vertex[texels.vertex_ids])
    image = np.zeros((side * side, len(weights)), np.float32)
    image[texels.indices] = members
    filled = image[texels.nearest.ravel()].reshape(side, side, len(weights))
    return torch.from_numpy(np.ascontiguousarray(filled.transpose(2, 0, 1)))
