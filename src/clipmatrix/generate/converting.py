"""A finished run's character in other formats and with other options; knows no terminal."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from clipmatrix.errors import ExportError
from clipmatrix.export.budget import MEGABYTE, pack_within
from clipmatrix.export.character import Character, expressed, pose_vertices
from clipmatrix.export.files import write_bytes
from clipmatrix.export.glb_material import TextureFormat
from clipmatrix.export.gltf import GlbOptions, write_glb
from clipmatrix.export.humanoid import NameSet, RestPose, renamed, reposed
from clipmatrix.export.motion import sample_clip
from clipmatrix.export.obj import write_obj
from clipmatrix.export.ply import write_ply
from clipmatrix.export.printing import to_print, write_3mf, write_stl
from clipmatrix.export.reading import read_character
from clipmatrix.export.usd import write_usdz
from clipmatrix.runs.directory import Run

Format = Literal["glb", "obj", "ply", "stl", "3mf", "usdz"]
FORMATS: tuple[Format, ...] = ("glb", "obj", "ply", "stl", "3mf", "usdz")
_STILL: tuple[Format, ...] = ("obj", "ply", "stl", "3mf")
_PRINTED: tuple[Format, ...] = ("stl", "3mf")
# What only some formats can do: the setting, and those formats.
_ONLY: dict[str, tuple[Format, ...]] = {
    "texture_format": ("glb", "usdz"),
    "max_mb": ("glb",),
    "has_lights": ("glb",),
    "has_face": ("glb", "usdz"),
    "names": ("glb", "usdz"),
    "height_mm": _PRINTED,
    "time": _STILL,
    "face": _STILL,
    "clip": (*_STILL, "usdz"),
}
_OPTIONS = {
    "texture_format": "--textures and --texture-quality",
    "max_mb": "--max-mb",
    "has_lights": "--lights",
    "has_face": "--no-face",
    "names": "--names",
    "height_mm": "--height",
    "time": "--time",
    "face": "--face",
    "clip": "--clip",
}
USUAL_HEIGHT_MM = 150.0
_SMALLEST_TEXTURE, _LARGEST_TEXTURE = 16, 8192


@dataclass(frozen=True)
class ExportConfig:
    """The format, and what is changed on the way to it.

    ``clip`` and ``time`` are the pose of formats that stand still, and ``face`` the weights of its facial actions; in
    USDZ ``clip`` is the movement that viewers play. ``height_mm`` is that of a figure to print.
    """

    format: Format = "glb"
    texture_format: TextureFormat = field(default_factory=TextureFormat)
    texture_size: int | None = None
    max_mb: float | None = None
    has_lights: bool = False
    has_face: bool = True
    names: NameSet = "own"
    rest_pose: RestPose = "own"
    clip: str | None = None
    time: float = 0.0
    face: Mapping[str, float] = field(default_factory=dict)
    height_mm: float | None = None

    def __post_init__(self) -> None:
        usual = {field.name: _default(field) for field in dataclasses.fields(self)}
        for name, formats in _ONLY.items():
            if self.format not in formats and getattr(self, name) != usual[name]:
                raise ExportError(
                    f"{_OPTIONS[name]} is for {', '.join(formats)}, and the format is {self.format}: leave it out"
                )
        if self.texture_size is not None and not _SMALLEST_TEXTURE <= self.texture_size <= _LARGEST_TEXTURE:
            raise ExportError(
                f"a texture's size must be from {_SMALLEST_TEXTURE} to {_LARGEST_TEXTURE} pixels, "
                f"not {self.texture_size}"
            )
        if self.max_mb is not None and not self.max_mb > 0:
            raise ExportError(f"a file's largest size must be above 0 MB, not {self.max_mb:g}: use for instance 5")


def _default(one: dataclasses.Field) -> object:
    return one.default if one.default_factory is dataclasses.MISSING else one.default_factory()


def default_export_path(run: Run, config: ExportConfig) -> Path:
    """Where such a file is put unless told otherwise: beside the run's GLB, which itself is never replaced."""
    return run.result_path / ("export.glb" if config.format == "glb" else f"model.{config.format}")


