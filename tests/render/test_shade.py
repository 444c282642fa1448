"""Shading against closed forms, a scalar retelling of glTF's appendix, and energy bounds."""

import math

import pytest
import torch
from torch import Tensor

from clipmatrix.render.shade import env_brdf, shade


def unit(*xyz: float) -> Tensor:
    return torch.nn.functional.normalize(torch.tensor([xyz], dtype=torch.float64), dim=1)


def grey(value: float) -> Tensor:
    return torch.full((1, 3), value, dtype=torch.float64)


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


UP = unit(0, 0, 1)


@pytest.mark.parametrize("roughness", [0.0, 0.3, 1.0])
def test_white_furnace(roughness: float) -> None:
    """A white surface that is not metallic gives back exactly a uniform surrounding, a white mirror no more."""
    eyes = torch.cat([unit(math.sin(a), 0, math.cos(a)) for a in (0.0, 0.5, 1.0, 1.5)])
    args = (UP.expand(4, 3), eyes, UP, grey(0.7), grey(0.0), scalar(roughness))
    torch.testing.assert_close(shade(grey(1.0).expand(4, 3), *args, scalar(0.0)), grey(0.7).expand(4, 3))
    metal = shade(grey(1.0).expand(4, 3), *args, scalar(1.0))
    assert (metal <= 0.7 * 1.02).all()
    assert (metal > 0.7 * 0.4).all()


def test_matte_seen_straight_on() -> None:
    """n = v = l = h and roughness 1: F = 0.04, pi D = 1, V = 0.25, so radiance = 0.96 albedo key + 0.01 key."""
    found = shade(grey(0.5), UP, UP, UP, grey(0.0), grey(2.0), scalar(1.0), scalar(0.0))
    torch.testing.assert_close(found, grey(0.96 * 0.5 * 2.0 + 0.01 * 2.0))


def test_light_below_the_horizon_is_dark() -> None:
    found = shade(grey(0.5), UP, unit(1, 0, 1), unit(0.2, 0, -1), grey(0.0), grey(2.0), scalar(0.4), scalar(0.5))
    assert (found == 0).all()


@pytest.mark.parametrize(("roughness", "metallic"), [(0.2, 0.0), (0.5, 0.3), (0.9, 1.0)])
def test_against_scalar_formulas(roughness: float, metallic: float) -> None:
    """The key light by glTF's appendix B.3, number by number."""
    normal, eye, light = unit(0.1, 0.2, 1.0), unit(0.5, -0.3, 0.9), unit(-0.4, 0.6, 0.7)
    albedo = [0.8, 0.4, 0.1]
    half = torch.nn.functional.normalize(eye + light, dim=1)
    nv, nl, nh, vh = (float((a * b).sum()) for a, b in ((normal, eye), (normal, light), (normal, half), (eye, half)))
    a2 = (roughness**2) ** 2
    d = a2 / (math.pi * (nh**2 * (a2 - 1) + 1) ** 2)
    v = 0.5 / (nl * math.sqrt(nv**2 * (1 - a2) + a2) + nv * math.sqrt(nl**2 * (1 - a2) + a2))
    expected = []
    for c in albedo:
        f0 = 0.04 * (1 - metallic) + c * metallic
        f = f0 + (1 - f0) * (1 - vh) ** 5
        brdf = (1 - f) * c * (1 - metallic) / math.pi + f * d * v
        expected.append(brdf * math.pi * 1.5 * nl)
    colour = torch.tensor([albedo], dtype=torch.float64)
    found = shade(colour, normal, eye, light, grey(0.0), grey(1.5), scalar(roughness), scalar(metallic))
    assert found[0].tolist() == pytest.approx(expected, rel=1e-9)


def reflected(eye: Tensor, roughness: float, metallic: float, albedo: float) -> float:
    """What a key light of 1, summed over the hemisphere, sends to the eye: the integral of radiance over pi."""
    theta = (torch.arange(200, dtype=torch.float64) + 0.5) / 200 * (math.pi / 2)
    phi = (torch.arange(100, dtype=torch.float64) + 0.5) / 100 * (2 * math.pi)
    t, p = (g.reshape(-1) for g in torch.meshgrid(theta, phi, indexing="ij"))
    lights = torch.stack([t.sin() * p.cos(), t.sin() * p.sin(), t.cos()], 1)
    n = len(lights)
    radiance = shade(
        grey(albedo).expand(n, 3), UP.expand(n, 3), eye.expand(n, 3), lights, grey(0.0), grey(1.0), scalar(roughness),
        scalar(metallic),
    )  # fmt: skip
    return float((radiance[:, 0] * t.sin()).sum() * (math.pi / 2 / 200) * (2 * math.pi / 100) / math.pi)


@pytest.mark.parametrize("roughness", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("angle", [0.0, 0.7, 1.3])
def test_energy_and_surrounding(roughness: float, angle: float) -> None:
    """Hardly more light leaves than comes, and the fit of the surrounding's mirror image is near the true integral.

    glTF's plain sum of diffuse and specular gains up to 14 % along the surface; Karis' fit is off by 0.156 at most.
    """
    eye = unit(math.sin(angle), 0, math.cos(angle))
    assert reflected(eye, roughness, 0.0, 1.0) < (1.02 if angle < 1.0 else 1.15)
    true = reflected(eye, roughness, 1.0, 1.0)
    assert true < 1.0 + 1e-3
    scale, bias = env_brdf(scalar(roughness).reshape(1, 1), scalar(math.cos(angle)).reshape(1, 1))
    assert float(scale + bias) == pytest.approx(true, abs=0.16)


def test_gradients_in_float64() -> None:
    normal, eye, light = unit(0.1, 0.2, 1.0), unit(0.5, -0.3, 0.9), unit(-0.4, 0.6, 0.7)
    inputs = [grey(0.4), normal, eye, light, grey(0.2), grey(0.8), scalar(0.5), scalar(0.3)]
    assert torch.autograd.gradcheck(shade, [x.clone().requires_grad_() for x in inputs])


def test_gradients_stay_finite_at_the_ends() -> None:
    """Mirror-smooth, seen along the surface, light from straight behind the eye's mirror, normals turned away."""
    normals = torch.tensor([[0.0, 0, 1], [0, 0, 1], [0, 0, -1], [0, 0, 0]]).requires_grad_()
    eyes = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]])
    light = torch.tensor([[-1.0, 0, 0]])
    rough, metal = torch.tensor(0.0, requires_grad=True), torch.tensor(0.5, requires_grad=True)
    out = shade(torch.zeros(4, 3), normals, eyes, light, torch.ones(1, 3), torch.ones(1, 3), rough, metal)
    out.sum().backward()
    for tensor in (out, normals.grad, rough.grad, metal.grad):
        assert tensor is not None
        assert tensor.isfinite().all()
