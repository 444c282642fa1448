"""Bodies with more detail: every triangle split in four, the surface rounded as Loop's rule has it.

Weights, regions, mirror partners and uvs come along; shape coefficients go on to work, since the finer body is a fixed
matrix times the coarse one. Bodies out of files are split before they become bodies, see ``soup`` and ``gltf_body``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.sparse import csr_array
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipmatrix.bodies.body import Body, Morph, RestBody, ShapeSpace
from clipmatrix.bodies.rig import Rig, prune_influences
from clipmatrix.errors import BodyError
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.geometry.subdivision import loop_weights, middles, split_in_four

MOST_LEVELS = 3
MOST_FACES = 500_000
"""More triangles than this would take minutes a step."""


@dataclass(frozen=True, eq=False)
class FineShapeSpace:
    """A coarse body's shapes on its finer mesh; ``fine_from_coarse`` is a sparse matrix, applied on the CPU."""

    coarse: ShapeSpace
    fine_from_coarse: csr_array
    joint_ids: Int64[Tensor, "v k"]
    joint_weights: Float[Tensor, "v k"]

    def __call__(self, shape: Float[Tensor, "s"]) -> RestBody:
        """The body of this shape, standing on y = 0: rounding takes a hair off the soles."""
        rest = self.coarse(shape)
        vertices: Tensor = _SparseProduct.apply(self.fine_from_coarse, rest.vertices)  # pyright: ignore[reportAssignmentType]
        ground = torch.zeros_like(vertices[0])
        ground[1] = vertices[:, 1].min()
        matrices = rest.rig.joint_from_bind
        lift = torch.nn.functional.pad((matrices[:, :3, :3] @ ground)[..., None], (3, 0, 0, 1))
        rig = replace(
            rest.rig, joint_from_bind=matrices + lift, joint_ids=self.joint_ids, joint_weights=self.joint_weights
        )
        return RestBody(vertices - ground, rig)


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: csr_array, vertices: Tensor) -> Tensor:
        ctx.matrix = matrix
        return torch.from_numpy(matrix @ vertices.detach().cpu().numpy()).to(vertices)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[None, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        return None, torch.from_numpy(ctx.matrix.T @ gradient.cpu().numpy()).to(gradient)


def subdivide(body: Body, levels: int) -> Body:
    """The body with 4^levels as many triangles.

    Raises:
        BodyError: that would be too many.
    """
    check_levels(body.name, len(body.template.faces), levels)
    for _ in range(levels):
        body = _split(body)
    return body


def check_levels(name: str, num_faces: int, levels: int, most: int = MOST_FACES) -> None:
    """Raises: BodyError when so many levels make more than ``most`` triangles."""
    if not 0 <= levels <= MOST_LEVELS:
        raise BodyError(f"subdivide must be from 0 to {MOST_LEVELS}, not {levels}: use for instance 1")
    if levels and num_faces * 4**levels > most:
        fits = max((level for level in range(MOST_LEVELS) if num_faces * 4**level <= most), default=0)
        raise BodyError(
            f"{name} has {num_faces:,} triangles, and {num_faces * 4**levels:,} after --subdivide {levels}, "
            f"and {most:,} are the most: use --subdivide {fits}"
        )


def _split(body: Body) -> Body:
    mesh = body.template
    num, num_uvs = len(mesh.vertices), len(mesh.uvs)
    faces, edges = split_in_four(mesh.faces.numpy(), num)
    face_uvs, uv_edges = split_in_four(mesh.face_uvs.numpy(), num_uvs)
    matrix = loop_weights(mesh.faces.numpy(), edges, num)
    uvs = torch.from_numpy(middles(mesh.uvs.double().numpy(), uv_edges)).to(mesh.uvs)
    joint_ids, joint_weights = _finer_weights(body.rig, edges)
    space = FineShapeSpace(body.rest, csr_array(matrix, dtype=np.float32), joint_ids, joint_weights)
    rest = space(body.neutral_shape)
    regions = {
        name: torch.from_numpy(middles(member[:, None].numpy(), edges)[:, 0]) for name, member in body.regions.items()
    }
    return replace(
        body,
        template=Mesh(rest.vertices, torch.from_numpy(faces), uvs, torch.from_numpy(face_uvs)),
        rig=rest.rig,
        rest=space,
        regions=regions,
        mirror_ids=None if body.mirror_ids is None else _finer_mirror(body.mirror_ids.numpy(), edges),
        morphs=partial(_finer_morphs, body.morphs, space.fine_from_coarse),
    )


def _finer_morphs(coarse: Callable[[], tuple[Morph, ...]], fine_from_coarse: csr_array) -> tuple[Morph, ...]:
    """The coarse body's morphs, which move new vertices as the surface goes with them."""
    return tuple(Morph(morph.name, torch.from_numpy(fine_from_coarse @ morph.offsets.numpy())) for morph in coarse())


def _finer_weights(rig: Rig, edges: Int64[np.ndarray, "e 2"]) -> tuple[Int64[Tensor, "v k"], Float[Tensor, "v k"]]:
    """The joints of old and new vertices: a middle takes half of each end's, the heaviest as many as there were."""
    num_influences = rig.joint_ids.shape[1]
    ends = torch.from_numpy(edges)
    ids = rig.joint_ids[ends].flatten(1)
    weights = 0.5 * rig.joint_weights[ends].flatten(1)
    # A joint that holds both ends counts once, with both shares.
    same = ids[:, :, None] == ids[:, None, :]
    is_first = ~torch.tril(same, diagonal=-1).any(2)
    weights = (weights[:, None, :] * same).sum(2) * is_first
    new_ids, new_weights = prune_influences(ids, weights, num_influences)
    return torch.cat([rig.joint_ids, new_ids]), torch.cat([rig.joint_weights, new_weights])


def _finer_mirror(mirror_ids: Int64[np.ndarray, "v"], edges: Int64[np.ndarray, "e 2"]) -> Int64[Tensor, "w"] | None:
    """The partners of old and new vertices; None where an edge's mirror image is no edge."""
    num = len(mirror_ids)
    mirrored = np.sort(mirror_ids[edges], axis=1)
    keys, wanted = edges[:, 0] * num + edges[:, 1], mirrored[:, 0] * num + mirrored[:, 1]
    places = np.searchsorted(keys, wanted).clip(0, len(keys) - 1)
    if not np.array_equal(keys[places], wanted):
        return None
    return torch.from_numpy(np.concatenate([mirror_ids, num + places]))
