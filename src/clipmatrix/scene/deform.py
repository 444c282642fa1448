"""The learnable body: its shape coefficients and its offsets; knows nothing of texture, light or pose."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clipmatrix.bodies.body import Body, RestBody
from clipmatrix.geometry.laplacian import ImplicitSmoothing
from clipmatrix.geometry.mesh import build_edges
from clipmatrix.scene.start import Start

RIGID_ROLES = ("eye_l", "eye_r")
"""Joints whose vertices keep their form: offsets there look like injuries."""

EXTREMITIES = ("head", "hands")
"""Regions whose offsets are scaled down: they are what makes a figure readable."""

_MARGIN = 0.01


class Deform(nn.Module):
    """beta and delta: the body's bind pose as a function of coefficients and of smoothed offsets.

    beta stays within the body's bounds by a sigmoid, and begins at the start's, moved inwards by a hundredth of the
    range where that lies on a bound. delta = the start's offset + mobility * (I + strength L)^-1 u, in metres, in the
    bind pose, before skinning. u begins at zero. A ``begin_strength`` above ``strength`` is where the latter begins;
    ``change_strength`` lowers it.

    References: Nicolet, Jacobson, Jakob, "Large Steps in Inverse Rendering of Geometry", SIGGRAPH Asia 2021;
    offsets before skinning: Liao et al., "TADA! Text to Animatable Digital Avatars", 3DV 2024.
    """

    start_logit: Tensor
    start_offset: Tensor
    mobility: Tensor
    bounds: Tensor

    strength: Tensor

    def __init__(
        self, body: Body, start: Start, strength: float, extremity_offset: float, begin_strength: float = 0.0
    ) -> None:
        super().__init__()
        lowest, highest = body.shape_bounds.unbind(1)
        place = ((start.shape - lowest) / (highest - lowest)).clamp(_MARGIN, 1.0 - _MARGIN)
        self.register_buffer("start_logit", torch.logit(place))
        self.register_buffer("start_offset", start.offset.clone())
        self.register_buffer("bounds", body.shape_bounds.clone(), persistent=False)
        self.register_buffer("mobility", _mobility(body, extremity_offset), persistent=False)
        self.shape_change = nn.Parameter(torch.zeros_like(start.shape))
        self.differential = nn.Parameter(torch.zeros_like(start.offset))
        self._body = body
        # Smoothing knows nothing of creases and seams: vertices of one place move as one.
        self._edges = build_edges(body.template.faces if body.welds is None else body.welds.faces)
        self.edge_ids = self._edges.vertex_ids
        # What u means depends on the strength, so that one that changes belongs to the state.
        is_changing = begin_strength > strength
        self.register_buffer(
            "strength", torch.tensor(max(strength, begin_strength), dtype=torch.float64), persistent=is_changing
        )
        self._smoothing: ImplicitSmoothing | None = None

    def shape(self) -> Float[Tensor, "s"]:
        """The body's shape coefficients, within their bounds."""
        lowest, highest = self.bounds.unbind(1)
        return lowest + (highest - lowest) * torch.sigmoid(self.start_logit + self.shape_change)

    def smoothing(self) -> ImplicitSmoothing:
        """The map from u to offsets at the present strength; made anew, in 0.1 s, when that has changed."""
        strength = float(self.strength)
        if self._smoothing is None or self._smoothing.strength != strength:
            self._smoothing = ImplicitSmoothing(self._edges, self._body.template.vertices.shape[0], strength)
        return self._smoothing

    def change_strength(self, strength: float) -> None:
        """Another strength of smoothing, with u such that the offsets stay where they are."""
        if strength == float(self.strength):
            return
        with torch.no_grad():
            moved = self.smoothing().solve(self.differential)
            self.strength.fill_(strength)
            self.differential.copy_(self.smoothing().to_differential(moved))

    def offset(self) -> Float[Tensor, "v 3"]:
        """delta in metres, in the bind pose."""
        moved = self.mobility * self.smoothing().smooth(self.differential)
        welds = self._body.welds
        return self.start_offset + (moved if welds is None else moved.index_select(0, welds.first_ids))

    def bare(self) -> RestBody:
        """The body of this shape in its bind pose, without offsets."""
        return self._body.rest(self.shape())

    def forward(self) -> RestBody:
        """The body in its bind pose with the offsets added."""
        rest = self.bare()
        return RestBody(rest.vertices + self.offset(), rest.rig)


def _mobility(body: Body, extremity_offset: float) -> Float[Tensor, "v 1"]:
    """How much of its offset each vertex takes, in [0, 1]."""
    if body.base is not None:
        return _mobility(body.base, extremity_offset).repeat(body.num_figures, 1)
    mobility = torch.ones_like(body.template.vertices[:, 0])
    for name in EXTREMITIES:
        if name in body.regions:
            mobility = mobility * (1.0 - (1.0 - extremity_offset) * body.regions[name])
    for role in RIGID_ROLES:
        if role in body.humanoid:
            is_driven = body.rig.joint_ids == body.humanoid[role]
            mobility = mobility * (1.0 - (body.rig.joint_weights * is_driven).sum(dim=1))
    return mobility[:, None]
