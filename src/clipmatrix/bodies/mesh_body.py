"""Bodies out of still meshes: one joint, no shape coefficients; the only door to trimesh, which reads OBJ and PLY."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body, FixedShape, RestBody
from clipmatrix.bodies.polygons import cut_concave_faces
from clipmatrix.bodies.rig import Rig, joint_from_heads
from clipmatrix.bodies.soup import Dressable, Soup, prepare, split_soup
from clipmatrix.errors import BodyError, short_reason
from clipmatrix.intake import check_size


def load_mesh(path: Path, levels: int = 0, up: str = "y") -> Body:
    """A ``.obj`` or ``.ply`` file as a body of one joint, its triangles split in four ``levels`` times.

    Its ``up`` axis is ``y``, or ``z``: such a file is taken to face -Y, as modelling programs have it.

    Raises:
        BodyError: the file is missing or broken, or has nothing to dress.
    """
    if not path.is_file():
        raise BodyError(f"{path} is no file: name a .glb, .gltf, .obj or .ply file")
    parts = [_soup_of(mesh, path.name) for mesh in _read(path)]
    parts = [part for part in parts if len(part.faces)]
    if not parts:
        raise BodyError(f"{path.name} has no triangles: name a file with a surface")
    soup = _joined(parts)
    if up == "z":
        x, y, z = soup.positions.T
        soup = replace(soup, positions=np.stack([x, z, -y], axis=1))
    made = prepare(split_soup(soup, levels))
    if up == "y" and _lies(made.mesh.vertices):
        lying = "it lies along Z: if it should stand, say --up z"
        made = replace(made, notes=(*made.notes, lying))
    return still_body(made, path.name, None)


def _lies(vertices: Float[Tensor, "v 3"]) -> bool:
    """Whether a mesh is far longer along Z than it is high, and no wider either."""
    width, height, depth = (vertices.amax(0) - vertices.amin(0)).tolist()
    return depth > 1.6 * height and depth > 1.2 * width


def still_body(made: Dressable, name: str, rights: str | None) -> Body:
    """The mesh with a root joint on the ground below it."""
    num = len(made.mesh.vertices)
    rig = Rig(
        joint_names=("root",),
        parents=(-1,),
        joint_from_bind=joint_from_heads(torch.zeros(1, 3)),
        joint_ids=torch.zeros(num, 1, dtype=torch.int64),
        joint_weights=torch.ones(num, 1),
    )
    return Body(
        name=name,
        template=made.mesh,
        rig=rig,
        shape_names=(),
        shape_bounds=torch.zeros(0, 2),
        neutral_shape=torch.zeros(0),
        rest=FixedShape(RestBody(made.mesh.vertices, rig)),
        regions={"whole": torch.ones(num)},
        humanoid={},
        mirror_ids=None,
        licence=rights or f"body: as {name}",
        welds=made.welds,
        placement=made.placement,
        notes=made.notes,
    )


def _read(path: Path) -> list[Any]:
    try:
        import trimesh
    except ImportError as error:
        raise BodyError(f'{path.name} is read by trimesh: pip install "clipmatrix[bodies]"') from error
    try:
        check_size(path)
        source: Any = path
        if path.suffix.lower() == ".obj":
            source = io.StringIO(cut_concave_faces(path.read_text(encoding="utf-8", errors="replace")))
        scene = trimesh.load_scene(source, file_type=path.suffix[1:].lower(), process=False, skip_materials=True)
        meshes = scene.dump()
    # A broken file can make the readers fail in any way; all of them mean the same to a user.
    except Exception as error:
        raise BodyError(
            f"{path.name} cannot be read ({short_reason(error)}): export it anew, as .glb if you can"
        ) from error
    return [mesh for mesh in meshes if isinstance(mesh, trimesh.Trimesh)]


def _soup_of(mesh: Any, name: str) -> Soup:
    positions = np.asarray(mesh.vertices, np.float64)
    faces = np.asarray(mesh.faces, np.int64).reshape(-1, 3)
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise BodyError(f"{name} has points that are no triples of numbers: export it anew, as .glb if you can")
    uvs = getattr(mesh.visual, "uv", None)
    if uvs is not None and (uvs.ndim != 2 or len(uvs) != len(positions) or uvs.shape[1] < 2):
        uvs = None
    return Soup(
        name=name,
        positions=positions,
        faces=faces,
        # trimesh counts v from the bottom, as OBJ does.
        uvs=np.stack([uvs[:, 0], 1.0 - uvs[:, 1]], axis=1).astype(np.float64) if uvs is not None else None,
        normals=None,
        kinds=np.zeros(len(positions), np.int64),
        is_two_sided=np.zeros(len(faces), bool),
        is_wound=False,
    )


def _joined(parts: list[Soup]) -> Soup:
    starts = np.cumsum([0, *(len(part.positions) for part in parts[:-1])])
    uvs = [part.uvs for part in parts]
    return Soup(
        name=parts[0].name,
        positions=np.concatenate([part.positions for part in parts]),
        faces=np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=True)]),
        uvs=np.concatenate([uv for uv in uvs if uv is not None]) if all(uv is not None for uv in uvs) else None,
        normals=None,
        kinds=np.concatenate([np.full(len(part.positions), index) for index, part in enumerate(parts)]),
        is_two_sided=np.concatenate([part.is_two_sided for part in parts]),
        is_wound=False,
    )
