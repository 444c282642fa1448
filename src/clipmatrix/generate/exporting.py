"""From a scene to its files; knows nothing of how the scene came about."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from jaxtyping import UInt8

from clipmatrix.bodies.body import Body, RestBody
from clipmatrix.bodies.clips import Clip, build_clips
from clipmatrix.bodies.clones import at_origin, figure_of
from clipmatrix.bodies.gltf_clips import source_clips
from clipmatrix.config import RunConfig, dump_yaml
from clipmatrix.export.character import Character, Extras
from clipmatrix.export.gltf import write_glb
from clipmatrix.export.group import join_characters, write_group
from clipmatrix.export.home import at_home, write_redressed
from clipmatrix.export.images import contact_sheet, rest_views, write_views
from clipmatrix.export.textures import pad_islands, uv_coverage, write_image
from clipmatrix.export.turntable import TurntableConfig
from clipmatrix.export.video import write_turntable
from clipmatrix.generate.events import Exported
from clipmatrix.generate.search import SearchResult
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.plans import MAIN
from clipmatrix.render.surface import KeyShadow
from clipmatrix.runs.directory import Run
from clipmatrix.scene.normal_map import bytes_from_normals
from clipmatrix.scene.scene import Scene
from clipmatrix.shapes import ImageSize

_PREVIEW_CELL = ImageSize(224, 224)
_VIEW_TURNS_DEG = (0.0, 60.0, 180.0, 300.0)
_PLACES = ("body", "clip", "base", "image", "start_image")
"""Settings that may name files."""


def build_character(scene: Scene, body: Body, config: RunConfig, outfit: str = MAIN) -> Character:
    """The scene as a finished character: bind pose with offsets, padded 8-bit texture, and clips for a humanoid."""
    with torch.no_grad():
        rest = scene.deform()
        texture, material = scene.dress(outfit)
        roughness, metallic = material()
        albedo = srgb_bytes(texture.srgb())
    mesh = Mesh(rest.vertices, body.template.faces, body.template.uvs, body.template.face_uvs)
    size = ImageSize(albedo.shape[0], albedo.shape[1])
    whole = Character(
        mesh=mesh,
        rig=rest.rig,
        albedo_srgb=pad_islands(albedo, uv_coverage(mesh, size)),
        roughness=float(roughness),
        metallic=float(metallic),
        clips=() if body.base else _clips(body, rest),
        extras=_extras(body, config),
        morphs=() if body.base else body.morphs(),
        normal_map=_normal_map(scene, mesh),
    )
    return whole if body.base is None else join_characters(_figures(whole, body))


def _figures(whole: Character, body: Body) -> list[Character]:
    """The figures of a scene, each with its own mesh, rig and clips, and all with the same textures."""
    rest = RestBody(whole.mesh.vertices, whole.rig)
    base = body.base or body
    num_uvs = len(base.template.uvs)
    figures = []
    for index in range(body.num_figures):
        own = figure_of(body, rest, index)
        uvs = whole.mesh.uvs[index * num_uvs : (index + 1) * num_uvs]
        mesh = Mesh(own.vertices, base.template.faces, uvs, base.template.face_uvs)
        # Clips bring a body to the middle of the floor: they are those of the figure where it would stand alone.
        clips = _clips(base, at_origin(body, rest, index))
        figures.append(replace(whole, mesh=mesh, rig=own.rig, clips=clips, morphs=base.morphs()))
    return figures


def _normal_map(scene: Scene, mesh: Mesh) -> UInt8[np.ndarray, "h w 3"] | None:
    """The scene's normal map in 8 bits, continued beyond the islands; None where it has none."""
    if scene.normal_map is None:
        return None
    with torch.no_grad():
        normals = bytes_from_normals(scene.normal_map()).numpy()
    return pad_islands(normals, uv_coverage(mesh, ImageSize(*normals.shape[:2])))


def _clips(body: Body, rest: RestBody) -> tuple[Clip, ...]:
    """Those of the body's own file, else ours for a humanoid."""
    if body.source is not None:
        return source_clips(body)
    return build_clips(body, rest) if body.humanoid else ()


