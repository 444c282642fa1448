"""Steps that would fold the surface or burn out the texture made shorter; knows only how firm losses should be."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from clipmatrix.geometry.quality import is_flipped
from clipmatrix.health.verdicts import edge_change
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.texture import CONTRAST

MOST_FLIPPED = 0.0025
LARGEST_EDGE_CHANGE = 10.0
MOST_CLIPPED = 0.25
"""Half of what the report calls healthy: what happens between two looks at it ends no run on the edge."""

CLIPPED_LOGIT = math.log(252.5 / 2.5)
"""Beyond it a colour value is written as 2 or less, or 253 or more, of 255."""

_HALVINGS = 5
_RELEASE = 1.02
_FIRMING = 1.25
_FIRMEST = 1e4
_LOGITS_UNSEEN = 0.5
_SHRINKAGES = (0.02, 0.05, 0.1, 0.2, 0.3)
"""By how much a look is drawn back to its start where it had left its bounds before the step."""


class Guard:
    """Takes back so much of a step that a scene stays within bounds, and brakes the steps that follow.

    ``strain`` says how near the scene is to its bounds: 1 is on them. A step that leads beyond is halved up to five
    times and then taken back as a whole; with ``is_drawn_back`` the parameters are then also drawn towards the start,
    where they are 0, if they were beyond before. Each time ``brake`` is halved, which the next steps are multiplied by;
    each step that needs nothing raises it by 2 % again, up to 1.

    ``firmness`` is what the regularisers are to be multiplied by. It rises by a quarter with each step that ends more
    than half way from the start to the bounds, up to ten thousand, and falls by 2 % with each other, down to 1: weights
    that were chosen a hundred times too low are as good as the right ones after twenty steps of trouble.

    References: backtracking, Armijo, "Minimization of Functions Having Lipschitz Continuous First Partial
    Derivatives", Pacific Journal of Mathematics 1966; here with a bound in place of a decrease. Penalties that grow
    while a bound is strained: Nocedal, Wright, "Numerical Optimization", 2006, section 17.1.
    """

    def __init__(
        self, parameters: list[nn.Parameter], strain: Callable[[], float], is_drawn_back: bool = False
    ) -> None:
        self._parameters, self._strain, self._is_drawn_back = parameters, strain, is_drawn_back
        # A start near the bounds is what was asked for, and no trouble.
        self._firm_from = 0.5 * (1.0 + min(1.0, strain()))
        self.brake = self.firmness = 1.0

    def copy(self) -> list[Tensor]:
        """The parameters before a step."""
        return [parameter.detach().clone() for parameter in self._parameters]

    def shorten(self, before: list[Tensor]) -> float:
        """How much of the step from ``before`` was left: 1, 1/2 ... 1/32, or 0; the parameters are moved back to it."""
        strain = self._strain()
        # Written so that what is no number is refused.
        self.firmness = (
            max(1.0, self.firmness / _RELEASE) if strain <= self._firm_from else min(_FIRMEST, _FIRMING * self.firmness)
        )
        if strain <= 1.0:
            self.brake = min(1.0, _RELEASE * self.brake)
            return 1.0
        self.brake *= 0.5
        after = self.copy()
        for halving in range(1, _HALVINGS + 1):
            share = 0.5**halving
            self._put([torch.lerp(old, new, share) for old, new in zip(before, after, strict=True)])
            if self._strain() <= 1.0:
                return share
        self._put(before)
        if self._is_drawn_back and self._strain() > 1.0:
            # Not every step is looked at. All parameters are changes of the start: smaller ones lead back to it.
            for shrinkage in _SHRINKAGES:
                self._put([(1.0 - shrinkage) * old for old in before])
                if self._strain() <= 1.0:
                    break
        return 0.0

    def _put(self, values: list[Tensor]) -> None:
        with torch.no_grad():
            for parameter, value in zip(self._parameters, values, strict=True):
                parameter.copy_(value)


def guard_form(scene: Scene, parameters: list[nn.Parameter]) -> Guard:
    """Holds the share of flipped faces and the change of edges under a bound, or under the start's where that is more.

    Costs one evaluation of the body a step, 5 ms of the processor, and one more for each halving.
    """
    flipped, change = folding(scene)
    most, largest = max(MOST_FLIPPED, flipped), max(LARGEST_EDGE_CHANGE, change)

    def strain() -> float:
        flipped, change = folding(scene)
        if not change < math.inf:
            return math.inf
        return max(flipped / most, math.log(change) / math.log(largest))

    return Guard(parameters, strain)


def guard_look(scene: Scene, parameters: list[nn.Parameter]) -> Guard:
    """Holds the share of clipped colour values under a bound, or under the start's where that is more.

    Costs one evaluation of a sixteenth of the texture, and one more for each halving.
    """
    most = max(MOST_CLIPPED, clipping(scene))
    return Guard(parameters, lambda: clipping(scene) / most, is_drawn_back=True)


def folding(scene: Scene) -> tuple[float, float]:
    """The share of faces that the offsets turn over, and the largest factor by which they change an edge."""
    with torch.no_grad():
        bare, offset = scene.deform.bare().vertices, scene.deform.offset()
        vertices = bare + offset
        flipped = float(is_flipped(vertices, bare, scene.body.template.faces).float().mean())
        return flipped, edge_change(vertices, bare, scene.deform.edge_ids)


def clipping(scene: Scene) -> float:
    """The share of the texture's values that are all dark or all bright; of several sets that of the worst."""
    with torch.no_grad():
        logits = [texture.sampled_logit() for texture in scene.textures().values()]
        return max(float((~(logit.abs() < CLIPPED_LOGIT)).float().mean()) for logit in logits)


def steps_unseen(rate: float, num_levels: int) -> int:
    """How many steps of the texture at that ``rate`` may pass unseen: in fewer no logit moves by more than 0.5.

    Adam moves a parameter by at most its rate, and all levels of the texture may move the same way.
    """
    furthest = rate * CONTRAST * num_levels
    return max(1, int(_LOGITS_UNSEEN / furthest)) if furthest > 0.0 else 1
