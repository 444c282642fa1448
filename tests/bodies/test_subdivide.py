"""Finer bodies: what comes along, gradients, limits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.bodies.gltf_files import write_figure
from tests.bodies.test_mesh_body import write_obj
from tests.geometry.test_welds import BOX, CORNERS
from tests.toy_body import build_toy_body

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.gltf_body import load_gltf
from clipmatrix.bodies.loading import load_body
from clipmatrix.bodies.mesh_body import load_mesh
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.bodies.subdivide import MOST_FACES, check_levels, subdivide
from clipmatrix.config import RunConfig
from clipmatrix.errors import BodyError, ConfigError


@pytest.fixture(scope="module")
def coarse() -> Body:
    return build_toy_body()


@pytest.fixture(scope="module")
def fine(coarse: Body) -> Body:
    return subdivide(coarse, 1)


def test_everything_comes_along(coarse: Body, fine: Body) -> None:
    num = len(fine.template.vertices)
    assert len(fine.template.faces) == 4 * len(coarse.template.faces)
    assert fine.rig.joint_ids.shape == (num, coarse.rig.joint_ids.shape[1])
    torch.testing.assert_close(fine.rig.joint_weights.sum(1), torch.ones(num))
    assert all(member.shape == (num,) for member in fine.regions.values())
    parts = torch.stack([member for name, member in fine.regions.items() if name != "whole"])
    torch.testing.assert_close(parts.sum(0), torch.ones(num))
    assert fine.template.face_uvs.max() < len(fine.template.uvs)
    torch.testing.assert_close(fine.template.uvs.amin(0), coarse.template.uvs.amin(0))


def test_it_stands_on_the_ground_a_hair_smaller(coarse: Body, fine: Body) -> None:
    assert float(fine.template.vertices[:, 1].min()) == 0.0
    heights = [float(body.template.vertices[:, 1].max()) for body in (coarse, fine)]
    assert 0.95 * heights[0] < heights[1] <= heights[0]


def test_pose_moves_the_finer_skin_as_the_coarse_one(coarse: Body, fine: Body) -> None:
    """Turned as a whole it is the turned body; the first vertices are the old ones, rounded."""
    turn = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    rotations = torch.eye(3).repeat(1, 3, 1, 1)
    rotations[:, 0] = turn
    posed = skin(fine.template.vertices, fine.rig, world_from_joint(fine.rig, rotations))[0]
    torch.testing.assert_close(posed, fine.template.vertices @ turn.T, atol=1e-5, rtol=0)


def test_gradient_reaches_the_shape(coarse: Body, fine: Body) -> None:
    def loss(shape: torch.Tensor) -> torch.Tensor:
        rest = fine.rest(shape)
        return (rest.vertices * torch.linspace(-1, 1, rest.vertices.numel()).reshape(-1, 3)).sum()

    shape = fine.neutral_shape.clone().requires_grad_()
    loss(shape).backward()
    assert shape.grad is not None
    for index in range(2):
        step = torch.zeros(2)
        step[index] = 1e-2
        slope = (loss(fine.neutral_shape + step) - loss(fine.neutral_shape - step)) / 2e-2
        assert float(shape.grad[index]) == pytest.approx(float(slope), rel=2e-2, abs=1e-2)


def test_anny_keeps_its_symmetry(anny_body: Body) -> None:
    fine = subdivide(anny_body, 1)
    assert len(fine.template.faces) == 4 * 27_420
    assert fine.mirror_ids is not None
    mirrored = fine.template.vertices[fine.mirror_ids] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(mirrored, fine.template.vertices, atol=1e-3, rtol=0)
    assert torch.equal(fine.mirror_ids[fine.mirror_ids], torch.arange(len(fine.mirror_ids)))


def test_too_much_is_one_line() -> None:
    with pytest.raises(BodyError, match="use --subdivide 2"):
        check_levels("x", MOST_FACES // 20, 3)
    with pytest.raises(BodyError, match="from 0 to 3, not 7"):
        check_levels("x", 10, 7)


def test_a_rigged_file_keeps_its_own_vertices_first(tmp_path: Path) -> None:
    path = write_figure(tmp_path / "figure.glb")
    coarse, fine = load_gltf(path), load_gltf(path, 1)
    assert coarse.source is not None
    assert fine.source is not None
    assert len(fine.source.corner_ids) == 4 * len(coarse.source.corner_ids)
    for own, finer in zip(coarse.source.parts, fine.source.parts, strict=True):
        num = len(own.positions)
        np.testing.assert_array_equal(finer.positions[:num], own.positions)
        np.testing.assert_array_equal(finer.joints[:num], own.joints)
        np.testing.assert_array_equal(finer.weights[:num], own.weights)
        if own.skin is not None:
            np.testing.assert_allclose(finer.weights.sum(axis=1), 1.0, atol=1e-5)
    assert fine.rig.joint_names == coarse.rig.joint_names
    for axis in range(3):
        low, high = (getattr(coarse.template.vertices[:, axis], end)() for end in ("min", "max"))
        assert fine.template.vertices[:, axis].min() >= low - 1e-5
        assert fine.template.vertices[:, axis].max() <= high + 1e-5


def test_a_still_file_keeps_its_form(tmp_path: Path) -> None:
    """A box stays a box: twelve faces become 192, and its area is the same."""
    path = write_obj(tmp_path / "box.obj", CORNERS, BOX)
    areas = []
    for levels in (0, 2):
        mesh = load_mesh(path, levels).template
        a, b, c = mesh.vertices[mesh.faces].unbind(1)
        areas.append(float(torch.linalg.cross(b - a, c - a).norm(dim=1).sum()))
        assert len(mesh.faces) == 12 * 4**levels
    assert areas[1] == pytest.approx(areas[0], rel=1e-5)


def test_setting_reaches_the_body(tmp_path: Path) -> None:
    path = write_obj(tmp_path / "box.obj", CORNERS, BOX)
    assert len(load_body(str(path), 1).template.faces) == 48
    assert len(load_body(str(path)).template.faces) == 12
    with pytest.raises(ConfigError, match="subdivide must be from 0 to 3"):
        RunConfig(subdivide=4)
