"""``clipmatrix tune``: options into one call, and a bar; knows nothing of how settings are proposed."""

from pathlib import Path

import click


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--space", type=click.Path(path_type=Path), required=True, help="YAML file with a range per setting.")
@click.option("--trials", type=int, default=20, show_default=True, metavar="N", help="Settings to try, in all.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the runs and of the search.")
@click.option("--judge", metavar="MODEL", default="", help="Encoder that scores.  [default: the runs' own scores]")
@click.option("--seeds", metavar="LIST", help="Seeds that each trial is run with, as in 0-3.  [default: the recipe's]")
@click.option("--at-once", type=int, default=2, show_default=True, metavar="N", help="Trials made together.")
@click.option("--ray", metavar="ADDRESS|local", default="", help="Let a Ray cluster make the runs.")
def tune(
    recipe: Path, space: Path, trials: int, out: Path, judge: str, seeds: str | None, at_once: int, ray: str
) -> None:
    """Search for the settings with which RECIPE scores best, as in: clipmatrix tune lava.yaml --space space.yaml

    SPACE has lines such as optimiser.refine: {low: 0.05, high: 0.3, log: true}. Called again, it goes on.
    """
    from clipmatrix.batch.batch import BatchConfig
    from clipmatrix.batch.matrix import parse_seeds
    from clipmatrix.batch.tuning import TuneConfig, batch_evaluator, read_recipe, read_space
    from clipmatrix.batch.tuning import tune as search
    from clipmatrix.batch.watching import Standing
    from clipmatrix.cli.bar import Bar
    from clipmatrix.cli.process import Interrupts
    from clipmatrix.cli.progress import shown

    settings = TuneConfig(trials, at_once, parse_seeds(seeds) if seeds else ())
    config = read_recipe(recipe)
    ranges = read_space(space, config)
    with Bar("runs of these trials") as bar, Interrupts() as interrupts:

        def show(standing: Standing) -> None:
            bar.show(standing.progress, standing.total)

        batch = BatchConfig(ray=ray)
        evaluate = batch_evaluator(out, batch, judge, show, lambda: interrupts.is_wanted)
        found = search(config, ranges, out, settings, evaluate)
    if found.score is None:
        click.echo("best           none: no trial could be scored")
        return
    values = {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in found.settings.items()}
    listed = ", ".join(f"{key} {value}" for key, value in values.items())
    click.echo(f"best           {found.score:.4f} of {found.num_trials} trials: {listed}")
    click.echo(f"recipe         {shown(found.best)}")
