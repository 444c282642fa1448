"""Textures made ready for files: colour that goes on beyond the edges of uv islands; knows nothing of rendering views.

A viewer that minifies a texture, or samples it between texels, mixes in what lies beside an island. Without padding
that is the untouched background, and shows as seams.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from PIL import Image
from scipy import ndimage

from clipmatrix.errors import ExportError
from clipmatrix.export.files import replacing
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.shapes import ImageSize


def uv_coverage(mesh: Mesh, size: ImageSize) -> Bool[np.ndarray, "h w"]:
    """Which texels a lookup on the mesh can read at full size: those inside an island, and the ring around it.

    Islands that are mirrored (clockwise) count like all others.
    """
    u, v = mesh.uvs.detach().float().unbind(-1)
    layout_clip = torch.stack([2 * u - 1, 1 - 2 * v, torch.zeros_like(u), torch.ones_like(u)], dim=-1)
    both_sides = torch.cat([mesh.face_uvs, mesh.face_uvs.flip(1)])
    fragments = CpuRasterizer().visibility(layout_clip[None], both_sides, size)
    # A bilinear lookup inside an island's edge reads texels whose centres lie up to one step outside.
    return ndimage.binary_dilation(fragments.face_ids[0].numpy() >= 0, structure=np.ones((3, 3), dtype=bool))


def pad_islands(
    albedo_srgb: UInt8[np.ndarray, "th tw 3"], coverage: Bool[np.ndarray, "th tw"]
) -> UInt8[np.ndarray, "th tw 3"]:
    """The texture with each texel outside the coverage replaced by the nearest covered one; covered ones stay as is.

    Raises:
        ExportError: nothing is covered.
    """
    if not coverage.any():
        raise ExportError("wanted uv islands inside [0, 1], found none there; unwrap the mesh into the unit square")
    # The indices are given to fill, as the function's declared return type allows for there being none.
    nearest = np.empty((2, *coverage.shape), dtype=np.int32)
    ndimage.distance_transform_edt(~coverage, return_distances=False, return_indices=True, indices=nearest)
    return albedo_srgb[nearest[0], nearest[1]]


def write_image(path: Path, image: UInt8[np.ndarray, "h w c"]) -> None:
    """Writes an sRGB picture in the format that the suffix names, whole or not at all.

    Raises:
        ExportError: the file cannot be written.
    """
    with replacing(path) as scratch:
        Image.fromarray(image).save(scratch)
