"""How far rates and regularisers may be off: ``python benchmarks/stability.py --out cells.jsonl [--docs docs]``.

Descends at every pair of factors, for each prompt and seed, with the loop as it is (``now``) and with everything
switched off that holds it (``before``: no step is shortened, no regulariser firmed, no descent ends early), from the
searched start or with ``--start neutral`` from grey. A cell's score is the exam's: the mean probability of the text in
24 views that no descent has seen. Each finished cell is a line of JSON, and a later call goes on after those that are
there; several processes may share the file, each with seeds of its own. ``--docs`` writes the table and the heat map
there. A cell of 40 draft steps takes some five seconds of the processor.
"""

import argparse
import dataclasses
import itertools
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# As the command line does, and before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from PIL import Image, ImageDraw, ImageFont

from clipmatrix.bodies.loading import load_body
from clipmatrix.cli.process import keep_freed_memory, silence_libraries
from clipmatrix.config import OptimiserConfig, RunConfig, default_prompts, preset
from clipmatrix.config.resolving import resolve
from clipmatrix.generate.best import BestState
from clipmatrix.generate.detail import choose_detail
from clipmatrix.generate.exam import Exam
from clipmatrix.generate.guard import Guard
from clipmatrix.generate.health import inspect_scene
from clipmatrix.generate.loading import build_parts
from clipmatrix.generate.parts import BatchedPoses, Parts
from clipmatrix.generate.plateau import Plateau, first_judged
from clipmatrix.generate.probe import probe_colors
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.starts import search_starts
from clipmatrix.generate.stepper import Stepper
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.losses.weights import LossWeights
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start

RATES = ("texture_rate", "shape_rate", "offset_rate", "material_rate", "lights_rate", "normals_rate")
FACTORS = (0.01, 0.1, 1.0, 10.0, 100.0)
PROMPTS = ("a zebra striped man", "a golden statue", "a zombie in rags", "a red person with a blue head")
LOOPS = ("before", "now")
STARTS = ("search", "neutral")
ENOUGH = 0.8
"""Of the default's score."""

Cell = tuple[str, str, str, int, float, float]
Line = dict[str, Any]


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


@contextmanager
def holding(loop: str) -> Iterator[None]:
    """Lets guards work, or none."""
    whole = Guard.shorten
    try:
        if loop == "before":
            Guard.shorten = lambda *_: 1.0
        yield
    finally:
        Guard.shorten = whole


class Subject:
    """One prompt and one seed, with what it sets out from found once for all cells."""

    def __init__(self, parts: Parts, config: RunConfig) -> None:
        self._parts, self._config = parts, config
        self._scorer = Scorer(parts.guidance, config.prompts, config.score)
        self._exam = Exam(parts, parts.guidance, config)
        self._generator = torch.Generator().manual_seed(config.seed)
        self._put_stock(None)
        if config.start == "search":
            self._origin = search_starts(parts.body, parts.guidance, config, lambda _: None).main
        else:
            self._origin = neutral_start(parts.body)
        scene, probed = self._scene(), None
        if config.start == "neutral":
            probed = probe_colors(scene, parts, self._scorer, config, self._generator)
        self._detail = choose_detail(config, parts.guidance, probed.loss if probed else None)
        self._start = {name: value.clone() for name, value in scene.state_dict().items()}
        self._drawn = self._generator.get_state()
        self._stock = parts.poses.stock if isinstance(parts.poses, BatchedPoses) else None

    def _scene(self) -> Scene:
        return Scene(self._parts.body, self._origin, self._config.scene)

    def _put_stock(self, stock: torch.Tensor | None) -> None:
        if isinstance(self._parts.poses, BatchedPoses):
            self._parts.poses.stock = stock

    def descend(self, loop: str, rate: float, weight: float) -> Line:
        """What became of one cell."""
        began = time.process_time()
        config = scaled(self._config, rate, weight)
        scene = self._scene()
        best = BestState(scene, config.steps)
        plateau = Plateau(config.patience if loop == "now" else 0, config.steps, first_judged(config))
        with holding(loop):
            stepper = Stepper(self._parts, scene, self._scorer, config, self._generator, self._detail)
            scene.load_state_dict(self._start)
            self._generator.set_state(self._drawn)
            self._put_stock(self._stock)
            index = shortened = skipped = 0
            while index < plateau.end:
                if plateau.settled is not None:
                    best.count_from(plateau.settled)
                report = stepper.step(index, plateau.place(index))
                index = report.step
                shortened += min(report.form_share, report.look_share) < 1.0
                skipped += report.is_skipped
                if not report.is_skipped:
                    best.see(index, report.score)
                plateau.see(index, report.score)
        best.restore()
        health = inspect_scene(scene, self._parts.body)
        values = {verdict.name: round(float(verdict.value), 4) for verdict in health.verdicts}
        return {
            "score": round(self._exam(scene), 5),
            "is_healthy": health.is_healthy,
            "bad": [verdict.name for verdict in health.verdicts if not verdict.is_healthy],
            **{name: values.get(name) for name in ("numbers", "flipped", "edges", "texture")},
            "shortened": shortened,
            "skipped": skipped,
            "steps": index,
            "seconds": round(time.process_time() - began, 2),
        }


