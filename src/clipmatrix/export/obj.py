"""Wavefront OBJ files with material and texture, for programs that read nothing better; knows neither rig nor clips."""

from pathlib import Path

import numpy as np
import torch

from clipmatrix.export.character import Character
from clipmatrix.export.files import write_bytes
from clipmatrix.export.textures import write_image
from clipmatrix.geometry.mesh import vertex_normals


def write_obj(path: Path, character: Character, texture_name: str = "albedo.png") -> None:
    """Writes ``path``, a material file of the same stem, and the texture beside them.

    The body stands in its bind pose. OBJ counts v from the bottom: this is where it is turned over.

    Raises:
        ExportError: one of the files cannot be written.
    """
    material_path = path.with_suffix(".mtl")
    write_image(path.parent / texture_name, character.albedo_srgb)
    # Pm and Pr are the metallic-roughness extension that Blender and others read and write.
    material = [
        f"# {character.extras.generator}",
        "newmtl skin",
        "Kd 1 1 1",
        "illum 2",
        f"Pr {character.roughness:.6g}",
        f"Pm {character.metallic:.6g}",
        f"map_Kd {texture_name}",
    ]
    write_bytes(material_path, ("\n".join(material) + "\n").encode())
    write_bytes(path, _geometry(character, material_path.name).encode())


def _geometry(character: Character, material_name: str) -> str:
    mesh = character.mesh
    vertices, uvs = mesh.vertices.detach().float(), mesh.uvs.detach().double()
    normals = vertex_normals(vertices.double(), mesh.faces)
    flipped = torch.stack([uvs[:, 0], 1 - uvs[:, 1]], dim=1)
    corners = torch.stack([mesh.faces, mesh.face_uvs, mesh.faces], dim=-1).reshape(-1, 9).numpy() + 1
    lines = [f"# {character.extras.generator}", f"mtllib {material_name}", "o ClipMatrix_body"]
    lines += _rows("v %.9g %.9g %.9g", vertices.numpy())
    lines += _rows("vt %.9g %.9g", flipped.numpy())
    lines += _rows("vn %.6f %.6f %.6f", normals.numpy())
    lines += ["usemtl skin", "s 1"]
    lines += _rows("f %d/%d/%d %d/%d/%d %d/%d/%d", corners)
    return "\n".join(lines) + "\n"


def _rows(pattern: str, values: np.ndarray) -> list[str]:
    return [pattern % tuple(row) for row in values.tolist()]
