"""Procedural looks as uv textures and offsets: what a descent can go on from; knows no pictures."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from clipmatrix.bodies.body import Body, outward_normals
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.procedural.looks import Look
from clipmatrix.procedural.patterns import paint_points
from clipmatrix.procedural.primitives import THICKNESS
from clipmatrix.procedural.shapes import displace, thicken
from clipmatrix.procedural.tables import SLOTS
from clipmatrix.render.posed_bodies import slot_weights
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.shoes import shoe_offset, toes_of
from clipmatrix.shapes import ImageSize

_FEET = SLOTS.index("feet")


@dataclass(frozen=True, eq=False)
class Texels:
    """The covered texels of a uv layout: flat indices (n), the three vertices of each (n 3) and their weights (n 3).

    ``nearest`` (size size) is the flat index of the covered texel nearest to each texel.
    """

    size: int
    indices: np.ndarray
    vertex_ids: np.ndarray
    weights: np.ndarray
    nearest: np.ndarray


def find_texels(mesh: Mesh, size: int) -> Texels:
    """Where the texels of a square texture lie on the mesh; mirrored islands count like all others."""
    u, v = mesh.uvs.detach().cpu().double().unbind(-1)
    layout = torch.stack([2 * u - 1, 1 - 2 * v, torch.zeros_like(u), torch.ones_like(u)], dim=-1).float()
    corners = mesh.face_uvs.cpu()
    both_sides = torch.cat([corners, corners.flip(1)])
    face_ids = CpuRasterizer().visibility(layout[None], both_sides, ImageSize(size, size)).face_ids[0].numpy()
    indices = np.flatnonzero(face_ids.ravel() >= 0)
    faces = face_ids.ravel()[indices]
    position = np.stack([(indices % size + 0.5) / size, (indices // size + 0.5) / size], axis=-1)
    points = mesh.uvs.detach().cpu().double().numpy()[both_sides.numpy()[faces]] - position[:, None]
    x, y = points[..., 0], points[..., 1]
    area = x[:, [1, 2, 0]] * y[:, [2, 0, 1]] - x[:, [2, 0, 1]] * y[:, [1, 2, 0]]
    total = area.sum(1, keepdims=True)
    weights = np.where(np.abs(total) > 1e-18, area / np.where(total == 0, 1, total), 1 / 3)
    vertices = torch.cat([mesh.faces.cpu(), mesh.faces.cpu().flip(1)]).numpy()
    nearest = np.empty((2, size, size), np.int32)
    ndimage.distance_transform_edt(face_ids < 0, return_distances=False, return_indices=True, indices=nearest)
    return Texels(size, indices, vertices[faces], weights, nearest[0].astype(np.int64) * size + nearest[1])


def bake_albedo(look: Look, body: Body, texels: Texels) -> Float[Tensor, "th tw 3"]:
    """The look's sRGB colours as a texture, its islands continued beyond their edges.

    Colours are looked up at the neutral body's rest positions, as in ``looks_cpu``; 0.4 s at 1024x1024.
    """
    template = body.template.vertices.cpu().double().numpy()
    positions = np.einsum("nc,ncd->nd", texels.weights, template[texels.vertex_ids])
    slots = np.einsum("nc,ncs->ns", texels.weights, slot_weights(body)[texels.vertex_ids])
    painted = paint_points(look.layer_params, slots.argmax(1), positions)
    image = np.zeros((texels.size * texels.size, 3), np.float32)
    image[texels.indices] = painted
    return torch.from_numpy(image[texels.nearest.ravel()].reshape(texels.size, texels.size, 3))


def bake_offset(look: Look, body: Body, shape: Float[Tensor, "s"]) -> Float[Tensor, "v 3"]:
    """The look's changes of the surface and what it wears on it, in metres, on the bind pose of this shape.

    Feet that wear something have the form of shoes.
    """
    rest = body.rest(shape).vertices.detach().cpu()
    normals = outward_normals(body, rest).numpy().astype(np.float32)
    offset = np.empty(rest.shape, np.float32)
    template = body.template.vertices.cpu().numpy().astype(np.float32)
    slots = slot_weights(body)
    vertices = rest.numpy().astype(np.float32)
    displace(template, vertices, normals, slots, look.changes, look.seed & 0xFFFF, offset)
    worn = np.zeros_like(offset)
    thicken(template, vertices, normals, slots, look.layer_params, worn)
    shod = look.layers[_FEET].params[THICKNESS] > 0
    if shod and (shoes := shoe_offset(body, rest + torch.from_numpy(offset))) is not None:
        worn[toes_of(body)] = 0.0
        worn += shoes.numpy()
    return torch.from_numpy(offset + worn)
