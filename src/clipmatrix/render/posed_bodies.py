"""Bodies in many shapes and poses as arrays for ``looks_cpu``; knows nothing of looks."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body, outward_normals
from clipmatrix.bodies.rig import world_from_joint
from clipmatrix.procedural.tables import PHENOTYPES, SLOTS
from clipmatrix.render.looks_cpu import PosedBodies


def slot_weights(body: Body) -> np.ndarray:
    """Soft membership (v 6) of the vertices in the parts of ``SLOTS``; a body without regions is all torso."""
    if not all(slot in body.regions for slot in SLOTS):
        weights = np.zeros((body.template.vertices.shape[0], len(SLOTS)), np.float32)
        weights[:, SLOTS.index("torso")] = 1.0
        return weights
    return np.stack([body.regions[slot].cpu().numpy() for slot in SLOTS], axis=1).astype(np.float32)


def shape_from_phenotypes(body: Body, phenotypes: np.ndarray) -> Float[Tensor, "s"]:
    """The body's shape coefficients for ``PHENOTYPES`` in [0, 1]; coefficients of other names stay neutral."""
    shape = body.neutral_shape.clone()
    for name, value in zip(PHENOTYPES, phenotypes, strict=True):
        if name in body.shape_names:
            low, high = body.shape_bounds[body.shape_names.index(name)].tolist()
            shape[body.shape_names.index(name)] = min(max(float(value), low), high)
    return shape


def pose_bodies(body: Body, shapes: Float[Tensor, "n s"], joint_rotations: Float[Tensor, "n m j 3 3"]) -> PosedBodies:
    """Every shape in ``m`` poses of its own, shape by shape: the poses of shape i are numbers i*m to i*m + m - 1."""
    rest, rest_normals, skinning = [], [], []
    with torch.no_grad():
        for shape, rotations in zip(shapes, joint_rotations, strict=True):
            bind = body.rest(shape)
            frames = world_from_joint(bind.rig, rotations)
            rest.append(bind.vertices)
            rest_normals.append(outward_normals(body, bind.vertices))
            skinning.append((frames @ bind.rig.joint_from_bind)[:, :, :3])
    num_poses = joint_rotations.shape[1]
    return PosedBodies(
        template=body.template.vertices.cpu().numpy().astype(np.float32),
        faces=body.template.faces.cpu().numpy(),
        slots=slot_weights(body),
        joint_ids=body.rig.joint_ids.cpu().numpy(),
        joint_weights=body.rig.joint_weights.cpu().numpy().astype(np.float32),
        rest=torch.stack(rest).cpu().numpy().astype(np.float32),
        rest_normals=torch.stack(rest_normals).cpu().numpy().astype(np.float32),
        skinning=torch.cat(skinning).cpu().numpy().astype(np.float32),
        shape_ids=np.repeat(np.arange(len(shapes)), num_poses),
    )
