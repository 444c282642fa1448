"""``clipmatrix studio`` and the workers that it starts: options into one call; knows nothing of pages."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Folder of runs."
)
@click.option("--port", type=int, help="Where to listen.  [default: the first free one from 7860]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; another wants a password.")
@click.option("--share", is_flag=True, help="Make a public link through Gradio's servers; wants a password.")
@click.option(
    "--password",
    envvar="CLIPMATRIX_STUDIO_PASSWORD",
    help="What others must know to come in.  [default: CLIPMATRIX_STUDIO_PASSWORD]",
)
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
def studio(runs: Path, port: int | None, host: str, share: bool, password: str | None, no_browser: bool) -> None:
    """Open the studio, a web page to make, watch, compare and refine characters.

    All of it stays on this machine. Jobs wait in a queue, which goes on where it was when the studio is opened again.
    """
    from clipmatrix.studio.server import ServerConfig, serve

    config = ServerConfig(runs, host, port, password or None, share, opens_browser=not no_browser)
    serve(config, lambda line: click.echo(line, err=True))


@click.command("studio-worker", hidden=True)
@click.argument("runs", type=click.Path(path_type=Path))
@click.argument("number", type=int)
def studio_worker(runs: Path, number: int) -> None:
    """Do one job of the studio's queue in RUNS."""
    from clipmatrix.studio.worker import run_job

    run_job(runs, number)
