"""Several figures of one body side by side, each with its own shape, pose and part of the texture.

To everything that knows one body only, they are one: its vertices, joints and coefficients stand one figure after the
other. The texture is shared out in a grid, one cell for each figure.
"""

import math
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.bodies.body import Body, RestBody, ShapeSpace, no_morphs
from clipmatrix.bodies.rig import Rig
from clipmatrix.errors import BodyError
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.geometry.welds import Welds

MOST_FIGURES = 4
_APART = 0.78
"""How far the figures stand apart, as a share of their height (or of their width, where that is more)."""


@dataclass(frozen=True, eq=False)
class CloneShapes:
    """The shapes of all figures, each moved to its place."""

    base: ShapeSpace
    num_base: int
    places: Float[Tensor, "p 3"]

    def __call__(self, shape: Float[Tensor, "s"]) -> RestBody:
        """The figures of these coefficients, one after the other."""
        own = shape.reshape(len(self.places), self.num_base)
        rests = [self.base(one) for one in own]
        vertices = torch.cat([rest.vertices + place for rest, place in zip(rests, self.places, strict=True)])
        rigs = [moved_rig(rest.rig, place) for rest, place in zip(rests, self.places, strict=True)]
        return RestBody(vertices, joined_rigs(rigs))


@runtime_checkable
class PoseDraw(Protocol):
    """What draws poses of one body."""

    def sample(self, num: int, generator: torch.Generator) -> Float[Tensor, "b j 3 3"]: ...


@dataclass(frozen=True, eq=False)
class ClonePoses:
    """Poses of all figures, drawn one figure after the other."""

    base: PoseDraw
    num_figures: int

    def sample(self, num: int, generator: torch.Generator) -> Float[Tensor, "b j 3 3"]:
        """Joint rotations of ``num`` poses of each figure."""
        return torch.cat([self.base.sample(num, generator) for _ in range(self.num_figures)], dim=1)


def clone(body: Body, num_figures: int) -> Body:
    """So many figures of the body, from the figure's left in the picture to the right, their middle on the origin.

    Regions are ``whole`` for all of them and, for figure 2, ``whole 2``, ``head 2`` and so on.

    Raises:
        BodyError: they are too many, or the body is a file's whose rig is to stay as it is.
    """
    if num_figures == 1:
        return body
    if not 1 <= num_figures <= MOST_FIGURES:
        raise BodyError(f"there can be 1 to {MOST_FIGURES} figures in a scene, not {num_figures}: leave some out")
    if body.source is not None:
        raise BodyError(
            f"{body.name} keeps its own rig and clips, and there is one of it: give one prompt for one figure"
        )
    places = _places(body.template.vertices, num_figures)
    rest = CloneShapes(body.rest, len(body.shape_names), places)
    neutral = body.neutral_shape.repeat(num_figures)
    first = rest(neutral)
    numbers = range(1, num_figures + 1)
    return replace(
        body,
        template=_joined_mesh(body.template, first.vertices, num_figures),
        rig=first.rig,
        shape_names=tuple(_numbered(name, number) for number in numbers for name in body.shape_names),
        shape_bounds=body.shape_bounds.repeat(num_figures, 1),
        neutral_shape=neutral,
        rest=rest,
        regions=_regions(body, num_figures),
        humanoid={},
        mirror_ids=None if body.mirror_ids is None else _offset(body.mirror_ids, len(body.mirror_ids), num_figures),
        welds=None if body.welds is None else _joined_welds(body.welds, num_figures),
        loose_joints=(),
        morphs=no_morphs,
        base=body,
        num_figures=num_figures,
    )


def figure_of(body: Body, rest: RestBody, figure: int) -> RestBody:
    """One figure, counted from 0, where it stands among the others."""
    base = body.base or body
    num, num_joints = len(base.template.vertices), len(base.rig.parents)
    own, joints = slice(figure * num, (figure + 1) * num), slice(figure * num_joints, (figure + 1) * num_joints)
    rig = Rig(
        rest.rig.joint_names[joints],
        base.rig.parents,
        rest.rig.joint_from_bind[joints],
        rest.rig.joint_ids[own] - figure * num_joints,
        rest.rig.joint_weights[own],
    )
    return RestBody(rest.vertices[own], rig)


def at_origin(body: Body, rest: RestBody, figure: int) -> RestBody:
    """One figure as ``figure_of`` gives it, moved to where it would stand alone."""
    own = figure_of(body, rest, figure)
    if not isinstance(body.rest, CloneShapes):
        return own
    place = body.rest.places[figure]
    return RestBody(own.vertices - place, moved_rig(own.rig, -place))


