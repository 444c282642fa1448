"""Spheres, quads and cameras that the renderer's tests share."""

import math
from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor

from clipmatrix.geometry.mesh import Mesh
from clipmatrix.render.surface import Lights, Surface
from clipmatrix.views.camera import Cameras, orbit


@cache
def build_icosphere(level: int) -> Mesh:
    """A unit sphere of 20 * 4^level faces, counter-clockwise from outside; its uvs are the direction's x and y."""
    golden = (1 + math.sqrt(5)) / 2
    corners = [(-1, golden, 0), (1, golden, 0), (-1, -golden, 0), (1, -golden, 0)]
    corners = [tuple(c[(i - k) % 3] for i in range(3)) for k in range(3) for c in corners]
    vertices = torch.nn.functional.normalize(torch.tensor(corners, dtype=torch.float64), dim=1)
    # The hull of an icosahedron: three corners at the edge length from one another, turned to face outside.
    length = torch.cdist(vertices, vertices).fill_diagonal_(torch.inf).min()
    near = (torch.cdist(vertices, vertices) - length).abs() < 1e-6
    ids = [(a, b, c) for a in range(12) for b in range(a) for c in range(b) if near[a, b] and near[b, c] and near[a, c]]
    faces = torch.tensor(ids)
    a, b, c = vertices[faces].unbind(1)
    is_inward = (torch.linalg.cross(b - a, c - a) * a).sum(1) < 0
    faces[is_inward] = faces[is_inward].flip(1)
    for _ in range(level):
        ends = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(dim=1).values
        unique, where = torch.unique(ends, dim=0, return_inverse=True)
        ab, bc, ca = (where + len(vertices)).chunk(3)
        vertices = torch.nn.functional.normalize(torch.cat([vertices, vertices[unique].mean(1)]), dim=1)
        a, b, c = faces.unbind(1)
        quarters = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        faces = torch.cat([torch.stack(q, 1) for q in quarters])
    vertices = vertices.float()
    return Mesh(vertices, faces, (0.5 + 0.5 * vertices[:, :2] * torch.tensor([1.0, -1.0])).contiguous(), faces)


def build_surface(
    mesh: Mesh, albedo: Tensor | None = None, roughness: float = 0.6, metallic: float = 0.1, ambient: float = 0.3
) -> Surface:
    """The mesh in one pose under a key light from the upper right; its type is that of the mesh."""
    dtype = mesh.vertices.dtype
    direction = torch.nn.functional.normalize(torch.tensor([[0.5, 0.7, 0.9]], dtype=dtype), dim=1)
    lights = Lights(torch.full((1, 3), ambient, dtype=dtype), direction, torch.full((1, 3), 0.8, dtype=dtype))
    if albedo is None:
        albedo = torch.full((1, 1, 3), 0.5, dtype=dtype)
    rough, metal = torch.tensor(roughness, dtype=dtype), torch.tensor(metallic, dtype=dtype)
    return Surface(mesh.vertices[None], mesh.faces, mesh.uvs, mesh.face_uvs, albedo, rough, metal, lights)


def build_cameras(num: int = 1, distance: float = 4.0, fov_y: float = 0.6) -> Cameras:
    """Cameras around the origin, the first in front."""
    azimuth = torch.arange(num) * (2 * math.pi / num)
    return orbit(torch.zeros(num, 3), azimuth, 0.3 * azimuth, torch.full((num,), distance), torch.full((num,), fov_y))


def identity_cameras(num: int = 1, dtype: torch.dtype = torch.float32) -> Cameras:
    """Cameras whose clip space is the world: orthographic, looking at [-1, 1]^2 along +Z."""
    return Cameras(torch.eye(4, dtype=dtype).repeat(num, 1, 1), torch.eye(4, dtype=dtype).repeat(num, 1, 1))


@pytest.fixture
def icosphere() -> Callable[[int], Mesh]:
    """Builds unit spheres."""
    return build_icosphere


@pytest.fixture
def surface_of() -> Callable[..., Surface]:
    """Builds lit surfaces of meshes."""
    return build_surface


@pytest.fixture
def cameras_around() -> Callable[..., Cameras]:
    """Builds cameras around the origin."""
    return build_cameras


@pytest.fixture
def flat_cameras() -> Callable[..., Cameras]:
    """Builds cameras whose clip space is the world."""
    return identity_cameras


@pytest.fixture
def quad() -> Callable[..., Mesh]:
    """Builds a rectangle x0..x1, y0..y1 at depth z that faces +Z; its texture is upright."""

    def build(x0: float, x1: float, y0: float, y1: float, z: float = 0.0, dtype: torch.dtype = torch.float32) -> Mesh:
        corners = [[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]]
        faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
        uvs = torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]], dtype=dtype)
        return Mesh(torch.tensor(corners, dtype=dtype), faces, uvs, faces)

    return build
