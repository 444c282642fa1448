"""Small pictures of runs for pages that show many; knows nothing of those pages."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from clipmatrix.errors import ExportError
from clipmatrix.export.video import read_first_frame
from clipmatrix.runs.directory import Run

THUMB_SIDE = 360
_BACKDROP_NOISE = 12
"""How far a film's compression may move the backdrop's 8-bit values."""
_ROOM = 1.18


def thumb_source(run: Run) -> Path | None:
    """The file that the run's small picture is made of: its film, its contact sheet, or its latest preview."""
    candidates = [run.turntable_path, run.live_path, run.views_path]
    candidates += sorted((run.path / "previews").glob("step_*.png"), reverse=True)[:1]
    candidates += [run.candidates_path]
    return next((path for path in candidates if path.is_file()), None)


def draw_thumb(path: Path) -> bytes | None:
    """JPEG bytes of a square picture of ``THUMB_SIDE`` pixels, or None where the file shows nothing."""
    try:
        picture = Image.fromarray(read_first_frame(path)) if path.suffix == ".mp4" else _first_cell(path)
    except (ExportError, OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    stream = io.BytesIO()
    _around_figure(picture).resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=84)
    return stream.getvalue()


def _around_figure(picture: Image.Image) -> Image.Image:
    """A square out of the picture with what stands before its plain backdrop in the middle, and some room around it."""
    pixels = np.asarray(picture).astype(np.int16)
    is_figure = np.abs(pixels - pixels[2, 2]).max(axis=2) > _BACKDROP_NOISE
    rows, columns = np.flatnonzero(is_figure.any(axis=1)), np.flatnonzero(is_figure.any(axis=0))
    if not len(rows):
        rows, columns = np.array([0, picture.height]), np.array([0, picture.width])
    height, width = rows[-1] - rows[0], columns[-1] - columns[0]
    side = int(min(max(height, width) * _ROOM, *picture.size))
    left = int(np.clip((columns[0] + columns[-1] - side) // 2, 0, picture.width - side))
    top = int(np.clip((rows[0] + rows[-1] - side) // 2, 0, picture.height - side))
    return picture.crop((left, top, left + side, top + side))


def _first_cell(path: Path) -> Image.Image:
    """The picture, or the first one of a sheet, without the label in its corner."""
    picture = Image.open(path).convert("RGB")
    if picture.width <= 1.5 * picture.height:
        return picture
    columns = 6
    side = picture.width // columns
    cell = np.asarray(picture.crop((6, 6, side - 2, side - 2))).copy()
    cell[: side // 12, : side // 3] = cell[-2, 2]
    return Image.fromarray(cell)
