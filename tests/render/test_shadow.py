"""The key light's shadow: closed forms of a half-shadow, a sphere that does not hide itself, darker pictures."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from clipmatrix.geometry.mesh import Mesh
from clipmatrix.render.pipeline import render
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.rasterize_reference import ReferenceRasterizer
from clipmatrix.render.shadow import cast, light_share, sunflower
from clipmatrix.render.surface import KeyShadow, Lights, Surface
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras

CPU = CpuRasterizer()
SHADOW = KeyShadow(side=512, softness=0.1)


def _square(half: float, height: float) -> tuple[Tensor, Tensor]:
    """A level square that faces up."""
    corners = [[-half, height, half], [half, height, half], [half, height, -half], [-half, height, -half]]
    return torch.tensor(corners), torch.tensor([[0, 1, 2], [0, 2, 3]])


def _share_below(height: float, x: Tensor, light: Tensor, shadow: KeyShadow = SHADOW) -> Tensor:
    """The light that reaches points (x, 0, 0) of a floor under a square of half side 1 at ``height``."""
    vertices, faces = _square(1.0, height)
    points = torch.stack([x, torch.zeros_like(x), torch.zeros_like(x)], dim=1)
    upright = torch.tensor([0.0, 1.0, 0.0]).expand(len(x), 3)
    shadow_map = cast(vertices[None], faces, light, shadow.side, CPU)
    return light_share(shadow_map, points, upright, torch.zeros(len(x), dtype=torch.int64), shadow)


@pytest.mark.parametrize("height", [0.5, 2.0])
def test_half_shadow_of_an_edge_is_a_disk_cut_by_a_line(height: float) -> None:
    """At d = (x - 1) / (softness h) from the edge, (pi - acos d + d sqrt(1 - d^2)) / pi of the light's disk is open."""
    reach = SHADOW.softness * height
    d = torch.linspace(-0.9, 0.9, 13)
    wanted = (math.pi - torch.acos(d) + d * torch.sqrt(1 - d * d)) / math.pi
    found = _share_below(height, 1.0 + reach * d, torch.tensor([[0.0, 1.0, 0.0]]))
    torch.testing.assert_close(found, wanted, atol=0.07, rtol=0)
    assert (found.diff() >= -1e-6).all()


def test_outside_all_is_lit_and_inside_nothing() -> None:
    found = _share_below(1.0, torch.tensor([0.0, 0.8, 1.2, 3.0, -40.0]), torch.tensor([[0.0, 1.0, 0.0]]))
    assert found.tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_shadow_falls_away_from_the_light() -> None:
    """A light at 45 degrees from +X moves the shadow of a square at height 1 by one metre towards -X."""
    light = torch.nn.functional.normalize(torch.tensor([[1.0, 1.0, 0.0]]), dim=1)
    found = _share_below(1.0, torch.tensor([-2.4, -1.7, -0.4, 0.4]), light)
    assert found.tolist() == [1.0, 0.0, 0.0, 1.0]


def test_a_sphere_hides_its_far_side_only(icosphere: Callable[[int], Mesh]) -> None:
    mesh = icosphere(4)
    light = torch.nn.functional.normalize(torch.tensor([[0.3, 1.0, 0.5]]), dim=1)
    shadow_map = cast(mesh.vertices[None], mesh.faces, light, 512, CPU)
    found = light_share(shadow_map, mesh.vertices, mesh.vertices, torch.zeros(len(mesh.vertices)).long(), SHADOW)
    towards = mesh.vertices @ light[0]
    assert found[towards < 0].max() == 0.0
    assert found[towards > 0.15].min() > 0.97
    assert found[(towards > 0.02) & (towards < 0.15)].mean() > 0.8


def test_both_rasterisers_cast_the_same_map(icosphere: Callable[[int], Mesh]) -> None:
    mesh = icosphere(2)
    light = torch.nn.functional.normalize(torch.tensor([[0.3, 1.0, 0.5], [-0.8, 0.1, 0.2]]), dim=1)
    fast, plain = (cast(mesh.vertices[None], mesh.faces, light, 64, one) for one in (CPU, ReferenceRasterizer()))
    assert torch.equal(fast.heights, plain.heights)


def test_sunflower_fills_the_disk_evenly() -> None:
    points = sunflower(48)
    assert np.linalg.norm(points, axis=1).max() <= 1.0
    assert np.abs(points.mean(axis=0)).max() < 0.03
    assert (points**2).sum(axis=1).mean() == pytest.approx(0.5, abs=0.01)


def test_pictures_darken_in_the_shadow_only_and_gradients_pass(
    surface_of: Callable[..., Surface], cameras_around: Callable[..., Cameras], icosphere: Callable[[int], Mesh]
) -> None:
    """A small sphere before a large one, as the light sees them."""
    ball = icosphere(3)
    small = ball.vertices * 0.3 + torch.tensor([0.9, 1.2, 1.5])
    mesh = Mesh(
        torch.cat([ball.vertices, small]),
        torch.cat([ball.faces, ball.faces + len(small)]),
        ball.uvs,
        torch.cat([ball.face_uvs, ball.face_uvs]),
    )
    surface = surface_of(mesh)
    lights = surface.lights
    assert lights.shadow is None
    shaded = replace(surface, lights=Lights(lights.ambient, lights.key_direction, lights.key_color, KeyShadow(256)))
    cameras, size = cameras_around(2), ImageSize(64, 64)
    before = render(surface, cameras, size, rasterizer=CPU).rgb
    albedo = shaded.albedo.clone().requires_grad_()
    after = render(replace(shaded, albedo=albedo), cameras, size, rasterizer=CPU).rgb
    assert (after <= before + 1e-5).all()
    darker = (before - after).detach().amax(-1) > 0.1
    assert 0.01 < darker.float().mean() < 0.2
    after.sum().backward()
    assert albedo.grad is not None
    assert bool(torch.isfinite(albedo.grad).all())
    again = render(shaded, cameras, size, rasterizer=CPU).rgb
    assert torch.equal(again, after.detach())
