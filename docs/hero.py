"""Joins runs into one picture: each character in one pose of its own, its prompt under it."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from clipmatrix import open_run
from clipmatrix.config import load_config

WIDTH, HEIGHT, CAPTION = 300, 400, 28


def main() -> None:
    """The command line: a folder of runs, and the picture to write."""
    runs = [open_run(path) for path in sorted(Path(sys.argv[1]).iterdir()) if path.is_dir()]
    target = Path(sys.argv[2])
    sheet = Image.new("RGB", (WIDTH * len(runs), HEIGHT + CAPTION), "white")
    draw = ImageDraw.Draw(sheet)
    for i, run in enumerate(runs):
        views = Image.open(run.views_path).convert("RGB")
        # The sheet's seventh picture is the first that moves; the labels above the figures stay out.
        cell = views.width // 6
        picture = views.crop((i % 6 * cell, views.height // 2 + 30, (i % 6 + 1) * cell, views.height))
        scale = HEIGHT / picture.height
        picture = picture.resize((round(picture.width * scale), HEIGHT), Image.Resampling.LANCZOS)
        left = (picture.width - WIDTH) // 2
        sheet.paste(Image.fromarray(np.asarray(picture)[:, max(left, 0) : max(left, 0) + WIDTH]), (i * WIDTH, 0))
        text = load_config(run.config_path).prompts[0].text
        width = draw.textlength(text, font_size=17)
        draw.text((i * WIDTH + (WIDTH - width) / 2, HEIGHT + 4), text, fill="black", font_size=17)
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target)


if __name__ == "__main__":
    main()
