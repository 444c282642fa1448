"""Faces are painted where the body's marks say, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.body import Body
from clipmatrix.procedural.faces import Face
from clipmatrix.render.bake import Texels, find_texels
from clipmatrix.render.faces import paint_face

_SKIN, _IRIS, _WHITE = (0.8, 0.6, 0.5), (0.1, 0.7, 0.2), (0.95, 0.95, 0.9)
_BROWS, _LIPS = (0.2, 0.1, 0.05), (0.9, 0.1, 0.2)
_SIZE = 512


@pytest.fixture(scope="module")
def anny_body() -> Body:
    return load_anny()


@pytest.fixture(scope="module")
def texels(anny_body: Body) -> Texels:
    return find_texels(anny_body.template, _SIZE)


@pytest.fixture(scope="module")
def positions(anny_body: Body, texels: Texels) -> np.ndarray:
    return np.einsum("nc,ncd->nd", texels.weights, anny_body.template.vertices.double().numpy()[texels.vertex_ids])


def painted(body: Body, texels: Texels, face: Face) -> np.ndarray:
    albedo = torch.tensor(_SKIN).expand(_SIZE, _SIZE, 3).contiguous()
    return paint_face(albedo, body, texels, face).reshape(-1, 3).numpy()[texels.indices]


def near(positions: np.ndarray, x: float, y: float, within: float) -> np.ndarray:
    """Texels of the front of the head at a place and its mirror image."""
    away = np.stack([np.abs(positions[:, 0]) - x, positions[:, 1] - y], axis=1)
    return (np.linalg.norm(away, axis=1) < within) & (positions[:, 2] > 0.12)


def test_eyes_have_white_iris_and_pupil(anny_body: Body, texels: Texels, positions: np.ndarray) -> None:
    colors = painted(anny_body, texels, Face(_IRIS, _WHITE))
    greens = np.abs(colors - np.array(_IRIS)).max(1) < 0.1
    whites = np.abs(colors - np.array(_WHITE)).max(1) < 0.02
    pupils = colors.max(1) < 0.08
    for found, least in ((greens, 20), (whites, 500), (pupils, 6)):
        for side in (-1, 1):
            assert (found & (positions[:, 0] * side > 0)).sum() >= least / 2
    middle = positions[greens].mean(0)
    assert middle[1] == pytest.approx(1.7225, abs=0.004)
    assert middle[2] > 0.14


def test_skin_beside_the_features_stays(anny_body: Body, texels: Texels, positions: np.ndarray) -> None:
    colors = painted(anny_body, texels, Face(_IRIS, _WHITE, _BROWS, _LIPS))
    is_skin = np.abs(colors - np.array(_SKIN)).max(1) < 1e-3
    assert is_skin[positions[:, 1] < 1.6].all()
    assert is_skin[positions[:, 2] < 0.05].all()
    assert is_skin.mean() > 0.97


def test_brows_and_lips_lie_in_their_places(anny_body: Body, texels: Texels, positions: np.ndarray) -> None:
    colors = painted(anny_body, texels, Face(_IRIS, _WHITE, _BROWS, _LIPS))
    brow, lip = near(positions, 0.033, 1.7425, 0.0022), near(positions, 0.0, 1.643, 0.003)
    assert brow.sum() > 1
    assert lip.sum() > 2
    assert colors[brow].mean(0) == pytest.approx(_BROWS, abs=0.25)
    assert colors[lip].mean(0) == pytest.approx(_LIPS, abs=0.05)


def test_without_brows_and_lips_only_eyes_change(anny_body: Body, texels: Texels, positions: np.ndarray) -> None:
    colors = painted(anny_body, texels, Face(_IRIS, _WHITE))
    changed = positions[np.abs(colors - np.array(_SKIN)).max(1) > 1e-3]
    away = np.linalg.norm(
        changed - np.array([0.0313, 1.7225, 0.1291]) * np.sign(changed[:, :1] + 1e-12) ** [1, 0, 0], axis=1
    )
    assert away.max() < 0.018


def test_a_body_without_marks_stays_as_it_was(anny_body: Body, texels: Texels) -> None:
    albedo = torch.rand(_SIZE, _SIZE, 3)
    assert paint_face(albedo, replace(anny_body, face=None), texels, Face(_IRIS, _WHITE)) is albedo
