"""Binary PLY files with normals, texture coordinates and a colour for each vertex; knows neither rig nor clips."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from clipmatrix.export.character import Character
from clipmatrix.export.files import write_bytes
from clipmatrix.export.gltf import split_seams
from clipmatrix.geometry.mesh import vertex_normals


def write_ply(path: Path, character: Character) -> None:
    """Writes the character as it stands: vertices split at the texture's seams, each with the colour of its texel.

    Lengths in metres, +Y up; v counts from the bottom, as programs that read PLY take it.

    Raises:
        ExportError: the file cannot be written.
    """
    mesh, split = character.mesh, split_seams(character.mesh)
    normals = vertex_normals(mesh.vertices.detach().double(), mesh.faces).numpy()[split.vertex_ids]
    uvs = mesh.uvs.detach().numpy()[split.uv_ids]
    kinds = [*((name, "<f4") for name in ("x", "y", "z", "nx", "ny", "nz", "s", "t"))]
    kinds += [(name, "u1") for name in ("red", "green", "blue")]
    vertices = np.empty(len(split.vertex_ids), kinds)
    columns = np.concatenate(
        [mesh.vertices.detach().numpy()[split.vertex_ids], normals, uvs[:, :1], 1 - uvs[:, 1:]], axis=1
    )
    for index, (name, _) in enumerate(kinds[:8]):
        vertices[name] = columns[:, index]
    for index, name in enumerate(("red", "green", "blue")):
        vertices[name] = texels(character.albedo_srgb, uvs)[:, index]
    faces = np.empty(len(split.faces), [("count", "u1"), ("ids", "<i4", 3)])
    faces["count"], faces["ids"] = 3, split.faces
    names = {"<f4": "float", "u1": "uchar"}
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment {character.extras.generator}",
        f"element vertex {len(vertices)}",
        *(f"property {names[kind]} {name}" for name, kind in kinds),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    write_bytes(path, ("\n".join(header) + "\n").encode() + vertices.tobytes() + faces.tobytes())


def texels(image: UInt8[np.ndarray, "h w 3"], uvs: Float[np.ndarray, "n 2"]) -> UInt8[np.ndarray, "n 3"]:
    """The picture's values at uv points whose origin is at the top left; those outside of it take the edge's."""
    height, width = image.shape[:2]
    columns = np.clip((uvs[:, 0] * width).astype(np.int64), 0, width - 1)
    rows = np.clip((uvs[:, 1] * height).astype(np.int64), 0, height - 1)
    return image[rows, columns]
