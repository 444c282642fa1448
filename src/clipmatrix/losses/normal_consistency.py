"""How much sharper the creases of a mesh became; knows nothing of what moved the vertices."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.geometry.mesh import face_normals
from clipmatrix.losses.mesh_cpu import is_compiled_for, measure, normal_consistency_kernel


def crease_cosines(
    vertices: Float[Tensor, "v 3"], faces: Int64[Tensor, "f 3"], face_pairs: Int64[Tensor, "e 2"]
) -> Float[Tensor, "e"]:
    """The cosine between the normals of each pair of faces; 1 where the surface is flat."""
    normals = face_normals(vertices, faces)
    # Faces of the body measure some 1e-5 square metres; the epsilon must stay far below.
    normals = normals / torch.sqrt(normals.square().sum(dim=1, keepdim=True) + 1e-16)
    first, second = face_pairs.unbind(1)
    return (normals.index_select(0, first) * normals.index_select(0, second)).sum(dim=1)


def normal_consistency_loss(
    vertices: Float[Tensor, "v 3"],
    reference: Float[Tensor, "v 3"],
    faces: Int64[Tensor, "f 3"],
    face_pairs: Int64[Tensor, "e 2"],
) -> Float[Tensor, ""]:
    """The mean growth of 1 - cos over neighbouring faces; zero where no crease is sharper than in ``reference``.

    In [0, 2]. Creases that the body has of its own (eyelids, lips, nails) are not pulled flat.

    References: Desbrun, Meyer, Schröder, Barr, "Implicit Fairing of Irregular Meshes using Diffusion and Curvature
    Flow", SIGGRAPH 1999; as a loss Ravi et al., "Accelerating 3D Deep Learning with PyTorch3D", 2020.
    """
    if is_compiled_for(vertices):
        return measure(normal_consistency_kernel, vertices, reference, faces, face_pairs)
    return normal_consistency_reference(vertices, reference, faces, face_pairs)


def normal_consistency_reference(
    vertices: Float[Tensor, "v 3"],
    reference: Float[Tensor, "v 3"],
    faces: Int64[Tensor, "f 3"],
    face_pairs: Int64[Tensor, "e 2"],
) -> Float[Tensor, ""]:
    """The same in plain torch."""
    before = crease_cosines(reference, faces, face_pairs)
    return torch.relu(before - crease_cosines(vertices, faces, face_pairs)).mean()


def neighbouring_faces(faces: Int64[Tensor, "f 3"]) -> Int64[Tensor, "e 2"]:
    """The pairs of faces that share an edge, each pair once; boundaries give none, crowded edges their first two."""
    ends = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(dim=1).values
    face_ids = torch.arange(faces.shape[0], device=faces.device).repeat(3)
    key, order = (ends[:, 0] * (int(faces.max()) + 1) + ends[:, 1]).sort(stable=True)
    starts = torch.ones_like(key, dtype=torch.bool)
    starts[1:] = key[1:] != key[:-1]
    first = torch.nonzero(starts[:-1] & ~starts[1:]).squeeze(1)
    return torch.stack([face_ids[order[first]], face_ids[order[first + 1]]], dim=1)
