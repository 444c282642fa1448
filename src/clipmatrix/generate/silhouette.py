"""How far the offsets change the figure's outline area; knows nothing of texture, light or text."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.losses.silhouette_area import silhouette_area_loss
from clipmatrix.render.fragments import Rasterizer
from clipmatrix.render.pipeline import to_clip
from clipmatrix.render.surface import Images
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras

TOLERANCE = 0.15
"""Up to this share more or less area is detail, and free."""


def silhouette_term(
    images: Images,
    bare_world: Float[Tensor, "b v 3"],
    faces: Int64[Tensor, "f 3"],
    cameras: Cameras,
    rasterizer: Rasterizer,
) -> Float[Tensor, ""]:
    """The excess change of covered area against the same body in the same poses without offsets.

    The body's own shape may grow as it likes: it is in both. Gradients reach the pictures' alpha. Costs a second
    rasterisation of all views.
    """
    size = ImageSize(images.alpha.shape[1], images.alpha.shape[2])
    with torch.no_grad():
        fragments = rasterizer.visibility(to_clip(bare_world, cameras), faces, size)
        area = (fragments.face_ids >= 0).float().mean(dim=(1, 2))
    return silhouette_area_loss(images.alpha, area, TOLERANCE)
