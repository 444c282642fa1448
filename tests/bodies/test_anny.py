"""The Anny adapter: what Anny says, in our axes, on the ground, with four influences."""

import dataclasses
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from clipmatrix.bodies.anny import AnnyShapeSpace
from clipmatrix.bodies.body import REGIONS, Body
from clipmatrix.bodies.rig import prune_influences
from clipmatrix.geometry.mesh import face_normals
from clipmatrix.render.bake import find_texels


def double(space: AnnyShapeSpace) -> AnnyShapeSpace:
    """The same shape space in float64."""
    return dataclasses.replace(
        space,
        bounds=space.bounds.double(),
        anchors=tuple(anchors.double() for anchors in space.anchors),
        basis_from_product=space.basis_from_product.double(),
        deltas=space.deltas.double(),
        template=space.template.double(),
    )


def shape_space(body: Body) -> AnnyShapeSpace:
    assert isinstance(body.rest, AnnyShapeSpace)
    return body.rest


def test_rest_vertices_and_joints_are_annys_own(anny_body: Body, generator: torch.Generator) -> None:
    """Compared with Anny's output for random phenotypes and all-corner ones, after z-up to y-up and on the ground."""
    import anny

    model = anny.Anny(skinning_method="lbs")
    shapes = torch.cat([torch.rand(4, 6, generator=generator), torch.rand(4, 6, generator=generator).round()])
    output = model(phenotype_kwargs=shapes.double())
    for shape, z_up, heads in zip(shapes, output["rest_vertices"], output["rest_bone_heads"], strict=True):
        ground = z_up[:, 2].min()

        def ours(points: Tensor, ground: Tensor = ground) -> Tensor:
            return torch.stack([points[:, 0], points[:, 2] - ground, -points[:, 1]], dim=1).float()

        rest = anny_body.rest(shape)
        torch.testing.assert_close(rest.vertices, ours(z_up), atol=5e-6, rtol=0)
        torch.testing.assert_close(rest.rig.bind_from_joint[:, :3, 3], ours(heads), atol=5e-6, rtol=0)
        assert float(rest.vertices[:, 1].min()) == 0.0


def test_the_neutral_body_is_a_standing_adult_that_faces_plus_z(anny_body: Body) -> None:
    vertices, rig = anny_body.template.vertices, anny_body.rig
    where = {role: rig.bind_from_joint[joint, :3, 3] for role, joint in anny_body.humanoid.items()}
    assert 1.5 < float(vertices[:, 1].max()) < 1.95
    assert float(vertices[:, 1].min()) == 0.0
    assert float(where["hand_l"][0]) > 0.3 > -0.3 > float(where["hand_r"][0])
    assert float(where["toe_2_l"][2] - where["foot_l"][2]) > 0.1
    assert float(where["eye_l"][2] - where["head"][2]) > 0.05
    assert torch.equal(vertices, anny_body.rest(anny_body.neutral_shape).vertices)


def test_faces_look_outward(anny_body: Body) -> None:
    """The signed volume of the closed mesh is that of a person, some 70 litres."""
    vertices, faces = anny_body.template.vertices, anny_body.template.faces
    volume = (face_normals(vertices, faces) * vertices[faces[:, 0]]).sum() / 6
    assert 0.05 < float(volume) < 0.1


def test_uvs_start_at_the_top_left(anny_body: Body) -> None:
    """Anny's own layout counts from the bottom; only the eyeballs' islands were moved."""
    import anny

    model = anny.Anny(skinning_method="lbs")
    original = model.texture_coordinates
    assert original is not None
    flipped = anny_body.template.uvs * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, 1.0])
    eyes = anny_body.template.face_uvs[_is_eye(anny_body)[anny_body.template.faces].all(1)].unique()
    others = torch.ones(len(flipped), dtype=torch.bool)
    others[eyes] = False
    assert 0 < len(eyes) < 400
    torch.testing.assert_close(flipped[others], original.float()[others], atol=1e-6, rtol=0)
    assert 0.0 <= float(anny_body.template.uvs.min()) < float(anny_body.template.uvs.max()) <= 1.0
    assert int(anny_body.template.face_uvs.max()) < anny_body.template.uvs.shape[0]


def _is_eye(body: Body) -> Tensor:
    joints = torch.tensor([body.humanoid["eye_l"], body.humanoid["eye_r"]])
    return (body.rig.joint_weights * torch.isin(body.rig.joint_ids, joints)).sum(1) > 0.5


def test_eyes_have_room_of_their_own_in_the_texture(anny_body: Body) -> None:
    """No other face lies between theirs, and an iris is more than a texel wide."""
    size = 512
    texels = find_texels(anny_body.template, size)
    is_eye = _is_eye(anny_body)
    corners = anny_body.template.uvs[anny_body.template.face_uvs]
    of_eye = is_eye[anny_body.template.faces].all(1)
    low, high = corners[of_eye].flatten(0, 1).amin(0), corners[of_eye].flatten(0, 1).amax(0)
    centres = corners[~of_eye].mean(1)
    assert not ((centres > low) & (centres < high)).all(1).any()
    front = torch.einsum(
        "nc,ncd->nd", torch.from_numpy(texels.weights).float(), anny_body.template.vertices[texels.vertex_ids]
    )
    shown = is_eye[torch.from_numpy(texels.vertex_ids)].all(1) & (front[:, 2] > 0.143)
    # Of each eye some fifty texels face the front, where Anny's own layout has one or two.
    assert 30 < int((shown & (front[:, 0] > 0)).sum()) < 200
    assert 30 < int((shown & (front[:, 0] < 0)).sum()) < 200


