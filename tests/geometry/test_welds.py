"""Creases split vertices, welds hold them together, and pieces are made to look outward."""

import numpy as np
import pytest
import torch

from clipmatrix.geometry.mesh import face_normals
from clipmatrix.geometry.welds import (
    flat_faces,
    inward_faces,
    repeated_faces,
    split_creases,
    to_welds,
    weld_points,
)

CORNERS = np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
BOX = np.array([t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))], np.int64)


def ball(num: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Points on a sphere and their convex hull, its faces looking anywhere."""
    from scipy.spatial import ConvexHull

    places = np.random.default_rng(3).standard_normal((num, 3))
    points = places / np.linalg.norm(places, axis=1, keepdims=True)
    return points, ConvexHull(points).simplices.astype(np.int64)


def volume(points: np.ndarray, faces: np.ndarray) -> float:
    corners, towards = torch.from_numpy(points), torch.from_numpy(faces)
    return float((face_normals(corners, towards) * corners[towards[:, 0]]).sum() / 6)


def test_a_box_has_a_vertex_for_each_side_of_a_corner() -> None:
    """Three sides meet at each of eight corners: 24."""
    kinds = np.zeros_like(BOX)
    assert len(np.unique(split_creases(CORNERS, BOX, None, kinds))) == 24


def test_a_smooth_ball_is_not_split() -> None:
    points, faces = ball(200)
    is_inward, _ = inward_faces(points, faces)
    faces = np.where(is_inward[:, None], faces[:, ::-1], faces)
    split = split_creases(points, faces, None, np.zeros_like(faces))
    assert len(np.unique(split)) == len(points)


def test_the_files_normals_say_where_creases_are() -> None:
    """A box shaded as a ball has no crease, one corner of another kind at a time has."""
    middle = CORNERS - 0.5
    normals = (middle / np.linalg.norm(middle, axis=1, keepdims=True))[BOX]
    kinds = np.zeros_like(BOX)
    assert len(np.unique(split_creases(CORNERS, BOX, normals, kinds))) == 8
    kinds[0] = 1
    assert len(np.unique(split_creases(CORNERS, BOX, normals, kinds))) == 11


def test_moving_along_shared_normals_tears_nothing() -> None:
    split = split_creases(CORNERS, BOX, None, np.zeros_like(BOX))
    places = np.empty(24, np.int64)
    places[split.reshape(-1)] = BOX.reshape(-1)
    _, first, inverse = np.unique(places, return_index=True, return_inverse=True)
    welds = to_welds(first[inverse], first[inverse][split])
    normals = welds.normals(torch.from_numpy(CORNERS[places]))
    assert torch.equal(normals, normals[welds.first_ids])
    outward = torch.from_numpy(CORNERS[places] - 0.5)
    assert bool(((normals * outward).sum(1) > 0.5).all())


@pytest.mark.parametrize("seed", range(4))
def test_pieces_are_turned_outward(seed: int) -> None:
    """Any faces turned any way round, in two closed pieces and an open one: the closed ones come out with volume."""
    rng = np.random.default_rng(seed)
    points, faces = ball()
    both = np.concatenate([points, points + 5])
    pieces = np.concatenate([faces, faces + len(points)])
    is_turned = rng.random(len(pieces)) < 0.4
    mixed = np.where(is_turned[:, None], pieces[:, ::-1], pieces)
    is_inward, is_open = inward_faces(both, mixed)
    mended = np.where(is_inward[:, None], mixed[:, ::-1], mixed)
    assert not is_open.any()
    hull = abs(volume(*_outward(points, faces)))
    assert volume(both, mended) == pytest.approx(2 * hull)
    assert inward_faces(both, mixed[1:])[1].any()


def _outward(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = points[faces].mean(1)
    normal = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    return points, np.where(((normal * middle).sum(1) < 0)[:, None], faces[:, ::-1], faces)


def test_points_of_one_place_get_one_number() -> None:
    points = np.array([[0.0, 0, 0], [1, 0, 0], [1e-9, 0, 0], [0, 1, 0], [1, 1e-9, 0]])
    np.testing.assert_array_equal(weld_points(points, 1e-6), [0, 1, 0, 2, 1])


def test_flat_and_repeated_faces_are_found() -> None:
    faces = np.array([[0, 1, 2], [1, 2, 0], [2, 1, 0], [0, 1, 1], [4, 5, 6]])
    np.testing.assert_array_equal(flat_faces(CORNERS, faces), [False, False, False, True, False])
    is_repeated, is_both = repeated_faces(faces)
    np.testing.assert_array_equal(is_repeated, [False, True, True, False, False])
    np.testing.assert_array_equal(is_both, [True, False, False, False, False])
