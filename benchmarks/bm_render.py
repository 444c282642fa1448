"""Times the renderer against its plain torch twins on the Anny body; prints a table of medians in milliseconds.

    python benchmarks/bm_render.py [--threads 2] [--repeats 15]

Forward and backward include everything between posed vertices and their gradients: projection, visibility, mip-mapped
texture of 1024 x 1024, shading, outlines, and the gradients of vertices, texture and material. Gradients are dropped
between repeats, as an optimiser does.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from clipmatrix.bodies.anny import load_anny
from clipmatrix.geometry.mesh import Mesh, build_edges
from clipmatrix.render import fused_cpu
from clipmatrix.render.fragments import Rasterizer
from clipmatrix.render.pipeline import render, to_clip
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.rasterize_reference import ReferenceRasterizer
from clipmatrix.render.surface import Lights, Surface
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras, orbit


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """The median time of a call in milliseconds, after two calls that do not count."""
    times = []
    for index in range(repeats + 2):
        start = time.perf_counter()
        work()
        if index >= 2:
            times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def build_case(mesh: Mesh, num_views: int) -> tuple[Surface, Cameras]:
    """The body once per view, with a noisy texture, seen from around."""
    centre = (mesh.vertices.amin(0) + mesh.vertices.amax(0)) / 2
    azimuth = torch.arange(num_views) * 1.6
    cameras = orbit(
        centre.expand(num_views, 3), azimuth, 0 * azimuth, torch.full((num_views,), 4.2), torch.full((num_views,), 0.45)
    )
    lights = Lights(torch.full((1, 3), 0.3), torch.tensor([[0.36, 0.48, 0.8]]), torch.full((1, 3), 0.9))
    albedo = torch.rand(1024, 1024, 3, generator=torch.Generator().manual_seed(0))
    vertices = mesh.vertices[None].repeat(num_views, 1, 1)
    surface = Surface(
        vertices.requires_grad_(),
        mesh.faces,
        mesh.uvs,
        mesh.face_uvs,
        albedo.requires_grad_(),
        torch.tensor(0.5).requires_grad_(),
        torch.tensor(0.1).requires_grad_(),
        lights,
    )
    return surface, cameras


def time_renderer(
    surface: Surface, cameras: Cameras, size: ImageSize, rasterizer: Rasterizer, repeats: int
) -> list[float]:
    """Visibility, outlines, forward, forward + backward, and the last with a plain albedo, in milliseconds."""
    clip = to_clip(surface.vertices_world, cameras).detach()
    edges = build_edges(surface.faces)
    fragments = rasterizer.visibility(clip, surface.faces, size)
    plain = replace(surface, albedo=torch.full((1, 1, 3), 0.5).requires_grad_())
    leaves = [surface.vertices_world, surface.albedo, surface.roughness, surface.metallic]
    plain_leaves = [surface.vertices_world, plain.albedo, surface.roughness, surface.metallic]

    def forward() -> None:
        with torch.no_grad():
            render(surface, cameras, size, rasterizer=rasterizer)

    def step(which: Surface, wanted: list[torch.Tensor]) -> None:
        images = render(which, cameras, size, rasterizer=rasterizer)
        torch.autograd.grad(images.rgb.square().sum() + images.alpha.sum(), wanted)

    return [
        median_ms(lambda: rasterizer.visibility(clip, surface.faces, size), repeats),
        median_ms(lambda: rasterizer.silhouette_pairs(clip, edges, fragments), repeats),
        median_ms(forward, repeats),
        median_ms(lambda: step(surface, leaves), repeats),
        median_ms(lambda: step(plain, plain_leaves), repeats),
    ]


def time_steps(mesh: Mesh, repeats: int) -> list[tuple[str, float, float]]:
    """Forward and backward of each compiled step and of its twin, at the sizes of four views of 224 x 224."""
    vertices = mesh.vertices[None].repeat(4, 1, 1).requires_grad_()
    table = vertices.detach().reshape(-1, 3).requires_grad_()
    ids = torch.randint(0, table.shape[0], (25_000, 3), generator=torch.Generator().manual_seed(0))
    weights = torch.full((25_000, 3), 1 / 3).requires_grad_()
    texture = torch.rand(1024, 1024, 3).requires_grad_()
    cases = [
        ("gather_rows", lambda: fused_cpu.gather_rows(table, ids[:, 0]), lambda: table.index_select(0, ids[:, 0])),
        (
            "weigh_rows",
            lambda: fused_cpu.weigh_rows(table, ids, weights),
            lambda: fused_cpu.weigh_rows_reference(table, ids, weights),
        ),
        (
            "area_normals",
            lambda: fused_cpu.area_normals(vertices, mesh.faces),
            lambda: fused_cpu.area_normals_reference(vertices, mesh.faces),
        ),
        ("halve", lambda: fused_cpu.halve(texture), lambda: fused_cpu.halve_reference(texture)),
    ]
    leaves = [table, weights, vertices, texture]

    def both_ways(function: Callable[[], torch.Tensor]) -> None:
        torch.autograd.grad(function().sum(), leaves, allow_unused=True)

    return [
        (name, median_ms(lambda f=fast: both_ways(f), repeats), median_ms(lambda f=twin: both_ways(f), repeats))
        for name, fast, twin in cases
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="torch's threads")
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    mesh = load_anny().template
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, {args.threads} threads, ", end="")
    print(f"{mesh.faces.shape[0]:,} faces; medians of {args.repeats}, in ms")
    print(f"{'case':<24}{'visibility':>11}{'outlines':>10}{'forward':>9}{'fwd+bwd':>9}{'fwd+bwd, plain albedo':>23}")
    for num_views, size in ((4, ImageSize(224, 224)), (1, ImageSize(768, 768))):
        surface, cameras = build_case(mesh, num_views)
        for name, rasterizer in (("compiled", CpuRasterizer()), ("torch twin", ReferenceRasterizer())):
            row = time_renderer(surface, cameras, size, rasterizer, args.repeats)
            label = f"{num_views} x {size.height}, {name}"
            print(f"{label:<24}" + "".join(f"{t:>{w}.1f}" for t, w in zip(row, (11, 10, 9, 9, 23), strict=True)))
    print(f"\n{'step, fwd+bwd':<24}{'compiled':>11}{'twin':>10}")
    for name, fast, twin in time_steps(mesh, args.repeats):
        print(f"{name:<24}{fast:>11.1f}{twin:>10.1f}")


if __name__ == "__main__":
    main()
