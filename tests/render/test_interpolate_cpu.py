"""The compiled interpolation against its plain torch twin: values and gradients, odd faces included."""

import pytest
import torch
from torch import Tensor

from clipmatrix.render.interpolate import Coverage, eye_rays_reference, interpolate_reference
from clipmatrix.render.interpolate_cpu import eye_rays, interpolate

SIZE = (12, 16)
FACES = torch.tensor([[0, 1, 2], [2, 1, 3], [3, 4, 5], [5, 0, 4]])
FACE_UVS = torch.tensor([[0, 1, 2], [3, 1, 2], [4, 5, 6], [6, 0, 5]])


def draw(num: int, num_poses: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Coverage]:
    """Two views of six vertices in front of the camera, their normals and uvs, and pixels anywhere about the faces."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    clip = normal(2, 6, 4)
    clip[..., 3] = clip[..., 3].abs() + 1.0
    view_ids, face_ids = torch.arange(num) % 2, torch.arange(num) % len(FACES)
    corners = clip[view_ids[:, None], FACES[face_ids]]
    places = torch.rand(num, 3, 1, dtype=torch.float64, generator=generator)
    middle = (places * corners).sum(1)
    ndc = middle[:, :2] / middle[:, 3:]
    return clip, normal(num_poses, 6, 3), normal(7, 2), Coverage(torch.arange(num), view_ids, face_ids, ndc)


@pytest.mark.parametrize("num_poses", [1, 2])
def test_equals_the_twin(num_poses: int, generator: torch.Generator) -> None:
    clip, normals, uvs, coverage = draw(400, num_poses, generator)
    weight_uv = torch.randn(400, 2, dtype=torch.float64, generator=generator)
    weight_normal = torch.randn(400, 3, dtype=torch.float64, generator=generator)
    results = []
    for function in (interpolate, interpolate_reference):
        leaves = [x.clone().requires_grad_() for x in (clip, normals, uvs)]
        uv, normal, change = function(*leaves, (FACES, FACE_UVS), coverage, SIZE)
        ((uv * weight_uv).sum() + (normal * weight_normal).sum()).backward()
        results.append([uv.detach(), normal.detach(), change.detach(), *(leaf.grad for leaf in leaves)])
    for mine, wanted in zip(*results, strict=True):
        torch.testing.assert_close(mine, wanted)


def test_faces_seen_from_behind_take_their_middle(generator: torch.Generator) -> None:
    """A face that turns its back has no sound weights: a third of each corner, and no gradient of where they are."""
    clip, normals, uvs, coverage = draw(8, 1, generator)
    area = torch.linalg.det(clip[coverage.view_ids[:, None], FACES[coverage.face_ids]][..., [0, 1, 3]])
    assert (area < 0).any()
    clip.requires_grad_()
    uv, _, change = interpolate(clip, normals, uvs, (FACES, FACE_UVS), coverage, SIZE)
    middle = uvs[FACE_UVS[coverage.face_ids]].mean(1)
    torch.testing.assert_close(uv[area < 0], middle[area < 0])
    assert (change[area < 0] == 0).all()
    (gradient,) = torch.autograd.grad(uv[area < 0].sum(), clip)
    assert (gradient == 0).all()


def test_gradients_in_float64(generator: torch.Generator) -> None:
    clip, normals, uvs, coverage = draw(24, 2, generator)
    inputs = [x.requires_grad_() for x in (clip, normals, uvs)]

    def function(clip: Tensor, normals: Tensor, uvs: Tensor) -> tuple[Tensor, Tensor]:
        return interpolate(clip, normals, uvs, (FACES, FACE_UVS), coverage, SIZE)[:2]

    assert torch.autograd.gradcheck(function, inputs)


def test_rays_equal_the_twin(generator: torch.Generator) -> None:
    coverage = draw(50, 1, generator)[3]
    matrices = torch.randn(2, 3, 3, dtype=torch.float64, generator=generator)
    torch.testing.assert_close(eye_rays(matrices, coverage), eye_rays_reference(matrices, coverage))


def test_points_that_do_not_learn_get_no_gradient(generator: torch.Generator) -> None:
    clip, normals, uvs, coverage = draw(40, 2, generator)
    found = []
    for learns in (False, True):
        leaves = clip.clone().requires_grad_(), normals.clone().requires_grad_(), uvs.clone().requires_grad_(learns)
        uv, normal, _ = interpolate(*leaves, (FACES, FACE_UVS), coverage, SIZE)
        (uv.sum() + normal.sum()).backward()
        found.append(leaves)
    assert found[0][2].grad is None
    for without, together in zip(found[0][:2], found[1][:2], strict=True):
        assert torch.equal(without.grad, together.grad)
