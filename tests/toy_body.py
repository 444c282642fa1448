"""A capped tube with three joints, big enough to test every stage on and small enough to do it in milliseconds."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import REGIONS, Body, RestBody
from clipmatrix.bodies.rig import Rig
from clipmatrix.geometry.mesh import Mesh

RINGS, SEGMENTS = 14, 12
JOINT_HEIGHTS = (0.1, 0.8, 1.4)
HEIGHT, RADIUS = 1.7, 0.25


@dataclass(frozen=True, eq=False)
class TubeShapes:
    """Two coefficients: the tube's height and its girth, both factors."""

    template: Float[Tensor, "v 3"]
    weights: Float[Tensor, "v 3"]

    def __call__(self, shape: Float[Tensor, "s"]) -> RestBody:
        scale = torch.stack([shape[1], shape[0], shape[1]])
        joint_from_bind = torch.eye(4).repeat(3, 1, 1)
        joint_from_bind[:, 1, 3] = -torch.tensor(JOINT_HEIGHTS)
        lift = torch.zeros(3, 4, 4)
        lift[:, 1, 3] = -torch.tensor(JOINT_HEIGHTS)
        joint_from_bind = joint_from_bind + lift * (shape[0] - 1.0)
        ids = torch.arange(4).clamp_max(2).repeat(self.template.shape[0], 1)
        weights = torch.cat([self.weights, torch.zeros_like(self.weights[:, :1])], dim=1)
        rig = Rig(("root", "spine", "head"), (-1, 0, 1), joint_from_bind, ids, weights)
        return RestBody(self.template * scale, rig)


def build_toy_body() -> Body:
    """A tube 1.7 m high that stands on y = 0; its regions follow height, and it is no humanoid."""
    vertices, uvs, faces, face_uvs = _tube()
    height = vertices[:, 1] / HEIGHT
    distance = (vertices[:, 1, None] - torch.tensor(JOINT_HEIGHTS)).abs()
    shapes = TubeShapes(vertices, torch.softmax(-10.0 * distance, dim=1))
    neutral = torch.ones(2)
    bands = {"feet": (0.0, 0.08), "legs": (0.08, 0.45), "torso": (0.45, 0.82), "head": (0.82, 1.01)}
    regions = {name: torch.zeros_like(height) for name in REGIONS}
    regions["whole"] = torch.ones_like(height)
    for name, (low, high) in bands.items():
        regions[name] = ((height >= low) & (height < high)).float()
    return Body(
        name="toy",
        template=Mesh(vertices, faces, uvs, face_uvs),
        rig=shapes(neutral).rig,
        shape_names=("height", "girth"),
        shape_bounds=torch.tensor([[0.7, 1.3], [0.5, 2.0]]),
        neutral_shape=neutral,
        rest=shapes,
        regions=regions,
        humanoid={},
        mirror_ids=None,
        licence="CC0",
    )


def _tube() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Vertices, uvs, faces and face_uvs: rings around +Y, one seam, and a point at each end."""
    points, uvs, faces, face_uvs = [], [], [], []
    for ring in range(RINGS):
        t = ring / (RINGS - 1)
        radius = RADIUS * (0.6 + 0.4 * math.sin(math.pi * (0.1 + 0.8 * t)))
        for k in range(SEGMENTS):
            angle = 2 * math.pi * k / SEGMENTS
            points.append((radius * math.sin(angle), 0.02 + (HEIGHT - 0.04) * t, radius * math.cos(angle)))
        uvs += [(k / SEGMENTS, 0.05 + 0.9 * (1 - t)) for k in range(SEGMENTS + 1)]
    bottom, top = len(points), len(points) + 1
    points += [(0.0, 0.0, 0.0), (0.0, HEIGHT, 0.0)]
    uvs += [(0.5, 1.0), (0.5, 0.0)]
    columns = SEGMENTS + 1
    for ring in range(RINGS - 1):
        for k in range(SEGMENTS):
            low, high, after = ring * SEGMENTS, (ring + 1) * SEGMENTS, (k + 1) % SEGMENTS
            uv_low, uv_high = ring * columns + k, (ring + 1) * columns + k
            faces += [(low + k, low + after, high + k), (low + after, high + after, high + k)]
            face_uvs += [(uv_low, uv_low + 1, uv_high), (uv_low + 1, uv_high + 1, uv_high)]
    last, uv_last = (RINGS - 1) * SEGMENTS, (RINGS - 1) * columns
    for k in range(SEGMENTS):
        after = (k + 1) % SEGMENTS
        faces += [(bottom, after, k), (top, last + k, last + after)]
        face_uvs += [(RINGS * columns, k + 1, k), (RINGS * columns + 1, uv_last + k, uv_last + k + 1)]
    return torch.tensor(points), torch.tensor(uvs), torch.tensor(faces), torch.tensor(face_uvs)
