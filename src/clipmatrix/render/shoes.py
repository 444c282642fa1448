"""Feet in the form of shoes: the front of the foot is drawn over the toes, and these to its tip; knows no looks."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from clipmatrix.bodies.body import Body

_FRONT = 0.32
"""Where the part that is drawn forward begins, as a share of the foot's length before its toes, from their base."""
_TOES = (0.17, 0.15, 0.08)
"""How wide, high and long toes are at the tip of a shoe, beside what they are: less, and edges have no length."""
_AHEAD_M = 0.0015
"""How far before the tip toes begin: on it, some would lie where the foot does."""
_BEHIND = 0.8
"""How far along the front of a shoe what lies behind the toes is drawn at most."""
_NUM_TOES = 5


def shoe_offset(body: Body, rest: Float[Tensor, "v 3"]) -> Float[Tensor, "v 3"] | None:
    """Offsets in metres that give both feet of a body at rest the form of shoes; None for a body without toes' joints.

    Toes become a few millimetres at the tip, where they are seen no more. Few faces turn over.
    """
    names = body.rig.joint_names
    offset = torch.zeros_like(rest)
    for side in ("L", "R"):
        shares = [
            _share(body, [i for i, name in enumerate(names) if name.startswith(f"toe{toe}-") and name.endswith(side)])
            for toe in range(1, _NUM_TOES + 1)
        ]
        foot = _share(body, [i for i, name in enumerate(names) if name == f"foot.{side}"])
        if not all(bool((share > 0.5).any()) for share in (*shares, foot)):
            return None
        offset += _one_shoe(rest.double(), torch.stack(shares), foot, body.template.faces).to(rest.dtype)
    return offset


def toes_of(body: Body) -> Bool[Tensor, "v"]:
    """The vertices that belong to toes."""
    return _share(body, [i for i, name in enumerate(body.rig.joint_names) if name.startswith("toe")]) > 0.5


def _share(body: Body, joints: list[int]) -> Float[Tensor, "v"]:
    """How much of each vertex follows these joints."""
    chosen = torch.isin(body.rig.joint_ids, torch.tensor(joints, dtype=body.rig.joint_ids.dtype))
    return (body.rig.joint_weights * chosen).sum(1)


def _one_shoe(
    rest: Float[Tensor, "v 3"], toes: Float[Tensor, "t v"], foot: Float[Tensor, "v"], faces: Int64[Tensor, "f 3"]
) -> Float[Tensor, "v 3"]:
    is_toe = toes.sum(0) > 0.5
    low, high = rest[is_toe].amin(0), rest[is_toe].amax(0)
    width, length = high[0] - low[0], high[2] - low[2]
    outward = torch.sign(low[0] + high[0])
    middle, ground = low[0] + 0.5 * width, rest[is_toe | (foot > 0.5)][:, 1].amin()
    height = ground + 0.42 * (high[1] - low[1])
    # 0 at the great toe, 1 at the little one.
    s = ((rest[:, 0] - (low[0] if outward > 0 else high[0])) * outward / width).clamp(0, 1)
    tip = high[2] + length * (0.14 - 0.52 * s**2.2 - 0.35 * (1 - s) ** 5)
    base = low[2] + length * (0.26 - 0.27 * ((s - 0.35) / 0.65).clamp(0, 1))
    start = low[2] - _FRONT * 2.4 * length
    t = ((rest[:, 2] - start) / (base - start)).clamp(0, 1) * _BEHIND
    meets = faces[is_toe[faces].any(1)].unique()
    t[meets] = 1.0
    moved = rest.clone()
    moved[:, 2] = start + (tip - start) * (1 - (1 - t) ** 2.6)
    above = (rest[:, 1] - height).clamp_min(0)
    moved[:, 1] = height + (rest[:, 1] - height - 0.35 * t * above) * (1 - 0.84 * t**6)
    moved[:, 0] = middle + (rest[:, 0] - middle) * (1 - 0.2 * t**4)
    is_front = (t > 0) & ~is_toe & (foot + toes.sum(0) > 0.5)
    offset = is_front[:, None] * (moved - rest)
    nearest = toes.argmax(0)
    for toe in range(len(toes)):
        own = is_toe & (nearest == toe)
        points = rest[own]
        begin = points[points[:, 2] < points[:, 2].amin() + 0.3 * (points[:, 2].amax() - points[:, 2].amin())].mean(0)
        place = torch.stack([middle + 0.8 * (begin[0] - middle), height, tip[own].amax() + _AHEAD_M])
        # Where a toe begins it is as wide as the foot there: edges between the two stay short.
        along = (points[:, 2] - points[:, 2].amin()) / (points[:, 2].amax() - points[:, 2].amin())
        size = torch.tensor(_TOES, dtype=rest.dtype).repeat(len(points), 1)
        size[:, 0] += (0.8 - _TOES[0]) * (1 - 4 * along).clamp_min(0)
        offset[own] = place + size * (points - begin) - points
    return offset
