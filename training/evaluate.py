"""The generation benchmark: ``python -m training.evaluate --out build/evaluation``; sheets, measurements, a table.

For every prompt, seed and start it creates a character as ``clipmatrix create`` does, photographs what the descent set
out from and what it came to, and measures both without any network. Calling it again goes on where it was stopped.
``--binding`` and ``--hues`` run the benchmark's other two lists, into a sheet and a table of their own.
"""

import argparse
import collections
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
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
from clipmatrix.errors import ModelError
from clipmatrix.export.images import studio_lights
from clipmatrix.generate.loading import build_parts
from clipmatrix.generate.loop import resume, stream
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.render.bake import Texels, find_texels
from clipmatrix.render.pipeline import downsample, render
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.runs.directory import Run
from clipmatrix.scene.checkpoint import restore_scene
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import fit_distance, orbit
from training.benchmark import BANDS, BENCHMARK, load_benchmark, run_name, select_rows
from training.judge.checkpoint import load_judge
from training.judge.score import Verdict, judge_runs
from training.measure import Measured, measure, verdicts

CELL = 160
ROUND_VIEWS, ROUND_CELL = 8, 128
STARTS = ("search", "neutral")
_FILM = 64
"""The turntable's side in pixels: nobody watches a hundred of them."""

_JUDGE_HEADS = ("judge's cosine: start", "end", "own prompt first: start", "end")


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
    parser.add_argument("--judge", type=Path, default=None, help="folder of a judge: its columns join the table")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = getattr(load_benchmark(arguments.prompts), arguments.list)
    rows = select_rows(rows, arguments.band, arguments.core, arguments.only)
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        judge = load_judge(arguments.judge) if arguments.judge else None
    except ModelError as error:
        parser.error(str(error))
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
    judged: dict[str, Verdict] = {}
    if judge is not None:
        # A prompt is ranked among all of its list, whichever of them were run.
        judged = judge_runs(judge, arguments.out, getattr(load_benchmark(arguments.prompts), arguments.list))
    print(write_table(rows, arguments.seeds, arguments.out, f"table{ending}.md", judged))


def run_one(body: Body, guidance: Guidance, texels: Texels, row: dict, config: RunConfig, path: Path) -> None:
    """Creates the character, then photographs and measures its start and its end.

    The run's own folder is ``path``; beside it stand ``path.png``, its views and, written last, ``path.json``. A run
    that was killed goes on from where it was.
    """
    config = replace(config, prompts=default_prompts(row["text"]), clip=guidance.name, video_size=_FILM)
    parts, run = build_parts(guidance, body, config), Run(path)
    first, last = run.checkpoint_path(0), run.best_path
    if not first.exists():
        # Stopped before its first step, it leaves what it sets out from.
        shutil.rmtree(path, ignore_errors=True)
        collections.deque(stream(config, path, parts, pause=0), maxlen=0)
    if run.state_path.exists():
        collections.deque(resume(path, build_parts(guidance, body, config)), maxlen=0)
    steps = [event for event in run.read_events() if event["event"] == "step"]
    scores = [event["score"] for event in steps]
    before, after = (_restored(body, config, place) for place in (first, last))
    Image.fromarray(np.concatenate([photograph(one, body) for one in (before, after)], axis=1)).save(f"{path}.png")
    Image.fromarray(np.concatenate([photograph_round(one, body) for one in (before, after)])).save(f"{path}.views.png")
    numbers = [measure(one, body, texels) for one in (before, after)]
    record = {
        "score_first": float(np.mean(scores[:5])), "score_last": float(np.mean(scores[-10:])), "steps": len(scores),
        "seconds_a_step": float(np.median([sum(event["seconds"].values()) for event in steps])),
        "is_healthy": json.loads(run.health_path.read_text())["is_healthy"],
        "before": _numbers(numbers[0]), "after": _numbers(numbers[1]),
        "verdicts_before": verdicts(numbers[0], row), "verdicts": verdicts(numbers[1], row),
    }  # fmt: skip
    Path(f"{path}.json").write_text(json.dumps(record, indent=1))


def _restored(body: Body, config: RunConfig, checkpoint: Path) -> Scene:
    scene = Scene(body, neutral_start(body), config.scene)
    restore_scene(scene, checkpoint.read_bytes(), str(checkpoint))
    return scene


def _numbers(measured: Measured) -> dict:
    return {
        **{key: round(getattr(measured, key), 4) for key in ("contrast", "bands", "volume", "height")},
        "rgb": {name: [round(float(x), 3) for x in rgb] for name, rgb in measured.rgb.items()},
    }


def photograph(scene: Scene, body: Body) -> np.ndarray:
    """Front, back and face side by side, standing, in a studio's light."""
    return _photographs(scene, body, (0.4, 3.6, 0.3), ("whole", "whole", "head"), CELL)


