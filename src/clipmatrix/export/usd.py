"""USDZ packages: mesh, material, skeleton, clips and facial actions for Apple's viewers and film tools.

The only door to ``pxr`` (the optional package usd-core); knows nothing of how the character was made.

References:
    Alliance for OpenUSD, UsdSkel schemas, UsdPreviewSurface specification, and the USDZ file format.
"""

import importlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.rig import Rig, parent_from_joint
from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character
from clipmatrix.export.files import replacing
from clipmatrix.export.glb_material import TextureFormat, picture_bytes
from clipmatrix.export.gltf import animation_tracks, skin_attributes
from clipmatrix.geometry.mesh import vertex_normals

_ROOT = "/Character"
_FPS = 30.0
_STILL_M = 1e-6
_DATE = 631_152_000
"""The first of January 1990: packages know no date before 1980."""


class _Pxr:
    """The modules of usd-core, which ship no types, each loaded when it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        return importlib.import_module(f"pxr.{name}")


_pxr = _Pxr()


def write_usdz(path: Path, character: Character, clip: str | None, texture_format: TextureFormat) -> None:
    """Writes the character as a USDZ package in metres, +Y up; ``clip`` is the movement that viewers play.

    All clips are in the file; without ``clip`` the first one plays. Pictures are PNG or JPEG.

    Raises:
        ExportError: usd-core is not installed, there is no such clip, the format holds no WebP, or the file cannot be
            written.
    """
    try:
        _ = _pxr.Usd
    except ImportError as error:
        raise ExportError(
            "wanted the package usd-core to write USDZ, found none; pip install 'clipmatrix[usd]'"
        ) from error
    if texture_format.codec == "webp":
        raise ExportError("wanted PNG or JPEG pictures for USDZ, found webp; choose --textures png or jpeg")
    names = [one.name for one in character.clips]
    if clip is not None and clip not in names:
        raise ExportError(f'wanted one of the clips {", ".join(names) or "(none)"}, found "{clip}"; choose --clip')
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "character.usdc"
        stage = _pxr.Usd.Stage.CreateNew(str(scene))
        _build(stage, Path(folder), character, clip or (names[0] if names else None), texture_format)
        stage.GetRootLayer().Save()
        with replacing(path) as scratch:
            _pack(_pxr.Sdf.ZipFileWriter, scene, scratch)


def _pack(writer: Any, scene: Path, path: Path) -> None:
    """Puts the scene, first, and the pictures beside it into one package."""
    package = writer.CreateNew(str(path))
    for file in (scene, *sorted(scene.parent.glob("*.png")), *sorted(scene.parent.glob("*.jpg"))):
        # The package notes when its files were written: fixed, so that the same character gives the same bytes.
        os.utime(file, (_DATE, _DATE))
        package.AddFile(str(file), file.name)
    if not package.Save():
        raise ExportError(f"wanted to pack {path.name}, but usd-core could not; look at its messages above")


def _build(stage: Any, folder: Path, character: Character, clip: str | None, texture_format: TextureFormat) -> None:
    _pxr.UsdGeom.SetStageUpAxis(stage, _pxr.UsdGeom.Tokens.y)
    _pxr.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(_FPS)
    root = _pxr.UsdSkel.Root.Define(stage, _ROOT)
    stage.SetDefaultPrim(root.GetPrim())
    _pxr.Usd.ModelAPI(root.GetPrim()).SetKind("component")
    root.GetPrim().SetCustomDataByKey("generator", character.extras.generator)
    root.GetPrim().SetCustomDataByKey("prompts", "; ".join(character.extras.prompts))
    root.GetPrim().SetCustomDataByKey("licence", character.extras.licence)
    mesh = _mesh(stage, character)
    skeleton = _skeleton(stage, character.rig)
    binding = _pxr.UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    joints, weights = skin_attributes(character.rig)
    binding.CreateJointIndicesPrimvar(False, 4).Set(joints.astype(int).reshape(-1).tolist())
    binding.CreateJointWeightsPrimvar(False, 4).Set(weights.reshape(-1).tolist())
    binding.CreateGeomBindTransformAttr().Set(_matrix(np.eye(4)))
    _add_morphs(stage, binding, character)
    for one in character.clips:
        animation = _animation(stage, character.rig, one)
        if one.name == clip:
            bound = _pxr.UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
            bound.CreateAnimationSourceRel().SetTargets([_pxr.Sdf.Path(animation)])
            stage.SetStartTimeCode(float(one.times[0]) * _FPS)
            stage.SetEndTimeCode(float(one.times[-1]) * _FPS)
    _add_material(stage, folder, character, mesh, texture_format)


def _mesh(stage: Any, character: Character) -> Any:
    source = character.mesh
    vertices = source.vertices.detach().float()
    mesh = _pxr.UsdGeom.Mesh.Define(stage, f"{_ROOT}/Body")
    mesh.CreatePointsAttr(_pxr.Vt.Vec3fArray.FromNumpy(vertices.numpy()))
    mesh.CreateFaceVertexCountsAttr(_pxr.Vt.IntArray.FromNumpy(np.full(len(source.faces), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(_pxr.Vt.IntArray.FromNumpy(source.faces.reshape(-1).int().numpy()))
    mesh.CreateSubdivisionSchemeAttr("none")
    mesh.CreateExtentAttr([tuple(vertices.amin(0).tolist()), tuple(vertices.amax(0).tolist())])
    normals = vertex_normals(vertices.double(), source.faces).float()
    mesh.CreateNormalsAttr(_pxr.Vt.Vec3fArray.FromNumpy(normals.numpy()))
    mesh.SetNormalsInterpolation("vertex")
    st = _pxr.UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", _pxr.Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
    uvs = source.uvs.detach().float()
    # USD counts v from the bottom.
    st.Set(_pxr.Vt.Vec2fArray.FromNumpy(torch.stack([uvs[:, 0], 1 - uvs[:, 1]], dim=1).numpy()))
    st.SetIndices(_pxr.Vt.IntArray.FromNumpy(source.face_uvs.reshape(-1).int().numpy()))
    return mesh


def joint_paths(rig: Rig) -> list[str]:
    """The joints as USD names them: by their way from the root, letters, digits and underscores only."""
    plain = []
    for name in rig.joint_names:
        word = re.sub(r"\W", "_", name, flags=re.ASCII)
        word = word if word and not word[0].isdigit() else f"_{word}"
        while word in plain:
            word += "_"
        plain.append(word)
    paths: list[str] = []
    for word, parent in zip(plain, rig.parents, strict=True):
        paths.append(word if parent < 0 else f"{paths[parent]}/{word}")
    return paths


def _skeleton(stage: Any, rig: Rig) -> Any:
    skeleton = _pxr.UsdSkel.Skeleton.Define(stage, f"{_ROOT}/Skeleton")
    skeleton.CreateJointsAttr(joint_paths(rig))
    skeleton.CreateJointNamesAttr(list(rig.joint_names))
    skeleton.CreateBindTransformsAttr([_matrix(frame) for frame in rig.bind_from_joint.double().numpy()])
    skeleton.CreateRestTransformsAttr([_matrix(frame) for frame in parent_from_joint(rig).double().numpy()])
    return skeleton


def _matrix(frame: np.ndarray) -> Any:
    # USD multiplies rows from the left.
    return _pxr.Gf.Matrix4d(*frame.T.reshape(-1).tolist())


def _animation(stage: Any, rig: Rig, clip: Clip) -> str:
    """The path of the clip in the stage. Joints that stand still have their place in the rest pose."""
    place = f"{_ROOT}/Animations/{re.sub(r'[^A-Za-z0-9_]', '_', clip.name) or 'clip'}"
    animation = _pxr.UsdSkel.Animation.Define(stage, place)
    animation.CreateJointsAttr(joint_paths(rig))
    frames = parent_from_joint(rig).double().numpy()
    num_joints, num = len(rig.parents), len(clip.times)
    # The bind pose's turns are those of a clip that turns nothing: quaternions, xyzw.
    still = _bind_quats(frames)
    quats = np.broadcast_to(still, (num, num_joints, 4)).copy()
    places = np.broadcast_to(frames[:, :3, 3], (num, num_joints, 3)).astype(np.float32).copy()
    for kind, joint, values in animation_tracks(rig, clip):
        (quats if kind == "rotation" else places)[:, joint] = values
    if clip.joint_shift is not None:
        places += clip.joint_shift.numpy()
    rotations, translations = animation.CreateRotationsAttr(), animation.CreateTranslationsAttr()
    animation.CreateScalesAttr([_pxr.Gf.Vec3h(1, 1, 1)] * num_joints)
    for key, time in enumerate((clip.times.double() * _FPS).tolist()):
        rotations.Set([_pxr.Gf.Quatf(float(w), float(x), float(y), float(z)) for x, y, z, w in quats[key]], time)
        translations.Set(_pxr.Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(places[key])), time)
    return place


def _bind_quats(frames: np.ndarray) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    return Rotation.from_matrix(frames[:, :3, :3]).as_quat(canonical=True)


def _add_morphs(stage: Any, binding: Any, character: Character) -> None:
    targets = []
    for morph in character.morphs:
        ids = torch.nonzero(morph.offsets.norm(dim=1) > _STILL_M).squeeze(1)
        if len(ids):
            shape = _pxr.UsdSkel.BlendShape.Define(stage, f"{_ROOT}/Body/{re.sub(r'[^A-Za-z0-9_]', '_', morph.name)}")
            shape.CreateOffsetsAttr(_pxr.Vt.Vec3fArray.FromNumpy(morph.offsets[ids].float().numpy()))
            shape.CreatePointIndicesAttr(_pxr.Vt.IntArray.FromNumpy(ids.int().numpy()))
            targets.append(shape.GetPath())
    if targets:
        binding.CreateBlendShapesAttr([path.name for path in targets])
        binding.CreateBlendShapeTargetsRel().SetTargets(targets)


def _add_material(stage: Any, folder: Path, character: Character, mesh: Any, texture_format: TextureFormat) -> None:
    material = _pxr.UsdShade.Material.Define(stage, f"{_ROOT}/Material")
    surface = _pxr.UsdShade.Shader.Define(stage, f"{_ROOT}/Material/Surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    reader = _pxr.UsdShade.Shader.Define(stage, f"{_ROOT}/Material/Uv")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", _pxr.Sdf.ValueTypeNames.String).Set("st")
    reader.CreateOutput("result", _pxr.Sdf.ValueTypeNames.Float2)
    kinds = _pxr.Sdf.ValueTypeNames

    def add(name: str, image: np.ndarray, is_data: bool) -> Any:
        file = f"{name}.{'jpg' if texture_format.codec == 'jpeg' else 'png'}"
        (folder / file).write_bytes(picture_bytes(image, texture_format, is_data))
        texture = _pxr.UsdShade.Shader.Define(stage, f"{_ROOT}/Material/{name.capitalize()}")
        texture.CreateIdAttr("UsdUVTexture")
        texture.CreateInput("file", kinds.Asset).Set(f"./{file}")
        texture.CreateInput("sourceColorSpace", kinds.Token).Set("raw" if is_data else "sRGB")
        texture.CreateInput("st", kinds.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
        for wrap in ("wrapS", "wrapT"):
            texture.CreateInput(wrap, kinds.Token).Set("clamp")
        return texture

    def connect(name: str, kind: Any, texture: Any, output: str) -> None:
        texture.CreateOutput(output, kinds.Float3 if output == "rgb" else kinds.Float)
        surface.CreateInput(name, kind).ConnectToSource(texture.ConnectableAPI(), output)

    connect("diffuseColor", kinds.Color3f, add("albedo", character.albedo_srgb, False), "rgb")
    if character.metallic_roughness_map is None:
        surface.CreateInput("roughness", kinds.Float).Set(character.roughness)
        surface.CreateInput("metallic", kinds.Float).Set(character.metallic)
    else:
        sheet = add("gloss", character.metallic_roughness_map, True)
        sheet.CreateInput("scale", kinds.Float4).Set((1.0, character.roughness, character.metallic, 1.0))
        connect("roughness", kinds.Float, sheet, "g")
        connect("metallic", kinds.Float, sheet, "b")
    if character.normal_map is not None:
        bumps = add("normal", character.normal_map, True)
        bumps.CreateInput("scale", kinds.Float4).Set((2.0, 2.0, 2.0, 1.0))
        bumps.CreateInput("bias", kinds.Float4).Set((-1.0, -1.0, -1.0, 0.0))
        connect("normal", kinds.Normal3f, bumps, "rgb")
    _pxr.UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)
