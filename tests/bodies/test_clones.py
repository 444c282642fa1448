"""Several figures as one body: shapes, poses, regions, textures, and each of them got back."""

import itertools
from pathlib import Path

import pytest
import torch
from tests.bodies.gltf_files import write_figure
from tests.toy_body import build_toy_body

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.clones import ClonePoses, clone, figure_of, grid, joined_textures
from clipmatrix.bodies.gltf_body import load_gltf
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.errors import BodyError


@pytest.fixture(scope="module")
def single() -> Body:
    return build_toy_body()


@pytest.fixture(scope="module")
def pair(single: Body) -> Body:
    return clone(single, 2)


def test_each_figure_has_its_own_shape(single: Body, pair: Body) -> None:
    shapes = torch.tensor([[1.2, 0.8], [0.9, 1.5]])
    rest = pair.rest(shapes.flatten())
    for figure, shape in enumerate(shapes):
        own, wanted = figure_of(pair, rest, figure), single.rest(shape)
        shift = own.vertices - wanted.vertices
        torch.testing.assert_close(shift, shift[:1].expand_as(shift), atol=1e-6, rtol=0)
        assert float(shift[0, 0]) == pytest.approx(
            -float(figure_of(pair, rest, 1 - figure).vertices[0, 0] - single.rest(shapes[1 - figure]).vertices[0, 0]),
            abs=1e-5,
        )
        assert own.rig.parents == wanted.rig.parents
        assert torch.equal(own.rig.joint_ids, wanted.rig.joint_ids)
    assert pair.shape_names == ("height", "girth", "height.2", "girth.2")
    assert len(set(pair.rig.joint_names)) == len(pair.rig.joint_names) == 6


def test_figures_are_posed_apart(single: Body, pair: Body) -> None:
    turn = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    rotations = torch.eye(3).repeat(1, 6, 1, 1)
    rotations[:, 3] = turn
    posed = skin(pair.template.vertices, pair.rig, world_from_joint(pair.rig, rotations))[0]
    num = len(single.template.vertices)
    torch.testing.assert_close(posed[:num], pair.template.vertices[:num], atol=1e-6, rtol=0)
    place = pair.template.vertices[num:] - single.template.vertices
    torch.testing.assert_close(posed[num:], single.template.vertices @ turn.T + place, atol=1e-5, rtol=0)


def test_they_stand_apart_around_the_origin(single: Body) -> None:
    for count in (2, 3, 4):
        body = clone(single, count)
        num = len(single.template.vertices)
        spans = [body.template.vertices[i * num : (i + 1) * num, 0] for i in range(count)]
        for left, right in itertools.pairwise(spans):
            assert float(left.max()) < float(right.min())
        assert float(body.template.vertices[:, 0].mean()) == pytest.approx(
            float(single.template.vertices[:, 0].mean()), abs=1e-5
        )


def test_regions_and_textures_are_their_own(single: Body, pair: Body) -> None:
    num = len(single.template.vertices)
    assert torch.equal(pair.regions["head 2"][num:], single.regions["head"])
    assert not pair.regions["head 2"][:num].any()
    assert pair.regions["whole"].all()
    num_uvs = len(single.template.uvs)
    assert float(pair.template.uvs[:num_uvs, 0].max()) <= 0.5 <= float(pair.template.uvs[num_uvs:, 0].min())
    assert pair.template.face_uvs.max() < len(pair.template.uvs)


def test_texture_cells_are_where_the_uvs_are() -> None:
    assert [grid(num) for num in (1, 2, 3, 4)] == [(1, 1), (1, 2), (2, 2), (2, 2)]
    colors = [torch.full((8, 8, 3), value) for value in (0.1, 0.5, 0.9)]
    sheet = joined_textures(colors[:2], 16)
    assert sheet[:, :8].unique().tolist() == pytest.approx([0.1])
    assert sheet[:, 8:].unique().tolist() == pytest.approx([0.5])
    sheet = joined_textures(colors, 16)
    assert float(sheet[12, 4, 0]) == pytest.approx(0.9)


def test_poses_are_drawn_for_each() -> None:
    class Draw:
        def sample(self, num: int, generator: torch.Generator) -> torch.Tensor:
            return torch.rand(num, 3, 3, 3, generator=generator)

    poses = ClonePoses(Draw(), 2).sample(4, torch.Generator().manual_seed(0))
    assert poses.shape == (4, 6, 3, 3)
    assert not torch.equal(poses[:, :3], poses[:, 3:])


def test_what_cannot_be_cloned_is_one_line(tmp_path: Path, single: Body) -> None:
    assert clone(single, 1) is single
    with pytest.raises(BodyError, match="1 to 4 figures"):
        clone(single, 5)
    with pytest.raises(BodyError, match="keeps its own rig"):
        clone(load_gltf(write_figure(tmp_path / "figure.glb")), 2)
