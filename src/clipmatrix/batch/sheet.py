"""One picture of a whole batch: a row for each prompt, best run first; knows nothing of how runs are ranked."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from clipmatrix.batch.selecting import Ranked
from clipmatrix.export.images import SHEET_CELL, SHEET_GAP_PX, contact_sheet

CELL = 256
MOST_IN_ROW = 8
_FRAME = (34, 139, 70)
_FRAME_WIDTH = 6
_LETTERS = 20
_LINES = 7
_INK = (40, 40, 40)
_PALE = 0.45
"""How much of its contrast a run keeps that was not chosen."""


def front_view(sheet: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "s s 3"]:
    """The first picture of a run's own contact sheet, ``CELL`` pixels a side, without the label in its corner."""
    cell = rest_cells(sheet)[0].copy()
    cell[: len(cell) // 12, : len(cell) // 3] = cell[-1, 2]
    return np.asarray(Image.fromarray(cell).resize((CELL, CELL), Image.Resampling.LANCZOS))


def rest_cells(sheet: UInt8[np.ndarray, "h w 3"]) -> list[UInt8[np.ndarray, "s s 3"]]:
    """The pictures of the bind pose out of a run's own contact sheet: its first row."""
    side, gap = SHEET_CELL.width, SHEET_GAP_PX
    lefts = range(gap, sheet.shape[1] - side + 1, side + gap)
    # A sheet that is none of ours is one picture.
    return [sheet[gap : gap + side, left : left + side] for left in lefts] or [sheet]


def draw_sheet(
    ranking: Mapping[str, Sequence[Ranked]], pictures: Mapping[str, UInt8[np.ndarray, "s s 3"]]
) -> UInt8[np.ndarray, "h w 3"]:
    """The sheet: each prompt, then its runs with seed and score, chosen ones framed and the others pale.

    Of a prompt with more than ``MOST_IN_ROW`` runs the best are shown.
    """
    columns = 1 + max(min(len(group), MOST_IN_ROW) for group in ranking.values())
    cells: list[np.ndarray] = []
    for prompt, group in ranking.items():
        shown = group[:MOST_IN_ROW]
        cells += [_words(prompt, len(group), sum(one.is_chosen for one in group))]
        cells += [_cell(one, pictures[one.candidate.name]) for one in shown]
        missing = columns - 1 - len(shown)
        cells += [np.full((CELL, CELL, 3), 255, np.uint8)] * missing
    return contact_sheet(cells, columns)


def _label(ranked: Ranked) -> str:
    one = ranked.candidate
    note = "" if one.is_healthy else ", not healthy"
    return f"seed {one.seed}: {one.score:.3f}{note}" + (", twin" if ranked.twin else "")


def _cell(ranked: Ranked, picture: UInt8[np.ndarray, "s s 3"]) -> UInt8[np.ndarray, "s s 3"]:
    if not ranked.is_chosen:
        picture = (255 - _PALE * (255 - picture.astype(np.float32))).astype(np.uint8)
    cell = Image.fromarray(picture)
    draw = ImageDraw.Draw(cell)
    if ranked.is_chosen:
        draw.rectangle((0, 0, CELL - 1, CELL - 1), outline=_FRAME, width=_FRAME_WIDTH)
    draw.text((12, 10), _label(ranked), fill=_INK, font=ImageFont.load_default(size=14))
    return np.asarray(cell)


def _words(prompt: str, total: int, chosen: int) -> UInt8[np.ndarray, "s s 3"]:
    """The prompt, and how many of its runs were chosen."""
    tile = Image.new("RGB", (CELL, CELL), "white")
    draw = ImageDraw.Draw(tile)
    lines = textwrap.wrap(prompt, _LETTERS) or [""]
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], lines[_LINES - 1][: _LETTERS - 1] + "…"]
    draw.multiline_text((10, 12), "\n".join(lines), fill=_INK, font=ImageFont.load_default(size=22), spacing=6)
    draw.text((10, CELL - 30), f"{chosen} of {total} chosen", fill=_FRAME, font=ImageFont.load_default(size=15))
    return np.asarray(tile)
