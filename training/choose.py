"""Chooses an encoder by the pictures it draws: ``python -m training.choose build/mini/plain build/mini/checkpoint``.

An encoder that ranks captions best need not have the best slopes: hardened weights recall less and may draw better.
Each checkpoint draws the prompts of ``drawn.yaml`` from grey, where nothing but its slopes decides, and what it drew is
measured without any network. The checkpoint that meets most expectations is copied to ``--to``.
"""

import argparse
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from rich.progress import Progress

from clipmatrix.bodies.anny import load_anny
from clipmatrix.config import preset
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.render.bake import find_texels
from training.benchmark import load_benchmark, run_name
from training.evaluate import run_one

DRAWN = Path(__file__).parent / "drawn.yaml"


@dataclass(frozen=True)
class Drawing:
    """What a checkpoint drew: expectations met, of how many, and the prompts of which every one is met."""

    met: int
    expected: int
    whole: int

    @property
    def share(self) -> float:
        """Expectations met, in [0, 1]."""
        return self.met / max(self.expected, 1)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="folders in the package's format")
    parser.add_argument("--out", type=Path, default=None, help="where the runs go; beside each checkpoint by default")
    parser.add_argument("--to", type=Path, default=None, help="folder that the best one is copied to")
    parser.add_argument("--steps", type=int, default=150)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = load_benchmark(DRAWN).prompts
    with Progress() as progress:
        job = progress.add_task("drawing", total=len(rows) * len(arguments.checkpoints))
        drawings = {
            folder: draw(folder, rows, _place(folder, arguments.out), arguments.steps, lambda: progress.advance(job))
            for folder in arguments.checkpoints
        }
    for folder, drawing in drawings.items():
        print(f"{folder}: {drawing.met} of {drawing.expected} expectations, {drawing.whole} of {len(rows)} prompts")
    chosen = best(drawings)
    print(f"chosen: {chosen}")
    if arguments.to is not None:
        shutil.copytree(chosen, arguments.to, dirs_exist_ok=True)


def _place(folder: Path, out: Path | None) -> Path:
    return (folder.parent / f"{folder.name}-drawn") if out is None else out / folder.name


def draw(
    folder: Path, rows: Sequence[dict], out: Path, steps: int, report: Callable[[], None] = lambda: None
) -> Drawing:
    """Draw the prompts from grey with a checkpoint, or go on where that was stopped; and measure what came out."""
    body, guidance = load_anny(), load_guidance(str(folder), "cpu")
    texels = find_texels(body.template, 256)
    config = replace(preset("draft"), steps=steps, start="neutral", seed=0)
    out.mkdir(parents=True, exist_ok=True)
    found = []
    for row in rows:
        name = run_name(row, config.start, config.seed)
        if not (out / f"{name}.json").exists():
            run_one(body, guidance, texels, row, config, out / name)
        found.append(list(json.loads((out / f"{name}.json").read_text())["verdicts"].values()))
        report()
    return Drawing(sum(map(sum, found)), sum(map(len, found)), sum(map(all, found)))


def best(drawings: dict[Path, Drawing]) -> Path:
    """The checkpoint that met most; of equals the first."""
    return max(drawings, key=lambda folder: (drawings[folder].share, drawings[folder].whole))


if __name__ == "__main__":
    main()
