"""GLB files within a size: what is given up first, and what is said of it; knows neither runs nor terminals."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from clipmatrix.bodies.clips import Clip
from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character
from clipmatrix.export.glb_material import TextureFormat
from clipmatrix.export.gltf import PLAIN, GlbOptions, pack_glb

MEGABYTE = 1_000_000
_SMALLEST_SIDE = 128

_State = tuple[Character, GlbOptions]


@dataclass(frozen=True, eq=False)
class Packed:
    """A file's bytes, and in words what it lacks of the whole character."""

    data: bytes
    given_up: tuple[str, ...]


def pack_within(character: Character, max_bytes: int, options: GlbOptions = PLAIN) -> Packed:
    """The GLB of at most ``max_bytes`` that gives up least.

    In this order: pictures as JPEG, textures halved down to 512 pixels, half of the key frames, facial actions,
    textures down to 128 pixels, clips from the longest on. What saves nothing is kept.

    Raises:
        ExportError: mesh, skeleton and the smallest texture alone are larger.
    """
    state: _State = (character, options)
    data, given_up, steps = pack_glb(*state), [], list(_STEPS)
    while len(data) > max_bytes:
        if not steps:
            raise ExportError(
                f"wanted a file of at most {max_bytes / MEGABYTE:g} MB, found that the bare character takes "
                f"{len(data) / MEGABYTE:.2f} MB; allow as much"
            )
        step = steps[0](*state)
        smaller = None if step is None else pack_glb(*step[1])
        if step is None or smaller is None or len(smaller) >= len(data):
            # What saves nothing is not given up.
            steps.pop(0)
            continue
        data, state = smaller, step[1]
        given_up.append(step[0])
    return Packed(data, _summed(given_up))


def _summed(given_up: list[str]) -> tuple[str, ...]:
    """Of words that begin alike ("textures of 512 pixels") only the last."""
    return tuple({what.split()[0]: what for what in given_up}.values())


def _as_jpeg(character: Character, options: GlbOptions) -> tuple[str, _State] | None:
    if options.texture_format.codec != "png":
        return None
    return "pictures as JPEG", (character, replace(options, texture_format=TextureFormat("jpeg", 90)))


def _halved_to(smallest: int) -> Callable[[Character, GlbOptions], tuple[str, _State] | None]:
    def halve(character: Character, options: GlbOptions) -> tuple[str, _State] | None:
        side = max(character.albedo_srgb.shape[:2])
        if side // 2 < smallest:
            return None
        made = replace(
            character,
            albedo_srgb=_half(character.albedo_srgb),
            normal_map=None if character.normal_map is None else _half(character.normal_map),
            metallic_roughness_map=None
            if character.metallic_roughness_map is None
            else _half(character.metallic_roughness_map),
        )
        return f"textures of {side // 2} pixels", (made, options)

    return halve


def _half(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "hh ww 3"]:
    height, width = (max(length // 2, 1) for length in image.shape[:2])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))


def _fewer_keys(character: Character, options: GlbOptions) -> tuple[str, _State] | None:
    clips = tuple(_thinned(clip) for clip in character.clips)
    if all(len(new.times) == len(old.times) for new, old in zip(clips, character.clips, strict=True)):
        return None
    return "every second key frame alone", (replace(character, clips=clips), options)


def _thinned(clip: Clip) -> Clip:
    """Every second key, and the last; clips of few keys a second as they are."""
    num = len(clip.times)
    if num < 8 or float(clip.times[-1] - clip.times[0]) / (num - 1) > 0.05:
        return clip
    keys = sorted({*range(0, num, 2), num - 1})
    shift = None if clip.joint_shift is None else clip.joint_shift[keys]
    return Clip(clip.name, clip.times[keys], clip.joint_rotations[keys], clip.root_translation[keys], shift)


def _no_face(character: Character, options: GlbOptions) -> tuple[str, _State] | None:
    return ("facial actions left out", (replace(character, morphs=()), options)) if character.morphs else None


def _fewer_clips(character: Character, options: GlbOptions) -> tuple[str, _State] | None:
    if not character.clips:
        return None
    longest = max(character.clips, key=lambda clip: float(clip.times[-1]))
    kept = tuple(clip for clip in character.clips if clip is not longest)
    names = ", ".join(clip.name for clip in kept) or "none"
    return f"clips: {names} alone", (replace(character, clips=kept), options)


_STEPS = (_as_jpeg, _halved_to(512), _fewer_keys, _no_face, _halved_to(_SMALLEST_SIDE), _fewer_clips)
