"""Verdicts: each kind of damage is told by its own name, and a sound body by none."""

import json

import numpy as np
import pytest
import torch
from tests.toy_body import build_toy_body

from clipmatrix.geometry.mesh import Mesh
from clipmatrix.health.verdicts import judge

BODY = build_toy_body().template
GREY = np.full((8, 8, 3), 128, dtype=np.uint8)


def _moved(vertices: torch.Tensor) -> Mesh:
    return Mesh(vertices, BODY.faces, BODY.uvs, BODY.face_uvs)


def _complaints(mesh: Mesh, reference=BODY.vertices, albedo=GREY) -> set[str]:
    return {verdict.name for verdict in judge(mesh, reference, albedo).verdicts if not verdict.is_healthy}


def test_a_sound_body_is_healthy_with_and_without_a_reference() -> None:
    assert judge(BODY, BODY.vertices, GREY).is_healthy
    assert judge(BODY, None, GREY).is_healthy
    assert judge(_moved(BODY.vertices * 1.2), BODY.vertices, GREY).is_healthy


def test_noise_folds_crosses_and_is_told_with_and_without_a_reference() -> None:
    noise = 0.3 * torch.randn(BODY.vertices.shape, generator=torch.Generator().manual_seed(0))
    assert {"flipped", "intersections"} <= _complaints(_moved(BODY.vertices + noise))
    assert {"flipped", "intersections"} <= _complaints(_moved(BODY.vertices + noise), reference=None)


def test_a_spike_is_told_by_its_edges() -> None:
    spiked = BODY.vertices.clone()
    spiked[50] *= torch.tensor([30.0, 1.0, 30.0])
    assert "edges" in _complaints(_moved(spiked))


def test_a_collapsed_body_has_no_volume_and_no_area() -> None:
    flat = BODY.vertices * torch.tensor([1.0, 1.0, 0.0])
    assert {"volume"} <= _complaints(_moved(flat))
    assert {"degenerate", "volume"} <= _complaints(_moved(BODY.vertices * torch.tensor([0.0, 1.0, 0.0])))
    assert {"volume"} <= _complaints(Mesh(BODY.vertices, BODY.faces.flip(1), BODY.uvs, BODY.face_uvs), reference=None)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_undefined_vertices_are_counted_and_spoil_no_other_verdict(value: float) -> None:
    broken = BODY.vertices.clone()
    broken[3, 1] = value
    assert _complaints(_moved(broken)) == {"numbers"}
    assert judge(_moved(broken), BODY.vertices).verdicts[0].value == 1
    everything = judge(_moved(torch.full_like(BODY.vertices, value)), BODY.vertices)
    assert not everything.is_healthy
    json.dumps(everything.record(), allow_nan=False)


def test_clipped_textures_are_told() -> None:
    assert _complaints(BODY, albedo=np.zeros((8, 8, 3), dtype=np.uint8)) == {"texture"}
    red = np.zeros((8, 8, 3), dtype=np.uint8) + np.array([200, 30, 30], dtype=np.uint8)
    assert _complaints(BODY, albedo=red) == set()


def test_crumpled_uvs_are_told() -> None:
    uvs = BODY.uvs.clone()
    uvs[:, 0] = uvs[:, 0] ** 12
    assert _complaints(Mesh(BODY.vertices, BODY.faces, uvs, BODY.face_uvs), reference=None) <= {"uv stretch"}
    stretched = BODY.vertices * torch.tensor([1.0, 1.0, 1.0])
    stretched[BODY.vertices[:, 1] > 1.2] *= torch.tensor([1.0, 6.0, 1.0])
    assert "uv stretch" in _complaints(_moved(stretched)) or "volume" in _complaints(_moved(stretched))
