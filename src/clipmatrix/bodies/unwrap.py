"""Uv layouts for meshes: whether the one that a file brings will do, and a new one; the only door to xatlas."""

import numpy as np
import torch
from jaxtyping import Float, Int64

from clipmatrix.errors import BodyError

_SIDE = 512
_MOST_OVERLAP = 1.25
"""How many times over a layout may use its texels: a quarter is what seams and shared corners come to."""
_OUTSIDE = 1e-3
_LARGEST = 1e8


def layout_problem(uvs: Float[np.ndarray, "t 2"], face_uvs: Int64[np.ndarray, "f 3"]) -> str | None:
    """Why a texture of its own cannot be painted on this layout; None where it can."""
    corners = uvs[face_uvs].astype(np.float64)
    if not np.isfinite(corners).all():
        return "its uvs are not all numbers"
    if corners.min() < -_OUTSIDE or corners.max() > 1.0 + _OUTSIDE:
        return "its uvs repeat the texture"
    sides = corners[:, 1:] - corners[:, :1]
    area = 0.5 * np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    if (area <= 1e-12).mean() > 0.02:
        return "part of it has no uvs"
    # Faces of less than a texel say nothing about how often texels are used.
    total = area[area * _SIDE**2 > 2.0].sum()
    if total > _MOST_OVERLAP * max(_covered(corners), 1e-6):
        return "its uvs lie over one another"
    return None


def _covered(corners: Float[np.ndarray, "f 3 2"]) -> float:
    """The share of the unit square that the triangles cover."""
    from PIL import Image, ImageDraw

    picture = Image.new("1", (_SIDE, _SIDE))
    draw = ImageDraw.Draw(picture)
    for triangle in (corners * _SIDE).tolist():
        draw.polygon([tuple(point) for point in triangle], fill=1)
    return float(np.asarray(picture).mean())


def unwrap(
    points: Float[np.ndarray, "p 3"], faces: Int64[np.ndarray, "f 3"], name: str
) -> tuple[Float[np.ndarray, "t 2"], Int64[np.ndarray, "f 3"]]:
    """A layout in the unit square whose islands do not touch; a second or so for ten thousand faces.

    Raises:
        BodyError: xatlas is not installed, or finds no layout.
    """
    try:
        import xatlas
    except ImportError as error:
        raise BodyError(f'{name} needs new uvs, and xatlas makes them: pip install "clipmatrix[bodies]"') from error
    if not (np.abs(points) <= _LARGEST).all():
        # On such points xatlas may go on for ever.
        raise BodyError(f"{name} has points that are no numbers, or too far out: mend it in a modelling program")
    atlas = xatlas.Atlas()
    pack = xatlas.PackOptions()
    pack.resolution, pack.padding, pack.bilinear = 1024, 4, True
    try:
        atlas.add_mesh(np.ascontiguousarray(points, np.float32), np.ascontiguousarray(faces, np.uint32))
        atlas.generate(pack_options=pack)
        _, corners, uvs = atlas[0]
    except (RuntimeError, ValueError, IndexError) as error:
        raise BodyError(f"{name} cannot be unwrapped ({error}): give it uvs in a modelling program") from error
    if corners.shape != faces.shape or not np.isfinite(uvs).all():
        raise BodyError(f"{name} cannot be unwrapped: give it uvs in a modelling program")
    return np.clip(uvs, 0.0, 1.0).astype(np.float64), corners.astype(np.int64)


def uv_tensors(
    uvs: Float[np.ndarray, "t 2"], face_uvs: Int64[np.ndarray, "f 3"]
) -> tuple[Float[torch.Tensor, "t 2"], Int64[torch.Tensor, "f 3"]]:
    """The layout as tensors."""
    return torch.from_numpy(uvs.astype(np.float32)), torch.from_numpy(face_uvs.astype(np.int64))