def moved_rig(rig: Rig, shift: Float[Tensor, "3"]) -> Rig:
    """The rig of a body that has been moved by ``shift``."""
    matrices = rig.joint_from_bind
    back = (matrices[:, :3, :3] @ -shift)[..., None]
    return replace(rig, joint_from_bind=matrices + torch.nn.functional.pad(back, (3, 0, 0, 1)))


def joined_rigs(rigs: list[Rig]) -> Rig:
    """All skeletons as one with several roots; joints of the second carry a 2 behind their names, and so on."""
    starts = [sum(len(rig.parents) for rig in rigs[:index]) for index in range(len(rigs))]
    return Rig(
        tuple(_numbered(name, number) for number, rig in enumerate(rigs, start=1) for name in rig.joint_names),
        tuple(p + start if p >= 0 else p for start, rig in zip(starts, rigs, strict=True) for p in rig.parents),
        torch.cat([rig.joint_from_bind for rig in rigs]),
        torch.cat([rig.joint_ids + start for start, rig in zip(starts, rigs, strict=True)]),
        torch.cat([rig.joint_weights for rig in rigs]),
    )


def grid(num_figures: int) -> tuple[int, int]:
    """Rows and columns of the texture's cells."""
    columns = math.ceil(math.sqrt(num_figures))
    return math.ceil(num_figures / columns), columns


def joined_textures(textures: list[Float[Tensor, "_ _ 3"]], side: int) -> Float[Tensor, "side side 3"]:
    """The figures' textures in their cells of one, which is ``side`` texels squared; a power of two."""
    rows, columns = grid(len(textures))
    sheet = textures[0].mean((0, 1)).expand(side, side, 3).clone()
    for figure, texture in enumerate(textures):
        row, column = divmod(figure, columns)
        top, bottom = row * side // rows, (row + 1) * side // rows
        left, right = column * side // columns, (column + 1) * side // columns
        planes = texture.permute(2, 0, 1)[None]
        size = (bottom - top, right - left)
        cell = torch.nn.functional.interpolate(planes, size=size, mode="bilinear", antialias=True)[0]
        sheet[top:bottom, left:right] = cell.permute(1, 2, 0).clamp(0.0, 1.0)
    return sheet


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}.{number}"


def _places(vertices: Float[Tensor, "v 3"], num_figures: int) -> Float[Tensor, "p 3"]:
    extent = vertices.amax(0) - vertices.amin(0)
    # Arms hang or spread: those of a figure reach further than half of what lies between two.
    step = max(_APART * float(extent[1]), 0.85 * float(extent[0]))
    across = (torch.arange(num_figures) - (num_figures - 1) / 2) * step
    return torch.stack([across, torch.zeros(num_figures), torch.zeros(num_figures)], dim=1)


def _joined_mesh(mesh: Mesh, vertices: Float[Tensor, "w 3"], num_figures: int) -> Mesh:
    rows, columns = grid(num_figures)
    cells = torch.tensor([[figure % columns, figure // columns] for figure in range(num_figures)]).to(mesh.uvs)
    uvs = (mesh.uvs.clamp(0.0, 1.0)[None] + cells[:, None]) / mesh.uvs.new_tensor([columns, rows])
    faces = _offset(mesh.faces, len(mesh.vertices), num_figures)
    return Mesh(vertices, faces, uvs.flatten(0, 1), _offset(mesh.face_uvs, len(mesh.uvs), num_figures))


def _joined_welds(welds: Welds, num_figures: int) -> Welds:
    num = len(welds.first_ids)
    return Welds(_offset(welds.first_ids, num, num_figures), _offset(welds.faces, num, num_figures))


def _offset(ids: Int64[Tensor, "*n"], num: int, num_figures: int) -> Int64[Tensor, "*m"]:
    """The ids once for each figure, whose own are higher by ``num`` than those of the one before."""
    return torch.cat([ids + figure * num for figure in range(num_figures)])


def _regions(body: Body, num_figures: int) -> dict[str, Float[Tensor, "w"]]:
    num = len(body.template.vertices)
    regions = {"whole": torch.ones(num_figures * num)}
    for figure in range(num_figures):
        for name, member in body.regions.items():
            own = torch.zeros(num_figures * num)
            own[figure * num : (figure + 1) * num] = member
            regions[f"{name} {figure + 1}"] = own
    return regions
