"""PLY, STL, 3MF and USDZ, each read back by a program that others wrote, or by the letter of its specification."""

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from pxr import Sdf, Usd, UsdGeom, UsdShade, UsdSkel, UsdValidation
from tests.humanoid_character import FACE_NAMES, build_humanoid_character
from tests.synthetic_character import build_tube_character

from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.errors import ExportError
from clipmatrix.export import usd
from clipmatrix.export.character import Character, pose_vertices
from clipmatrix.export.glb_material import TextureFormat
from clipmatrix.export.motion import sample_clip
from clipmatrix.export.ply import texels, write_ply
from clipmatrix.export.printing import to_print, write_3mf, write_stl
from clipmatrix.export.usd import joint_paths, write_usdz
from clipmatrix.geometry.mesh import Mesh


@pytest.fixture(scope="module")
def character() -> Character:
    return build_humanoid_character()


def test_ply_has_colours_normals_and_the_same_triangles(tmp_path: Path) -> None:
    character = build_tube_character()
    write_ply(tmp_path / "a.ply", character)
    found: Any = trimesh.load(tmp_path / "a.ply", process=False)
    corners = character.mesh.vertices[character.mesh.faces].numpy()
    np.testing.assert_allclose(found.triangles, corners, atol=1e-6)
    assert found.is_winding_consistent
    # The texture is a gradient: red along u, green down v, so that colours tell where each vertex reads.
    data = found.metadata["_ply_raw"]["vertex"]["data"]
    top_left = np.stack([data["s"], 1 - data["t"]], 1)
    wanted = texels(character.albedo_srgb, top_left)
    assert np.array_equal(np.stack([data["red"], data["green"], data["blue"]], 1), wanted)
    np.testing.assert_allclose(np.linalg.norm(np.stack([data["nx"], data["ny"], data["nz"]], 1), axis=1), 1, atol=1e-5)


def test_texels_are_those_at_the_uv_point() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    uvs = np.array([[0.0, 0.0], [0.99, 0.0], [0.2, 0.7], [1.0, 1.0], [-3.0, 5.0]])
    assert texels(image, uvs)[:, 0].tolist() == [0, 3, 6, 9, 6]


def test_a_printed_figure_stands_in_millimetres_with_z_up(character: Character, tmp_path: Path) -> None:
    figure, check = to_print(character, 120.0)
    write_stl(tmp_path / "a.stl", figure)
    found: Any = trimesh.load(tmp_path / "a.stl")
    assert found.bounds[0, 2] == pytest.approx(0.0, abs=1e-4)
    assert found.bounds[1, 2] == pytest.approx(120.0, abs=1e-3)
    np.testing.assert_allclose(found.bounds[:, :2].sum(0), 0, atol=1e-3)
    assert found.is_watertight
    assert found.volume > 0
    assert check.is_printable
    # It faces the viewer of a plate: +Z of the body is -Y of the print, so that feet reach further to -Y.
    feet = figure.mesh.vertices[figure.mesh.vertices[:, 2] < 4.0]
    assert abs(float(feet[:, 1].min())) > abs(float(feet[:, 1].max()))


def test_holes_are_closed_before_printing() -> None:
    tube = build_tube_character()
    mesh = tube.mesh
    holed = replace(tube, mesh=Mesh(mesh.vertices, mesh.faces[2:], mesh.uvs, mesh.face_uvs[2:]))
    figure, check = to_print(holed, 100.0)
    assert check.is_printable
    assert "1 holes closed" in check.lines
    assert len(figure.mesh.faces) == len(mesh.faces) + 2


def test_what_cannot_be_printed_says_why() -> None:
    tube = build_tube_character()
    faces = tube.mesh.faces.clone()
    faces[40] = faces[40].flip(0)
    _, check = to_print(replace(tube, mesh=replace(tube.mesh, faces=faces)), 100.0)
    assert not check.is_printable
    assert any("disagree on the outside" in line for line in check.lines)
    inside_out = replace(tube, mesh=replace(tube.mesh, faces=tube.mesh.faces.flip(1)))
    _, check = to_print(inside_out, 100.0)
    assert not check.is_printable
    assert "its inside is out" in check.lines


def test_thin_figures_are_told_to_be_larger() -> None:
    """The tube is 0.4 m thick and 1.6 m high: at 5 mm its wall is 1.25 mm, and squeezed by ten 0.125 mm."""
    tube = build_tube_character()
    squeezed = replace(tube, mesh=replace(tube.mesh, vertices=tube.mesh.vertices * torch.tensor([1.0, 1.0, 0.1])))
    assert not any("thinner" in line for line in to_print(tube, 100.0)[1].lines)
    assert any("thinner than 0.8 mm" in line for line in to_print(squeezed, 5.0)[1].lines)


@pytest.mark.parametrize("height", [0.0, 4.0, 1e6, float("nan")])
def test_heights_out_of_range_are_one_line(character: Character, height: float) -> None:
    with pytest.raises(ExportError, match="from 5 to 2000 mm"):
        to_print(character, height)


