"""``clipmatrix doctor``: what this machine has and lacks, and its speed; knows nothing of how that is found."""

from pathlib import Path

import click

_TROUBLE = 1


@click.command()
@click.option("--quick", is_flag=True, help="Leave out the self-test of ten seconds.")
def doctor(quick: bool) -> int:
    """Look at this machine: versions, devices, encoders, disk, and a self-test with its speed.

    Exits with 0 when a run would work, and 1 when something is missing; each such line says what to do.
    """
    from clipmatrix.api import check_up

    num_bad = 0
    for finding in check_up(Path.cwd(), 0.0 if quick else 10.0):
        num_bad += not finding.is_good
        click.echo(f"{'ok ' if finding.is_good else 'BAD'}  {finding.name:<14}{finding.text}")
        if finding.advice:
            click.echo(f"     {'':<14}{finding.advice}")
    click.echo("all is well" if not num_bad else f"{num_bad} to mend")
    return _TROUBLE if num_bad else 0
