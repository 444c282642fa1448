"""What a normal map needs in a glTF file: tangents at the vertices, and its texture; knows no other attribute.

Tangents are written out and not left to the viewer, so that it shows what was rendered.
"""

import io

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from PIL import Image

from clipmatrix.export.glb import BinaryChunk, Json
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


def add_normal_texture(chunk: BinaryChunk, document: Json, normal_map: UInt8[np.ndarray, "nh nw 3"] | None) -> None:
    """Puts the map into the document's first material; nothing where there is none."""
    if normal_map is None:
        return
    stream = io.BytesIO()
    Image.fromarray(normal_map).save(stream, format="PNG")
    document["materials"][0]["normalTexture"] = {"index": len(document["textures"])}
    document["textures"].append({"sampler": 0, "source": len(document["images"])})
    document["images"].append(
        {"name": "normals", "mimeType": "image/png", "bufferView": chunk.add_blob(stream.getvalue())}
    )
