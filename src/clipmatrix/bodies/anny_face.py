"""The facial actions of the Anny body as morphs: ARKit's 52, such as ``jawOpen``; knows nothing of its shapes or poses.

References:
    Brégier et al., "Human Mesh Modeling for Anny Body", 2025. The targets are MakeHuman's (CC0 1.0).
"""

import logging
from functools import lru_cache

import torch

from clipmatrix.bodies.body import Morph
from clipmatrix.errors import BodyError

SMALLEST_M = 1e-6
"""Offsets below it are rounding, and would only make files larger."""

_log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def anny_morphs() -> tuple[Morph, ...]:
    """The 52 facial actions, each moving some hundred of the 13,718 vertices by up to 4 cm.

    They are added to any shape in its bind pose, as Anny does. Milliseconds with Anny's cache; the first call on a
    machine builds that cache (a quarter of a minute) and says so in the log.

    Raises:
        BodyError: the installed Anny has other facial actions than the one this adapter knows.
    """
    # Importing Anny takes a second, which programs that never need a face should not pay.
    import anny

    _log.info("Loading the facial actions; the first time on this machine this takes a quarter of a minute")
    # "lbs" is the plain torch skinning: any other choice starts Warp, which prints its banner.
    model = anny.Anny(skinning_method="lbs", facial_actions="all")
    names = [str(name) for name in model.facial_action_labels]
    if "jawOpen" not in names or model.blendshapes.shape[0] < len(names):
        raise BodyError("expected Anny's facial actions, found none: install anny 0.6.2")
    # Shape changes come first, facial actions after them; Anny is z-up and faces -Y.
    x, y, z = model.blendshapes[-len(names) :].detach().unbind(-1)
    offsets = torch.stack([x, z, -y], dim=-1).float()
    offsets = torch.where(offsets.norm(dim=-1, keepdim=True) < SMALLEST_M, 0.0, offsets)
    return tuple(Morph(name, values) for name, values in zip(names, offsets, strict=True))
