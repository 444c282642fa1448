"""Faces of many corners: triangles that stay inside, lines that are left alone, and files that need them."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from clipmatrix.bodies.mesh_body import load_mesh
from clipmatrix.bodies.polygons import clip_ears, cut_concave_faces, is_convex


def star(num: int = 5, tilt: float = 0.4) -> np.ndarray:
    """A star of 2 num corners in a tilted plane."""
    angle = np.arange(2 * num) * math.pi / num
    radius = np.where(np.arange(2 * num) % 2, 0.4, 1.0)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    return np.stack([x, y * math.cos(tilt), y * math.sin(tilt)], axis=1)


def area(points: np.ndarray, triangles: list[tuple[int, int, int]]) -> tuple[float, float]:
    """The sum of the triangles' areas, and the length of the sum of their area vectors."""
    a, b, c = (points[[triangle[k] for triangle in triangles]] for k in range(3))
    normals = np.cross(b - a, c - a) / 2
    return float(np.linalg.norm(normals, axis=1).sum()), float(np.linalg.norm(normals.sum(axis=0)))


def test_a_star_is_cut_into_triangles_inside_it() -> None:
    """All are wound alike, so that their areas add up to the star's: n sin(pi / n) r R."""
    points = star()
    triangles = clip_ears(points)
    assert triangles is not None
    assert len(triangles) == 8
    wanted = 5 * math.sin(math.pi / 5) * 0.4
    assert area(points, triangles) == pytest.approx((wanted, wanted))


def test_a_polygon_without_area_is_left_to_the_reader() -> None:
    assert clip_ears(np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]])) is None


def test_convex_and_concave() -> None:
    assert is_convex(star()[::2])
    assert not is_convex(star())
    assert is_convex(np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [2, 1, 0]]))


def test_only_concave_lines_change() -> None:
    arrow = "v 0 0 0\nv 2 0 0\nv 0.5 0.5 0\nv 0 2 0\nvt 0 0\nf 2/1 3/1 4/1 1/1\n"
    text = cut_concave_faces(arrow)
    assert text.splitlines()[:5] == arrow.splitlines()[:5]
    faces = text.splitlines()[5:]
    assert len(faces) == 2
    assert all("3/1" in face and "1/1" in face for face in faces)
    convex = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf -4 -3 -2 -1 # quad\nf 1 2 99 3\nf a b c d\ns off\n"
    assert cut_concave_faces(convex) == convex


def test_negative_numbers_count_from_the_last_point_so_far() -> None:
    arrow = "v 0 0 0\nv 2 0 0\nv 0.5 0.5 0\nv 0 2 0\nf -3 -2 -1 -4\nv 9 9 9\n"
    assert cut_concave_faces(arrow).count("f ") == 2


def test_an_extruded_star_has_the_right_area(tmp_path: Path) -> None:
    pytest.importorskip("trimesh")
    pytest.importorskip("xatlas")
    flat = star(tilt=0.0)
    points = np.concatenate([flat, flat + np.array([0, 0, 0.5])])
    lines = [f"v {x:.9f} {y:.9f} {z:.9f}" for x, y, z in points]
    lines += ["f " + " ".join(str(i + 1) for i in range(9, -1, -1)), "f " + " ".join(str(i + 11) for i in range(10))]
    lines += [f"f {i + 1} {(i + 1) % 10 + 1} {(i + 1) % 10 + 11} {i + 11}" for i in range(10)]
    path = tmp_path / "star.obj"
    path.write_text("\n".join(lines))
    body = load_mesh(path)
    corners = body.template.vertices[body.template.faces].double().numpy() / body.placement.scale
    a, b, c = corners.transpose(1, 0, 2)
    found = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    rim = np.linalg.norm(np.roll(flat, -1, axis=0) - flat, axis=1).sum() * 0.5
    assert found == pytest.approx(2 * 5 * math.sin(math.pi / 5) * 0.4 + rim, rel=1e-4)


def _capsule(path: Path, scale: float = 1.0, shift: float = 0.0) -> Path:
    import trimesh

    mesh = trimesh.creation.capsule(height=2.0, radius=0.3, count=[8, 8])
    mesh.apply_scale(scale)
    mesh.apply_translation([shift, 0.0, 0.0])
    mesh.export(path)
    return path


def test_a_file_that_lies_is_told_and_stood_up(tmp_path: Path) -> None:
    pytest.importorskip("trimesh")
    pytest.importorskip("xatlas")
    path = _capsule(tmp_path / "capsule.obj")
    lying, standing = load_mesh(path), load_mesh(path, up="z")
    assert any("--up z" in note for note in lying.notes)
    assert not any("--up z" in note for note in standing.notes)
    extent = standing.template.vertices.amax(0) - standing.template.vertices.amin(0)
    assert int(extent.argmax()) == 1
    a, b, c = standing.template.vertices[standing.template.faces].double().unbind(1)
    assert float((a * torch.linalg.cross(b, c)).sum()) > 0


@pytest.mark.parametrize(("scale", "shift"), [(2e-5, 0.0), (1.0, 1e3), (1e6, 0.0)])
def test_tiny_huge_and_distant_meshes_are_unwrapped(tmp_path: Path, scale: float, shift: float) -> None:
    """The layout covers as much of the texture as that of the mesh at its usual size and place."""
    pytest.importorskip("trimesh")
    pytest.importorskip("xatlas")

    def used(path: Path) -> float:
        mesh = load_mesh(path).template
        a, b, c = mesh.uvs[mesh.face_uvs].double().unbind(1)
        first, second = b - a, c - a
        return float((first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).abs().sum() / 2)

    usual = used(_capsule(tmp_path / "usual.ply"))
    assert usual > 0.3
    assert used(_capsule(tmp_path / "odd.ply", scale, shift)) == pytest.approx(usual, rel=0.1)
