"""The whole renderer: where things appear, gradients against differences, the same bits twice, bad geometry."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from clipmatrix.geometry.mesh import Mesh
from clipmatrix.render.pipeline import composite, downsample, render, render_buffers, to_clip
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.rasterize_reference import ReferenceRasterizer
from clipmatrix.render.surface import Images, Surface
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras, orbit

CPU = CpuRasterizer()


def slope(function: Callable[[Tensor], Tensor], step: float = 3e-3) -> tuple[float, float]:
    """The derivative at 0 of a function of one number: by gradient, and by central difference."""
    at = torch.zeros((), requires_grad=True)
    (gradient,) = torch.autograd.grad(function(at), at)
    with torch.no_grad():
        difference = (function(torch.tensor(step)) - function(torch.tensor(-step))) / (2 * step)
    return gradient.item(), difference.item()


def assert_bits_repeat(surface: Surface, cameras: Cameras) -> None:
    """Pictures and gradients of every leaf are the same bits twice."""
    results = []
    for _ in range(2):
        leaves = [t.detach().clone().requires_grad_() for t in (surface.vertices_world, surface.albedo)]
        scalars = [t.detach().clone().requires_grad_() for t in (surface.roughness, surface.metallic)]
        again = replace(surface, vertices_world=leaves[0], albedo=leaves[1], roughness=scalars[0], metallic=scalars[1])
        images = render(again, cameras, ImageSize(64, 64), rasterizer=CPU)
        (images.rgb.square().sum() + images.alpha.sum()).backward()
        results.append([images.rgb.detach(), images.alpha.detach(), *(x.grad for x in (*leaves, *scalars))])
    for a, b in zip(*results, strict=True):
        assert a is not None
        assert a.abs().sum() > 0
        assert torch.equal(a, b)


def test_texture_stands_upright(quad, surface_of, flat_cameras) -> None:
    """The albedo's first texel appears at the upper left of a face that looks at the camera."""
    albedo = torch.tensor([[[1.0, 0, 0], [0, 1.0, 0]], [[0, 0, 1.0], [1.0, 1.0, 1.0]]])
    surface = surface_of(quad(-1, 1, -1, 1), albedo)
    found = render_buffers(surface, flat_cameras(), ImageSize(8, 8), rasterizer=CPU)
    for row, column, texel in ((0, 0, (0, 0)), (0, 7, (0, 1)), (7, 0, (1, 0)), (7, 7, (1, 1))):
        torch.testing.assert_close(found.albedo[0, row, column], albedo[texel])
    assert (found.normals_world[..., 2] == 1).all()
    assert (found.depth == 0).all()


def test_light_on_a_plane_in_numbers(quad, surface_of, flat_cameras) -> None:
    """Seen and lit straight on at roughness 1: ambient + 0.96 albedo key + 0.01 key, as in the shading tests.

    In clip space +Z points away from the eye, so the quad's +Z is turned to -Z and its winding with it; ambient on
    grey 0.5 is 0.5 (1 - E) + E with E = 0.04 A + B at r = 1, n.v = 1: k = 0.015, A = 0.4524, B = -0.0024, E = 0.0157.
    """
    cameras = orbit(torch.zeros(1, 3), torch.zeros(1), torch.zeros(1), torch.full((1,), 50.0), torch.full((1,), 0.05))
    surface = surface_of(quad(-5, 5, -5, 5), roughness=1.0, metallic=0.0)
    lights = replace(surface.lights, key_direction=torch.tensor([[0.0, 0.0, 1.0]]))
    images = render(replace(surface, lights=lights), cameras, ImageSize(5, 5), rasterizer=CPU)
    env = 0.04 * 0.4524 + -0.0024
    expected = 0.3 * (0.5 * (1 - env) + env) + 0.8 * (0.96 * 0.5 + 0.01)
    torch.testing.assert_close(images.rgb[0, 2, 2], torch.full((3,), expected), atol=1e-4, rtol=0)
    assert (images.alpha == 1).all()


