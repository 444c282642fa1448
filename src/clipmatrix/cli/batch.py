"""``clipmatrix batch`` and the workers that it starts: options into one call, and a bar; knows nothing of jobs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from clipmatrix.batch.batch import Outcome

EXIT_FAILED = 1
_INTERRUPTED = 130
_SHOWN = 20


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", required=True, metavar="DIR", help="Folder of the runs; with --ray also an address, s3://...")
@click.option("--quality", metavar="draft|standard|fine", help="How long to work on each.  [default: standard]")
@click.option("--seeds", metavar="LIST", help="Seeds of each prompt, as in 0-3,7.  [default: 0]")
@click.option("--clip", metavar="MODEL", multiple=True, help="Encoder of all runs; several judge together.")
@click.option("--config", type=click.Path(path_type=Path), help="YAML file with settings of all runs.")
@click.option("--workers", type=int, metavar="N", help="Processes at once.  [default: by processors and memory]")
@click.option("--memory", type=float, metavar="GB", help="What one run takes.  [default: estimated]")
@click.option("--ray", metavar="ADDRESS|local", default="", help="Let a Ray cluster do it.")
@click.option("--best", type=int, metavar="K", help="Then choose the best of each prompt, into OUT/best.")
@click.option("--judge", metavar="MODEL", default="", help="Encoder that scores for --best.")
@click.option("--dry-run", is_flag=True, help="List the runs and write nothing.")
def batch(
    file: Path,
    out: str,
    quality: str | None,
    seeds: str | None,
    clip: tuple[str, ...],
    config: Path | None,
    workers: int | None,
    memory: float | None,
    ray: str,
    best: int | None,
    judge: str,
    dry_run: bool,
) -> int:
    """Make a character of each prompt in FILE, as in: clipmatrix batch prompts.txt --out runs

    FILE has one prompt a line, or is YAML with prompts, seeds, settings and ranges to draw from. Called again, it makes
    what is missing. Ctrl-C stops and keeps what there is. The exit code is 1 where a run failed.
    """
    from clipmatrix.batch.batch import BatchConfig, plan, run_batch, run_remote_batch
    from clipmatrix.batch.matrix import parse_seeds
    from clipmatrix.batch.remote import Store, is_address
    from clipmatrix.batch.selection import SelectConfig
    from clipmatrix.batch.watching import Standing
    from clipmatrix.cli.bar import Bar
    from clipmatrix.cli.process import Interrupts
    from clipmatrix.cli.select import show_selection
    from clipmatrix.errors import ConfigError

    if best is not None:
        SelectConfig(best, judge)
    elif judge:
        raise ConfigError("--judge scores for --best: say how many of each prompt to keep, as in --best 2")
    if memory is not None and not 0.05 <= memory <= 1024:
        raise ConfigError(f"--memory must be from 0.05 to 1024 GB, not {memory:g}: use for instance 1.5")
    jobs = plan(file, quality, config, parse_seeds(seeds) if seeds else (), clip)
    if dry_run:
        for job in jobs:
            click.echo(job.name)
        return 0
    settings = BatchConfig(workers, round(memory * 1e9) if memory else None, ray)
    if is_address(out) and best is not None:
        raise ConfigError(
            "--best chooses among runs in a folder: fetch them from the address, and use clipmatrix select"
        )
    with Bar("batch") as bar, Interrupts() as interrupts:

        def show(standing: Standing) -> None:
            failed = f", {standing.failed} failed" if standing.failed else ""
            stopping = ", stopping" if interrupts.is_wanted else ""
            bar.show(standing.progress, standing.total, f"{failed}{stopping}")

        if is_address(out):
            outcome = run_remote_batch(jobs, Store(out), settings, show, lambda: interrupts.is_wanted)
        else:
            outcome = run_batch(jobs, Path(out), settings, show, lambda: interrupts.is_wanted)
    code = _conclude(outcome, file, out, interrupts.is_wanted)
    if best is not None and outcome.done and not interrupts.is_wanted:
        show_selection(Path(out), Path(out) / "best", best, judge)
    return code


def _conclude(outcome: "Outcome", file: Path, out: str, is_stopped: bool) -> int:
    from clipmatrix.cli.progress import shown

    click.echo(f"runs           {outcome.done} of {outcome.total} done, in {out if '://' in out else shown(Path(out))}")
    for name, reason in list(outcome.failures.items())[:_SHOWN]:
        click.echo(f"failed         {name}: {reason}")
    if len(outcome.failures) > _SHOWN:
        click.echo(f"failed         and {len(outcome.failures) - _SHOWN} more")
    if is_stopped and outcome.done < outcome.total:
        click.echo(f"to go on: clipmatrix batch {file} --out {out}, with the same options", err=True)
        return _INTERRUPTED
    return EXIT_FAILED if outcome.done < outcome.total else 0


@click.command("batch-workers", hidden=True)
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("call")
@click.argument("workers", type=int)
def batch_workers(out: Path, call: str, workers: int) -> None:
    """Do the jobs of one call of ``clipmatrix batch``."""
    from clipmatrix.batch.nursery import run_nursery

    run_nursery(out, call, workers)
