"""The ``clipmatrix`` command: its subcommands, and errors as one line; knows nothing of the work itself."""

import sys

import click

import clipmatrix
from clipmatrix.cli.animate import animate
from clipmatrix.cli.batch import batch, batch_workers
from clipmatrix.cli.create import create
from clipmatrix.cli.doctor import doctor
from clipmatrix.cli.export import export
from clipmatrix.cli.gallery import gallery
from clipmatrix.cli.inspect import inspect
from clipmatrix.cli.process import keep_freed_memory, silence_libraries, wait_without_spinning
from clipmatrix.cli.recipe import recipe
from clipmatrix.cli.render import render
from clipmatrix.cli.runs import runs
from clipmatrix.cli.select import select
from clipmatrix.cli.studio import studio, studio_worker
from clipmatrix.cli.tune import tune
from clipmatrix.cli.view import view
from clipmatrix.errors import ClipMatrixError

EXIT_MISTAKE = 2
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(clipmatrix.__version__, prog_name="clipmatrix", message="%(prog)s %(version)s")
def app() -> None:
    """Text in, a textured, rigged, animated 3D character out."""


app.add_command(create)
app.add_command(inspect)
app.add_command(doctor)
app.add_command(animate)
app.add_command(render)
app.add_command(recipe)
app.add_command(export)
app.add_command(view)
app.add_command(gallery)
app.add_command(studio)
app.add_command(studio_worker)
app.add_command(batch)
app.add_command(batch_workers)
app.add_command(runs)
app.add_command(select)
app.add_command(tune)


def main() -> None:
    """Runs the command line and leaves the process.

    The code is 0 for success, 1 for a bad verdict, 2 for a mistake of the user, 130 when stopped.
    """
    silence_libraries()
    wait_without_spinning()
    keep_freed_memory()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of the command line with these arguments; mistakes are one line on stderr."""
    try:
        code = app.main(arguments, prog_name="clipmatrix", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        return _fail(error.format_message())
    except ClipMatrixError as error:
        return _fail(str(error))
    except (KeyboardInterrupt, click.Abort):
        click.echo("clipmatrix: stopped", err=True)
        return EXIT_INTERRUPTED


def _fail(message: str) -> int:
    line = " ".join(message.split())
    click.echo(f"clipmatrix: error: {line}", err=True)
    return EXIT_MISTAKE
