"""Small pictures of runs for pages that show many; knows nothing of those pages."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from clipmatrix.errors import ExportError
from clipmatrix.export.video import read_first_frame
from clipmatrix.runs.directory import Run

THUMB_SIDE = 360


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
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    stream = io.BytesIO()
    square.resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=84)
    return stream.getvalue()


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
