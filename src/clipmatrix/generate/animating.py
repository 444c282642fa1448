"""A user's own movement added to a finished run: file to clip, clip into the GLB, and its film; knows no terminal."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from clipmatrix.bodies.body import RestBody
from clipmatrix.bodies.clips import Clip
from clipmatrix.errors import MotionError
from clipmatrix.export.character import Character
from clipmatrix.export.film import Look, clip_take, shoot
from clipmatrix.export.glb_edit import write_with_clip
from clipmatrix.export.reading import read_character
from clipmatrix.export.video import write_film
from clipmatrix.motion.reading import Excerpt, looped, read_motion
from clipmatrix.motion.report import RetargetReport
from clipmatrix.motion.retarget import RetargetConfig, retarget
from clipmatrix.runs.directory import Run, slug
from clipmatrix.shapes import ImageSize

_FILM_FPS = 24
_LOOPS = 3
_LONGEST_NAME = 80


@dataclass(frozen=True)
class AnimateConfig:
    """What is taken of a motion file, and how.

    ``name`` is what the clip is called in the GLB, by default as in its file. ``is_loop`` closes it. The film is
    ``film_size`` squared; 0 leaves it out.
    """

    name: str | None = None
    excerpt: Excerpt = field(default_factory=Excerpt)
    retarget: RetargetConfig = field(default_factory=RetargetConfig)
    is_loop: bool = False
    film_size: int = 768

    def __post_init__(self) -> None:
        if self.film_size and not 16 <= self.film_size <= 4096:
            raise MotionError(
                f"the film's size must be from 16 to 4096 pixels, not {self.film_size}: use for instance 768"
            )


@dataclass(frozen=True)
class Animated:
    """The clip's name, where its file and its film are, and how well the movement fitted."""

    name: str
    glb: Path
    film: Path | None
    report: RetargetReport


def animate_run(
    run: Run, motion: Path, config: AnimateConfig, on_progress: Callable[[int, int], None] | None = None
) -> Animated:
    """Adds the movement of a file to the run's GLB, in place of a clip of the same name, and films it beside.

    Nothing is written before the movement is read and carried over. ``on_progress`` is called with the film's frames
    done and all of them.

    Raises:
        MotionError: the motion file cannot be used.
        ExportError: the run has no sound GLB, or a file cannot be written.
    """
    source, num_cut = read_motion(motion, config.excerpt)
    found = read_character(run.glb_path)
    if found.num_figures > 1:
        raise MotionError(
            f"{run.glb_path} holds {found.num_figures} figures, and a movement is for one: "
            "make a run of one figure for it"
        )
    character = found.character
    name = _name(config.name if config.name is not None else config.excerpt.take or motion.stem)
    rest = RestBody(character.mesh.vertices, character.rig)
    with torch.no_grad():
        clip, report = retarget(source, rest, name, config.retarget)
        clip = looped(clip) if config.is_loop else clip
    report = dataclasses.replace(report, num_cut=num_cut, frames=len(clip.times), seconds=float(clip.times[-1]))
    write_with_clip(run.glb_path, found.file, character.rig, found.joint_nodes, clip)
    film = None
    if config.film_size:
        film = run.result_path / f"{slug(name)}.mp4"
        _write_film(film, character, clip, config, on_progress)
    return Animated(name, run.glb_path, film, report)


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > _LONGEST_NAME:
        raise MotionError(f"the clip's name must have 1 to {_LONGEST_NAME} letters, not {len(name)}: choose --name")
    if slug(name) == "turntable":
        raise MotionError("a clip's film is called like the clip, and turntable.mp4 is taken: choose another --name")
    return name


def _write_film(
    path: Path,
    character: Character,
    clip: Clip,
    config: AnimateConfig,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    if config.is_loop:
        clip = _repeated(clip, _LOOPS)
    take = clip_take(character, clip, _FILM_FPS, math.radians(30), 0.0, math.radians(10), 1.0)
    look = Look(ImageSize(config.film_size, config.film_size), has_floor=True)
    write_film(path, shoot(character, take, look, on_progress), _FILM_FPS)


def _repeated(clip: Clip, times: int) -> Clip:
    """The loop several times over; its last frame is its first."""
    length = float(clip.times[-1])
    return Clip(
        clip.name,
        torch.cat([clip.times[:-1] + length * number for number in range(times)]),
        clip.joint_rotations[:-1].repeat(times, 1, 1, 1),
        clip.root_translation[:-1].repeat(times, 1),
    )