def measure(arguments: argparse.Namespace, done: set[Cell]) -> None:
    """Makes the cells that are missing, and writes each down."""
    silence_libraries()
    keep_freed_memory()
    guidance = body = None
    for prompt, seed in itertools.product(arguments.prompts, arguments.seeds):
        # The default comes first, so that a grid that was cut short can be judged as far as it goes.
        pairs = sorted(itertools.product(arguments.factors, repeat=2), key=lambda pair: pair != (1.0, 1.0))
        cells = [(arguments.start, loop, prompt, seed, *pair) for pair in pairs for loop in arguments.loops]
        left = [cell for cell in cells if cell not in done]
        if not left:
            continue
        if guidance is None or body is None:
            guidance, body = load_guidance("mini"), load_body("anny")
        settings = dataclasses.replace(
            preset("draft"),
            start=arguments.start,
            steps=arguments.steps,
            patience=max(2, arguments.steps // 3),
            seed=seed,
            prompts=default_prompts(prompt),
        )
        config = resolve(settings)
        subject = Subject(build_parts(guidance, body, config), config)
        for start, loop, _, _, rate, weight in left:
            line = {"start": start, "loop": loop, "prompt": prompt, "seed": seed, "rate": rate, "weight": weight}
            line |= subject.descend(loop, rate, weight)
            with arguments.out.open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)


def read_lines(path: Path) -> list[Line]:
    """The cells that are there; a line that was cut off is made again."""
    found = []
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def cell_of(line: Line) -> Cell:
    """Which cell a line tells of."""
    return line["start"], line["loop"], line["prompt"], line["seed"], line["rate"], line["weight"]


def with_ratios(lines: list[Line]) -> list[Line]:
    """The lines with ``ratio``, the score over that of the present loop's default; those without a default left out."""
    usual = {
        (line["start"], line["prompt"], line["seed"]): line["score"]
        for line in lines
        if line["loop"] == "now" and line["rate"] == line["weight"] == 1.0
    }
    return [
        {**line, "ratio": line["score"] / max(1e-6, usual[line["start"], line["prompt"], line["seed"]])}
        for line in lines
        if (line["start"], line["prompt"], line["seed"]) in usual
    ]


def is_sound(line: Line) -> bool:
    """No NaN, under 0.5 % of the faces turned over, and no edge changed twentyfold."""
    return not {"numbers", "flipped", "edges"} & set(line["bad"])


def table(lines: list[Line]) -> str:
    """The shares, for each loop."""
    head = "| start | loop | runs | sound form, % | healthy, % | at least 80 % of the default's score, % | both, % |"
    rows = [head, "|---|---|---|---|---|---|---|"]
    for start, loop in itertools.product(STARTS, LOOPS):
        own = [line for line in lines if (line["start"], line["loop"]) == (start, loop)]
        if not own:
            continue
        is_enough = [line["ratio"] >= ENOUGH for line in own]
        tests = (
            [is_sound(line) for line in own],
            [line["is_healthy"] for line in own],
            is_enough,
            [line["is_healthy"] and enough for line, enough in zip(own, is_enough, strict=True)],
        )
        shares = " | ".join(f"{100 * sum(test) / len(own):.1f}" for test in tests)
        rows.append(f"| {start} | {loop} | {len(own)} | {shares} |")
    return "\n".join(rows) + "\n"


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _colour(share: float | None) -> tuple[int, int, int]:
    """From red over yellow to green; grey where there is nothing."""
    if share is None:
        return (200, 200, 200)
    share = min(1.0, max(0.0, share))
    low, middle, high = (214, 96, 77), (247, 224, 139), (102, 179, 110)
    start, end, part = (low, middle, 2 * share) if share < 0.5 else (middle, high, 2 * share - 1)
    first, second, third = (round(a + part * (b - a)) for a, b in zip(start, end, strict=True))
    return first, second, third


