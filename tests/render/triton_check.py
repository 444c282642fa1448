"""Compares the compiled rasteriser, interpreted, with the torch twin; run by ``test_rasterize_triton``."""

import sys

import torch

from clipmatrix.render.rasterize_reference import ReferenceRasterizer
from clipmatrix.render.rasterize_triton import TritonRasterizer
from clipmatrix.shapes import ImageSize


def scenes() -> list[tuple[torch.Tensor, torch.Tensor, ImageSize]]:
    """Small faces, a large one, faces across the near plane, faces at one depth, nothing at all."""
    generator = torch.Generator().manual_seed(3)
    points = 2 * torch.rand(2, 36, 3, generator=generator) - 1
    small = torch.cat([points, torch.ones(2, 36, 1)], dim=2)
    faces = torch.arange(36).reshape(12, 3)
    both = torch.cat([faces, faces.flip(1)])
    near = small.clone()
    near[..., 3] = 3 * torch.rand(2, 36, generator=generator) - 1
    large = torch.tensor([[[-3.0, -3, 0, 1], [3, -3, 0, 1], [0, 3, 0, 1]]])
    flat = torch.cat([large, large])[:, [0, 1, 2, 0, 1, 2]]
    hidden = large.clone()
    hidden[..., 0] += 10
    one = torch.arange(3)[None]
    return [
        (small, both, ImageSize(20, 28)),
        (near, both, ImageSize(17, 13)),
        (large, one, ImageSize(24, 24)),
        (flat, torch.tensor([[3, 4, 5], [0, 1, 2]]), ImageSize(9, 9)),
        (hidden, one, ImageSize(8, 8)),
    ]


def main() -> None:
    for number, (vertices, faces, size) in enumerate(scenes()):
        mine = TritonRasterizer().visibility(vertices, faces, size)
        wanted = ReferenceRasterizer().visibility(vertices, faces, size)
        if not (torch.equal(mine.face_ids, wanted.face_ids) and torch.equal(mine.depth, wanted.depth)):
            sys.exit(f"scene {number}: {int((mine.face_ids != wanted.face_ids).sum())} pixels show other faces")
        sys.stdout.write(f"scene {number}: {int((wanted.face_ids >= 0).sum())} pixels, all the same\n")


if __name__ == "__main__":
    main()
