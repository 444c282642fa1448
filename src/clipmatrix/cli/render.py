"""``clipmatrix render``: options into one call of the api; knows no stage."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clipmatrix.errors import ConfigError

if TYPE_CHECKING:
    from clipmatrix.shapes import ImageSize

_KINDS = ("turntable", "poses", "clip", "evolution", "still", "sheet")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("kind", type=click.Choice(_KINDS), default="turntable")
@click.option("--out", type=click.Path(path_type=Path), help="MP4, WebM or GIF by its ending; a folder for PNG frames.")
@click.option("--size", default="768", show_default=True, metavar="N|WxH", help="Pixels, up to 4096 a side.")
@click.option(
    "--supersample", type=int, help="Times larger rendered than shown.  [default: 2 for pictures, 1 for films]"
)
@click.option("--ground", is_flag=True, help="A floor with a soft shadow where the figure touches it.")
@click.option("--shadow", is_flag=True, help="The key light casts a soft shadow, on the figure and on the floor.")
@click.option("--transparent", is_flag=True, help="No backdrop: an alpha channel instead.")
@click.option("--clip", help="Which of the model's clips to show.")
@click.option("--time", type=float, default=0.0, show_default=True, help="Second of the clip, for a still.")
@click.option("--seconds", type=float, help="The film's length.  [default: by kind]")
@click.option("--fps", type=int, default=24, show_default=True, help="Frames a second.")
@click.option("--turns", type=float, help="How often the camera goes round.  [default: by kind]")
@click.option(
    "--turn", type=float, default=25.0, show_default=True, help="Degrees from the front, for clips and stills."
)
@click.option("--face", multiple=True, metavar="ACTION=WEIGHT", help="A facial action, as jawOpen=0.6.")
@click.option("--elevation", type=float, default=8.0, show_default=True, help="Degrees above the horizon.")
def render(
    run: Path,
    kind: str,
    out: Path | None,
    size: str,
    supersample: int | None,
    ground: bool,
    shadow: bool,
    transparent: bool,
    clip: str | None,
    time: float,
    seconds: float | None,
    fps: int,
    turns: float | None,
    turn: float,
    face: Sequence[str],
    elevation: float,
) -> int:
    """Make pictures and films of RUN, as in: clipmatrix render runs/a-zebra-0 turntable --ground --out zebra.webm

    KIND is turntable (the default), poses (through the key poses, camera turning), clip (one clip as it is),
    evolution (how the character grew), still, or sheet.
    """
    from clipmatrix.api import open_run
    from clipmatrix.api import render as render_run
    from clipmatrix.cli.bar import Bar
    from clipmatrix.cli.face import face_weights
    from clipmatrix.cli.progress import shown
    from clipmatrix.export.film import Look
    from clipmatrix.generate.rendering import KINDS, RenderConfig, default_path

    chosen = KINDS[_KINDS.index(kind)]
    usual = 1 if chosen not in ("still", "sheet") else 2
    config = RenderConfig(
        kind=chosen,
        look=Look(_size(size), supersample if supersample is not None else usual, ground, transparent, shadow),
        clip=clip,
        time=time,
        seconds=seconds,
        fps=fps,
        turns=turns,
        turn_deg=turn,
        elevation_deg=elevation,
        face=face_weights(face),
    )
    opened = open_run(run)
    path = out or default_path(opened, config)
    with Bar(f"rendering {kind}") as bar:
        render_run(opened, path, config, bar.show)
    click.echo(shown(path))
    return 0


def _size(text: str) -> "ImageSize":
    from clipmatrix.shapes import ImageSize

    found = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
    if found is None:
        raise ConfigError(f'a size is a number of pixels or width x height, not "{text}": use for instance 1920x1080')
    width = int(found[1])
    return ImageSize(int(found[2]) if found[2] else width, width)
