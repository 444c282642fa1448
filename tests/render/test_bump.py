"""Normal maps: directions, gradients, what a flat one changes, and bumps found again from their pictures."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from clipmatrix.geometry.mesh import Mesh
from clipmatrix.render.bump import bent_normals
from clipmatrix.render.pipeline import render, render_buffers
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.surface import Lights, Surface
from clipmatrix.scene.normal_map import NormalMap
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras

CPU = CpuRasterizer()
SMALL = ImageSize(16, 16)


def _uniform(x: float, y: float) -> Tensor:
    """A map that says the same everywhere."""
    return torch.nn.functional.normalize(torch.tensor([x, y, 1.0]), dim=0).repeat(4, 4, 1)


def test_flat_map_changes_no_picture(
    icosphere: Callable[[int], Mesh], surface_of: Callable[..., Surface], cameras_around: Callable[..., Cameras]
) -> None:
    plain, cameras, size = surface_of(icosphere(3)), cameras_around(3), ImageSize(48, 48)
    before = render(plain, cameras, size, rasterizer=CPU).rgb
    after = render(replace(plain, normal_map=_uniform(0.0, 0.0)), cameras, size, rasterizer=CPU).rgb
    torch.testing.assert_close(after, before, atol=2e-6, rtol=0)


@pytest.mark.parametrize(("x", "y"), [(0.5, 0.0), (0.0, 0.5), (-0.3, 0.2)])
def test_map_leans_along_u_and_up_the_texture(
    quad: Callable[..., Mesh],
    surface_of: Callable[..., Surface],
    cameras_around: Callable[..., Cameras],
    x: float,
    y: float,
) -> None:
    """An upright quad that faces +Z has u along +X and the texture's top at +Y: the map is then the world's normal."""
    surface = replace(surface_of(quad(-1, 1, -1, 1)), normal_map=_uniform(x, y))
    buffers = render_buffers(surface, cameras_around(1), SMALL, rasterizer=CPU)
    wanted = torch.tensor([x, y, 1.0]) / math.sqrt(x * x + y * y + 1.0)
    torch.testing.assert_close(buffers.normals_world[0, 8, 8], wanted, atol=1e-6, rtol=0)


def test_mirrored_uvs_lean_the_other_way(
    quad: Callable[..., Mesh], surface_of: Callable[..., Surface], cameras_around: Callable[..., Cameras]
) -> None:
    mesh = quad(-1, 1, -1, 1)
    mirrored = Mesh(
        mesh.vertices, mesh.faces, mesh.uvs * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0]), mesh.face_uvs
    )
    # The other layout of the same faces is drawn first: it must not be taken for this one.
    render_buffers(replace(surface_of(mesh), normal_map=_uniform(0.5, 0.25)), cameras_around(1), SMALL, rasterizer=CPU)
    surface = replace(surface_of(mirrored), normal_map=_uniform(0.5, 0.25))
    buffers = render_buffers(surface, cameras_around(1), SMALL, rasterizer=CPU)
    wanted = torch.nn.functional.normalize(torch.tensor([-0.5, 0.25, 1.0]), dim=0)
    torch.testing.assert_close(buffers.normals_world[0, 8, 8], wanted, atol=1e-6, rtol=0)


def test_gradients_of_bending() -> None:
    draw = torch.Generator().manual_seed(0)
    mapped, normals, tangent = (torch.randn(5, 3, dtype=torch.float64, generator=draw) for _ in range(3))
    normals = torch.nn.functional.normalize(normals, dim=1)
    inputs = [value.requires_grad_() for value in (mapped, normals, tangent)]
    sign = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda m, n, t: bent_normals(m, n, t, sign), inputs)


@pytest.mark.slow
def test_gradient_of_a_picture_by_its_map(
    quad: Callable[..., Mesh], surface_of: Callable[..., Surface], cameras_around: Callable[..., Cameras]
) -> None:
    surface = surface_of(quad(-0.9, 0.9, -0.9, 0.9, 0.1, torch.float64))
    near = cameras_around(1)
    cameras = Cameras(near.view_from_world.double(), near.clip_from_view.double())
    map_in = torch.randn(4, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 0.2
    map_in[..., 2] += 1.0

    def picture(normal_map: Tensor) -> Tensor:
        seen = replace(surface, normal_map=normal_map)
        return render(seen, cameras, ImageSize(6, 6), rasterizer=CPU).rgb

    assert picture(map_in).abs().sum() > 1.0
    assert torch.autograd.gradcheck(picture, (map_in.requires_grad_(),))


def test_known_bumps_are_found_again(
    quad: Callable[..., Mesh], surface_of: Callable[..., Surface], cameras_around: Callable[..., Cameras]
) -> None:
    """Waves of slope 0.4 on a square under eight lights: the map learnt from the pictures leans as they do."""
    size, texels = ImageSize(48, 48), 32
    u = (torch.arange(texels) + 0.5) / texels
    slope = torch.stack(
        [0.4 * torch.sin(12.0 * u).expand(texels, -1), 0.4 * torch.cos(9.0 * u)[:, None].expand(-1, texels)]
    )
    target = torch.nn.functional.normalize(torch.cat([-slope, torch.ones(1, texels, texels)]), dim=0).permute(1, 2, 0)
    turns = torch.arange(8) * (2 * math.pi / 8)
    towards = torch.nn.functional.normalize(torch.stack([turns.cos(), turns.sin(), torch.ones(8)], dim=1), dim=1)
    lights = Lights(torch.full((8, 3), 0.2), towards, torch.full((8, 3), 0.7))
    surface = replace(surface_of(quad(-1, 1, -1, 1), roughness=0.9, metallic=0.0), lights=lights)
    camera = cameras_around(1)
    cameras = Cameras(camera.view_from_world.repeat(8, 1, 1), camera.clip_from_view.repeat(8, 1, 1))
    with torch.no_grad():
        wanted = render(replace(surface, normal_map=target), cameras, size, rasterizer=CPU).rgb
    model = NormalMap(texels)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(80):
        optimizer.zero_grad()
        seen = render(replace(surface, normal_map=model()), cameras, size, rasterizer=CPU).rgb
        (seen - wanted).square().mean().backward()
        optimizer.step()
    found = model().detach()
    off = torch.rad2deg(torch.acos((found * target).sum(-1).clamp(-1.0, 1.0)))
    at_first = torch.rad2deg(torch.acos(target[..., 2]))
    assert off.mean() < 0.12 * at_first.mean()
