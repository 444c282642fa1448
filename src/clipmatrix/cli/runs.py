"""``clipmatrix runs``: an index asked, and its answer as a table or a file; knows nothing of how either is made."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

_GAP = "  "
_WIDEST = 60


@click.command()
@click.argument("folder", default="runs")
@click.option("--where", "-w", multiple=True, metavar="CONDITION", help="As in score>=0.3, prompt~zebra, healthy.")
@click.option("--sort", metavar="KEY", help="Order, as in score or -score.  [default: -made]")
@click.option("--limit", type=int, metavar="N", help="At most so many.")
@click.option("--csv", type=click.Path(path_type=Path), metavar="FILE", help="Write the rows as CSV.")
@click.option("--parquet", type=click.Path(path_type=Path), metavar="FILE", help="Write the rows as Parquet.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.option("--rebuild", is_flag=True, help="Read all records anew first.")
def runs(
    folder: str,
    where: tuple[str, ...],
    sort: str | None,
    limit: int | None,
    csv: Path | None,
    parquet: Path | None,
    as_json: bool,
    rebuild: bool,
) -> int:
    """List the runs in FOLDER, as in: clipmatrix runs runs --where healthy --where "prompt~zebra" --sort -score

    A condition is KEY, one of = != > >= < <= ~ (contains) !~, and a value or FROM..TO; several must all hold. Keys are
    name, prompt, encoder, body, quality, seed, step, steps, score, seconds, state (done, stopped, unfinished), healthy,
    complaints, made, model, film, and settings with a dot, as in optimiser.refine or settings.views.
    """
    from clipmatrix.cli.bar import Bar
    from clipmatrix.errors import ConfigError
    from clipmatrix.runs.index import RunIndex
    from clipmatrix.runs.queries import parse_condition, parse_order
    from clipmatrix.runs.tables import json_lines, write_csv, write_parquet

    conditions = [parse_condition(text) for text in where]
    order = parse_order(sort) if sort else None
    if limit is not None and limit < 0:
        raise ConfigError(f"--limit must be at least 0, not {limit}: leave it out for all runs")
    with RunIndex(_local(folder)) as index:
        with Bar("reading records") as bar:
            (index.rebuild if rebuild else index.refresh)(bar.show)
        rows = index.find(conditions, order, limit)
    if csv is not None:
        write_csv(csv, rows)
    if parquet is not None:
        write_parquet(parquet, rows)
    if as_json:
        click.echo(json_lines(rows))
    elif csv is None and parquet is None:
        click.echo(_table(rows))
    else:
        click.echo(f"rows           {len(rows)}")
    return 0


def _local(folder: str) -> Path:
    """The folder, or the copy of the records at an address, brought up to date."""
    from clipmatrix.errors import RunError

    if "://" in folder:
        from clipmatrix.batch.remote import Store

        store = Store(folder)
        store.fetch_records(store.cache_folder())
        return store.cache_folder()
    if not Path(folder).is_dir():
        raise RunError(f"{folder} is no folder: name the folder that holds the runs")
    return Path(folder)


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as aligned columns, and how many there are."""
    columns: dict[str, Callable[[dict[str, Any]], str]] = {
        "name": lambda row: row["name"],
        "score": lambda row: "" if row["score"] is None else f"{row['score']:.3f}",
        "health": lambda row: {None: "", True: "healthy", False: "not"}[row["is_healthy"]],
        "state": lambda row: row["state"],
        "seed": lambda row: str(row["seed"]),
        "steps": lambda row: f"{row['step']}/{row['steps']}",
        "seconds": lambda row: "" if row["seconds"] is None else f"{row['seconds']:.0f}",
        "made": lambda row: time.strftime("%Y-%m-%d %H:%M", time.localtime(row["made"])),
        "prompt": lambda row: " ".join(row["prompt"].split()),
    }
    right = ("score", "seed", "steps", "seconds")
    cells = [[_short(show(row)) for show in columns.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    lines = []
    for row in [list(columns), *cells]:
        padded = (
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(columns, row, widths, strict=True)
        )
        lines.append(_GAP.join(padded).rstrip())
    return "\n".join([*lines, f"{len(rows)} run{'' if len(rows) == 1 else 's'}"])


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
