"""Pictures and films of a finished run, from its GLB and its checkpoints; knows no terminal."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import UInt8

from clipmatrix.bodies.clips import Clip
from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character, expressed
from clipmatrix.export.film import Look, Take, build_take, clip_take, shoot
from clipmatrix.export.images import contact_sheet, write_views
from clipmatrix.export.motion import Motion, join, sample_clip, stand_still
from clipmatrix.export.reading import read_character
from clipmatrix.export.textures import write_image
from clipmatrix.export.turntable import Part, TurntableConfig, choreography, film_seconds
from clipmatrix.export.video import FILM_SUFFIXES, write_film
from clipmatrix.generate.evolution import evolution_frames
from clipmatrix.render.surface import KeyShadow
from clipmatrix.runs.directory import Run, slug

Kind = Literal["turntable", "poses", "clip", "evolution", "still", "sheet"]
KINDS: tuple[Kind, ...] = ("turntable", "poses", "clip", "evolution", "still", "sheet")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_SHEET_MOMENTS = 8
_SHEET_TURNS = (0.0, 0.5 * math.pi)
_LONGEST_S = 600.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RenderConfig:
    """What is made of a run, and how it is seen.

    A turntable shows the run's clips (or ``clip`` alone) while the camera goes ``turns`` times round; ``poses`` goes
    through the key poses while it does; ``clip`` shows one clip from ``turn_deg``; ``evolution`` shows how the
    character grew; a still is ``clip`` at ``time``, or the bind pose; a sheet is a table of stills. ``seconds`` is the
    film's length, by default its kind's own. ``face`` are the weights of facial actions throughout.
    """

    kind: Kind = "turntable"
    look: Look = field(default_factory=Look)
    clip: str | None = None
    time: float = 0.0
    seconds: float | None = None
    fps: int = 24
    turns: float | None = None
    turn_deg: float = 25.0
    elevation_deg: float = 8.0
    face: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.fps <= 120:
            raise ExportError(f"frames a second must be from 1 to 120, not {self.fps}: use for instance 24")
        if self.seconds is not None and not 0.0 < self.seconds <= _LONGEST_S:
            raise ExportError(f"a film's seconds must be above 0 and up to {_LONGEST_S:g}, not {self.seconds:g}")
        if not -89.0 <= self.elevation_deg <= 89.0:
            raise ExportError(f"the elevation must be from -89 to 89 degrees, not {self.elevation_deg:g}")
        if not (16 <= self.look.size.height <= 4096 and 16 <= self.look.size.width <= 4096):
            size = f"{self.look.size.width}x{self.look.size.height}"
            raise ExportError(f"a picture's sides must be from 16 to 4096 pixels, not {size}")
        if not 1 <= self.look.supersampling <= 4:
            raise ExportError(f"supersampling must be from 1 to 4, not {self.look.supersampling}")

    @property
    def is_film(self) -> bool:
        """Whether it moves."""
        return self.kind not in ("still", "sheet")


def default_path(run: Run, config: RenderConfig) -> Path:
    """Where such a picture or film of the run is put unless told otherwise."""
    name = config.kind if config.clip is None else f"{config.kind}-{slug(config.clip)}"
    suffix = ".png" if not config.is_film else ".webm" if config.look.is_transparent else ".mp4"
    return run.result_path / f"{name}{suffix}"


def render_run(run: Run, path: Path, config: RenderConfig, on_progress: Progress | None = None) -> None:
    """Writes what ``config`` asks for of the run to ``path``: a film, a folder of its frames, or a picture.

    ``on_progress`` is called with the frames done and all of them.

    Raises:
        ExportError: the run lacks what is needed, the path's ending does not fit, or it cannot be written.
        RunError: its checkpoints are of another body.
    """
    _check_path(path, config)
    if config.kind == "evolution":
        write_film(path, evolution_frames(run, config.look, config.seconds, config.fps, on_progress), config.fps)
        return
    character = expressed(read_character(run.glb_path).character, config.face)
    aspect = config.look.size.width / config.look.size.height
    match config.kind:
        case "still":
            take = _still(character, config, aspect)
            write_image(path, next(iter(shoot(character, take, config.look))))
        case "sheet" if config.clip is None:
            write_views(path, character, config.look.size, KeyShadow() if config.look.has_shadow else None)
        case "sheet":
            write_image(path, _clip_sheet(character, _clip(character, config.clip), config, aspect, on_progress))
        case "clip":
            clip = _clip(character, config.clip)
            take = clip_take(
                character,
                _cut(clip, config.seconds),
                config.fps,
                math.radians(config.turn_deg),
                config.turns or 0.0,
                math.radians(config.elevation_deg),
                aspect,
            )
            write_film(path, shoot(character, take, config.look, on_progress), config.fps)
        case _:
            write_film(path, _turntable(character, config, aspect, on_progress), config.fps)


def _check_path(path: Path, config: RenderConfig) -> None:
    suffix = path.suffix.lower()
    if config.is_film and suffix not in (*FILM_SUFFIXES, ""):
        wanted = ", ".join(FILM_SUFFIXES)
        raise ExportError(f'wanted a film that ends in {wanted}, or a folder for its frames, found "{path.name}"')
    if not config.is_film and suffix not in PICTURE_SUFFIXES:
        raise ExportError(f'wanted a picture that ends in {", ".join(PICTURE_SUFFIXES)}, found "{path.name}"')
    if config.look.is_transparent and suffix in (".mp4", ".jpg", ".jpeg"):
        raise ExportError(f"{suffix} files cannot be transparent: use .png, .webp, .webm, .gif or a folder")
    if config.look.is_transparent and config.kind in ("sheet", "evolution"):
        raise ExportError(f"a picture of kind {config.kind} is never transparent: leave --transparent out")


def _clip(character: Character, name: str | None) -> Clip:
    names = [clip.name for clip in character.clips]
    if name not in names:
        found = f'found no "{name}"' if name else "found none named"
        raise ExportError(f"wanted one of the model's clips, {found}: choose --clip among {', '.join(names) or 'none'}")
    return character.clips[names.index(name)]


def _cut(clip: Clip, seconds: float | None) -> Clip:
    if seconds is None or seconds >= float(clip.times[-1]):
        return clip
    num = max(int(torch.searchsorted(clip.times, seconds)), 2)
    return Clip(clip.name, clip.times[:num], clip.joint_rotations[:num], clip.root_translation[:num])


def _turntable(
    character: Character, config: RenderConfig, aspect: float, on_progress: Progress | None
) -> Iterator[UInt8[np.ndarray, "h w c"]]:
    plan = _programme(character, config)
    num = max(round(film_seconds(character, plan) * config.fps), 1)
    motion = choreography(character, plan, torch.arange(num) / config.fps)
    azimuth = 2 * math.pi * plan.turns * torch.arange(num) / num
    take = build_take(character, motion, float(config.fps), azimuth, math.radians(config.elevation_deg), aspect, False)
    return shoot(character, take, config.look, on_progress)


def _programme(character: Character, config: RenderConfig) -> TurntableConfig:
    """Which clips a turning film shows for how long."""
    usual = TurntableConfig(fps=config.fps, turns=config.turns if config.turns is not None else 1.0)
    if config.kind == "poses":
        clip = _clip(character, config.clip or "poses")
        length = float(clip.times[-1])
        seconds = config.seconds or length
        turns = config.turns if config.turns is not None else 2.0
        return dataclasses.replace(usual, parts=(Part(clip.name, seconds, length / seconds),), turns=turns)
    if config.clip is not None:
        clip = _clip(character, config.clip)
        return dataclasses.replace(usual, parts=(Part(clip.name, config.seconds or max(float(clip.times[-1]), 4.0)),))
    if config.seconds is None:
        return usual
    names = {clip.name for clip in character.clips}
    shown = [part for part in usual.parts if part.clip_name in names]
    longest = sorted(character.clips, key=lambda clip: -float(clip.times[-1]))[: len(usual.parts)]
    shown = shown or [Part(clip.name, 1.0) for clip in longest] or list(usual.parts)
    share = config.seconds / sum(part.seconds for part in shown)
    return dataclasses.replace(
        usual, parts=tuple(dataclasses.replace(part, seconds=part.seconds * share) for part in shown)
    )


def _still(character: Character, config: RenderConfig, aspect: float) -> Take:
    motion = stand_still(len(character.rig.parents))
    if config.clip is not None:
        motion = sample_clip(_clip(character, config.clip), torch.tensor([config.time]))
    azimuth = torch.tensor([math.radians(config.turn_deg)])
    return build_take(character, motion, 1.0, azimuth, math.radians(config.elevation_deg), aspect, True)


def _clip_sheet(
    character: Character, clip: Clip, config: RenderConfig, aspect: float, on_progress: Progress | None
) -> UInt8[np.ndarray, "_ _ 3"]:
    """Moments of one clip, spread evenly, in a row from the front and one from the side."""
    times = torch.linspace(float(clip.times[0]), float(clip.times[-1]), _SHEET_MOMENTS)
    moments: Motion = sample_clip(clip, times)
    motion = join([moments] * len(_SHEET_TURNS))
    azimuth = torch.tensor(_SHEET_TURNS).repeat_interleave(_SHEET_MOMENTS)
    take = build_take(character, motion, 1e-3, azimuth, math.radians(config.elevation_deg), aspect, True)
    labels = [f"{float(time):.2f} s" for time in times] * len(_SHEET_TURNS)
    return contact_sheet(list(shoot(character, take, config.look, on_progress)), _SHEET_MOMENTS, labels)
