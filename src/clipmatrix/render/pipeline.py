"""render(): surface and cameras in, images out; knows the order of the steps, and leaves each to its own module."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int32
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from clipmatrix.geometry.mesh import Edges, build_edges
from clipmatrix.render.antialias import antialias
from clipmatrix.render.bump import bent_normals, pixel_tangents
from clipmatrix.render.fragments import Fragments, Rasterizer
from clipmatrix.render.fused_cpu import area_normals, weigh_rows
from clipmatrix.render.interpolate import Coverage, barycentrics, cover, eye_rays_reference, interpolate_reference
from clipmatrix.render.interpolate_cpu import eye_rays, interpolate
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.rasterize_reference import ReferenceRasterizer
from clipmatrix.render.shade import shade
from clipmatrix.render.shade_cpu import shade_samples
from clipmatrix.render.shadow import cast, light_share
from clipmatrix.render.surface import Images, KeyShadow, Surface
from clipmatrix.render.texture import sample_texture
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras

_EDGES_OF_FACES = WeakIdKeyDictionary()
"""Edges by the tensor of faces they come from: the faces of a run never change, and finding edges costs a sort."""


@dataclass(frozen=True, eq=False)
class Samples:
    """The surface at the covered pixels. Directions are unit vectors in world space; albedo is linear RGB."""

    coverage: Coverage
    albedo: Float[Tensor, "n 3"]
    normals_world: Float[Tensor, "n 3"]
    to_eye_world: Float[Tensor, "n 3"]


@dataclass(frozen=True, eq=False)
class Buffers:
    """What the surface is like at each pixel's centre, without light and without smoothed outlines.

    Albedo (linear RGB) and normals are zero where no face is seen, and depth (z/w in NDC) is infinite there.
    """

    albedo: Float[Tensor, "b h w 3"]
    normals_world: Float[Tensor, "b h w 3"]
    depth: Float[Tensor, "b h w"]
    face_ids: Int32[Tensor, "b h w"]


def render(surface: Surface, cameras: Cameras, size: ImageSize, *, rasterizer: Rasterizer) -> Images:
    """Antialiased pictures of the surface, one per camera, in linear RGB over black.

    ``surface`` holds one pose for all cameras or one for each. Alpha is in [0, 1] and rgb is not negative.
    Differentiable in vertices, albedo, lights, roughness and metallic: inside the outlines through uvs and normals,
    at the outlines through coverage. Not through the choice of the visible face, nor of the mip level. The cameras
    get the gradients of the vertices' projection, but none through the direction to the eye.
    The key light's shadow, where its light casts one, is taken as it lies, without a gradient.
    Deterministic on the CPU. ``surface.faces`` must not be changed in place between calls.
    """
    vertices_clip = to_clip(surface.vertices_world, cameras)
    fragments = rasterizer.visibility(vertices_clip, surface.faces, size)
    samples = _sample(surface, cameras, vertices_clip, fragments)
    shadow = surface.lights.shadow
    share = None if shadow is None else _key_share(surface, shadow, vertices_clip, samples.coverage, size, rasterizer)
    radiance = _light(surface, samples, share)
    colours = torch.cat([radiance, torch.ones_like(radiance[:, :1])], dim=-1)
    image = _spread(colours, samples.coverage, fragments)
    pairs = rasterizer.silhouette_pairs(vertices_clip, _edges_of(surface), fragments)
    image = antialias(image, vertices_clip, pairs)
    # A pixel with outlines on several sides may give away more than it has.
    return Images(image[..., :3].clamp_min(0.0), image[..., 3:].clamp(0.0, 1.0))


def rasterizer_for(device: torch.device) -> Rasterizer:
    """The fastest rasteriser there is for tensors of that device; all of them show the same faces."""
    if device.type == "cuda" and torch.cuda.is_available():
        # Imports a compiler, which no other machine should wait for.
        from clipmatrix.render.rasterize_triton import fastest_on_cuda

        return fastest_on_cuda()
    return CpuRasterizer() if device.type == "cpu" else ReferenceRasterizer()


def render_buffers(surface: Surface, cameras: Cameras, size: ImageSize, *, rasterizer: Rasterizer) -> Buffers:
    """Albedo, normals, depth and face ids of each pixel; differentiable as ``render``, but not at the outlines."""
    vertices_clip = to_clip(surface.vertices_world, cameras)
    fragments = rasterizer.visibility(vertices_clip, surface.faces, size)
    samples = _sample(surface, cameras, vertices_clip, fragments)
    both = _spread(torch.cat([samples.albedo, samples.normals_world], dim=-1), samples.coverage, fragments)
    return Buffers(both[..., :3], both[..., 3:], fragments.depth, fragments.face_ids)


def to_clip(vertices_world: Float[Tensor, "#b v 3"], cameras: Cameras) -> Float[Tensor, "b v 4"]:
    """The vertices in each camera's clip space; differentiable."""
    clip_from_world = cameras.clip_from_world
    return vertices_world @ clip_from_world[:, :, :3].transpose(1, 2) + clip_from_world[:, None, :, 3]


def composite(images: Images, background: Float[Tensor, "#b #h #w 3"]) -> Float[Tensor, "b h w 3"]:
    """The images over a background in linear RGB; differentiable in both."""
    return images.rgb + (1.0 - images.alpha) * background


