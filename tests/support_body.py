"""A capsule humanoid for tests: 17 joints, uv seams, regions and symmetry like a real body, built in milliseconds."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.bodies.body import REGIONS, Body, RestBody
from clipmatrix.bodies.rig import Rig
from clipmatrix.geometry.mesh import Mesh

RING, ROWS = 8, 4
"""Each bone's capsule has ``ROWS`` rings of ``RING`` vertices and a pole at either end."""

# role: (parent, head, tail, radius, region), in metres; rows of a side are those of the left.
_CENTRE = {
    "hips": (None, (0.0, 0.95, 0.0), (0.0, 1.08, 0.0), 0.15, "torso"),
    "spine": ("hips", (0.0, 1.08, 0.0), (0.0, 1.25, 0.0), 0.13, "torso"),
    "chest": ("spine", (0.0, 1.25, 0.0), (0.0, 1.45, 0.0), 0.15, "torso"),
    "neck": ("chest", (0.0, 1.45, 0.0), (0.0, 1.54, 0.0), 0.05, "torso"),
    "head": ("neck", (0.0, 1.54, 0.0), (0.0, 1.74, 0.0), 0.09, "head"),
}
_LEFT = {
    "upper_arm": ("chest", (0.2, 1.42, 0.0), (0.4, 1.22, 0.0), 0.05, "arms"),
    "lower_arm": ("upper_arm", (0.4, 1.22, 0.0), (0.57, 1.05, 0.06), 0.04, "arms"),
    "hand": ("lower_arm", (0.57, 1.05, 0.06), (0.64, 0.96, 0.1), 0.04, "hands"),
    "upper_leg": ("hips", (0.1, 0.92, 0.0), (0.12, 0.5, 0.01), 0.08, "legs"),
    "lower_leg": ("upper_leg", (0.12, 0.5, 0.01), (0.14, 0.09, 0.0), 0.06, "legs"),
    "foot": ("lower_leg", (0.14, 0.09, 0.0), (0.15, 0.04, 0.17), 0.04, "feet"),
}


@dataclass(frozen=True, eq=False)
class SupportShapeSpace:
    """Two coefficients: height and width of the whole figure, each a factor of 1 +- 0.2 at 1 and 0."""

    template: Float[Tensor, "v 3"]
    rig: Rig

    def __call__(self, shape: Float[Tensor, "s"]) -> RestBody:
        height, width = 0.8 + 0.4 * shape
        scale = torch.stack([width, height, width])
        heads = self.rig.bind_from_joint[:, :3, 3].to(shape.dtype) * scale
        vertices = self.template.to(shape.dtype) * scale
        vertices = vertices - vertices[:, 1].min() * torch.eye(3, dtype=shape.dtype, device=shape.device)[1]
        heads = (
            heads
            - (self.template.to(shape.dtype) * scale)[:, 1].min()
            * torch.eye(3, dtype=shape.dtype, device=shape.device)[1]
        )
        rig = Rig(
            self.rig.joint_names,
            self.rig.parents,
            _joint_from_bind(heads),
            self.rig.joint_ids,
            self.rig.joint_weights.to(shape.dtype),
        )
        return RestBody(vertices, rig)


def build_support_body() -> Body:
    """578 vertices, 1,088 triangles, 17 closed capsules; facing +Z, left on +X, standing on y = 0."""
    bones = {**_CENTRE}
    for role, (parent, head, tail, radius, region) in _LEFT.items():
        above = parent if parent in _CENTRE else f"{parent}_l"
        bones[f"{role}_l"] = (above, head, tail, radius, region)
    for role, (parent, head, tail, radius, region) in _LEFT.items():
        above = parent if parent in _CENTRE else f"{parent}_r"
        bones[f"{role}_r"] = (above, _flip(head), _flip(tail), radius, region)
    names = list(bones)
    parents = tuple(-1 if bone[0] is None else names.index(bone[0]) for bone in bones.values())
    capsules = [_capsule(bone, is_flipped=name.endswith("_r")) for name, bone in bones.items()]
    num = RING * ROWS + 2
    vertices = torch.cat([capsule[0] for capsule in capsules])
    vertices[:, 1] -= vertices[:, 1].min()
    faces = torch.cat([capsule[1] + num * index for index, capsule in enumerate(capsules)])
    uvs, face_uvs = _atlas(len(names))
    along = torch.cat([capsule[2] for capsule in capsules])
    own = torch.arange(len(names)).repeat_interleave(num)
    above_ids = torch.tensor([max(parent, 0) for parent in parents])[own]
    joint_ids = torch.stack([own, above_ids, own, own], dim=1)
    parent_share = 0.5 * (1 - along / 0.3).clamp_min(0.0) * (above_ids != own)
    joint_weights = torch.stack([1 - parent_share, parent_share, 0 * along, 0 * along], dim=1)
    heads = torch.tensor([bone[1] for bone in bones.values()])
    heads[:, 1] += vertices[0, 1] - capsules[0][0][0, 1]
    rig = Rig(tuple(names), parents, _joint_from_bind(heads), joint_ids, joint_weights)
    regions = {
        region: torch.tensor([float(region in ("whole", bone[4])) for bone in bones.values()])[own]
        for region in REGIONS
    }
    neutral = torch.full((2,), 0.5)
    return Body(
        name="support",
        template=Mesh(vertices, faces, uvs, face_uvs),
        rig=rig,
        shape_names=("height", "width"),
        shape_bounds=torch.tensor([[0.0, 1.0], [0.0, 1.0]]),
        neutral_shape=neutral,
        rest=SupportShapeSpace(vertices, rig),
        regions=regions,
        humanoid={name: index for index, name in enumerate(names)},
        mirror_ids=_mirror_ids(vertices),
        licence="Apache-2.0",
    )


