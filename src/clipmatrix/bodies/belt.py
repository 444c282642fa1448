"""Where the trunk ends and the legs begin, as clothes have it: a line around the hips; knows no joints and no file."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

_SLOPE_M = 0.02
"""Half the height over which the trunk's membership passes to the legs."""


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