def test_highlight_is_where_the_mirror_says(icosphere, surface_of) -> None:
    """On a smooth sphere from far away the light's image is at the normal halfway between eye and light."""
    mesh = icosphere(5)
    cameras = orbit(torch.zeros(1, 3), torch.zeros(1), torch.zeros(1), torch.full((1,), 45.0), torch.full((1,), 0.05))
    surface = surface_of(mesh, roughness=0.2, ambient=0.0)
    images = render(surface, cameras, ImageSize(201, 201), rasterizer=CPU)
    peak = images.rgb[0, ..., 0].argmax()
    seen = torch.tensor([(peak % 201).item(), (peak // 201).item()]) + 0.5
    half = torch.nn.functional.normalize(surface.lights.key_direction[0] + torch.tensor([0.0, 0, 1]), dim=0)
    expected = to_clip(half[None, None], cameras)[0, 0]
    expected = torch.stack([1 + expected[0] / expected[3], 1 - expected[1] / expected[3]]) * 100.5
    assert (seen - expected).norm() < 2.0


def test_backends_draw_the_same_picture(icosphere, surface_of, cameras_around, generator) -> None:
    surface = surface_of(icosphere(3), torch.rand(32, 32, 3, generator=generator))
    pictures = [
        render(surface, cameras_around(2), ImageSize(48, 60), rasterizer=r) for r in (CPU, ReferenceRasterizer())
    ]
    assert torch.equal(pictures[0].rgb, pictures[1].rgb)
    assert torch.equal(pictures[0].alpha, pictures[1].alpha)


def test_one_pose_for_all_views_is_that_pose_repeated(icosphere, surface_of, cameras_around) -> None:
    shared = surface_of(icosphere(3))
    repeated = replace(shared, vertices_world=shared.vertices_world.repeat(3, 1, 1))
    pictures = [render(s, cameras_around(3), ImageSize(32, 32), rasterizer=CPU).rgb for s in (shared, repeated)]
    torch.testing.assert_close(pictures[0], pictures[1], atol=1e-6, rtol=0)


def test_same_bits_twice(icosphere, surface_of, cameras_around, generator) -> None:
    assert_bits_repeat(surface_of(icosphere(4), torch.rand(64, 64, 3, generator=generator)), cameras_around(3))


def test_interior_colour_has_the_exact_gradient(icosphere, surface_of, cameras_around, generator) -> None:
    """The albedo enters linearly under a dielectric: gradient over difference is 1.000."""
    base, change = torch.rand(2, 32, 32, 3, generator=generator)
    surface, cameras = surface_of(icosphere(4), metallic=0.0), cameras_around(2)

    def total(t: Tensor) -> Tensor:
        albedo = base + t * change
        return render(replace(surface, albedo=albedo), cameras, ImageSize(64, 64), rasterizer=CPU).rgb.sum()

    gradient, difference = slope(total)
    assert gradient / difference == pytest.approx(1.0, abs=1e-3)


def bump(v: Tensor, t: Tensor) -> Tensor:
    return v * (1 + t * torch.exp(-8 * (v - torch.tensor([0.6, 0.7, 0.4])).square().sum(-1, keepdim=True)))


DEFORMATIONS = {
    "scale": lambda v, t: v * (1 + t),
    "stretch": lambda v, t: v * (1 + t * torch.tensor([1.0, 0.0, 0.0])),
    "bump": bump,
}


@pytest.mark.parametrize("name", DEFORMATIONS)
def test_outline_area_has_the_true_gradient(name: str, icosphere, surface_of, cameras_around) -> None:
    """The silhouette's area under a change of shape, on 20,480 faces of about a pixel: gradient over difference."""
    mesh = icosphere(5)
    surface, cameras = surface_of(mesh), cameras_around(2)

    def area(t: Tensor) -> Tensor:
        vertices = DEFORMATIONS[name](mesh.vertices, t)[None]
        images = render(replace(surface, vertices_world=vertices), cameras, ImageSize(224, 224), rasterizer=CPU)
        return images.alpha.sum()

    gradient, difference = slope(area)
    assert abs(difference) > 30
    assert gradient / difference == pytest.approx(1.0, abs=0.03)


def test_shading_reaches_the_shape(icosphere, surface_of, cameras_around) -> None:
    """The brightness inside the outline under a bend of the surface: normals carry the gradient."""
    mesh = icosphere(4)
    surface, cameras = surface_of(mesh), cameras_around()
    window = torch.zeros(1, 64, 64, 1)
    window[:, 24:40, 24:40] = 1

    def brightness(t: Tensor) -> Tensor:
        v = mesh.vertices
        vertices = (v + t * torch.stack([v[:, 1], v[:, 2], v[:, 0] ** 2], 1))[None]
        images = render(replace(surface, vertices_world=vertices), cameras, ImageSize(64, 64), rasterizer=CPU)
        return (images.rgb * window).sum()

    gradient, difference = slope(brightness)
    assert gradient / difference == pytest.approx(1.0, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("texture_size", [1, 4])
def test_gradients_in_float64(texture_size: int, icosphere, surface_of, cameras_around, generator) -> None:
    """Vertices, texture and material of a whole tiny picture; faces are coarse, so a step of 1e-6 hides none.

    The uvs span a tenth of the texture: it is magnified, or the level would follow the vertices without gradient.
    """
    mesh = icosphere(0)
    # Uneven, as the edges of an even one run through pixel centres, where the picture has a kink.
    vertices = mesh.vertices.double() + 0.05 * torch.randn(12, 3, dtype=torch.float64, generator=generator)
    mesh = Mesh(vertices, mesh.faces, 0.31 + 0.1 * mesh.uvs.double(), mesh.face_uvs)
    albedo = torch.rand(texture_size, texture_size, 3, dtype=torch.float64, generator=generator)
    surface = surface_of(mesh, albedo)
    cameras = Cameras(*(m.double() for m in vars(cameras_around()).values()))

    def picture(vertices: Tensor, albedo: Tensor, roughness: Tensor, metallic: Tensor) -> tuple[Tensor, Tensor]:
        changed = replace(surface, vertices_world=vertices, albedo=albedo, roughness=roughness, metallic=metallic)
        images = render(changed, cameras, ImageSize(9, 9), rasterizer=CPU)
        return images.rgb, images.alpha

    inputs = (surface.vertices_world, surface.albedo, surface.roughness, surface.metallic)
    assert torch.autograd.gradcheck(picture, [x.clone().requires_grad_() for x in inputs])


def test_lights_get_gradients(icosphere, surface_of, cameras_around) -> None:
    surface, cameras = surface_of(icosphere(2)), cameras_around(2)
    names = ("ambient", "key_direction", "key_color")
    values = [getattr(surface.lights, name).repeat(2, 1).requires_grad_() for name in names]
    lit = replace(surface, lights=replace(surface.lights, **dict(zip(names, values, strict=True))))
    render(lit, cameras, ImageSize(24, 24), rasterizer=CPU).rgb.sum().backward()
    for value in values:
        assert value.grad is not None
        assert (value.grad.abs().sum(1) > 0).all()


def test_view_without_the_surface(icosphere, surface_of, cameras_around) -> None:
    """Nothing in sight: black, transparent, gradients of zero."""
    surface = surface_of(icosphere(1), torch.rand(8, 8, 3).requires_grad_())
    vertices = (surface.vertices_world + torch.tensor([0.0, 100.0, 0.0])).requires_grad_()
    images = render(replace(surface, vertices_world=vertices), cameras_around(2), ImageSize(8, 8), rasterizer=CPU)
    assert images.rgb.abs().max() == 0
    assert images.alpha.abs().max() == 0
    (images.rgb.sum() + images.alpha.sum()).backward()
    assert vertices.grad is None or vertices.grad.abs().max() == 0


def test_bad_faces_poison_nothing(icosphere, surface_of, cameras_around) -> None:
    """Faces without area, and a face with NaN, change neither the picture nor the other vertices' gradients."""
    mesh = icosphere(3)
    bad = torch.tensor([[0.0, 0.0, 0.0], [torch.nan, 0.0, 0.0], [0.3, 0.1, 2.0], [0.0, torch.inf, 1.0]])
    n = len(mesh.vertices)
    extra = torch.tensor([[0, 0, 5], [7, 7, 7], [n, n + 1, n + 2], [n, n + 3, n + 2], [n + 2, n + 2, n]])
    results = []
    for vertices, faces in (
        (mesh.vertices, mesh.faces),
        (torch.cat([mesh.vertices, bad]), torch.cat([mesh.faces, extra])),
    ):
        whole = Mesh(vertices, faces, torch.rand(len(vertices), 2, generator=torch.Generator().manual_seed(0)), faces)
        surface = surface_of(whole)
        leaf = surface.vertices_world.clone().requires_grad_()
        images = render(replace(surface, vertices_world=leaf), cameras_around(), ImageSize(48, 48), rasterizer=CPU)
        (images.rgb.square().sum() + images.alpha.sum()).backward()
        assert leaf.grad is not None
        results.append((images.rgb.detach(), leaf.grad[:, :n]))
    torch.testing.assert_close(results[0][0], results[1][0], atol=1e-6, rtol=0)
    assert results[1][1].isfinite().all()
    torch.testing.assert_close(results[0][1], results[1][1], atol=1e-4, rtol=1e-4)


def test_camera_inside_the_crowd(icosphere, surface_of, cameras_around) -> None:
    """The eye within touch of the surface, which passes it on all sides: finite gradients for every vertex."""
    surface, cameras = surface_of(icosphere(2)), cameras_around(3, 1.1, 1.5)
    big = (surface.vertices_world * torch.tensor([4.0, 4.0, 1.0])).requires_grad_()
    images = render(replace(surface, vertices_world=big), cameras, ImageSize(32, 32), rasterizer=CPU)
    assert images.alpha[0].min() == 1
    (images.rgb.sum() + images.alpha.sum()).backward()
    assert big.grad is not None
    assert big.grad.isfinite().all()


def test_composite_and_downsample(generator) -> None:
    """0.25 rgb at alpha 0.5 over white is 0.75; the mean of four pixels is one; both commute with black."""
    images = Images(torch.full((1, 2, 2, 3), 0.25), torch.full((1, 2, 2, 1), 0.5))
    assert (composite(images, torch.ones(1, 1, 1, 3)) == 0.75).all()
    rgb, alpha = torch.rand(2, 4, 6, 3, generator=generator), torch.rand(2, 4, 6, 1, generator=generator)
    small = downsample(Images(rgb, alpha), 2)
    assert small.rgb.shape == (2, 2, 3, 3)
    torch.testing.assert_close(small.rgb[1, 1, 2], rgb[1, 2:4, 4:6].mean((0, 1)))
    torch.testing.assert_close(small.alpha[0, 0, 1], alpha[0, :2, 2:4].mean((0, 1)))


def test_supersampled_picture_is_near_the_antialiased_one(icosphere, surface_of, cameras_around) -> None:
    surface, cameras = surface_of(icosphere(4)), cameras_around()
    large = downsample(render(surface, cameras, ImageSize(256, 256), rasterizer=CPU), 4)
    small = render(surface, cameras, ImageSize(64, 64), rasterizer=CPU)
    is_outline = (small.alpha > 0) & (small.alpha < 1)
    assert is_outline.sum() > 100
    assert (large.alpha - small.alpha)[is_outline].abs().mean() < 0.03
    assert (large.alpha.sum() / small.alpha.sum()).item() == pytest.approx(1.0, abs=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["fatter", "taller", "belly"])
def test_outline_area_of_a_body(direction: str, surface_of) -> None:
    """The Anny body's silhouette at 224 x 224, four views: gradient over difference, and the same bits twice."""
    from clipmatrix.bodies.anny import load_anny

    mesh = load_anny().template
    centre = (mesh.vertices.amin(0) + mesh.vertices.amax(0)) / 2
    four = torch.arange(4) * 1.7
    cameras = orbit(centre.expand(4, 3), four, 0 * four, torch.full((4,), 4.2), torch.full((4,), 0.45))
    normals = render_normals(mesh)
    near_belly = torch.exp(-20 * (mesh.vertices - centre).square().sum(1, keepdim=True))
    change = {
        "fatter": normals * 0.3,
        "taller": (mesh.vertices - centre) * torch.tensor([0.0, 1.0, 0.0]),
        "belly": normals * near_belly,
    }[direction]
    surface = surface_of(mesh, torch.full((64, 64, 3), 0.5))

    def area(t: Tensor) -> Tensor:
        moved = replace(surface, vertices_world=(mesh.vertices + t * change)[None])
        return render(moved, cameras, ImageSize(224, 224), rasterizer=CPU).alpha.sum()

    gradient, difference = slope(area)
    assert gradient / difference == pytest.approx(1.0, abs=0.1)
    assert_bits_repeat(surface, cameras)


def render_normals(mesh: Mesh) -> Tensor:
    """Unit normals of a mesh, to move its vertices along."""
    from clipmatrix.geometry.mesh import vertex_normals

    return vertex_normals(mesh.vertices, mesh.faces)