def heat_map(lines: list[Line], path: Path) -> None:
    """A square for each pair of factors: above the share that is healthy, below the mean score over the default's."""
    factors = sorted({line["rate"] for line in lines})
    pairs = {(line["start"], line["loop"]) for line in lines}
    loops = [pair for pair in itertools.product(STARTS, LOOPS) if pair in pairs]
    side, left, top, gap = 92, 110, 70, 120
    grid = side * len(factors)
    picture = Image.new("RGB", (left + len(loops) * (grid + gap) - gap + 30, 2 * (top + grid) + 80), "white")
    draw = ImageDraw.Draw(picture)
    large, small = ImageFont.load_default(20), ImageFont.load_default(15)
    tests = (
        ("healthy runs", lambda own: _mean([float(line["is_healthy"]) for line in own])),
        ("score, of the default's", lambda own: _mean([line["ratio"] for line in own])),
    )
    for (row, (title, value)), (column, loop) in itertools.product(enumerate(tests), enumerate(loops)):
        x0, y0 = left + column * (grid + gap), top + row * (top + grid)
        draw.text((x0, y0 - 34), f"{', '.join(loop)}: {title}", fill="black", font=large)
        for i, weight in enumerate(reversed(factors)):
            draw.text((x0 - 10, y0 + (i + 0.5) * side), f"{weight:g}", fill="black", font=small, anchor="rm")
            for j, rate in enumerate(factors):
                cell = [
                    line
                    for line in lines
                    if (line["start"], line["loop"], line["rate"], line["weight"]) == (*loop, rate, weight)
                ]
                share = value(cell)
                box = (x0 + j * side, y0 + i * side, x0 + (j + 1) * side - 3, y0 + (i + 1) * side - 3)
                draw.rectangle(box, fill=_colour(share))
                text = "" if share is None else f"{100 * share:.0f} %"
                draw.text((x0 + (j + 0.5) * side, y0 + (i + 0.5) * side), text, fill="black", font=small, anchor="mm")
        for j, rate in enumerate(factors):
            draw.text((x0 + (j + 0.5) * side, y0 + grid + 4), f"{rate:g}", fill="black", font=small, anchor="ma")
    words = "across: learning rates, up: regularisers, each as a multiple of its default"
    draw.text((left, picture.height - 34), words, fill="black", font=small)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)


def main() -> None:
    """Measures what is missing, and prints or writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the cells, a line of JSON each")
    parser.add_argument("--docs", type=Path, help="where stability.md and images/stability.png go")
    parser.add_argument("--factors", type=float, nargs="+", default=list(FACTORS))
    parser.add_argument("--prompts", nargs="+", default=list(PROMPTS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--start", choices=STARTS, default=STARTS[0])
    parser.add_argument("--loops", nargs="+", choices=LOOPS, default=list(LOOPS))
    parser.add_argument("--steps", type=int, default=40)
    arguments = parser.parse_args()
    if 1.0 not in arguments.factors:
        parser.error("--factors must hold 1, which the others are compared with")
    measure(arguments, {cell_of(line) for line in read_lines(arguments.out)})
    lines = with_ratios(read_lines(arguments.out))
    print(table(lines))
    if arguments.docs is not None:
        text = f"# Off by a hundred\n\n`python benchmarks/stability.py`, {arguments.steps} draft steps, mini, "
        text += f"{len(lines)} runs.\n\n{table(lines)}\n![heat map](images/stability.png)\n"
        heat_map(lines, arguments.docs / "images" / "stability.png")
        (arguments.docs / "stability.md").write_text(text)


if __name__ == "__main__":
    main()
