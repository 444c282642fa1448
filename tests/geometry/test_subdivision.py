"""Splitting and Loop's weights: counts, sums, closed forms, boundaries."""

import numpy as np
import pytest
from tests.render.conftest import build_icosphere

from clipmatrix.geometry.subdivision import loop_weights, middles, split_in_four

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
HALVES = np.array([[0, 1, 2], [0, 2, 3]])


def test_four_faces_keep_area_direction_and_order() -> None:
    faces, edges = split_in_four(HALVES, 4)
    points = middles(SQUARE, edges)
    assert (len(faces), len(edges), len(points)) == (8, 5, 9)
    a, b, c = (points[faces[:, k]] for k in range(3))
    np.testing.assert_allclose(np.cross(b - a, c - a), np.tile([0, 0, 0.25], (8, 1)))
    np.testing.assert_allclose(points[faces[:4]].mean(axis=(0, 1)), SQUARE[HALVES[0]].mean(axis=0))


def test_closed_mesh_stays_closed_and_rows_sum_to_one() -> None:
    mesh = build_icosphere(1)
    faces = mesh.faces.numpy()
    finer, edges = split_in_four(faces, len(mesh.vertices))
    matrix = loop_weights(faces, edges, len(mesh.vertices))
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    assert matrix.data.min() > 0
    again, finer_edges = split_in_four(finer, matrix.shape[0])
    # V - E + F of a sphere.
    assert matrix.shape[0] - len(finer_edges) + len(finer) == 2
    assert len(again) == 16 * len(faces)


def test_a_sphere_stays_round_and_shrinks_little() -> None:
    mesh = build_icosphere(2)
    faces, points = mesh.faces.numpy(), mesh.vertices.double().numpy()
    _, edges = split_in_four(faces, len(points))
    radius = np.linalg.norm(loop_weights(faces, edges, len(points)) @ points, axis=1)
    assert 0.97 < radius.min() <= radius.max() < 1.0
    assert radius.max() - radius.min() < 0.006


def test_boundary_follows_its_own_points() -> None:
    """A corner of the square becomes 3/4 of itself and 1/8 of each neighbour on the rim; rim middles are means."""
    _, edges = split_in_four(HALVES, 4)
    points = loop_weights(HALVES, edges, 4) @ SQUARE
    np.testing.assert_allclose(points[0], [0.125, 0.125, 0])
    rim = [tuple(edge) != (0, 2) for edge in edges.tolist()]
    np.testing.assert_allclose(points[4:][rim], middles(SQUARE, edges)[4:][rim])
    np.testing.assert_allclose(points[4:][~np.array(rim)], [[0.5, 0.5, 0]])


def test_a_corner_of_three_edges_takes_warrens_share() -> None:
    """Tetrahedron: a corner keeps 1 - 3 * 3/16 = 7/16 of itself."""
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
    _, edges = split_in_four(faces, 4)
    matrix = loop_weights(faces, edges, 4).toarray()
    np.testing.assert_allclose(matrix[:4], 3 / 16 + np.eye(4) / 4)
    np.testing.assert_allclose(np.sort(matrix[4]), [1 / 8, 1 / 8, 3 / 8, 3 / 8])


def test_edges_of_three_faces_are_boundaries() -> None:
    faces = np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4]])
    _, edges = split_in_four(faces, 5)
    matrix = loop_weights(faces, edges, 5)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    assert matrix.toarray()[5 + edges.tolist().index([0, 1])] == pytest.approx([0.5, 0.5, 0, 0, 0])
