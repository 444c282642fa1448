"""How a lit point looks: glTF's metallic-roughness model; knows neither meshes nor images.

With n the normal, v the direction to the eye, l to the light, h halfway between them, all of unit length, and
n.x meaning their product cut off at zero (n.v at 1e-4):

    a    = max(roughness, 0.045)^2                          the width of the highlight
    F0   = 0.04 (1 - metallic) + albedo metallic            what is mirrored straight ahead
    F    = F0 + (1 - F0) (1 - v.h)^5                        Schlick
    D    = a^2 / (pi ((n.h)^2 (a^2 - 1) + 1)^2)             GGX
    V    = 0.5 / (n.l sqrt((n.v)^2 (1 - a^2) + a^2) + n.v sqrt((n.l)^2 (1 - a^2) + a^2))   Smith, height-correlated
    E    = F0 A + B                                         what is mirrored of a uniform white surrounding

    radiance = albedo (1 - metallic) ((1 - F) key n.l + (1 - E) ambient) + F pi D V key n.l + E ambient

A and B are Karis' fit of the split sum, with r = max(roughness, 0.045):

    x = 1 - r,   y = 0.0425 - 0.0275 r,   k = min(x^2, 2^(-9.28 n.v)) x + y
    A = 1.04 - 0.572 r - 1.04 k,   B = 0.022 r - 0.04 + 1.04 k

Albedo, lights and radiance are linear RGB; ``key`` is irradiance over pi (see ``Lights``). A white surface that is not
metallic returns exactly ``ambient`` under ambient light alone.

References: Khronos Group, glTF 2.0 Specification, 2021, appendix B. Walter et al., Microfacet Models for Refraction
through Rough Surfaces, EGSR 2007, eq. 33. Heitz, Understanding the Masking-Shadowing Function in Microfacet-Based
BRDFs, JCGT 2014, eq. 99. Schlick, An Inexpensive BRDF Model, Eurographics 1994. Karis, Physically Based Shading on
Mobile, Unreal Engine blog, 2014 (after Lazarov, Getting More Physical in Call of Duty: Black Ops II, SIGGRAPH 2013).
"""

import torch
from jaxtyping import Float
from torch import Tensor

MIN_ROUGHNESS = 0.045
"""Below it a highlight is smaller than a pixel and its gradient a needle."""

DIELECTRIC_F0 = 0.04
"""What glass, skin and plastic mirror straight ahead: an index of refraction of 1.5."""

MIN_COSINE = 1e-4
"""Smallest n.v: a smooth normal may point away from the eye on a face that does not."""


def env_brdf(
    roughness: Float[Tensor, "#n 1"], cos_view: Float[Tensor, "n 1"]
) -> tuple[Float[Tensor, "n 1"], Float[Tensor, "n 1"]]:
    """A and B of the module's equations: a uniform white surrounding is mirrored as F0 A + B.

    For F0 = 1 within 0.16 of the integral of pi D V n.l that it stands for; three.js uses the same fit.
    Differentiable in both.
    """
    x = 1.0 - roughness
    k = torch.minimum(x * x, torch.exp2(-9.28 * cos_view)) * x + (0.0425 - 0.0275 * roughness)
    return 1.04 - 0.572 * roughness - 1.04 * k, 0.022 * roughness - 0.04 + 1.04 * k


def shade(
    albedo: Float[Tensor, "n 3"],
    normals: Float[Tensor, "n 3"],
    to_eye: Float[Tensor, "n 3"],
    to_light: Float[Tensor, "#n 3"],
    ambient: Float[Tensor, "#n 3"],
    key_color: Float[Tensor, "#n 3"],
    roughness: Float[Tensor, ""],
    metallic: Float[Tensor, ""],
) -> Float[Tensor, "n 3"]:
    """Radiance towards the eye in linear RGB, by the module's equations.

    Directions have unit length and share one space. Differentiable in every argument; the gradient of ``roughness``
    stops below ``MIN_ROUGHNESS``.
    """
    rough = roughness.clamp_min(MIN_ROUGHNESS).reshape(1, 1)
    alpha2 = rough**4
    cos_view = (normals * to_eye).sum(-1, keepdim=True).clamp_min(MIN_COSINE)
    cos_light = (normals * to_light).sum(-1, keepdim=True).clamp_min(0.0)
    half = torch.nn.functional.normalize(to_eye + to_light, dim=-1, eps=1e-6)
    cos_half = (normals * half).sum(-1, keepdim=True).clamp_min(0.0)
    eye_half = (to_eye * half).sum(-1, keepdim=True).clamp(0.0, 1.0)

    f0 = DIELECTRIC_F0 * (1.0 - metallic) + albedo * metallic
    fresnel = f0 + (1.0 - f0) * (1.0 - eye_half) ** 5
    spread = cos_half * cos_half * (alpha2 - 1.0) + 1.0
    # pi D, since the key light is irradiance over pi.
    distribution = alpha2 / (spread * spread)
    masking = cos_light * torch.sqrt(cos_view * cos_view * (1.0 - alpha2) + alpha2)
    shadowing = cos_view * torch.sqrt(cos_light * cos_light * (1.0 - alpha2) + alpha2)
    visibility = 0.5 / (masking + shadowing)
    scale, bias = env_brdf(rough, cos_view)
    surround = f0 * scale + bias

    key = key_color * cos_light
    diffuse = albedo * (1.0 - metallic)
    return key * (diffuse * (1.0 - fresnel) + fresnel * (distribution * visibility)) + ambient * (
        diffuse * (1.0 - surround) + surround
    )
