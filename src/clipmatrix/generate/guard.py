"""Steps that would fold the surface made shorter; knows nothing of losses or gradients."""

import torch
from torch import Tensor, nn

from clipmatrix.geometry.quality import is_flipped
from clipmatrix.health.verdicts import edge_change
from clipmatrix.scene.scene import Scene

MOST_FLIPPED = 0.0025
LARGEST_EDGE_CHANGE = 10.0
"""Half of what the report calls healthy, so that no run ends on the edge of it."""

_HALVINGS = 5


def folding(scene: Scene) -> tuple[float, float]:
    """The share of faces that the offsets turn over, and the largest factor by which they change an edge."""
    with torch.no_grad():
        bare, offset = scene.deform.bare().vertices, scene.deform.offset()
        vertices = bare + offset
        flipped = float(is_flipped(vertices, bare, scene.body.template.faces).float().mean())
        return flipped, edge_change(vertices, bare, scene.deform.edge_ids)


class FoldGuard:
    """Holds the share of flipped faces and the change of edges under a bound, or under the start's where that is more.

    A step that leads beyond is halved up to five times and then taken back. Costs one evaluation of the body a step,
    about 8 ms, and one more for each halving.

    References: backtracking, Armijo, "Minimization of Functions Having Lipschitz Continuous First Partial
    Derivatives", Pacific Journal of Mathematics 1966; here with a bound in place of a decrease.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        flipped, change = folding(scene)
        self._flipped, self._change = max(MOST_FLIPPED, flipped), max(LARGEST_EDGE_CHANGE, change)

    def shorten(self, parameters: list[nn.Parameter], before: list[Tensor]) -> float:
        """How much of the step from ``before`` was left: 1, 1/2 ... 1/32, or 0; the parameters are moved back to it."""
        if self._is_sound():
            return 1.0
        after = [parameter.detach().clone() for parameter in parameters]
        for halving in range(1, _HALVINGS + 1):
            share = 0.5**halving
            self._put(parameters, [torch.lerp(old, new, share) for old, new in zip(before, after, strict=True)])
            if self._is_sound():
                return share
        self._put(parameters, before)
        return 0.0

    def _is_sound(self) -> bool:
        flipped, change = folding(self._scene)
        # Written so that what is no number is refused.
        return flipped <= self._flipped and change <= self._change

    @staticmethod
    def _put(parameters: list[nn.Parameter], values: list[Tensor]) -> None:
        with torch.no_grad():
            for parameter, value in zip(parameters, values, strict=True):
                parameter.copy_(value)
