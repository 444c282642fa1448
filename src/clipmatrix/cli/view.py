"""``clipmatrix view``: a run's or a file's model on a local page; knows no stage."""

import webbrowser
from pathlib import Path

import click

from clipmatrix.errors import ExportError


@click.command()
@click.argument("path", metavar="RUN|GLB", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes any free one.")
@click.option("--no-open", is_flag=True, help="Do not start the browser; print where the page is.")
def view(path: Path, port: int, no_open: bool) -> int:
    """Show a run's character moving, as in: clipmatrix view runs/a-zebra-0

    Opens a page in the browser that is served by this machine to itself alone, and needs no network. Ctrl-C ends it.
    """
    from clipmatrix.api import open_run
    from clipmatrix.geometry.glb_file import GlbError, read_glb_file
    from clipmatrix.viewer.server import Viewer

    model = path if path.is_file() else open_run(path).glb_path
    try:
        read_glb_file(model)
    except OSError as error:
        raise ExportError(f"{model} cannot be read ({error.strerror}): let the run finish first") from error
    except GlbError as error:
        raise ExportError(f"{model} is no sound GLB ({error}): name a run, or a GLB file") from error
    with Viewer(model, path.resolve().stem if path.is_file() else path.resolve().name, port) as viewer:
        click.echo(f"showing {model} at {viewer.url} (Ctrl-C ends it)")
        if not no_open:
            webbrowser.open(viewer.url)
        try:
            viewer.serve()
        except KeyboardInterrupt:
            click.echo("stopped")
    return 0