def downsample(images: Images, factor: int) -> Images:
    """Images of 1/factor the size, each pixel the mean of factor x factor; sizes must be multiples of ``factor``.

    Render large, then this, for smoother textures and highlights: the mean of linear light is what a sensor sees.
    """

    def shrink(x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b _ _ c"]:
        return torch.nn.functional.avg_pool2d(x.permute(0, 3, 1, 2), factor).permute(0, 2, 3, 1)

    return Images(shrink(images.rgb), shrink(images.alpha))


def _edges_of(surface: Surface) -> Edges:
    edges = _EDGES_OF_FACES.get(surface.faces)
    if edges is None:
        edges = build_edges(surface.faces)
        _EDGES_OF_FACES[surface.faces] = edges
    return edges


def _sample(surface: Surface, cameras: Cameras, vertices_clip: Float[Tensor, "b v 4"], fragments: Fragments) -> Samples:
    """Interpolate what shading needs at the covered pixels of all views."""
    _, height, width = fragments.face_ids.shape
    coverage = cover(fragments, vertices_clip.dtype)
    normals = area_normals(surface.vertices_world, surface.faces)
    # Unit length per vertex first: or the normals of large faces would bend those of their small neighbours.
    at_vertices = torch.nn.functional.normalize(normals, dim=-1, eps=1e-12)
    on_surface = interpolate if vertices_clip.device.type == "cpu" else interpolate_reference
    ids = surface.faces, surface.face_uvs
    uv, normals, change = on_surface(vertices_clip, at_vertices, surface.uvs, ids, coverage, (height, width))
    albedo = sample_texture(surface.albedo, uv, change[:, 0], change[:, 1])
    if surface.normal_map is not None:
        mapped = sample_texture(surface.normal_map, uv, change[:, 0], change[:, 1])
        tangent, sign = pixel_tangents(surface, at_vertices.detach(), vertices_clip.detach(), coverage, (height, width))
        normals = bent_normals(mapped, normals, tangent, sign)
    return Samples(coverage, albedo, normals, _to_eye(cameras, coverage))


def _to_eye(cameras: Cameras, coverage: Coverage) -> Float[Tensor, "n 3"]:
    """Unit vectors from the surface to the eye, in world space, without gradients.

    With P and Q the world points of (X, Y, 0, 1) and (0, 0, 1, 0), the ray's near end is P - Q and its far end P + Q,
    both homogeneous. Their difference as points is a multiple of P Q.w - Q P.w, which is linear in X and Y, and holds
    for orthographic cameras too.
    """
    with torch.no_grad():
        # Float64: the inverse of a camera with near and far planes 1:1000 costs float32 its digits.
        inverse = torch.linalg.inv(cameras.clip_from_world.cpu().double())
        depth_axis = inverse[:, :, 2:3]
        axes = inverse[:, :, [0, 1, 3]]
        eye_from_ndc = axes[:, :3] * depth_axis[:, 3:] - depth_axis[:, :3] * axes[:, 3:]
        rays = eye_rays if coverage.ndc.device.type == "cpu" else eye_rays_reference
        return rays(eye_from_ndc, coverage)


def _key_share(
    surface: Surface,
    shadow: KeyShadow,
    vertices_clip: Float[Tensor, "b v 4"],
    coverage: Coverage,
    size: ImageSize,
    rasterizer: Rasterizer,
) -> Float[Tensor, "n 1"]:
    """How much of the key light reaches each covered pixel, without gradients."""
    with torch.no_grad():
        vertices, num_vertices = surface.vertices_world.detach(), vertices_clip.shape[1]
        vertex_ids = surface.faces.index_select(0, coverage.face_ids)
        clip_ids = vertex_ids + (coverage.view_ids * num_vertices)[:, None]
        weights = barycentrics(vertices_clip.detach(), clip_ids, coverage, (size.height, size.width)).weights
        row_ids = vertex_ids if vertices.shape[0] == 1 else clip_ids
        normals = torch.nn.functional.normalize(area_normals(vertices, surface.faces), dim=-1, eps=1e-12)
        points, normals = (weigh_rows(rows.reshape(-1, 3), row_ids, weights) for rows in (vertices, normals))
        shadow_map = cast(vertices, surface.faces, surface.lights.key_direction, shadow.side, rasterizer)
        map_ids = coverage.view_ids if len(shadow_map.texel) > 1 else torch.zeros_like(coverage.view_ids)
        normals = torch.nn.functional.normalize(normals, dim=-1, eps=1e-6)
        return light_share(shadow_map, points, normals, map_ids, shadow)[:, None]


def _light(surface: Surface, samples: Samples, key_share: Float[Tensor, "n 1"] | None) -> Float[Tensor, "n 3"]:
    """The radiance of each sample, of which the given share of the key light is lit."""
    lights, view_ids = surface.lights, samples.coverage.view_ids
    if samples.albedo.device.type == "cpu" and key_share is None:
        return shade_samples(
            samples.albedo,
            samples.normals_world,
            samples.to_eye_world,
            view_ids,
            lights,
            surface.roughness,
            surface.metallic,
        )

    def per_sample(value: Float[Tensor, "#b 3"]) -> Float[Tensor, "#n 3"]:
        return value if value.shape[0] == 1 else value.index_select(0, view_ids)

    key_color = per_sample(lights.key_color)
    return shade(
        samples.albedo,
        samples.normals_world,
        samples.to_eye_world,
        per_sample(lights.key_direction),
        per_sample(lights.ambient),
        key_color if key_share is None else key_color * key_share,
        surface.roughness,
        surface.metallic,
    )


def _spread(values: Float[Tensor, "n c"], coverage: Coverage, fragments: Fragments) -> Float[Tensor, "b h w c"]:
    """The values at their pixels, zero elsewhere."""
    image = values.new_zeros(fragments.face_ids.numel(), values.shape[1])
    return image.index_copy(0, coverage.pixel_ids, values).reshape(*fragments.face_ids.shape, values.shape[1])
