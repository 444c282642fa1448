"""The generation benchmark: ``python -m training.evaluate --out build/evaluation``; sheets, measurements, a table.

For every prompt, seed and start it runs search and descent without export, photographs start and result, and measures
both without any network. Finished runs are kept: calling it again goes on where it was stopped. ``--binding`` and
``--hues`` run the benchmark's other two lists, into a sheet and a table of their own.
"""

import argparse
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

# Waiting threads must sleep, or several processes on few cores hinder one another.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from PIL import Image, ImageDraw
from rich.progress import Progress

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.poses import key_poses
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.colour import linear_from_srgb, srgb_from_linear
from clipmatrix.config import RunConfig, default_prompts, preset
from clipmatrix.export.images import studio_lights
from clipmatrix.generate.best import BestState
from clipmatrix.generate.loading import build_parts
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.search import search_start
from clipmatrix.generate.stepper import Stepper
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.render.bake import Texels, find_texels
from clipmatrix.render.pipeline import downsample, render
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import Start, neutral_start
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import fit_distance, orbit
from training.benchmark import BANDS, BENCHMARK, load_benchmark, select_rows
from training.measure import Measured, measure, verdicts

CELL = 160
STARTS = ("search", "neutral")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--prompts", type=Path, default=BENCHMARK, help="a file as benchmark.yaml, or a list of prompts"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quality", default="draft")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--clip", default="mini")
    parser.add_argument("--share", default="0/1", help="i/n: this process does every n-th run, beginning with the i-th")
    parser.add_argument("--only", default=None, help="prompts that contain this")
    parser.add_argument("--band", choices=BANDS, default=None, help="prompts of this band")
    parser.add_argument("--core", action="store_true", help="the 24 prompts of earlier results")
    lists = parser.add_mutually_exclusive_group()
    lists.add_argument("--binding", dest="list", action="store_const", const="binding", help="pairs of regions")
    lists.add_argument("--hues", dest="list", action="store_const", const="hues", help="bodies of one colour")
    parser.set_defaults(list="prompts")
    parser.add_argument("--starts", default=",".join(STARTS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = getattr(load_benchmark(arguments.prompts), arguments.list)
    rows = select_rows(rows, arguments.band, arguments.core, arguments.only)
    arguments.out.mkdir(parents=True, exist_ok=True)
    body, guidance = load_anny(), load_guidance(arguments.clip, "cpu")
    jobs = [
        (row, seed, start) for seed in range(arguments.seeds) for row in rows for start in arguments.starts.split(",")
    ]
    index, count = map(int, arguments.share.split("/"))
    base = preset(arguments.quality)
    base = base if arguments.steps is None else replace(base, steps=arguments.steps)
    texels = find_texels(body.template, 256)
    with Progress() as progress:
        for row, seed, start in progress.track(jobs[index::count]):
            name = run_name(row, start, seed)
            if not (arguments.out / f"{name}.json").exists():
                run_one(body, guidance, texels, row, replace(base, seed=seed, start=start), arguments.out / name)
    ending = "" if arguments.list == "prompts" else f"-{arguments.list}"
    write_sheet(rows, arguments.seeds, arguments.out, f"sheet{ending}.png")
    print(write_table(rows, arguments.seeds, arguments.out, f"table{ending}.md"))


def run_name(row: dict, start: str, seed: int) -> str:
    """What the files of a run are called."""
    return f"{row['text'].replace(' ', '-')}-{start}-{seed}"


def run_one(body: Body, guidance: Guidance, texels: Texels, row: dict, config: RunConfig, path: Path) -> None:
    """Search (or not), descend, photograph and measure; writes ``path.png`` and, last, ``path.json``."""
    config = replace(config, prompts=default_prompts(row["text"]), clip=guidance.name)
    parts = build_parts(guidance, body, config)
    caption = ""
    start: Start = neutral_start(body)
    if config.start == "search":
        found = search_start(body, config.prompts, guidance, config.search, config.scene.texture_size, config.seed)
        start, caption = found.start, found.caption
    scene = Scene(body, start, config.scene)
    before, before_numbers = photograph(scene, body), measure(scene, body, texels)
    stepper = Stepper(
        parts, scene, Scorer(guidance, config.prompts, config.score), config, torch.Generator().manual_seed(config.seed)
    )
    best = BestState(scene, config.steps)
    scores, seconds = [], []
    for index in range(config.steps):
        report = stepper.step(index)
        scores.append(report.score)
        seconds.append(sum(asdict(report.seconds).values()))
        best.see(report.step, report.score)
    best.restore()
    after, numbers = photograph(scene, body), measure(scene, body, texels)
    Image.fromarray(np.concatenate([before, after], axis=1)).save(path.with_suffix(".png"))
    record = {
        "caption": caption, "score_first": float(np.mean(scores[:5])), "score_last": float(np.mean(scores[-10:])),
        "seconds_a_step": float(np.median(seconds)), "before": _numbers(before_numbers), "after": _numbers(numbers),
        "verdicts_before": verdicts(before_numbers, row), "verdicts": verdicts(numbers, row),
    }  # fmt: skip
    Path(f"{path}.json").write_text(json.dumps(record, indent=1))


def _numbers(measured: Measured) -> dict:
    return {
        **{key: round(getattr(measured, key), 4) for key in ("contrast", "bands", "volume", "height")},
        "rgb": {name: [round(float(x), 3) for x in rgb] for name, rgb in measured.rgb.items()},
    }


def photograph(scene: Scene, body: Body) -> np.ndarray:
    """Front, back and face side by side, standing, in a studio's light."""
    pose = key_poses(body)["stand"]
    with torch.no_grad():
        rest = scene.deform()
        vertices = skin(rest.vertices, rest.rig, world_from_joint(rest.rig, pose[None]))
        azimuth = torch.tensor([0.4, 3.6, 0.3])
        lights = studio_lights(azimuth)
        head = vertices[0][body.regions["head"] > 0.5]
        boxes = [(v.amin(0), v.amax(0)) for v in (vertices[0], vertices[0], head)]
        centre = torch.stack([(low + high) / 2 for low, high in boxes])
        radius = torch.stack([(high - low).norm() / 2 for low, high in boxes])
        fov = torch.full((3,), 0.5)
        cameras = orbit(centre, azimuth, torch.full((3,), 0.08), fit_distance(radius * 0.95, fov), fov)
        images = render(
            scene.textured(vertices, lights), cameras, ImageSize(2 * CELL, 2 * CELL), rasterizer=CpuRasterizer()
        )
        small = downsample(images, 2)
        linear = small.rgb + (1 - small.alpha) * linear_from_srgb(torch.tensor(0.86))
        pictures = srgb_from_linear(linear.clamp(0, 1)).mul(255).add(0.5).to(torch.uint8).numpy()
    return np.concatenate(list(pictures), axis=1)


def write_sheet(rows: list[dict], seeds: int, out: Path, name: str) -> None:
    """One row per prompt: for each seed the searched start and its descent, then the neutral start's descent."""
    cells_of = {"search": 6, "neutral": 3}
    height = CELL + 18
    width = seeds * sum(cells_of.values()) * CELL
    sheet = Image.new("RGB", (width, height * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        x = 0
        for seed in range(seeds):
            for start, cells in cells_of.items():
                path = out / f"{run_name(row, start, seed)}.png"
                if path.exists():
                    picture = Image.open(path)
                    if start == "neutral":
                        picture = picture.crop((3 * CELL, 0, 6 * CELL, CELL))
                    sheet.paste(picture, (x * CELL, y * height + 18))
                words = row["text"] if start == "search" else "from neutral"
                draw.text((x * CELL + 4, y * height + 2), f"{words} (seed {seed})", fill="black", font_size=13)
                x += cells
    sheet.save(out / name)


def write_table(rows: list[dict], seeds: int, out: Path, name: str) -> str:
    """Markdown: how many of the seeds met each expectation before and after the descent, by prompt, band and start.

    The last lines count the runs of which every expectation was met, among those of which there is any.
    """
    lines = [
        "| prompt | start | expectations met: start | after descent | encoder's cosine: first | last |",
        "|---|---|---|---|---|---|",
    ]
    verdicts_of: dict[tuple[str, str], list[tuple[list[bool], list[bool]]]] = {}
    for row in rows:
        for start in STARTS:
            records = [out / f"{run_name(row, start, seed)}.json" for seed in range(seeds)]
            found = [json.loads(path.read_text()) for path in records if path.exists()]
            if not found:
                continue
            pairs = [(list(r["verdicts_before"].values()), list(r["verdicts"].values())) for r in found]
            for group in (row.get("band"), "all"):
                if group:
                    verdicts_of.setdefault((group, start), []).extend(pairs)
            first, last = (np.mean([r[key] for r in found]) for key in ("score_first", "score_last"))
            lines.append(f"| {row['text']} | {start} | {_met(pairs)} | {first:.2f} | {last:.2f} |")
    order = sorted(verdicts_of, key=lambda key: ((*BANDS, "all").index(key[0]), STARTS.index(key[1])))
    lines += [f"| **{group}** | {start} | {_met(verdicts_of[group, start])} | | |" for group, start in order]
    for group, start in order:
        whole = [([all(before)], [all(after)]) for before, after in verdicts_of[group, start] if after]
        lines.append(f"| **{group}: runs with all met** | {start} | {_met(whole)} | | |")
    (out / name).write_text("\n".join(lines) + "\n")
    return "\n".join(lines)


def _met(pairs: list[tuple[list[bool], list[bool]]]) -> str:
    """Two cells: the expectations that are met at the start and after the descent, of how many."""
    before, after = (sum(sum(pair[i]) for pair in pairs) for i in (0, 1))
    total = sum(len(pair[1]) for pair in pairs)
    return f"{before}/{total} | {after}/{total}"


if __name__ == "__main__":
    main()
