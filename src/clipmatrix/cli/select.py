"""``clipmatrix select``: options into one call, and a bar; knows nothing of how runs are ranked."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--best", type=int, default=1, show_default=True, metavar="K", help="How many of each prompt to keep.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the chosen runs and the sheet.")
@click.option("--judge", metavar="MODEL", default="", help="Encoder that scores.  [default: the runs' own scores]")
@click.option("--near", type=float, help="Runs nearer than this to a better one are twins.  [default: 0.002]")
def select(folder: Path, best: int, out: Path, judge: str, near: float | None) -> None:
    """Choose the best runs of each prompt in FOLDER, as in: clipmatrix select runs --best 2 --out best

    Healthy runs come before others; of twins the better one is kept. OUT gets copies of the chosen runs, sheet.png of
    all of them, and selection.json.
    """
    show_selection(folder, out, best, judge, near)


def show_selection(folder: Path, out: Path, best: int, judge: str, near: float | None = None) -> None:
    """Chooses, with a bar, and says what was chosen."""
    from clipmatrix.batch.selecting import NEAR
    from clipmatrix.batch.selection import SelectConfig
    from clipmatrix.batch.selection import select as select_runs
    from clipmatrix.cli.bar import Bar
    from clipmatrix.cli.progress import shown

    config = SelectConfig(best, judge, NEAR if near is None else near)
    with Bar("judging") as bar:
        selection = select_runs(folder, out, config, bar.show)
    for warning in selection.warnings:
        click.echo(f"clipmatrix: warning: {warning}", err=True)
    click.echo(f"chosen         {len(selection.chosen)} of {selection.num_runs}, in {shown(out)}")
    click.echo(f"sheet          {shown(selection.sheet)}")
