"""The line between trunk and legs: as clothes have it, on every upright body, and a partition still."""

from pathlib import Path

import pytest
import torch
from tests.bodies.smplx_files import write_smplx

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.belt import belted, collared
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


def test_the_collar_of_anny_is_a_plane_and_lower_in_front() -> None:
    body = load_anny()
    head, torso = body.regions["head"], body.regions["torso"]
    points = body.template.vertices.double()
    is_line = (head * torso > 0.05) & (head + torso > 0.99)
    assert int(is_line.sum()) > 20
    design = torch.stack([torch.ones_like(points[:, 0]), points[:, 2]], dim=1)[is_line]
    solution = torch.linalg.lstsq(design, points[is_line, 1:2]).solution
    assert float(solution[1, 0]) < -0.3
    assert float((points[is_line, 1:2] - design @ solution).abs().max()) < 0.02
    torch.testing.assert_close(_parts(body), torch.ones(len(points)), atol=1e-5, rtol=0)


def test_the_collar_leaves_head_and_trunk_elsewhere_as_they_were() -> None:
    body = load_anny()
    points = body.template.vertices
    assert float(body.regions["head"][points[:, 1] > 1.68].min()) > 0.99
    assert float(body.regions["head"][points[:, 1] < 1.45].max()) == 0.0


def test_without_a_shared_neck_there_is_no_collar() -> None:
    regions = {"head": torch.tensor([1.0, 0.0]), "torso": torch.tensor([0.0, 1.0])}
    found = collared(regions, torch.tensor([[0.0, 1.7, 0.0], [0.0, 1.0, 0.0]]))
    assert all(torch.equal(found[name], regions[name]) for name in regions)
