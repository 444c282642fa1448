"""The regularisers of a step, each weighed; knows nothing of pictures or texts."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.generate.optimizers import UNSTRAINED, Firmness
from clipmatrix.geometry.mesh import build_edges
from clipmatrix.losses.edge_length import edge_length_loss
from clipmatrix.losses.laplacian import laplacian_loss
from clipmatrix.losses.normal_consistency import neighbouring_faces, normal_consistency_loss
from clipmatrix.losses.offset_size import offset_size_loss
from clipmatrix.losses.symmetry import symmetry_loss
from clipmatrix.losses.texture_change import mean_square_change, thin_out
from clipmatrix.losses.total_variation import total_variation_loss
from clipmatrix.losses.weights import LossWeights


@dataclass(frozen=True, eq=False)
class Terms:
    """The weighed regularisers of one step; a term that is left out is a plain zero."""

    offset_size: Float[Tensor, ""]
    laplacian: Float[Tensor, ""]
    edge_length: Float[Tensor, ""]
    normal_consistency: Float[Tensor, ""]
    total_variation: Float[Tensor, ""]
    texture_change: Float[Tensor, ""]
    symmetry: Float[Tensor, ""]

    def form(self) -> Float[Tensor, ""]:
        """The sum of those of the offsets."""
        return self.offset_size + self.laplacian + self.edge_length + self.normal_consistency + self.symmetry

    def look(self) -> Float[Tensor, ""]:
        """The sum of those of the texture."""
        return self.total_variation + self.texture_change


@dataclass(frozen=True, eq=False)
class Shown:
    """A texture that this step's pictures show, and those of its texels that ``thin_out`` leaves; both are leaves."""

    albedo: Float[Tensor, "th tw 3"]
    texels: Float[Tensor, "_ _ 3"]


class Regulariser:
    """Holds the form near its start and the texture quiet.

    Size and roughness are those of the change from the start's offsets: what was searched and found is not taken
    back; nor are the looks ``start_albedos`` of texture sets by name, where there are any. Stretch and creases are
    measured against the body without any offsets, at its present shape.
    """

    def __init__(
        self,
        body: Body,
        start_offset: Float[Tensor, "v 3"],
        weights: LossWeights,
        start_albedos: Mapping[str, Float[Tensor, "th tw 3"]] | None = None,
    ) -> None:
        self._weights = weights
        self._start_texels = {name: thin_out(albedo).contiguous() for name, albedo in (start_albedos or {}).items()}
        self._start = start_offset
        self._faces = body.template.faces
        self._mirror_ids = body.mirror_ids
        self._edge_ids = build_edges(self._faces).vertex_ids
        self._face_pairs = neighbouring_faces(self._faces)

    def __call__(
        self,
        bare: Float[Tensor, "v 3"],
        offset: Float[Tensor, "v 3"],
        shown: Mapping[str, Shown],
        firmness: Firmness = UNSTRAINED,
    ) -> Terms:
        """The terms for offsets on a bare body, both in the bind pose, and for the textures by set that are shown.

        All terms are multiplied by how firm the form, or the texture, is to be held. Gradients reach ``offset`` and
        what is shown only. What has a weight of zero, or cannot learn, costs nothing.
        """
        weights, zero = self._weights, offset.new_zeros(())
        form, look = firmness.form, firmness.look
        size = roughness = stretch = creases = asymmetry = busyness = repainting = zero
        if offset.requires_grad:
            bare = bare.detach()
            vertices = bare + offset
            if weights.offset_size:
                size = form * weights.offset_size * offset_size_loss(offset, self._start)
            if weights.laplacian:
                roughness = form * weights.laplacian * laplacian_loss(offset - self._start, self._edge_ids)
            if weights.edge_length:
                stretch = form * weights.edge_length * edge_length_loss(vertices, bare, self._edge_ids)
            if weights.normal_consistency:
                creases = (
                    form
                    * weights.normal_consistency
                    * normal_consistency_loss(vertices, bare, self._faces, self._face_pairs)
                )
            if weights.symmetry and self._mirror_ids is not None:
                asymmetry = weights.symmetry * symmetry_loss(offset, self._mirror_ids)
        for name, one in shown.items():
            if weights.total_variation:
                busyness = busyness + look * weights.total_variation * total_variation_loss(one.albedo)
            if weights.texture_change and name in self._start_texels:
                change = mean_square_change(one.texels, self._start_texels[name])
                repainting = repainting + look * weights.texture_change * change
        return Terms(size, roughness, stretch, creases, busyness, repainting, asymmetry)
