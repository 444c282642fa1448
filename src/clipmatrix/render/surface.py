"""The renderer's input and output; knows where a surface is and how it looks, not how it came about."""

from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True)
class KeyShadow:
    """The key light casts a shadow, found by a map of ``side`` texels squared.

    ``softness`` is the tangent of half the angle that the light spans in the sky: the half-shadow of an edge at
    height h is h * softness wide to either side.
    """

    side: int = 1024
    softness: float = 0.07


@dataclass(frozen=True, eq=False)
class Lights:
    """An ambient and a directional light, in linear RGB.

    A white matte surface under ``ambient`` alone has that colour; one that faces the key light adds ``key_color``.
    (So ``key_color`` is the irradiance divided by pi: a glTF directional light of intensity 1 is 1/pi here.)
    ``key_direction`` is the unit vector towards the light, in world space. The first dimension is 1 or the views.
    Without a ``shadow`` the key light reaches everything that faces it.
    """

    ambient: Float[Tensor, "#b 3"]
    key_direction: Float[Tensor, "#b 3"]
    key_color: Float[Tensor, "#b 3"]
    shadow: KeyShadow | None = None


@dataclass(frozen=True, eq=False)
class Surface:
    """One textured, lit snapshot, posed once per view or once for all views (first dimension 1).

    ``albedo`` is linear RGB in [0, 1], row 0 on top, sampled at ``uvs`` with glTF's origin at the top left.
    ``roughness`` and ``metallic`` are glTF's factors in [0, 1], for the whole surface. ``normal_map``, read at the same
    ``uvs``, holds tangent-space normals as vectors: +X where u grows, +Y where the picture goes up, +Z outward.
    """

    vertices_world: Float[Tensor, "#b v 3"]
    faces: Int64[Tensor, "f 3"]
    uvs: Float[Tensor, "t 2"]
    face_uvs: Int64[Tensor, "f 3"]
    albedo: Float[Tensor, "th tw 3"]
    roughness: Float[Tensor, ""]
    metallic: Float[Tensor, ""]
    lights: Lights
    normal_map: Float[Tensor, "nh nw 3"] | None = None


@dataclass(frozen=True, eq=False)
class Images:
    """Rendered views in linear RGB over black: put them over a background as ``rgb + (1 - alpha) * background``."""

    rgb: Float[Tensor, "b h w 3"]
    alpha: Float[Tensor, "b h w 1"]
