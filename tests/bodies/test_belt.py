"""The line between trunk and legs: as clothes have it, on every upright body, and a partition still."""

from pathlib import Path

import pytest
import torch
from tests.bodies.smplx_files import write_smplx

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.belt import belted
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.smplx import load_smplx


def _parts(body: Body) -> torch.Tensor:
    return torch.stack([weights for name, weights in body.regions.items() if name != "whole"]).sum(dim=0)


def _at_the_crotch(body: Body) -> torch.Tensor:
    """Vertices in the middle of the body, a hand's breadth below where the legs turn."""
    points = body.template.vertices
    hips = body.rig.joint_from_bind.inverse()[body.humanoid["upper_leg_l"], :3, 3]
    near = (points[:, 0].abs() < 0.02) & ((hips[1] - points[:, 1] - 0.07).abs() < 0.03)
    assert bool(near.any())
    return near


def test_the_crotch_of_anny_belongs_to_the_legs() -> None:
    body = load_anny()
    assert float(body.regions["legs"][_at_the_crotch(body)].min()) > 0.99
    torch.testing.assert_close(_parts(body), torch.ones(len(body.template.vertices)), atol=1e-5, rtol=0)


def test_an_smplx_body_has_a_belt(tmp_path: Path) -> None:
    body = load_smplx(write_smplx(tmp_path / "model.npz"))
    points = body.template.vertices[:, 1]
    is_leg = body.regions["legs"] > 0.5
    line = 0.5 * (points[is_leg].max() + points[body.regions["torso"] > 0.5].min())
    assert float((body.regions["torso"] * (points <= line - 0.03)).max()) == 0.0
    assert float(body.regions["torso"].sum()) > 0.0
    torch.testing.assert_close(_parts(body), torch.ones(len(points)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("missing", ["legs", "torso"])
def test_what_has_no_legs_or_no_trunk_stays(missing: str) -> None:
    regions = {"legs": torch.tensor([1.0, 0.0]), "torso": torch.tensor([0.0, 1.0]), "head": torch.zeros(2)}
    regions.pop(missing)
    found = belted(regions, torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.5, 0.0]]))
    assert found.keys() == regions.keys()
    assert all(torch.equal(found[name], regions[name]) for name in regions)


def test_a_trunk_below_the_legs_top_goes_to_them() -> None:
    regions = {"legs": torch.tensor([1.0, 0.2, 0.0]), "torso": torch.tensor([0.0, 0.8, 1.0])}
    found = belted(regions, torch.tensor([[0.1, 1.0, 0.0], [0.0, 0.9, 0.0], [0.0, 1.2, 0.0]]))
    torch.testing.assert_close(found["legs"], torch.tensor([1.0, 1.0, 0.0]))
    torch.testing.assert_close(found["torso"], torch.tensor([0.0, 0.0, 1.0]))


def test_the_line_is_straight_between_the_vertices_of_a_zigzag() -> None:
    regions = {"legs": torch.tensor([1.0, 0.0, 0.0, 0.0]), "torso": torch.tensor([0.0, 1.0, 1.0, 1.0])}
    heights = torch.tensor([1.0, 0.99, 1.01, 1.005])
    found = belted(regions, torch.stack([torch.zeros(4), heights, torch.zeros(4)], dim=1))
    torch.testing.assert_close(found["legs"][1:], torch.tensor([0.75, 0.25, 0.375]))
    torch.testing.assert_close(found["legs"] + found["torso"], torch.ones(4))
