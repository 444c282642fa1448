"""The body that a setting names: Anny, a user's SMPL-X file, or any mesh; knows nothing of what is done with it."""

import difflib
from functools import lru_cache
from pathlib import Path

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.anny_local import load_anny_local
from clipmatrix.bodies.body import REGIONS, Body
from clipmatrix.bodies.gltf_body import load_gltf
from clipmatrix.bodies.mesh_body import load_mesh
from clipmatrix.bodies.smplx import load_smplx
from clipmatrix.errors import BodyError

_SMPLX, _LOCAL = "smplx:", "anny:local"
_LOADERS = {".glb": load_gltf, ".gltf": load_gltf, ".obj": load_mesh, ".ply": load_mesh}


def load_body(name: str) -> Body:
    """The body of a setting: ``anny``, ``anny:local``, ``smplx:FILE.npz``, or a ``.glb``, ``.gltf``, ``.obj`` or ``.ply`` file.

    The last one is kept, and given again as long as its file does not change.

    Raises:
        BodyError: the name is none of these, or the file cannot be used.
    """
    if name == "anny":
        return load_anny()
    if name == _LOCAL:
        return _load_local()
    path = Path(name.removeprefix(_SMPLX)).expanduser()
    try:
        stat = path.stat()
        changed = (stat.st_mtime_ns, stat.st_size)
    except OSError:
        changed = (0, 0)
    return _load_file(name, path, changed)


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
def _load_file(name: str, path: Path, _changed: tuple[int, int]) -> Body:
    suffix = path.suffix.lower()
    if name.startswith(_SMPLX):
        return load_smplx(path)
    if suffix in _LOADERS:
        return _LOADERS[suffix](path)
    if name.startswith("anny:"):
        raise BodyError(f'there is no body "{name}": write anny, or anny:local for its local shape changes as well')
    if suffix in (".npz", ".pkl"):
        raise BodyError(f"{path.name} may be an SMPL-X model: write smplx:{name} as the body, with an .npz")
    close = difflib.get_close_matches(name.lower(), ("anny", "smplx"), n=1, cutoff=0.5)
    hint = f'did you mean "{close[0]}"?' if close and not suffix else "name anny, smplx:FILE.npz or a mesh file"
    raise BodyError(f'there is no body "{name}" (.glb, .gltf, .obj and .ply can be read): {hint}')
