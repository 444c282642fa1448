"""Searched forms made well: spikes that cross and fold are smoothed where they do, and nothing else is touched."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.toy_body import build_toy_body
from torch import Tensor

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.body import Body
from clipmatrix.generate import easing
from clipmatrix.generate.easing import LARGEST_EDGE_CHANGE, MOST_FLIPPED, ease
from clipmatrix.geometry.intersections import self_intersecting
from clipmatrix.geometry.mesh import Mesh, build_edges, vertex_normals
from clipmatrix.geometry.quality import is_flipped
from clipmatrix.health.verdicts import edge_change, judge
from clipmatrix.procedural.looks import sample_look
from clipmatrix.procedural.tables import CHANGES
from clipmatrix.render.bake import bake_offset
from clipmatrix.render.posed_bodies import shape_from_phenotypes


def _outward(body: Body) -> Tensor:
    return vertex_normals(body.template.vertices, body.template.faces)


def test_a_form_that_is_well_stays_as_it_is_bit_for_bit() -> None:
    body = build_toy_body()
    offset = 0.02 * _outward(body)
    eased = ease(offset, body.template.vertices, body)
    assert eased.rounds == 0
    assert torch.equal(eased.offset, offset)


def test_a_needle_becomes_a_bump_and_the_rest_stays() -> None:
    """One vertex pulled out by 3 m changes its edges, of some 13 cm, by a factor of more than ten."""
    body = build_toy_body()
    tip = int(torch.nonzero(body.regions["head"] > 0.9)[10])
    offset = torch.zeros_like(body.template.vertices)
    offset[tip] = 3.0 * _outward(body)[tip]
    edge_ids = build_edges(body.template.faces).vertex_ids
    assert edge_change(body.template.vertices + offset, body.template.vertices, edge_ids) > LARGEST_EDGE_CHANGE
    eased = ease(offset, body.template.vertices, body)
    assert edge_change(body.template.vertices + eased.offset, body.template.vertices, edge_ids) <= LARGEST_EDGE_CHANGE
    assert 0.05 < float(eased.offset[tip].norm()) < 3.0
    assert not bool(eased.offset[body.regions["legs"] > 0.5].any())


def test_a_form_that_folds_and_crosses_is_healthy_afterwards() -> None:
    body = build_toy_body()
    generator = torch.Generator().manual_seed(3)
    offset = 0.1 * torch.randn(body.template.vertices.shape, generator=generator)
    mesh, bare = body.template, body.template.vertices
    wild = Mesh(bare + offset, mesh.faces, mesh.uvs, mesh.face_uvs)
    assert not judge(wild, bare).is_healthy
    eased = ease(offset, bare, body)
    assert 0 < eased.rounds < easing._ROUNDS
    vertices = bare + eased.offset
    assert float(is_flipped(vertices, bare, mesh.faces).float().mean()) <= MOST_FLIPPED
    crossing = self_intersecting(vertices, mesh.faces) & ~self_intersecting(bare, mesh.faces)
    assert float(crossing.float().mean()) <= easing.MOST_CROSSING
    assert judge(Mesh(vertices, mesh.faces, mesh.uvs, mesh.face_uvs), bare).is_healthy
    # It gives in, but not altogether.
    assert float(eased.offset.norm()) > 0.1 * float(offset.norm())


@pytest.mark.parametrize("size", [0.3, 1.0, 10.0])
def test_no_form_is_too_wild(size: float) -> None:
    body = build_toy_body()
    mesh, bare = body.template, body.template.vertices
    offset = size * torch.randn(bare.shape, generator=torch.Generator().manual_seed(5))
    eased = ease(offset, bare, body)
    assert eased.rounds < easing._ROUNDS
    assert judge(Mesh(bare + eased.offset, mesh.faces, mesh.uvs, mesh.face_uvs), bare).is_healthy


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_no_searched_form_is_too_wild(seed: int) -> None:
    body, rng = load_anny(), np.random.default_rng(seed)
    changes = np.where(rng.random(len(CHANGES)) < 0.4, 0.9, 0.0)
    changes[[CHANGES.index(name) for name in ("inflation", "lumps", "plates")]] = 0.9
    shape = shape_from_phenotypes(body, rng.random(6))
    bare = body.rest(shape).vertices
    offset = bake_offset(replace(sample_look(rng, 0.3), changes=changes), body, shape)
    assert float(is_flipped(bare + offset, bare, body.template.faces).float().mean()) > 0.05
    eased = ease(offset, bare, body)
    assert eased.rounds < easing._ROUNDS
    vertices = bare + eased.offset
    assert float(is_flipped(vertices, bare, body.template.faces).float().mean()) <= MOST_FLIPPED
    crossing = self_intersecting(vertices, body.template.faces) & ~self_intersecting(bare, body.template.faces)
    assert float(crossing.float().mean()) <= easing.MOST_CROSSING
