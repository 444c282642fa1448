"""How a run's character grew, as a film: from its checkpoints, or from its previews where those are few."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from clipmatrix.bodies.loading import load_figures
from clipmatrix.config import RunConfig, load_config
from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character
from clipmatrix.export.film import Look, build_take, shoot
from clipmatrix.export.motion import stand_still
from clipmatrix.generate.blank import blank_scene
from clipmatrix.generate.exporting import build_character
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.runs.directory import Run
from clipmatrix.scene.checkpoint import restore_scene
from clipmatrix.shapes import ImageSize

_FEWEST_CHECKPOINTS = 3
_USUAL_S = 8.0
_HOLD = 0.25
"""The share of the film in which the last state stands still at its end."""
_LABEL = (90, 90, 90)


def evolution_frames(
    run: Run, look: Look, seconds: float | None, fps: int, on_progress: Callable[[int, int], None] | None = None
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The film's frames: each state melts into the next while the camera goes once round.

    Three checkpoints or more are rendered anew in the wanted size; else the previews of the run are shown as they are.

    Raises:
        ExportError: the run has fewer than two checkpoints or previews.
        RunError: a checkpoint is of another body or texture size.
    """
    num = max(round((seconds or _USUAL_S) * fps), 2)
    checkpoints = _by_step(run.path / "checkpoints", ".safetensors")
    previews = _by_step(run.path / "previews", ".png")
    if len(checkpoints) >= _FEWEST_CHECKPOINTS:
        return _grown(checkpoints, load_config(run.config_path), look, num, fps, on_progress)
    if len(previews) >= 2:
        return _leafed(previews, look.size, num, on_progress)
    raise ExportError(
        f"wanted three checkpoints or two previews of the run, found {len(checkpoints)} and {len(previews)}; "
        "create it with preview_every above 0"
    )


def _by_step(folder: Path, suffix: str) -> list[tuple[int, Path]]:
    return [(int(path.stem.partition("_")[2]), path) for path in sorted(folder.glob(f"step_*{suffix}"))]


def _place(index: int, num: int, num_states: int) -> tuple[int, float]:
    """The state before a frame, and how far it has melted into the next one."""
    moving = max(num * (1.0 - _HOLD), 1.0)
    place = min(index / moving, 1.0) * (num_states - 1)
    low = min(int(place), num_states - 2)
    share = place - low
    return low, share * share * (3.0 - 2.0 * share)


def _grown(
    checkpoints: list[tuple[int, Path]],
    config: RunConfig,
    look: Look,
    num: int,
    fps: int,
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    body = load_figures(config.body, config.subdivide, config.body_up, config.num_figures)
    scene = blank_scene(body, config)
    states: list[Character] = []
    for _, path in checkpoints:
        restore_scene(scene, path.read_bytes(), path.name)
        states.append(build_character(scene, body, config))
    last = states[-1]
    motion = stand_still(len(last.rig.parents), num)
    azimuth = 2 * math.pi * torch.arange(num) / num
    take = build_take(last, motion, float(fps), azimuth, math.radians(8), look.size.width / look.size.height, False)
    for index in range(num):
        low, share = _place(index, num, len(states))
        between = _between(states[low], states[low + 1], share)
        picture = next(iter(shoot(between, take.at(index), look)))
        if on_progress is not None:
            on_progress(index + 1, num)
        first, second = checkpoints[low][0], checkpoints[low + 1][0]
        yield _labelled(picture, round(first + share * (second - first)))


def _between(start: Character, end: Character, share: float) -> Character:
    """A character between two states of one run, in its bind pose."""
    vertices = torch.lerp(start.mesh.vertices, end.mesh.vertices, share)
    albedo = start.albedo_srgb + share * (end.albedo_srgb.astype(np.float32) - start.albedo_srgb)
    mesh = Mesh(vertices, end.mesh.faces, end.mesh.uvs, end.mesh.face_uvs)
    return Character(
        mesh,
        end.rig,
        (albedo + 0.5).astype(np.uint8),
        start.roughness + share * (end.roughness - start.roughness),
        start.metallic + share * (end.metallic - start.metallic),
        (),
        end.extras,
        normal_map=_mixed_normals(start.normal_map, end.normal_map, share),
    )


def _mixed_normals(start: np.ndarray | None, end: np.ndarray | None, share: float) -> np.ndarray | None:
    if start is None or end is None:
        return None
    return (start + share * (end.astype(np.float32) - start) + 0.5).astype(np.uint8)


def _leafed(
    previews: list[tuple[int, Path]], size: ImageSize, num: int, on_progress: Callable[[int, int], None] | None
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The preview sheets melting into one another, as wide as the film."""
    sheets = [_fitted(path, size.width) for _, path in previews]
    for index in range(num):
        low, share = _place(index, num, len(sheets))
        mixed = sheets[low] + share * (sheets[low + 1] - sheets[low])
        if on_progress is not None:
            on_progress(index + 1, num)
        first, second = previews[low][0], previews[low + 1][0]
        yield _labelled((mixed + 0.5).astype(np.uint8), round(first + share * (second - first)))


def _fitted(path: Path, width: int) -> np.ndarray:
    with Image.open(path) as picture:
        height = max(round(picture.height * width / picture.width), 16)
        return np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS), dtype=np.float32)


def _labelled(picture: UInt8[np.ndarray, "h w 3"], step: int) -> UInt8[np.ndarray, "h w 3"]:
    image = Image.fromarray(picture)
    font = ImageFont.load_default(size=max(11, picture.shape[0] // 28))
    ImageDraw.Draw(image).text((picture.shape[1] // 40, picture.shape[0] // 40), f"step {step}", fill=_LABEL, font=font)
    return np.asarray(image)
