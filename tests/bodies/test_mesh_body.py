"""Still meshes of any make: repaired, brought to size, unwrapped, or refused in one line."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.geometry.test_welds import BOX, CORNERS

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.mesh_body import load_mesh
from clipmatrix.errors import BodyError
from clipmatrix.export.character import Character, Extras
from clipmatrix.export.home import at_home
from clipmatrix.geometry.mesh import face_normals

pytest.importorskip("trimesh")
pytest.importorskip("xatlas")
DATA = Path(__file__).parents[3] / "shared" / "data" / "meshes"


def write_obj(path: Path, points: np.ndarray, faces: np.ndarray, more: str = "") -> Path:
    lines = ["v {:.9g} {:.9g} {:.9g}".format(*point) for point in points.tolist()]
    lines += ["f {} {} {}".format(*(face + 1)) for face in faces]
    path.write_text("\n".join(lines) + "\n" + more)
    return path


def write_ply(path: Path, points: np.ndarray, faces: np.ndarray) -> Path:
    lines = ["ply", "format ascii 1.0", f"element vertex {len(points)}"]
    lines += [f"property float {axis}" for axis in "xyz"]
    lines += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    lines += ["{:.9g} {:.9g} {:.9g}".format(*point) for point in points.tolist()]
    lines += ["3 {} {} {}".format(*face) for face in faces]
    path.write_text("\n".join(lines) + "\n")
    return path


def volume(body: Body) -> float:
    vertices, faces = body.template.vertices, body.template.faces
    return float((face_normals(vertices, faces) * vertices[faces[:, 0]]).sum() / 6)


@pytest.mark.parametrize("size", [1e-3, 1.7, 25_000.0])
@pytest.mark.parametrize("write", [write_obj, write_ply])
def test_a_box_of_any_size_stands_at_a_figures(tmp_path: Path, size: float, write: object) -> None:
    assert callable(write)
    body = load_mesh(write(tmp_path / ("box.obj" if write is write_obj else "box.ply"), size * CORNERS + 3 * size, BOX))
    low, high = body.template.vertices.amin(0), body.template.vertices.amax(0)
    torch.testing.assert_close(high - low, torch.full((3,), 1.7), atol=1e-4, rtol=0)
    torch.testing.assert_close(low, torch.tensor([-0.85, 0.0, -0.85]), atol=1e-4, rtol=0)
    assert volume(body) == pytest.approx(1.7**3, rel=1e-3)
    assert body.rig.joint_names == ("root",)
    assert set(body.regions) == {"whole"}
    assert not body.humanoid
    assert 0 <= float(body.template.uvs.min()) < float(body.template.uvs.max()) <= 1
    # Its sides are flat: each corner has a vertex for each of its three sides.
    assert len(body.template.vertices) == 24


def test_it_goes_home_to_its_own_units(tmp_path: Path) -> None:
    body = load_mesh(write_obj(tmp_path / "box.obj", 250 * CORNERS + [10.0, 20.0, 30.0], BOX))
    assert "250 units across: worked on as 1.7 m, written in its own units" in body.notes
    albedo = np.zeros((8, 8, 3), np.uint8)
    character = Character(body.template, body.rig, albedo, 0.5, 0.0, (), Extras((), 0, "test", ""))
    home = at_home(character, body)
    assert home.mesh.vertices.amin(0).tolist() == pytest.approx([10.0, 20.0, 30.0], abs=1e-3)
    assert home.mesh.vertices.amax(0).tolist() == pytest.approx([260.0, 270.0, 280.0], abs=1e-3)
    torch.testing.assert_close(home.rig.bind_from_joint[0, :3, :3], torch.eye(3))


def test_faces_that_look_anywhere_are_turned_outward(tmp_path: Path) -> None:
    mixed = BOX.copy()
    mixed[::3] = mixed[::3, ::-1]
    body = load_mesh(write_obj(tmp_path / "box.obj", CORNERS, mixed))
    assert volume(body) == pytest.approx(1.7**3, rel=1e-3)
    assert "4 faces were turned outward" in body.notes


def test_vertices_that_are_there_twice_are_welded(tmp_path: Path) -> None:
    """A soup: every face with corners of its own. What is smooth stays one."""
    body = load_mesh(write_obj(tmp_path / "box.obj", CORNERS[BOX].reshape(-1, 3), np.arange(36).reshape(-1, 3)))
    assert body.welds is not None
    assert len(body.template.vertices) == 24
    assert len(body.welds.first_ids.unique()) == 8
    assert volume(body) == pytest.approx(1.7**3, rel=1e-3)


def test_faces_without_area_and_repeated_ones_are_left_out(tmp_path: Path) -> None:
    faces = np.concatenate([BOX, BOX[:2], [[0, 0, 1]]])
    body = load_mesh(write_obj(tmp_path / "box.obj", CORNERS, faces))
    assert len(body.template.faces) == 12
    assert "3 faces without area, or there twice, were left out" in body.notes


def test_edges_of_three_faces_are_used_and_told(tmp_path: Path) -> None:
    points = np.concatenate([CORNERS, [[0.5, 2.0, 0.5]]])
    faces = np.concatenate([BOX, [[0, 1, 8]]])
    body = load_mesh(write_obj(tmp_path / "fin.obj", points, faces))
    assert any("more than two faces (not manifold)" in note for note in body.notes)


def test_an_open_sheet_is_seen_from_both_sides(tmp_path: Path) -> None:
    sheet = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    body = load_mesh(write_obj(tmp_path / "sheet.obj", sheet, np.array([[0, 1, 2], [0, 2, 3]])))
    normals = face_normals(body.template.vertices, body.template.faces)[:, 2]
    assert (normals > 0).sum() == (normals < 0).sum() == 2
    # Both sides of a place move together.
    assert body.welds is not None
    assert len(body.welds.first_ids.unique()) == 4


def test_good_uvs_are_kept_and_bad_ones_replaced(tmp_path: Path) -> None:
    sheet = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    lines = "\n".join("v {} {} {}".format(*point) for point in sheet.tolist())
    for name, scale, is_kept in (("kept", 1.0, True), ("tiled", 4.0, False)):
        uvs = "\n".join(f"vt {scale * u} {scale * v}" for u, v in ((0, 0), (1, 0), (1, 1), (0, 1)))
        path = tmp_path / f"{name}.obj"
        path.write_text(f"{lines}\n{uvs}\nf 1/1 2/2 3/3\nf 1/1 3/3 4/4\n")
        body = load_mesh(path)
        assert ("its uvs repeat the texture: unwrapped anew" in body.notes) is not is_kept
        if is_kept:
            # OBJ counts v from below: what is high is near the top of the texture, v = 0.
            corner = body.template.uvs[body.template.face_uvs[0]]
            height = body.template.vertices[body.template.faces[0], 1] / 1.7
            torch.testing.assert_close(corner[:, 1], 1 - height)


@pytest.mark.parametrize(
    ("points", "faces", "message"),
    [
        (CORNERS, BOX[:0], "no triangles"),
        (CORNERS[:1], BOX[:0], "no triangles"),
        (np.full((8, 3), np.nan), BOX, "not numbers|cannot be read"),
        (1e-9 * CORNERS, BOX, "1e-09 units across"),
        (1e9 * CORNERS, BOX, r"1e\+09 units across"),
        (CORNERS * [1.0, 0, 0], BOX, "no triangle with an area"),
    ],
)
def test_what_cannot_be_dressed_is_refused(tmp_path: Path, points: np.ndarray, faces: np.ndarray, message: str) -> None:
    path = write_obj(tmp_path / "bad.obj", points, faces)
    with pytest.raises(BodyError, match=message) as caught:
        load_mesh(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "hello", "v 0 0\nf 1 2 3\n", "v 0 0 0\nf 1 2 3\n"])
@pytest.mark.parametrize("name", ["bad.obj", "bad.ply"])
def test_files_that_are_none_are_one_line(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BodyError, match=r"bad\.(obj|ply)") as caught:
        load_mesh(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not DATA.is_dir(), reason="the files of other makers are not on this machine")
@pytest.mark.parametrize("name", ["suzanne.ply", "chair_model.obj"])
def test_files_of_other_makers_load(name: str) -> None:
    body = load_mesh(DATA / name)
    assert 1.0 < float(body.template.vertices.amax()) < 2.0
