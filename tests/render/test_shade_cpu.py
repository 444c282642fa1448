"""The compiled shading against ``shade``: values and the gradients of all that it learns."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from clipmatrix.render.shade import shade
from clipmatrix.render.shade_cpu import shade_samples
from clipmatrix.render.surface import Lights


def draw(num: int, num_lights: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Albedo, normals, eyes, views, and the three parts of the lights; many normals look away from eye or light."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, dtype=torch.float64, generator=generator)

    view_ids = torch.randint(0, num_lights, (num,), generator=generator)
    directions = (normalize(normal(num, 3), dim=1), normalize(normal(num, 3), dim=1))
    lights = (normalize(normal(num_lights, 3), dim=1), uniform(num_lights, 3), uniform(num_lights, 3))
    return uniform(num, 3), *directions, view_ids, *lights


def twin(albedo, normals, eye, view_ids, direction, ambient, key, rough, metallic) -> Tensor:
    def per_sample(x: Tensor) -> Tensor:
        return x.index_select(0, view_ids if len(x) > 1 else torch.zeros_like(view_ids))

    spread = per_sample(direction), per_sample(ambient), per_sample(key)
    return shade(albedo, normals, eye, *spread, rough, metallic)


def fast(albedo, normals, eye, view_ids, direction, ambient, key, rough, metallic) -> Tensor:
    return shade_samples(albedo, normals, eye, view_ids, Lights(ambient, direction, key), rough, metallic)


@pytest.mark.parametrize("num_lights", [1, 3])
@pytest.mark.parametrize(("rough", "metallic"), [(0.5, 0.3), (0.02, 1.0), (0.98, 0.0), (0.1, 0.5)])
def test_equals_the_twin(num_lights: int, rough: float, metallic: float, generator: torch.Generator) -> None:
    albedo, normals, eye, view_ids, *lights = draw(300, num_lights, generator)
    weight = torch.randn(300, 3, dtype=torch.float64, generator=generator)
    results = []
    for function in (fast, twin):
        material = [torch.tensor(x, dtype=torch.float64).requires_grad_() for x in (rough, metallic)]
        leaves = [x.clone().requires_grad_() for x in (albedo, normals, *lights)]
        out = function(leaves[0], leaves[1], eye, view_ids, *leaves[2:], *material)
        (out * weight).sum().backward()
        results.append([out.detach(), *(x.grad for x in (*leaves, *material))])
    for mine, wanted in zip(*results, strict=True):
        torch.testing.assert_close(mine, wanted, atol=1e-9, rtol=1e-7)


def test_gradients_in_float64(generator: torch.Generator) -> None:
    albedo, normals, eye, view_ids, *lights = draw(9, 2, generator)
    # Away from where a cosine is cut off, a difference is no slope.
    normals = normalize(eye + 0.3 * normals, dim=1)
    lights[0] = normalize(eye[:2] + 0.2, dim=1)
    material = torch.tensor(0.4, dtype=torch.float64), torch.tensor(0.6, dtype=torch.float64)
    inputs = [x.requires_grad_() for x in (albedo, normals, *lights, *material)]

    def function(albedo, normals, direction, ambient, key, rough, metallic) -> Tensor:
        return fast(albedo, normals, eye, view_ids, direction, ambient, key, rough, metallic)

    assert torch.autograd.gradcheck(function, inputs)


def test_the_same_bits_every_time_and_float32_near_float64(generator: torch.Generator) -> None:
    albedo, normals, eye, view_ids, *lights = draw(200, 2, generator)
    material = torch.tensor(0.3), torch.tensor(0.2)
    single = [x.float() for x in (albedo, normals, eye)]
    first, second = (fast(*single, view_ids, *(x.float() for x in lights), *material) for _ in range(2))
    assert first.dtype == torch.float32
    assert torch.equal(first, second)
    double = fast(albedo, normals, eye, view_ids, *lights, *(x.double() for x in material))
    torch.testing.assert_close(first.double(), double, atol=1e-5, rtol=1e-4)