def export_result(scene: Scene, body: Body, config: RunConfig, run: Run) -> Exported:
    """Writes the GLB, the texture, the contact sheet and the turntable, each whole or not at all.

    Raises:
        ExportError: a file cannot be written.
    """
    character = build_character(scene, body, config)
    _write_model(run.glb_path, character, body)
    write_image(run.albedo_path, character.albedo_srgb)
    write_views(run.views_path, character, shadow=KeyShadow() if config.scene.shadow else None)
    write_turntable(run.turntable_path, character, film_config(config))
    looks = tuple(_export_look(scene, body, config, run, name) for name in scene.outfits)
    return Exported(run.glb_path, run.albedo_path, run.views_path, run.turntable_path, looks)


def _export_look(scene: Scene, body: Body, config: RunConfig, run: Run, name: str) -> Path:
    """Writes the same figure in another texture set: its GLB, texture and contact sheet, in a folder of its own."""
    folder = run.look_path(name)
    character = build_character(scene, body, config, name)
    _write_model(folder / "model.glb", character, body)
    write_image(folder / "albedo.png", character.albedo_srgb)
    write_views(folder / "views.png", character)
    return folder


def _write_model(path: Path, character: Character, body: Body) -> None:
    if body.base is not None:
        write_group(path, [at_home(one, body) for one in _figures(character, body)])
    elif body.source is None:
        write_glb(path, at_home(character, body))
    else:
        write_redressed(path, character, body)


def film_config(config: RunConfig) -> TurntableConfig:
    """How the turntable of such a run is filmed."""
    return TurntableConfig(size=config.video_size, has_shadow=config.scene.shadow)


def write_preview(path: Path, scene: Scene, body: Body, config: RunConfig) -> None:
    """Writes a small sheet of the character in its bind pose from six sides; about half a second.

    Raises:
        ExportError: the file cannot be written.
    """
    write_views(path, _still(scene, body, config), _PREVIEW_CELL)


def view_scene(scene: Scene, body: Body, config: RunConfig) -> UInt8[np.ndarray, "b h w 3"]:
    """Four small pictures of the character in its bind pose, from the front to the back."""
    return rest_views(_still(scene, body, config), _VIEW_TURNS_DEG, _PREVIEW_CELL)


def _still(scene: Scene, body: Body, config: RunConfig) -> Character:
    with torch.no_grad():
        rest = scene.deform()
        roughness, metallic = scene.material()
        albedo = srgb_bytes(scene.texture.srgb())
    mesh = Mesh(rest.vertices, body.template.faces, body.template.uvs, body.template.face_uvs)
    return Character(mesh, rest.rig, albedo, float(roughness), float(metallic), (), _extras(body, config))


def write_candidates(path: Path, found: SearchResult) -> None:
    """Writes the best looks of the search side by side, best first.

    Raises:
        ExportError: the file cannot be written.
    """
    write_image(path, contact_sheet(list(found.candidates), columns=4))


def _extras(body: Body, config: RunConfig) -> Extras:
    prompts = tuple(dict.fromkeys(prompt.label for prompt in config.prompts))
    return Extras(prompts, config.seed, f"clipmatrix {version('clipmatrix')}", body.licence, _recipe(config))


def _recipe(config: RunConfig) -> dict[str, Any]:
    """The settings as JSON-able values; of files only their names, since models travel and folders are private."""
    return _without_folders(yaml.safe_load(dump_yaml(config)))


def _without_folders(value: Any, is_place: bool = False) -> Any:
    """The value with every path in it cut down to its file's name."""
    if isinstance(value, dict):
        return {key: _without_folders(one, key in _PLACES) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_folders(one, is_place) for one in value]
    if not is_place or not isinstance(value, str):
        return value
    kind, colon, place = value.rpartition(":")
    return f"{kind}{colon}{Path(place).name}" if Path(place).is_absolute() else value


def srgb_bytes(srgb: torch.Tensor) -> UInt8[np.ndarray, "th tw 3"]:
    """A texture in sRGB in [0, 1] as eight-bit values."""
    return srgb.clamp(0.0, 1.0).mul(255.0).add(0.5).to(torch.uint8).contiguous().numpy()