def export_run(run: Run, path: Path, config: ExportConfig) -> tuple[str, ...]:
    """Writes the run's character to ``path``, and returns lines on what is to be known of it.

    Raises:
        ExportError: the run has no sound GLB, its character cannot be had that way, or a file cannot be written.
    """
    if path.suffix.lower() != f".{config.format}":
        raise ExportError(f'wanted a file that ends in .{config.format}, found "{path.name}"; choose another --out')
    if path.exists() and path.resolve() == run.glb_path.resolve():
        raise ExportError(f"{path} is what the run's exports are made from: choose another --out")
    found = read_character(run.glb_path)
    left = (
        (f"left out       {found.num_left} meshes that hang on another skeleton or on none",) if found.num_left else ()
    )
    return (*left, *_written(_prepared(found.character, config), path, config))


def _written(character: Character, path: Path, config: ExportConfig) -> tuple[str, ...]:
    """Writes the file, and returns lines on it."""
    options = GlbOptions(config.texture_format, config.has_lights)
    match config.format:
        case "glb" if config.max_mb is not None:
            packed = pack_within(character, round(config.max_mb * MEGABYTE), options)
            write_bytes(path, packed.data)
            return (
                f"size           {len(packed.data) / MEGABYTE:.2f} MB",
                *(f"given up       {x}" for x in packed.given_up),
            )
        case "glb":
            write_glb(path, character, options)
        case "usdz":
            write_usdz(path, character, config.clip, config.texture_format)
        case "obj":
            write_obj(path, character, f"{path.stem}.png")
            return (f"material       {path.with_suffix('.mtl').name}, {path.stem}.png",)
        case "ply":
            write_ply(path, character)
        case _:
            figure, check = to_print(character, config.height_mm or USUAL_HEIGHT_MM)
            (write_stl if config.format == "stl" else write_3mf)(path, figure)
            return (
                f"printable      {'yes' if check.is_printable else 'NO'}",
                *(f"               {x}" for x in check.lines),
            )
    return ()


def _prepared(character: Character, config: ExportConfig) -> Character:
    """The character with everything about it as the settings want it."""
    if config.texture_size is not None:
        character = _with_texture_size(character, config.texture_size)
    if not config.has_face:
        character = dataclasses.replace(character, morphs=())
    if config.face:
        character = expressed(character, config.face)
    if config.clip is not None and config.format in _STILL:
        return _posed(character, config.clip, config.time)
    return renamed(reposed(character, config.rest_pose), config.names)


def _posed(character: Character, name: str, time: float) -> Character:
    names = [clip.name for clip in character.clips]
    if name not in names:
        raise ExportError(f'wanted one of the clips {", ".join(names) or "(none)"}, found "{name}"; choose --clip')
    motion = sample_clip(character.clips[names.index(name)], torch.tensor([time]))
    vertices = pose_vertices(character, motion)[0]
    return dataclasses.replace(character, mesh=dataclasses.replace(character.mesh, vertices=vertices), morphs=())


def _with_texture_size(character: Character, size: int) -> Character:
    """The character with pictures whose longer side is at most ``size``."""

    def fitted(image: np.ndarray | None) -> np.ndarray | None:
        if image is None or max(image.shape[:2]) <= size:
            return image
        height, width = (max(round(length * size / max(image.shape[:2])), 1) for length in image.shape[:2])
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))

    albedo = fitted(character.albedo_srgb)
    assert albedo is not None
    return dataclasses.replace(
        character,
        albedo_srgb=albedo,
        normal_map=fitted(character.normal_map),
        metallic_roughness_map=fitted(character.metallic_roughness_map),
    )
