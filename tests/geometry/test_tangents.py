"""Tangents against closed forms: a sheet in its texture, mirrored, turned and seen from behind."""

import math

import pytest
import torch

from clipmatrix.geometry.tangents import uv_sides, vertex_tangents

FACES = torch.tensor([[0, 1, 2], [0, 2, 3]])
# Counter-clockwise seen from +Z, from the lower left corner.
SHEET = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
NORMALS = torch.tensor([0.0, 0, 1]).expand(4, 3)
# v falls upwards, as its origin is at the top left.
UVS = torch.tensor([[0.0, 1], [1, 1], [1, 0], [0, 0]])


def test_a_sheet_that_lies_in_its_texture_as_it_is_seen() -> None:
    found = vertex_tangents(SHEET, NORMALS, UVS, FACES)
    torch.testing.assert_close(found, torch.tensor([1.0, 0, 0, 1]).expand(4, 4))
    assert uv_sides(UVS, FACES).tolist() == [1, 1]


def test_a_mirrored_sheet_keeps_up_in_the_picture_up() -> None:
    """u grows to the left, so that tangent and normal alone would put the bitangent down: the sign turns it."""
    mirrored = UVS * torch.tensor([-1.0, 1.0])
    found = vertex_tangents(SHEET, NORMALS, mirrored, FACES)
    torch.testing.assert_close(found, torch.tensor([-1.0, 0, 0, -1]).expand(4, 4))
    up = torch.linalg.cross(NORMALS, found[:, :3]) * found[:, 3:]
    torch.testing.assert_close(up, torch.tensor([0.0, 1, 0]).expand(4, 3))
    assert uv_sides(mirrored, FACES).tolist() == [0, 0]


@pytest.mark.parametrize("turn", [0.3, 2.0, -1.1])
def test_a_turned_texture_turns_the_tangents_against_itself(turn: float) -> None:
    """uv' = R(turn) uv with v down: u' = u cos + v sin, and v = -y, so that u' grows along (cos, -sin)."""
    rotation = torch.tensor([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    found = vertex_tangents(SHEET, NORMALS, UVS @ rotation.T, FACES)
    torch.testing.assert_close(found[0], torch.tensor([math.cos(turn), -math.sin(turn), 0.0, 1.0]))


def test_bent_normals_have_tangents_across_them() -> None:
    bent = torch.nn.functional.normalize(torch.tensor([[0.5, 0.1, 1], [0.0, 0, 1], [-0.5, 0, 1], [0.0, 0.4, 1]]), dim=1)
    found = vertex_tangents(SHEET, bent, UVS, FACES)[:, :3]
    torch.testing.assert_close((found * bent).sum(1), torch.zeros(4), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4))


def test_a_texture_without_area_still_has_unit_tangents() -> None:
    found = vertex_tangents(SHEET, NORMALS, torch.zeros(4, 2), FACES)
    torch.testing.assert_close(found[:, :3].norm(dim=1), torch.ones(4))
    assert set(found[:, 3].tolist()) <= {1.0, -1.0}
