"""``clipmatrix inspect``: the verdicts on a run or a GLB; knows nothing of how they are reached."""

import json
from pathlib import Path

import click

_UNHEALTHY = 1


@click.command("inspect")
@click.argument("path", metavar="RUN|GLB", type=click.Path(path_type=Path))
@click.option("--json", "is_json", is_flag=True, help="One JSON object instead of lines.")
def inspect(path: Path, is_json: bool) -> int:
    """Say what is wrong with a run's character or with any GLB: one line a verdict.

    Exits with 0 when it is healthy, 1 when it is not, and 2 when it cannot be read.
    """
    from clipmatrix.api import inspect as look_at

    health = look_at(path)
    if is_json:
        click.echo(json.dumps(health.record(), indent=2))
    else:
        for verdict in health.verdicts:
            click.echo(f"{'ok ' if verdict.is_healthy else 'BAD'}  {verdict.name:<14}{verdict.line}")
        click.echo("healthy" if health.is_healthy else "not healthy")
    return 0 if health.is_healthy else _UNHEALTHY
