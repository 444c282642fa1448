"""Anny's local shape changes: names, symmetry, gradients, and what the plain body keeps."""

import pytest
import torch

from clipmatrix.bodies.anny_local import LocalShapeSpace
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.loading import load_body
from clipmatrix.errors import BodyError


@pytest.fixture(scope="module")
def local() -> Body:
    return load_body("anny:local")


@pytest.mark.slow
def test_at_zero_it_is_the_plain_body(local: Body, anny_body: Body) -> None:
    rest = local.rest(local.neutral_shape)
    torch.testing.assert_close(rest.vertices, anny_body.template.vertices, atol=1e-6, rtol=0)
    assert local.shape_names[:6] == anny_body.shape_names
    assert len(local.shape_names) == len(local.shape_bounds) == len(local.neutral_shape) > 150
    assert len(set(local.shape_names)) == len(local.shape_names)


@pytest.mark.slow
def test_changes_keep_the_figure_symmetric_and_on_the_ground(local: Body) -> None:
    assert local.mirror_ids is not None
    draw = torch.Generator().manual_seed(0)
    shape = local.neutral_shape.clone()
    shape[6:] = 0.4 * (2 * torch.rand(len(shape) - 6, generator=draw) - 1)
    rest = local.rest(shape)
    mirrored = rest.vertices[local.mirror_ids] * torch.tensor([-1.0, 1.0, 1.0])
    assert float((mirrored - rest.vertices).norm(dim=1).mean()) < 2e-3
    assert float(rest.vertices[:, 1].min()) == 0.0
    assert float((rest.vertices - local.template.vertices).norm(dim=1).max()) > 0.05


@pytest.mark.slow
def test_longer_arms_have_joints_further_out(local: Body) -> None:
    shape = local.neutral_shape.clone()
    shape[local.shape_names.index("measure-lowerarm-length-incr")] = 0.6
    hand = local.humanoid["hand_l"]
    before, after = (local.rest(s).rig.bind_from_joint[hand, 0, 3] for s in (local.neutral_shape, shape))
    assert float(after - before) > 0.01


def test_gradient_at_zero_is_the_side_aboves(anny_body: Body) -> None:
    """A change that lifts the first vertex by 2 above zero and by 5 below: the slope at zero is 2."""
    size = 3 * (len(anny_body.template.vertices) + len(anny_body.rig.parents))
    above, below = torch.zeros(1, size), torch.zeros(1, size)
    above[0, 0], below[0, 0] = 2.0, -5.0
    space = LocalShapeSpace(anny_body.rest, 6, above, below)
    for value, wanted in ((0.0, 2.0), (0.3, 2.0), (-0.3, 5.0)):
        shape = torch.cat([anny_body.neutral_shape, torch.tensor([value])]).requires_grad_()
        moved = space(shape).vertices[0, 0]
        moved.backward()
        assert shape.grad is not None
        assert float(shape.grad[6]) == pytest.approx(wanted)


def test_other_kinds_of_anny_are_one_line() -> None:
    with pytest.raises(BodyError, match="anny:local for its local shape changes"):
        load_body("anny:everything")
