"""H.264 films that browsers play, and the turntable; the only door to the video encoder."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from jaxtyping import UInt8

from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character
from clipmatrix.export.files import replacing
from clipmatrix.export.turntable import TurntableConfig, turntable

BT709_PRIMARIES, SRGB_CURVE = 1, 13
"""Code points of ITU-T H.273, tables 2 and 3."""
CRF = 18
"""x264's quality: 18 shows no loss at this size, and 10 s of turntable stay below a few megabytes."""


def has_encoder() -> bool:
    """Whether this machine can encode H.264."""
    return "libx264" in av.codecs_available


def write_video(path: Path, frames: Iterable[UInt8[np.ndarray, "h w 3"]], fps: int = 24) -> None:
    """Encodes sRGB frames as they come into an MP4 of H.264, 4:2:0, that starts playing before it is loaded whole.

    Colours are BT.709 and say so. An odd last row or column is doubled, as 4:2:0 wants even sizes.

    Raises:
        ExportError: there are no frames, or the file cannot be written.
    """
    supply = iter(frames)
    first = next(supply, None)
    if first is None:
        raise ExportError(f"wanted at least one frame for {path}, found none; make the film longer")
    # The encoder opens the file itself and speaks of it in its own errors, which are OSErrors where the system's were.
    with replacing(path) as scratch, av.open(str(scratch), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(CRF), "preset": "veryfast"})
        stream.height, stream.width = (length + length % 2 for length in first.shape[:2])
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = BT709_PRIMARIES, SRGB_CURVE
        for index, image in enumerate(chain([first], supply)):
            odd_rows, odd_columns = image.shape[0] % 2, image.shape[1] % 2
            even = np.pad(image, ((0, odd_rows), (0, odd_columns), (0, 0)), mode="edge")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


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
