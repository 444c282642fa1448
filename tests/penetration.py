"""How deep hands and feet are inside the rest of a posed body, by the nearest vertex and its normal."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import cKDTree
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.geometry.mesh import vertex_normals

STRIDE = 7
"""Every seventh vertex of a limb is looked at."""

DEEPEST = 0.2
"""Nothing inside a body is farther than this from its skin, in metres; beyond, tangent planes say nothing."""


def limb_depths(body: Body, joint_rotations: Float[Tensor, "b j 3 3"]) -> dict[str, Float[np.ndarray, "b"]]:
    """For each hand and foot the depth in metres of its deepest vertex inside the other parts, 0 where it is outside.

    A hand is compared with everything but its own arm, a foot with everything but its own leg. A vertex is inside
    where it lies behind the nearest vertex of those parts; its depth is its distance from that vertex's tangent plane.
    """
    posed = skin(body.template.vertices, body.rig, world_from_joint(body.rig, joint_rotations))
    is_left = body.template.vertices[:, 0] > 0
    limbs = {
        f"{end}_{side}": (
            (body.regions[end] > 0.9) & (is_left == (side == "l")),
            ~((body.regions[end] + body.regions[rest] > 0.05) & (is_left == (side == "l"))),
        )
        for end, rest in (("hands", "arms"), ("feet", "legs"))
        for side in ("l", "r")
    }
    depths = {name: np.zeros(len(posed)) for name in limbs}
    for index, vertices in enumerate(posed):
        normals = vertex_normals(vertices, body.template.faces).numpy()
        points = vertices.numpy()
        for name, (is_limb, is_rest) in limbs.items():
            limb, rest = torch.nonzero(is_limb).squeeze(1).numpy()[::STRIDE], torch.nonzero(is_rest).squeeze(1).numpy()
            apart, nearest = cKDTree(points[rest]).query(points[limb])
            heights = ((points[limb] - points[rest][nearest]) * normals[rest][nearest]).sum(axis=1)
            heights[apart > DEEPEST] = 0.0
            depths[name][index] = max(0.0, float(-heights.min()))
    return depths
