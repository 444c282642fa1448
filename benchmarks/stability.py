"""How far learning rate and regularisation may be off: ``python benchmarks/stability.py [--factors 0.1 1 10]``.

Runs the descent from the neutral start at every pair of factors, without and with the guards against folds and burnt
textures, and prints what became of the mesh and the score. ``--out`` keeps a picture of each end. Nine runs twice of 20
draft steps take two minutes of one processor.
"""

import argparse
import dataclasses
import os
from pathlib import Path

# As the command line does, and before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from clipmatrix.cli.process import keep_freed_memory, silence_libraries
from clipmatrix.config import OptimiserConfig, RunConfig, default_prompts, preset
from clipmatrix.generate.exporting import write_preview
from clipmatrix.generate.guard import Guard
from clipmatrix.generate.health import inspect_scene
from clipmatrix.generate.loading import load_parts
from clipmatrix.generate.parts import Parts, StockedPoses
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.stepper import Stepper
from clipmatrix.losses.weights import LossWeights
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start

RATES = ("texture_rate", "shape_rate", "offset_rate", "material_rate", "lights_rate")
LAST = 5


def scaled(config: RunConfig, rate: float, weight: float) -> RunConfig:
    """The config with all learning rates and all regularisers multiplied; rates stop at 10."""
    optimiser, losses = OptimiserConfig(), LossWeights()
    rates = {name: min(10.0, rate * getattr(optimiser, name)) for name in RATES}
    weights = {field.name: weight * getattr(losses, field.name) for field in dataclasses.fields(losses)}
    return dataclasses.replace(
        config,
        optimiser=dataclasses.replace(optimiser, **rates),
        losses=dataclasses.replace(losses, **weights),
    )


def descend(parts: Parts, config: RunConfig, picture: Path | None) -> str:
    """One run, and its row of the table."""
    if isinstance(parts.poses, StockedPoses):
        parts.poses.stock = None
    scene = Scene(parts.body, neutral_start(parts.body), config.scene)
    scorer = Scorer(parts.guidance, config.prompts, config.score)
    stepper = Stepper(parts, scene, scorer, config, torch.Generator().manual_seed(config.seed))
    reports = [stepper.step(index) for index in range(config.steps)]
    health = inspect_scene(scene, parts.body)
    values = {verdict.name: verdict.value for verdict in health.verdicts}
    bad = [verdict.name for verdict in health.verdicts if not verdict.is_healthy]
    score = sum(report.score for report in reports[-LAST:]) / min(LAST, len(reports))
    shortened = sum(min(report.form_share, report.look_share) < 1.0 for report in reports)
    skipped = sum(report.is_skipped for report in reports)
    if picture is not None:
        write_preview(picture, scene, parts.body, config)
    return (
        f"{100 * values.get('flipped', 1.0):.2f} | {values.get('edges', float('nan')):.1f} | "
        f"{100 * values.get('intersections', 1.0):.1f} | {100 * values.get('texture', 1.0):.1f} | {score:.3f} | "
        f"{shortened} | {skipped} | {'healthy' if health.is_healthy else ', '.join(bad)}"
    )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--factors", type=float, nargs="+", default=[0.1, 1.0, 10.0])
    parser.add_argument("--prompt", default="a zebra striped man")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guards", nargs="+", choices=["without", "with"], default=["without", "with"])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    silence_libraries()
    keep_freed_memory()
    base = dataclasses.replace(
        preset("draft"),
        start="neutral",
        steps=arguments.steps,
        seed=arguments.seed,
        prompts=default_prompts(arguments.prompt),
    )
    parts = load_parts(base)
    whole = Guard.shorten
    head = (
        "guard",
        "rates",
        "lambdas",
        "flipped, %",
        "edges",
        "crossing, %",
        "clipped, %",
        "score",
        "shortened",
        "skipped",
    )
    print(f"| {' | '.join((*head, 'end'))} |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in arguments.guards:
        Guard.shorten = whole if name == "with" else lambda *_: 1.0
        for rate in arguments.factors:
            for weight in arguments.factors:
                picture = arguments.out / f"{name}_{rate:g}_{weight:g}.png" if arguments.out else None
                row = descend(parts, scaled(base, rate, weight), picture)
                print(f"| {name} | {rate:g} | {weight:g} | {row} |", flush=True)


if __name__ == "__main__":
    main()
