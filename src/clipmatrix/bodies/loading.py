"""The body that a setting names: Anny, a user's SMPL-X file, or any mesh; knows nothing of what is done with it."""

import difflib
from functools import lru_cache
from pathlib import Path

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.anny_local import load_anny_local
from clipmatrix.bodies.body import REGIONS, Body
from clipmatrix.bodies.clones import clone
from clipmatrix.bodies.gltf_body import load_gltf
from clipmatrix.bodies.mesh_body import load_mesh
from clipmatrix.bodies.smplx import load_smplx
from clipmatrix.bodies.subdivide import subdivide
from clipmatrix.errors import BodyError

_SMPLX, _LOCAL = "smplx:", "anny:local"


def load_figures(name: str, levels: int, up: str, num_figures: int) -> Body:
    """So many figures of the body of ``load_body``.

    Raises:
        BodyError: as ``load_body``, or there are too many figures.
    """
    return clone(load_body(name, levels, up), num_figures)


def load_body(name: str, levels: int = 0, up: str = "y") -> Body:
    """The body of a setting: ``anny``, ``anny:local``, ``smplx:FILE.npz``, or a glTF, OBJ or PLY file.

    Its triangles are split in four ``levels`` times. The last file's is kept, and given again as long as its file does
    not change. ``up`` is the axis that points upwards in an OBJ or PLY file, ``y`` or ``z``.

    Raises:
        BodyError: the name is none of these, or the file cannot be used.
    """
    if name == "anny":
        return subdivide(load_anny(), levels)
    if name == _LOCAL:
        return subdivide(_load_local(), levels)
    path = Path(name.removeprefix(_SMPLX)).expanduser()
    try:
        stat = path.stat()
        changed = (stat.st_mtime_ns, stat.st_size)
    except OSError:
        changed = (0, 0)
    return _load_file(name, path, changed, levels, up)


def body_regions(name: str) -> tuple[str, ...]:
    """The regions that the named body has; loads it, but for Anny, which has all.

    Raises:
        BodyError: as ``load_body``.
    """
    return REGIONS if name in ("anny", _LOCAL) else tuple(load_body(name).regions)


@lru_cache(maxsize=1)
def _load_local() -> Body:
    return load_anny_local()


@lru_cache(maxsize=1)
def _load_file(name: str, path: Path, _changed: tuple[int, int], levels: int, up: str) -> Body:
    suffix = path.suffix.lower()
    if name.startswith(_SMPLX):
        return subdivide(load_smplx(path), levels)
    if suffix in (".glb", ".gltf"):
        return load_gltf(path, levels)
    if suffix in (".obj", ".ply"):
        return load_mesh(path, levels, up)
    if name.startswith("anny:"):
        raise BodyError(f'there is no body "{name}": write anny, or anny:local for its local shape changes as well')
    if suffix in (".npz", ".pkl"):
        raise BodyError(f"{path.name} may be an SMPL-X model: write smplx:{name} as the body")
    close = difflib.get_close_matches(name.lower(), ("anny", "smplx"), n=1, cutoff=0.5)
    hint = f'did you mean "{close[0]}"?' if close and not suffix else "name anny, smplx:FILE.npz or a mesh file"
    raise BodyError(f'there is no body "{name}" (.glb, .gltf, .obj and .ply can be read): {hint}')