def _flip(point: tuple[float, float, float]) -> tuple[float, float, float]:
    return (-point[0], point[1], point[2])


def _capsule(
    bone: tuple[str | None, tuple[float, float, float], tuple[float, float, float], float, str], *, is_flipped: bool
) -> tuple[Float[Tensor, "v 3"], Int64[Tensor, "f 3"], Float[Tensor, "v"]]:
    """Vertices, outward faces, and each vertex's place along the bone from 0 to 1."""
    _, head, tail, radius, _ = bone
    start, end = torch.tensor(head), torch.tensor(tail)
    axis = (end - start) / (end - start).norm()
    # The frame is made on the left and flipped, so that both sides mirror each other exactly.
    flip = torch.tensor([-1.0, 1.0, 1.0]) if is_flipped else torch.ones(3)
    left_axis = axis * flip
    side = torch.linalg.cross(torch.tensor([0.0, 0.0, 1.0]), left_axis)
    side = side / side.norm()
    front = torch.linalg.cross(left_axis, side)
    angles = torch.arange(RING) * (2 * math.pi / RING)
    ring = radius * (torch.cos(angles)[:, None] * side + torch.sin(angles)[:, None] * front) * flip
    places = torch.tensor([0.0, 0.25, 0.75, 1.0])
    rings = [start + place * (end - start) + ring * (1.0 if 0 < place < 1 else 0.8) for place in places.tolist()]
    poles = torch.stack([start - 0.5 * radius * axis, end + 0.5 * radius * axis])
    along = torch.cat([places.repeat_interleave(RING), torch.tensor([0.0, 1.0])])
    faces = torch.tensor([triangle for triangle, _ in _triangles()])
    return torch.cat([*rings, poles]), faces.flip(1) if is_flipped else faces, along


def _triangles() -> list[tuple[tuple[int, int, int], tuple[int, int, int]]]:
    """The triangles of a capsule: their vertices, and their uv points in a grid of ROWS + 2 by RING + 1."""
    triangles = []
    wide = RING + 1
    for column in range(RING):
        after = (column + 1) % RING
        for row in range(ROWS - 1):
            a, b = row * RING + column, row * RING + after
            c, d = a + RING, b + RING
            u = (row + 1) * wide + column
            triangles.append(((a, b, d), (u, u + 1, u + 1 + wide)))
            triangles.append(((a, d, c), (u, u + 1 + wide, u + wide)))
        first, last = RING * ROWS, RING * ROWS + 1
        top = (ROWS - 1) * RING
        triangles.append(((first, after, column), (column, wide + column + 1, wide + column)))
        triangles.append(
            (
                (last, top + column, top + after),
                ((ROWS + 1) * wide + column, ROWS * wide + column, ROWS * wide + column + 1),
            )
        )
    return triangles


def _atlas(num_bones: int) -> tuple[Float[Tensor, "t 2"], Int64[Tensor, "f 3"]]:
    """Uv points and their indices: one cell of a square grid of cells for each bone, with a margin."""
    cells = math.ceil(math.sqrt(num_bones))
    rows, columns = torch.meshgrid(torch.linspace(0, 1, ROWS + 2), torch.linspace(0, 1, RING + 1), indexing="ij")
    grid = torch.stack([columns, rows], dim=-1).reshape(-1, 2)
    corners = torch.tensor([[index % cells, index // cells] for index in range(num_bones)])
    uvs = (corners[:, None] + 0.05 + 0.9 * grid) / cells
    ids = torch.tensor([uv for _, uv in _triangles()])
    names_right = num_bones - len(_LEFT)
    per_bone = [(ids.flip(1) if bone >= names_right else ids) + bone * grid.shape[0] for bone in range(num_bones)]
    return uvs.reshape(-1, 2), torch.cat(per_bone)


def _joint_from_bind(heads: Float[Tensor, "j 3"]) -> Float[Tensor, "j 4 4"]:
    matrices = torch.eye(4, dtype=heads.dtype, device=heads.device).repeat(heads.shape[0], 1, 1)
    return torch.cat([matrices[..., :3], torch.cat([-heads, torch.ones_like(heads[:, :1])], dim=1)[..., None]], dim=-1)


def _mirror_ids(vertices: Float[Tensor, "v 3"]) -> Int64[Tensor, "v"]:
    return torch.cdist(vertices * torch.tensor([-1.0, 1.0, 1.0]), vertices).argmin(dim=1)
