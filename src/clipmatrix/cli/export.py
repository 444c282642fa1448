"""``clipmatrix export``: options into one call of the api; knows no stage."""

from collections.abc import Sequence
from pathlib import Path

import click

from clipmatrix.errors import ExportError

_FORMATS = ("glb", "obj", "ply", "stl", "3mf", "usdz")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(_FORMATS), help="The file's format.  [default: by --out, or glb]")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The file to write.  [default: in the run's result folder]"
)
@click.option("--textures", type=click.Choice(("png", "jpeg", "webp")), default="png", show_default=True)
@click.option("--texture-quality", type=int, default=90, show_default=True, help="Of JPEG and WebP, 1 to 100.")
@click.option("--texture-size", type=int, help="Pixels of the longer side, at most.  [default: as made]")
@click.option("--max-mb", type=float, help="The GLB's largest size; says what it gives up for that.")
@click.option("--lights", is_flag=True, help="The previews' lights too (KHR_lights_punctual).")
@click.option("--no-face", is_flag=True, help="Leave out the facial actions.")
@click.option(
    "--names",
    type=click.Choice(("own", "vrm", "mixamo")),
    default="own",
    show_default=True,
    help="What joints are called.",
)
@click.option("--rest", type=click.Choice(("own", "a", "t")), default="own", show_default=True, help="The rest pose.")
@click.option("--clip", help="The pose of a still format; the movement that USDZ viewers play.")
@click.option("--time", type=float, default=0.0, show_default=True, help="Second of the clip, for still formats.")
@click.option("--face", multiple=True, metavar="ACTION=WEIGHT", help="A facial action, for still formats.")
@click.option("--height", type=float, help="Of a figure to print, in millimetres.  [default: 150]")
def export(
    run: Path,
    kind: str | None,
    out: Path | None,
    textures: str,
    texture_quality: int,
    texture_size: int | None,
    max_mb: float | None,
    lights: bool,
    no_face: bool,
    names: str,
    rest: str,
    clip: str | None,
    time: float,
    face: Sequence[str],
    height: float | None,
) -> int:
    """Write the character of RUN in another format, as in: clipmatrix export runs/a-zebra-0 --format 3mf --height 120

    glb and usdz move; obj, ply, stl and 3mf stand still, in the rest pose or in one of --clip. stl and 3mf are for
    printing: closed, in millimetres, checked. The run's own model.glb stays as it is.
    """
    from clipmatrix.api import export as export_run
    from clipmatrix.api import open_run
    from clipmatrix.cli.face import face_weights
    from clipmatrix.cli.progress import shown
    from clipmatrix.export.glb_material import CODECS, TextureFormat
    from clipmatrix.export.humanoid import NAME_SETS, REST_POSES
    from clipmatrix.generate.converting import FORMATS, ExportConfig, default_export_path

    ending = out.suffix.lower().removeprefix(".") if out is not None else "glb"
    if kind is None and ending not in FORMATS:
        raise ExportError(
            f'wanted a file that ends in one of {", ".join(FORMATS)}, found "{out}"; choose another --out'
        )
    config = ExportConfig(
        format=FORMATS[_FORMATS.index(kind or ending)],
        texture_format=TextureFormat(CODECS[CODECS.index(textures)], texture_quality),
        texture_size=texture_size,
        max_mb=max_mb,
        has_lights=lights,
        has_face=not no_face,
        names=NAME_SETS[NAME_SETS.index(names)],
        rest_pose=REST_POSES[REST_POSES.index(rest)],
        clip=clip,
        time=time,
        face=face_weights(face),
        height_mm=height,
    )
    opened = open_run(run)
    path = out or default_export_path(opened, config)
    for line in export_run(opened, path, config):
        click.echo(line)
    click.echo(f"file           {shown(path)}")
    return 0
