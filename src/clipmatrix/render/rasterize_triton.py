"""Visibility by a kernel in Triton, which comes with PyTorch's CUDA wheels; knows CUDA devices only, and no gradients.

The faces' setup is the torch twin's, ``rasterize_reference``; what is compiled is the walk over each face's box. Its
arithmetic is float64 in the twin's order, without fused steps, so that the face ids are the same.
"""

import functools
import logging
from dataclasses import dataclass
from importlib import import_module
from typing import Any, no_type_check

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.errors import short_reason
from clipmatrix.geometry.mesh import Edges
from clipmatrix.render.fragments import Fragments, Rasterizer, SilhouettePairs
from clipmatrix.render.rasterize_reference import NONE, ReferenceRasterizer, fragments_of, set_up
from clipmatrix.shapes import ImageSize

_log = logging.getLogger(__name__)

BLOCK = 128
"""Faces of one program."""

STRIPES = 16
"""Programs that share the pixels of a block's boxes, so that one large face does not hold up the rest."""


@functools.cache
def _kernel() -> Any:
    """The compiled walk. Triton is imported when it is needed, and never where there is no GPU."""
    triton: Any = import_module("triton")
    tl: Any = import_module("triton.language")

    @no_type_check
    @triton.jit
    def walk(  # pragma: no cover
        setup, first, extent, ids, best, num, num_faces, height, width, step_x, step_y,
        none: tl.constexpr, block: tl.constexpr, stripes: tl.constexpr,
    ):  # fmt: skip
        face = tl.program_id(0) * block + tl.arange(0, block)
        is_face = face < num
        columns = tl.load(extent + 2 * face, mask=is_face, other=0)
        rows = tl.load(extent + 2 * face + 1, mask=is_face, other=0)
        left = tl.load(first + 2 * face, mask=is_face, other=0)
        top = tl.load(first + 2 * face + 1, mask=is_face, other=0)
        pair = tl.load(ids + face, mask=is_face, other=0)
        view = pair // num_faces
        face_id = pair % num_faces
        a0 = tl.load(setup + 12 * face, mask=is_face, other=0.0)
        a1 = tl.load(setup + 12 * face + 1, mask=is_face, other=0.0)
        a2 = tl.load(setup + 12 * face + 2, mask=is_face, other=0.0)
        b0 = tl.load(setup + 12 * face + 3, mask=is_face, other=0.0)
        b1 = tl.load(setup + 12 * face + 4, mask=is_face, other=0.0)
        b2 = tl.load(setup + 12 * face + 5, mask=is_face, other=0.0)
        c0 = tl.load(setup + 12 * face + 6, mask=is_face, other=0.0)
        c1 = tl.load(setup + 12 * face + 7, mask=is_face, other=0.0)
        c2 = tl.load(setup + 12 * face + 8, mask=is_face, other=0.0)
        z0 = tl.load(setup + 12 * face + 9, mask=is_face, other=0.0)
        z1 = tl.load(setup + 12 * face + 10, mask=is_face, other=0.0)
        z2 = tl.load(setup + 12 * face + 11, mask=is_face, other=0.0)
        count = columns * rows
        most = tl.max(count, axis=0)
        divisor = tl.maximum(columns, 1)
        base = view * height * width
        for rank in range(tl.program_id(1), most, stripes):
            column = left + rank % divisor
            row = top + rank // divisor
            ndc_x = (column.to(tl.float64) + 0.5) * step_x - 1.0
            ndc_y = 1.0 - (row.to(tl.float64) + 0.5) * step_y
            w0 = a0 * ndc_x + (b0 * ndc_y + c0)
            w1 = a1 * ndc_x + (b1 * ndc_y + c1)
            w2 = a2 * ndc_x + (b2 * ndc_y + c2)
            depth = (w0 * z0 + w1 * z1 + w2 * z2).to(tl.float32) + 0.0
            is_seen = (rank < count) & (w0 >= 0) & (w1 >= 0) & (w2 >= 0) & (depth >= -1.0) & (depth <= 1.0)
            bits = depth.to(tl.int32, bitcast=True).to(tl.int64)
            bits = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
            key = tl.where(is_seen, (bits << 32) | face_id, none)
            tl.atomic_min(best + base + row * width + column, key, mask=is_seen)

    return walk


@dataclass(frozen=True)
class TritonRasterizer:
    """The rasteriser for CUDA tensors: visibility in one kernel, outlines by the torch twin."""

    def visibility(
        self, vertices_clip: Float[Tensor, "b v 4"], faces: Int64[Tensor, "f 3"], size: ImageSize
    ) -> Fragments:
        """The nearest front face of each pixel; see ``Rasterizer``. Nothing waits for the device."""
        with torch.no_grad():
            one = set_up(vertices_clip.to(torch.float32), faces, size)
            num_views, num = vertices_clip.shape[0], one.setup.shape[0]
            best = torch.full((num_views * size.height * size.width,), NONE, dtype=torch.int64, device=faces.device)
            if num:
                options = {} if _is_interpreted() else {"enable_fp_fusion": False}
                ids = torch.arange(num, device=faces.device)
                _kernel()[((num + BLOCK - 1) // BLOCK, STRIPES)](
                    one.setup.contiguous(), one.first.contiguous(), one.extent.contiguous(), ids, best, num,
                    faces.shape[0], size.height, size.width, 2.0 / size.width, 2.0 / size.height,
                    none=NONE, block=BLOCK, stripes=STRIPES, **options,
                )  # fmt: skip
            return fragments_of(best, (num_views, size.height, size.width))

    def silhouette_pairs(
        self, vertices_clip: Float[Tensor, "b v 4"], edges: Edges, fragments: Fragments
    ) -> SilhouettePairs:
        """The pixel pairs that an outline separates; see ``Rasterizer``."""
        return ReferenceRasterizer().silhouette_pairs(vertices_clip, edges, fragments)


def _is_interpreted() -> bool:
    return bool(import_module("triton").knobs.runtime.interpret)


@functools.cache
def fastest_on_cuda() -> Rasterizer:
    """The compiled rasteriser, if it works here and shows what the torch twin shows; else the twin.

    Looks at one small picture, which compiles the kernel: a second or two, once a process.
    """
    generator = torch.Generator().manual_seed(0)
    vertices = torch.cat([2 * torch.rand(1, 60, 3, generator=generator) - 1, torch.ones(1, 60, 1)], dim=2).cuda()
    faces = torch.arange(60).reshape(20, 3)
    faces = torch.cat([faces, faces.flip(1)]).cuda()
    size = ImageSize(48, 64)
    try:
        mine, wanted = (one.visibility(vertices, faces, size) for one in (TritonRasterizer(), ReferenceRasterizer()))
        if torch.equal(mine.face_ids, wanted.face_ids):
            return TritonRasterizer()
        reason = "it shows other faces"
    except Exception as error:
        # Whatever is wrong with a compiler, pictures can be made without it.
        reason = short_reason(error)
    _log.warning("The compiled rasteriser is left out on this GPU (%s): steps take a little longer", reason)
    return ReferenceRasterizer()