def test_the_shape_gradient_is_the_finite_difference(anny_body: Body, generator: torch.Generator) -> None:
    """In float64, inside of a linear piece: all six coefficients, vertices and joints."""
    space = double(shape_space(anny_body))
    shape = torch.tensor([0.4, 0.55, 0.3, 0.7, 0.6, 0.2], dtype=torch.float64, requires_grad=True)
    probe = torch.randn(13_718, 3, generator=generator, dtype=torch.float64)

    def value(s: Tensor) -> Tensor:
        rest = space(s)
        return (rest.vertices * probe).sum() + rest.rig.joint_from_bind.square().sum()

    assert torch.autograd.gradcheck(value, (shape,), eps=1e-6, atol=1e-3, rtol=1e-6)


@pytest.mark.parametrize("end", [0, 1])
def test_no_coefficient_is_stuck_on_an_anchor_or_a_bound(anny_body: Body, generator: torch.Generator, end: int) -> None:
    """The neutral shape is on anchors; there, and on its own bounds, every coefficient still moves the vertices."""
    probe = torch.randn(13_718, 3, generator=generator)

    def slopes(shape: Tensor) -> Tensor:
        shape = shape.clone().requires_grad_()
        (gradient,) = torch.autograd.grad((anny_body.rest(shape).vertices * probe).sum(), shape)
        return gradient.abs()

    assert float(slopes(anny_body.neutral_shape).min()) > 1e-2
    for coefficient in range(6):
        shape = anny_body.neutral_shape.clone()
        shape[coefficient] = anny_body.shape_bounds[coefficient, end]
        assert float(slopes(shape)[coefficient]) > 1e-2


def test_beyond_the_bounds_nothing_changes(anny_body: Body) -> None:
    shape = anny_body.shape_bounds[:, 1] + 0.5
    shape.requires_grad_()
    vertices = anny_body.rest(shape).vertices
    torch.testing.assert_close(vertices, anny_body.rest(anny_body.shape_bounds[:, 1]).vertices)
    (gradient,) = torch.autograd.grad(vertices.sum(), shape)
    assert torch.equal(gradient, torch.zeros(6))


def test_four_influences_sum_to_one_heaviest_first(anny_body: Body) -> None:
    weights = anny_body.rig.joint_weights
    assert weights.shape == (13_718, 4)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(13_718))
    assert float(weights.min()) >= 0.0
    assert bool((weights.diff(dim=1) <= 0).all())


def test_pruning_keeps_the_heaviest_and_scales_them_up() -> None:
    """0.5, 0.3 and 0.1, 0.1 of five influences remain of 1.04: each is divided by the sum of the four kept."""
    ids = torch.tensor([[7, 3, 9, 1, 4]])
    weights = torch.tensor([[0.1, 0.5, 0.04, 0.3, 0.1]])
    kept_ids, kept_weights = prune_influences(ids, weights, 4)
    assert kept_ids.tolist() == [[3, 1, 7, 4]]
    torch.testing.assert_close(kept_weights, torch.tensor([[0.5, 0.3, 0.1, 0.1]]))


def test_regions_part_the_body(anny_body: Body) -> None:
    assert tuple(anny_body.regions) == REGIONS
    parts = torch.stack([anny_body.regions[name] for name in REGIONS if name != "whole"])
    torch.testing.assert_close(parts.sum(dim=0), torch.ones(13_718), atol=1e-5, rtol=0)
    assert bool((anny_body.regions["whole"] == 1).all())
    assert float(parts.min()) >= 0.0
    height = anny_body.template.vertices[:, 1]
    centre = {name: float((part * height).sum() / part.sum()) for name, part in anny_body.regions.items()}
    assert centre["feet"] < centre["legs"] < centre["torso"] < centre["head"]
    # Every region has vertices that are all its own.
    assert bool((parts > 0.99).any(dim=1).all())


def test_the_mirror_is_an_involution_of_the_whole_body(anny_body: Body) -> None:
    ids = anny_body.mirror_ids
    assert ids is not None
    assert torch.equal(ids[ids], torch.arange(ids.shape[0]))
    vertices = anny_body.template.vertices
    torch.testing.assert_close(vertices[ids] * torch.tensor([-1.0, 1.0, 1.0]), vertices, atol=1e-3, rtol=0)
    faces = {tuple(sorted(face)) for face in anny_body.template.faces.tolist()}
    mirrored = {tuple(sorted(face)) for face in ids[anny_body.template.faces].tolist()}
    # Quads cut along one diagonal leave some triangles without a partner; the rest must map onto the mesh.
    assert len(faces & mirrored) > 0.4 * len(faces)
    for name in REGIONS:
        region = anny_body.regions[name]
        torch.testing.assert_close(region[ids], region, atol=0.05, rtol=0)


@pytest.mark.slow
def test_loading_prints_nothing() -> None:
    script = "from clipmatrix.bodies.anny import load_anny; load_anny()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == ""


def test_importing_the_adapter_does_not_import_anny() -> None:
    script = "import sys, clipmatrix.bodies.anny; sys.exit('anny' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_kept_body_is_of_the_latest_shape(anny_body: Body) -> None:
    space = shape_space(anny_body)
    shape = anny_body.neutral_shape.clone()
    first = space(shape).vertices.clone()
    space(shape).vertices.zero_()
    assert torch.equal(space(shape).vertices, first)
    shape[0] += 0.1
    assert not torch.equal(space(shape).vertices, first)
    # Another table is another body, though the coefficients are the same.
    assert not torch.equal(dataclasses.replace(space, deltas=0.5 * space.deltas)(shape).vertices, space(shape).vertices)