def photograph_round(scene: Scene, body: Body) -> np.ndarray:
    """The whole figure from all around, side by side, as the judge sees it; standing, in a studio's light."""
    azimuths = tuple(float(x) for x in np.linspace(0, 2 * np.pi, ROUND_VIEWS, endpoint=False) + 0.2)
    return _photographs(scene, body, azimuths, ("whole",) * ROUND_VIEWS, ROUND_CELL)


def _photographs(
    scene: Scene, body: Body, azimuths: tuple[float, ...], framed: tuple[str, ...], cell: int
) -> np.ndarray:
    pose = key_poses(body)["stand"]
    with torch.no_grad():
        rest = scene.deform()
        vertices = skin(rest.vertices, rest.rig, world_from_joint(rest.rig, pose[None]))
        azimuth = torch.tensor(azimuths)
        head = vertices[0][body.regions["head"] > 0.5]
        boxes = [(v.amin(0), v.amax(0)) for v in (head if name == "head" else vertices[0] for name in framed)]
        centre = torch.stack([(low + high) / 2 for low, high in boxes])
        radius = torch.stack([(high - low).norm() / 2 for low, high in boxes])
        fov = torch.full((len(azimuths),), 0.5)
        elevation = torch.full((len(azimuths),), 0.08)
        cameras = orbit(centre, azimuth, elevation, fit_distance(radius * 0.95, fov), fov)
        surface = scene.textured(vertices, studio_lights(azimuth))
        images = render(surface, cameras, ImageSize(2 * cell, 2 * cell), rasterizer=CpuRasterizer())
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


def write_table(rows: list[dict], seeds: int, out: Path, name: str, judged: Mapping[str, Verdict] | None = None) -> str:
    """Markdown: how many of the seeds met each expectation before and after the descent, by prompt, band and start.

    The last lines count the runs of which every expectation was met, among those of which there is any. With verdicts
    of a judge, by the run's name, four columns more say its cosine and how many runs' own prompts it ranks first.
    """
    heads = _JUDGE_HEADS if judged else ()
    lines = [
        _row("prompt", "start", "expectations met: start", "after descent", "encoder's cosine: first", "last", *heads),
        "|" + "---|" * (6 + len(heads)),
    ]
    verdicts_of: dict[tuple[str, str], list[tuple[list[bool], list[bool]]]] = {}
    judged_of: dict[tuple[str, str], list[Verdict]] = {}
    for row in rows:
        for start in STARTS:
            records = [out / f"{run_name(row, start, seed)}.json" for seed in range(seeds)]
            found = [json.loads(path.read_text()) for path in records if path.exists()]
            if not found:
                continue
            names = [run_name(row, start, seed) for seed in range(seeds)]
            by_judge = [judged[run] for run in names if run in judged] if judged else []
            pairs = [(list(r["verdicts_before"].values()), list(r["verdicts"].values())) for r in found]
            for group in (row.get("band"), "all"):
                if group:
                    verdicts_of.setdefault((group, start), []).extend(pairs)
                    judged_of.setdefault((group, start), []).extend(by_judge)
            first, last = (np.mean([r[key] for r in found]) for key in ("score_first", "score_last"))
            cells = [row["text"], start, _met(pairs), f"{first:.2f}", f"{last:.2f}"]
            lines.append(_row(*cells, *(_by_judge(by_judge) if judged else ())))
    order = sorted(verdicts_of, key=lambda key: ((*BANDS, "all").index(key[0]), STARTS.index(key[1])))
    for group, start in order:
        cells = [f"**{group}**", start, _met(verdicts_of[group, start]), "", ""]
        lines.append(_row(*cells, *(_by_judge(judged_of[group, start]) if judged else ())))
    for group, start in order:
        whole = [([all(before)], [all(after)]) for before, after in verdicts_of[group, start] if after]
        lines.append(_row(f"**{group}: runs with all met**", start, _met(whole), "", "", *("" for _ in heads)))
    (out / name).write_text("\n".join(lines) + "\n")
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def _by_judge(verdicts: list[Verdict]) -> list[str]:
    """Four cells: the judge's mean cosine at the start and the end, and how often the own prompt is first there."""
    if not verdicts:
        return [""] * len(_JUDGE_HEADS)
    first, last = (np.mean([getattr(v, key) for v in verdicts]) for key in ("start_score", "end_score"))
    leads = [f"{sum(getattr(v, key) == 1 for v in verdicts)}/{len(verdicts)}" for key in ("start_rank", "end_rank")]
    return [f"{first:.2f}", f"{last:.2f}", *leads]


def _met(pairs: list[tuple[list[bool], list[bool]]]) -> str:
    """Two cells: the expectations that are met at the start and after the descent, of how many."""
    before, after = (sum(sum(pair[i]) for pair in pairs) for i in (0, 1))
    total = sum(len(pair[1]) for pair in pairs)
    return f"{before}/{total} | {after}/{total}"


if __name__ == "__main__":
    main()
