"""Where the trunk ends, as clothes have it: a line around the hips, one around the neck; knows no joints or file."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

_SLOPE_M = 0.02
"""Half the height over which the trunk's membership passes to the legs."""

_COLLAR_SLOPE_M = 0.012
_COLLAR_DROP_M = 0.02
"""How far below the middle of what head and trunk share their line lies: at the throat, not across it."""

_LEAST_SHARED = 20


def belted(regions: Mapping[str, Float[Tensor, "v"]], vertices: Float[Tensor, "v 3"]) -> dict[str, Float[Tensor, "v"]]:
    """The regions with what of the trunk lies below the hips given to the legs; still a partition.

    Joints end a leg in the groin, so that trousers by joints alone are stockings and shirts are leotards. The line is
    as high as the legs reach at their outer side, in a body that stands upright. Regions without legs or a trunk stay
    as they are.
    """
    found = dict(regions)
    if "legs" not in regions or "torso" not in regions:
        return found
    legs, torso = regions["legs"], regions["torso"]
    is_leg = legs > 0.5
    if not bool(is_leg.any()) or not bool((torso > 0.5).any()):
        return found
    # A slope, whose middle is the line: a step would follow the zigzag of the mesh's edges.
    line = vertices[is_leg, 1].max()
    below = (0.5 + (line - vertices[:, 1]) / (2.0 * _SLOPE_M)).clamp(0.0, 1.0).to(torso.dtype)
    found["legs"] = legs + below * torso
    found["torso"] = torso - below * torso
    return found


def collared(
    regions: Mapping[str, Float[Tensor, "v"]], vertices: Float[Tensor, "v 3"]
) -> dict[str, Float[Tensor, "v"]]:
    """The regions with a straight line between head and trunk, lower in front than behind; still a partition.

    Joints share the neck out by and by, and where half is reached the line follows the zigzag of the mesh's edges. It
    becomes a plane laid through what both share, in a body that stands upright. Regions that share little stay.
    """
    found = dict(regions)
    if "head" not in regions or "torso" not in regions:
        return found
    head, torso = regions["head"], regions["torso"]
    is_shared = head * torso > 0.1
    if int(is_shared.sum()) < _LEAST_SHARED:
        return found
    y, z = vertices[:, 1].double(), vertices[:, 2].double()
    design = torch.stack([torch.ones_like(z), z], dim=1)
    plane = torch.linalg.lstsq(design[is_shared], y[is_shared, None]).solution
    above = y - (design @ plane)[:, 0] + _COLLAR_DROP_M
    share = (0.5 + above / (2.0 * _COLLAR_SLOPE_M)).clamp(0.0, 1.0).to(head.dtype)
    both = head + torso
    found["head"], found["torso"] = both * share, both * (1.0 - share)
    return found
