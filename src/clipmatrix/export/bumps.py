"""What a normal map needs in a glTF file beside its texture: tangents at the vertices; knows no other attribute.

Tangents are written out and not left to the viewer, so that it shows what was rendered.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32

from clipmatrix.geometry.mesh import Mesh, vertex_normals
from clipmatrix.geometry.tangent_frames import TangentLayout, tangents


def tangent_rows(mesh: Mesh, layout: TangentLayout) -> Float32[np.ndarray, "n 4"]:
    """TANGENT for each vertex of the layout: a unit vector at right angles to the normal, and its sign."""
    vertices = mesh.vertices.detach().double()[None]
    normals = vertex_normals(vertices, mesh.faces)
    direction = tangents(vertices, normals, mesh.faces, layout)[0]
    rows = torch.cat([direction, layout.signs[:, None].to(direction)], dim=1)
    return rows.float().numpy()


def square_to(tangent: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """Unit vectors laid at right angles to unit normals; any such direction where nothing is left."""
    flat = tangent - (tangent * normals).sum(axis=1, keepdims=True) * normals
    length = np.linalg.norm(flat, axis=1)
    axis = np.where(np.abs(normals[:, :1]) < 0.9, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    spare = axis - (axis * normals).sum(axis=1, keepdims=True) * normals
    flat = np.where(length[:, None] > 1e-6, flat, spare)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
