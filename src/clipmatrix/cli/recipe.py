"""``clipmatrix recipe``: recipes checked before they are run, and their schema for editors; knows no settings."""

import json
from pathlib import Path

import click


@click.group()
def recipe() -> None:
    """Check recipe files, and help editors to write them."""


@recipe.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> int:
    """Say whether recipes can be run, and what their prompts come to.

    Exits with 0 if all can, and with 2 at the first that cannot: one line with its file, line and reason.
    """
    from clipmatrix.api import check_recipe

    for path in files:
        found = check_recipe(path)
        click.echo(f"{path}: good")
        for line in found.prompts:
            click.echo(f"  {line}")
    return 0


@recipe.command()
@click.option("--out", type=click.Path(path_type=Path), help="File to write.  [default: standard output]")
def schema(out: Path | None) -> int:
    """Print the JSON schema of recipes.

    Editors with a YAML language server use it for a file that begins with
    "# yaml-language-server: $schema=recipe.schema.json".
    """
    from clipmatrix.api import recipe_schema
    from clipmatrix.runs.files import write_whole

    text = json.dumps(recipe_schema(), indent=2) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write_whole(out, text.encode())
    return 0
