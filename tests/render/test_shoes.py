"""Feet that wear something have the form of shoes, on every build, without folds; bare ones keep their toes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.support_body import build_support_body
from tests.support_looks import anny, finished_look

from clipmatrix.geometry.intersections import self_intersecting
from clipmatrix.geometry.mesh import build_edges
from clipmatrix.geometry.quality import edge_lengths, is_flipped
from clipmatrix.health.verdicts import SMALLEST_LENGTH
from clipmatrix.render.bake import bake_offset
from clipmatrix.render.posed_bodies import shape_from_phenotypes
from clipmatrix.render.shoes import shoe_offset, toes_of

_BUILDS = (
    (0.5,) * 6,
    (0.05, 0.38, 0.5, 0.5, 0.5, 0.5),
    (0.95, 0.6, 0.05, 0.95, 0.5, 0.5),
    (0.05, 0.6, 0.9, 0.5, 0.95, 0.5),
)


def _rest(build: tuple[float, ...]) -> torch.Tensor:
    return anny().rest(shape_from_phenotypes(anny(), np.array(build))).vertices.detach()


@pytest.mark.parametrize("build", _BUILDS)
def test_shoes_are_well_on_every_build(build: tuple[float, ...]) -> None:
    body, rest = anny(), _rest(build)
    offset = shoe_offset(body, rest)
    assert offset is not None
    shod, faces = rest + offset, body.template.faces
    edges = build_edges(faces).vertex_ids
    ratio = (edge_lengths(shod, edges) + SMALLEST_LENGTH) / (edge_lengths(rest, edges) + SMALLEST_LENGTH)
    assert float(torch.maximum(ratio, 1 / ratio).max()) < 20
    assert float(is_flipped(shod, rest, faces).float().mean()) < 0.0015
    assert float((self_intersecting(shod, faces) & ~self_intersecting(rest, faces)).float().mean()) < 0.003


@pytest.mark.parametrize("build", _BUILDS)
def test_a_shoe_is_closed_in_front_and_about_as_long_as_the_foot(build: tuple[float, ...]) -> None:
    body, rest = anny(), _rest(build)
    offset = shoe_offset(body, rest)
    assert offset is not None
    toes = toes_of(body)
    left = toes & (rest[:, 0] > 0)
    shod = rest + offset
    # Five gaps between toes are gone: what is left of the toes is in one place, at the tip.
    assert float(shod[left][:, 1].max() - shod[left][:, 1].min()) < 0.5 * float(
        rest[left][:, 1].max() - rest[left][:, 1].min()
    )
    longer = float(shod[:, 2].max() - rest[:, 2].max())
    assert -0.01 < longer < 0.03
    assert torch.equal(shod[rest[:, 1] > 0.2], rest[rest[:, 1] > 0.2])


def test_both_feet_are_alike() -> None:
    body, rest = anny(), _rest(_BUILDS[0])
    offset = shoe_offset(body, rest)
    assert offset is not None
    assert body.mirror_ids is not None
    mirrored = offset[body.mirror_ids] * torch.tensor([-1.0, 1.0, 1.0])
    assert float((mirrored - offset).abs().max()) < 1e-4


def test_a_body_without_toes_has_none() -> None:
    body = build_support_body()
    assert shoe_offset(body, body.template.vertices) is None


@pytest.mark.parametrize(
    ("text", "is_shod"),
    [
        ("a man in a black suit", True),
        ("a woman in a red dress", True),
        ("a soldier", True),
        ("a clown", True),
        ("a barefoot man in jeans", False),
        ("a zebra striped man", False),
        ("a goblin", False),
        ("a golden statue", False),
    ],
)
def test_who_wears_shoes(text: str, is_shod: bool) -> None:
    body, look = anny(), finished_look(text, 1)
    usual = replace(look, changes=np.zeros_like(look.changes))
    moved = bake_offset(usual, body, body.neutral_shape)[toes_of(body)].norm(dim=1)
    assert bool(moved.max() > 0.015) is is_shod
