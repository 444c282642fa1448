"""Anny with its local shape changes: further coefficients, from the girth of the neck to the length of the feet.

Each lies in [-REACH, REACH] with 0 for no change. Left and right go together, and what would make the figure lopsided
is left out, so that a prompt finds a build and not an injury.
"""

import logging
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.bodies.anny import load_anny, y_up
from clipmatrix.bodies.body import Body, RestBody, ShapeSpace
from clipmatrix.bodies.rig import Rig, joint_from_heads
from clipmatrix.errors import BodyError

_log = logging.getLogger(__name__)

REACH = 0.6
"""How much of a change a body takes, either way. Any mixture within looks like someone; at 1 many tear one another."""

_LEFT_OUT = ("bulge",)
_LOPSIDED = 0.2
"""A change whose mirror image differs from it by more than this share of its size is left out."""


@dataclass(frozen=True, eq=False)
class LocalShapeSpace:
    """A body's own shape space with changes added to it, one way for values above zero and another for those below.

    ``above`` and ``below`` hold, for each change, what it adds to vertices and joint heads together at 1 and at -1.
    """

    base: ShapeSpace
    num_base: int
    above: Float[Tensor, "n x"]
    below: Float[Tensor, "n x"]

    def __call__(self, shape: Float[Tensor, "s"]) -> RestBody:
        """The body of this shape, standing on y = 0; at zero the gradient is that of the side above."""
        rest = self.base(shape[: self.num_base])
        change = shape[self.num_base :]
        # Written as products: at zero, where all begin, a clamp's gradient would be none of the two sides'.
        is_above = (change >= 0.0).to(change)
        moved = (change * is_above) @ self.above + (change * (is_above - 1.0)) @ self.below
        moved = moved.unflatten(0, (-1, 3))
        num = rest.vertices.shape[0]
        vertices = rest.vertices + moved[:num]
        heads = rest.rig.bind_from_joint[:, :3, 3] + moved[num:]
        ground = torch.zeros_like(vertices[0])
        ground[1] = vertices[:, 1].min()
        old = rest.rig
        rig = Rig(old.joint_names, old.parents, joint_from_heads(heads - ground), old.joint_ids, old.joint_weights)
        return RestBody(vertices - ground, rig)


def load_anny_local() -> Body:
    """The Anny body with some 160 local changes beside its six coefficients, named as Anny names them without sides.

    The first call on a machine builds a cache of its own (a minute, some 600 MB); a step is some 10 ms slower.

    Raises:
        BodyError: the installed Anny has another layout than the one this adapter knows.

    References:
        Brégier et al., "Human Mesh Modeling for Anny Body", 2025; the changes are MakeHuman's (CC0).
    """
    import anny

    body = load_anny()
    _log.info("Loading Anny's local shape changes; the first time on a machine this takes about a minute")
    model = anny.Anny(skinning_method="lbs", local_changes="default")
    labels = tuple(str(label) for label in model.local_change_labels)
    first = model.blendshapes.shape[0] - 2 * len(labels)
    points = y_up(torch.cat([model.blendshapes, model.bone_heads_blendshapes], dim=1)[first:])
    if not labels or points.shape[1] != len(body.template.vertices) + len(body.rig.parents):
        raise BodyError("expected Anny's local shape changes, found none or of another mesh: install anny 0.6.2")
    names, rows = _together(labels)
    above = torch.stack([points[[2 * label for label in row]].sum(0) for row in rows])
    below = torch.stack([points[[2 * label + 1 for label in row]].sum(0) for row in rows])
    assert body.mirror_ids is not None
    is_even = _is_symmetric(above, body.mirror_ids) & _is_symmetric(below, body.mirror_ids)
    kept = torch.nonzero(is_even).squeeze(1)
    names = tuple(names[index] for index in kept.tolist())
    space = LocalShapeSpace(
        body.rest, len(body.shape_names), above[kept].flatten(1).float(), below[kept].flatten(1).float()
    )
    return replace(
        body,
        name="anny:local",
        shape_names=(*body.shape_names, *names),
        shape_bounds=torch.cat([body.shape_bounds, torch.tensor([[-REACH, REACH]]).expand(len(names), 2)]),
        neutral_shape=torch.cat([body.neutral_shape, torch.zeros(len(names))]),
        rest=space,
    )


def _together(labels: tuple[str, ...]) -> tuple[tuple[str, ...], list[list[int]]]:
    """The names without sides, in Anny's order, and the labels that each moves."""
    rows: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        name = label[2:] if label.startswith(("l-", "r-")) else label
        if not name.startswith(_LEFT_OUT):
            rows.setdefault(name, []).append(index)
    return tuple(rows), list(rows.values())


def _is_symmetric(points: Float[Tensor, "n p 3"], mirror_ids: Int64[Tensor, "v"]) -> Tensor:
    """Which changes are nearly their own mirror images on the vertices."""
    moved = points[:, : len(mirror_ids)]
    mirrored = moved[:, mirror_ids] * moved.new_tensor([-1.0, 1.0, 1.0])
    return (moved - mirrored).square().sum((1, 2)) <= _LOPSIDED**2 * moved.square().sum((1, 2))
