"""Films that browsers play (H.264, VP9, GIF), pictures in a folder, and the turntable; the only door to the encoder."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from jaxtyping import UInt8
from PIL import Image

from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character
from clipmatrix.export.files import replacing
from clipmatrix.export.turntable import TurntableConfig, turntable

BT709_PRIMARIES, SRGB_CURVE = 1, 13
"""Code points of ITU-T H.273, tables 2 and 3."""
H264_OPTIONS = {"crf": "18", "preset": "veryfast"}
"""Quality 18 shows no loss at this size, and 10 s of turntable stay below a few megabytes."""
VP9_OPTIONS = {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
"""As good to the eye as H.264's; a realtime deadline takes a sixth of the usual time and gives half as much again."""


FILM_SUFFIXES = (".mp4", ".webm", ".gif")
"""The files that ``write_film`` writes, beside folders of pictures."""


def has_encoder() -> bool:
    """Whether this machine can encode H.264."""
    return "libx264" in av.codecs_available


def write_film(path: Path, frames: Iterable[UInt8[np.ndarray, "h w c"]], fps: int = 24) -> None:
    """Writes the frames as the path's ending says: MP4, WebM or GIF, or PNG pictures in a new folder where it has none.

    Frames with an alpha channel keep it in WebM, GIF (on or off) and PNG.

    Raises:
        ExportError: there are no frames, the ending is another one, MP4 is asked for transparent frames, or the place
            cannot be written.
    """
    match path.suffix.lower():
        case ".mp4" | ".webm":
            write_video(path, frames, fps)
        case ".gif":
            write_gif(path, frames, fps)
        case "":
            write_frames(path, frames)
        case other:
            raise ExportError(f'wanted a film that ends in {", ".join(FILM_SUFFIXES)} or a folder, found "{other}"')


def write_video(path: Path, frames: Iterable[UInt8[np.ndarray, "h w c"]], fps: int = 24) -> None:
    """Encodes sRGB frames as they come: H.264 in MP4 that starts playing before it is loaded whole, or VP9 in WebM.

    4:2:0, colours BT.709 and said so. An odd last row or column is doubled, as 4:2:0 wants even sizes. Frames with
    alpha make a transparent WebM.

    Raises:
        ExportError: there are no frames, they are transparent and the file an MP4, or it cannot be written.
    """
    first, supply = _begin(path, frames)
    has_alpha = first.shape[2] == 4
    is_webm = path.suffix.lower() == ".webm"
    if has_alpha and not is_webm:
        raise ExportError(f"wanted a film that can be transparent, found {path.name}; use .webm, .gif or a folder")
    name, settings = ("libvpx-vp9", VP9_OPTIONS) if is_webm else ("libx264", H264_OPTIONS)
    pixels = "yuva420p" if has_alpha else "yuv420p"
    # The encoder opens the file itself and speaks of it in its own errors, which are OSErrors where the system's were.
    options = {} if is_webm else {"movflags": "+faststart"}
    with replacing(path) as scratch, av.open(str(scratch), "w", options=options) as container:
        stream = container.add_stream(name, rate=fps, options=dict(settings))
        stream.height, stream.width = (length + length % 2 for length in first.shape[:2])
        stream.pix_fmt = pixels
        stream.time_base = Fraction(1, fps)
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = BT709_PRIMARIES, SRGB_CURVE
        for index, image in enumerate(chain([first], supply)):
            odd_rows, odd_columns = image.shape[0] % 2, image.shape[1] % 2
            even = np.pad(image, ((0, odd_rows), (0, odd_columns), (0, 0)), mode="edge")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgba" if has_alpha else "rgb24")
            frame = frame.reformat(format=pixels, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_gif(path: Path, frames: Iterable[UInt8[np.ndarray, "h w c"]], fps: int = 24) -> None:
    """Writes an animated GIF that repeats for ever; each picture has its own 255 colours.

    GIFs count in hundredths of a second: frames differ by one where the rate asks for it, so that the length is right.

    Raises:
        ExportError: there are no frames, or the file cannot be written.
    """
    first, supply = _begin(path, frames)
    pictures = (_paletted(image) for image in chain([first], supply))
    with replacing(path) as scratch:
        start = next(pictures)
        kept = list(pictures)
        ends = [round(100 * (index + 1) / fps) for index in range(len(kept) + 1)]
        milliseconds = [10 * (end - begin) for begin, end in zip([0, *ends], ends, strict=False)]
        is_clear = first.shape[2] == 4
        extra: dict[str, Any] = {"transparency": 255, "disposal": 2} if is_clear else {}
        start.save(scratch, save_all=True, append_images=kept, duration=milliseconds, loop=0, optimize=False, **extra)


def write_frames(folder: Path, frames: Iterable[UInt8[np.ndarray, "h w c"]]) -> None:
    """Writes the frames as 0001.png, 0002.png ... into a folder that is new or empty; it appears when all are there.

    Raises:
        ExportError: there are no frames, the folder has something in it, or it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"wanted a new or empty folder for the pictures, found {folder}; choose another --out")
    first, supply = _begin(folder, frames)
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        scratch.mkdir(parents=True)
        for index, image in enumerate(chain([first], supply), start=1):
            # The pictures of a film are many: speed before size.
            Image.fromarray(image).save(scratch / f"{index:04d}.png", compress_level=3)
        if folder.exists():
            folder.rmdir()
        scratch.rename(folder)
    except OSError as error:
        raise ExportError(f"wanted to write {folder}, but: {error.strerror or error}; choose another --out") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def read_first_frame(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """The first picture of a film, 8-bit sRGB.

    Raises:
        ExportError: the file cannot be read, or is no film.
    """
    try:
        with av.open(str(path)) as container:
            # Threads would only wait for one another over one picture.
            container.streams.video[0].thread_count = 1
            for frame in container.decode(video=0):
                return frame.reformat(format="rgb24", threads=1).to_ndarray()
    except (OSError, IndexError, ValueError) as error:
        raise ExportError(f"{path} cannot be read as a film ({error}): make it anew with clipmatrix render") from error
    raise ExportError(f"{path} is a film without pictures: make it anew with clipmatrix render")


def _begin(path: Path, frames: Iterable[UInt8[np.ndarray, "h w c"]]) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    supply = iter(frames)
    first = next(supply, None)
    if first is None:
        raise ExportError(f"wanted at least one frame for {path}, found none; make the film longer")
    return first, supply


def _paletted(image: UInt8[np.ndarray, "h w c"]) -> Image.Image:
    colours = Image.fromarray(np.ascontiguousarray(image[..., :3])).quantize(255, method=Image.Quantize.FASTOCTREE)
    if image.shape[2] == 4:
        hidden = Image.fromarray((image[..., 3] < 128).astype(np.uint8) * 255)
        colours.paste(255, mask=hidden)
        colours.info["transparency"] = 255
    return colours


def write_turntable(
    path: Path,
    character: Character,
    config: TurntableConfig,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes the film of ``turntable``. ``on_progress`` is called with the frames done and all frames.

    Raises:
        ExportError: the file cannot be written.
    """
    write_video(path, turntable(character, config, on_progress), config.fps)