def test_3mf_is_read_strictly_by_its_makers_library(character: Character, tmp_path: Path) -> None:
    lib3mf = pytest.importorskip("lib3mf", reason="its makers have no library for this machine")
    figure, _ = to_print(character, 150.0)
    write_3mf(tmp_path / "a.3mf", figure)
    wrapper = lib3mf.get_wrapper()
    model = wrapper.CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(str(tmp_path / "a.3mf"))
    assert reader.GetWarningCount() == 0
    assert model.GetUnit() == lib3mf.ModelUnit.MilliMeter
    objects = model.GetMeshObjects()
    assert objects.MoveNext()
    mesh = objects.GetCurrentMeshObject()
    assert (mesh.GetVertexCount(), mesh.GetTriangleCount()) == (len(figure.mesh.vertices), len(figure.mesh.faces))
    assert mesh.IsManifoldAndOriented()
    texture = model.GetTexture2Ds()
    assert texture.MoveNext()
    assert mesh.GetTriangleProperties(0).ResourceID != 0


def test_the_same_figure_gives_the_same_3mf(character: Character, tmp_path: Path) -> None:
    figure, _ = to_print(character, 150.0)
    for name in ("a.3mf", "b.3mf"):
        write_3mf(tmp_path / name, figure)
    assert (tmp_path / "a.3mf").read_bytes() == (tmp_path / "b.3mf").read_bytes()


def test_prompts_that_xml_cannot_hold_are_tamed(character: Character, tmp_path: Path) -> None:
    extras = replace(character.extras, prompts=('<a> & "b" \x00\x1b ünï',))
    figure, _ = to_print(replace(character, extras=extras), 150.0)
    write_3mf(tmp_path / "a.3mf", figure)
    with zipfile.ZipFile(tmp_path / "a.3mf") as package:
        text = package.read("3D/3dmodel.model").decode()
    assert "&lt;a&gt; &amp;" in text
    assert "\x00" not in text


@pytest.fixture(scope="module")
def stage(character: Character, tmp_path_factory: pytest.TempPathFactory) -> Usd.Stage:
    path = tmp_path_factory.mktemp("usd") / "a.usdz"
    write_usdz(path, character, "wave", TextureFormat())
    return Usd.Stage.Open(str(path))


def test_usd_finds_nothing_wrong(stage: Usd.Stage) -> None:
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 10
    errors = UsdValidation.ValidationContext(validators).Validate(stage)
    assert [error.GetMessage() for error in errors] == []


def test_usd_skins_the_clip_as_we_do(character: Character, stage: Usd.Stage) -> None:
    """What UsdSkel computes for the bound clip's moments, against our own kinematics."""
    cache = UsdSkel.Cache()
    root = UsdSkel.Root(stage.GetDefaultPrim())
    cache.Populate(root, Usd.TraverseInstanceProxies())
    query = cache.GetSkelQuery(UsdSkel.Skeleton(stage.GetPrimAtPath("/Character/Skeleton")))
    mesh = cache.GetSkinningQuery(stage.GetPrimAtPath("/Character/Body"))
    rest = UsdGeom.Mesh(stage.GetPrimAtPath("/Character/Body")).GetPointsAttr().Get()
    clip = next(clip for clip in character.clips if clip.name == "wave")
    assert stage.GetEndTimeCode() == pytest.approx(float(clip.times[-1]) * 30)
    for key in (0, 11, 40):
        time = float(clip.times[key])
        points = type(rest)(rest)
        mesh.ComputeSkinnedPoints(query.ComputeSkinningTransforms(time * 30), points, time * 30)
        ours = pose_vertices(character, sample_clip(clip, torch.tensor([time])))[0]
        np.testing.assert_allclose(np.array(points), ours.numpy(), atol=1e-4)


def test_usd_carries_everything(character: Character, stage: Usd.Stage) -> None:
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    names = {prim.GetName() for prim in stage.GetPrimAtPath("/Character/Animations").GetChildren()}
    assert names == {clip.name for clip in character.clips}
    shapes = [prim for prim in stage.Traverse() if prim.GetTypeName() == "BlendShape"]
    assert tuple(prim.GetName() for prim in shapes) == FACE_NAMES
    surface = UsdShade.Shader(stage.GetPrimAtPath("/Character/Material/Surface"))
    for name in ("diffuseColor", "roughness", "metallic", "normal"):
        assert surface.GetInput(name).HasConnectedSource()
    files = [
        prim.GetAttribute("inputs:file").Get().path
        for prim in stage.Traverse()
        if prim.GetAttribute("inputs:file").IsValid()
    ]
    assert sorted(files) == ["./albedo.png", "./gloss.png", "./normal.png"]
    still = torch.eye(3).expand(1, len(character.rig.parents), 3, 3)
    assert torch.allclose(
        skin(character.mesh.vertices, character.rig, world_from_joint(character.rig, still))[0],
        character.mesh.vertices,
        atol=1e-5,
    )


def test_usd_names_are_valid_and_unique() -> None:
    rig = build_tube_character().rig
    paths = joint_paths(replace(rig, joint_names=("root", "a b", "a.b", "1st", "ümlaut")))
    assert len(set(paths)) == 5
    assert all(Sdf.Path.IsValidPathString(path) for path in paths)


def test_usdz_that_cannot_be_is_one_line(character: Character, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for clip, codec, said in (("fly", "png", "walk, wave"), (None, "webp", "PNG or JPEG")):
        with pytest.raises(ExportError, match=said):
            write_usdz(tmp_path / "a.usdz", character, clip, TextureFormat(codec))

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(usd.importlib, "import_module", missing)
    with pytest.raises(ExportError, match=r"pip install 'clipmatrix\[usd\]'"):
        write_usdz(tmp_path / "a.usdz", character, None, TextureFormat())
    assert list(tmp_path.iterdir()) == []
