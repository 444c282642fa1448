"""Scores finished runs by the judge: ``python -m training.judge.score --judge build/judge --runs build/evaluation``.

For each run the judge sees fixed views of the start and of the end, ranks the run's prompt among all the benchmark's,
and says by how much the descent raised its score. R-precision is the share of the runs whose own prompt comes first.
The scores measure: nothing may be optimised or chosen by them.

Reference: Jain et al., "Zero-Shot Text-Guided Object Generation with Dream Fields", CVPR 2022 (R-precision by an
encoder that did not guide).
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import yaml
from jaxtyping import Float
from PIL import Image
from rich.progress import Progress
from torch import Tensor

from clipmatrix.errors import ClipMatrixError, ConfigError
from training.benchmark import BANDS, BENCHMARK, load_benchmark, run_name
from training.judge.checkpoint import load_judge

_ALIKE = Path(__file__).parent / "alike.yaml"
_STARTS = ("search", "neutral")
_MOST_SEEDS = 99
_SHEET_VIEWS = 3


class TextImageJudge(Protocol):
    """What scoring asks of a judge: unit embeddings of texts, and of sRGB pictures in [0, 1] of any size."""

    def encode_texts(self, texts: Sequence[str]) -> Float[Tensor, "p d"]: ...

    def encode_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]: ...


@dataclass(frozen=True)
class Verdict:
    """The judge's mean cosine over the views of the start and the end, and the rank of the prompt, 1 for the first."""

    start_score: float
    end_score: float
    start_rank: int
    end_rank: int


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judge", type=Path, required=True, help="folder of a judge's training")
    parser.add_argument("--runs", type=Path, required=True, help="folder that training.evaluate wrote")
    parser.add_argument("--prompts", type=Path, default=BENCHMARK, help="a file as benchmark.yaml")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        judge, rows = load_judge(arguments.judge), load_benchmark(arguments.prompts).prompts
        with Progress(transient=True) as progress:
            job = progress.add_task("runs", total=None)

            def report(done: int, total: int) -> None:
                progress.update(job, completed=done, total=total)

            verdicts = judge_runs(judge, arguments.runs, rows, report)
    except ClipMatrixError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    table = write_judge_table(verdicts, rows)
    (arguments.runs / "judge.md").write_text(table + "\n", encoding="utf-8")
    print(table)


def judge_runs(
    judge: TextImageJudge, folder: Path, rows: list[dict], report: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Verdict]:
    """The verdicts on the runs of these prompts that the folder holds, by the run's name.

    Raises: ConfigError when it holds none.
    """
    texts = [row["text"] for row in rows]
    runs = [
        (index, path)
        for index, row in enumerate(rows)
        for start in _STARTS
        for seed in range(_MOST_SEEDS)
        if (path := folder / f"{run_name(row, start, seed)}.png").exists()
    ]
    if not runs:
        raise ConfigError(
            f"wanted finished runs of {len(rows)} prompts in {folder}, found none; "
            f"run: python -m training.evaluate --out {folder}"
        )
    candidates = judge.encode_texts(texts)
    is_alike = alike(texts)
    verdicts = {}
    for done, (index, path) in enumerate(runs, 1):
        views = read_views(path)
        embeddings = judge.encode_images(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        scores = (embeddings @ candidates.T).mean(1).numpy()
        ranks = [rank(row, index, is_alike[index]) for row in scores]
        verdicts[path.stem] = Verdict(float(scores[0, index]), float(scores[1, index]), *ranks)
        report(done, len(runs))
    return verdicts


def rank(scores: np.ndarray, own: int, is_alike: np.ndarray) -> int:
    """The place of a candidate by its score, 1 for the first; those alike are passed over."""
    return 1 + int(((scores > scores[own]) & ~is_alike).sum())


def alike(texts: list[str], path: Path = _ALIKE) -> np.ndarray:
    """Which texts are true of every good picture of which (n n), first the picture's; none of itself.

    Raises: ConfigError when the file names no text of any benchmark.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    pairs = [(a, b) for group in content["same"] for a in group for b in group if a != b]
    pairs += [(a, b) for a, others in content["also"].items() for b in others]
    known = {row["text"] for row in load_benchmark().prompts}
    if strangers := sorted({text for pair in pairs for text in pair} - known):
        raise ConfigError(f"wanted prompts of the benchmark in {path.name}, found {strangers[0]!r}; correct it there")
    ids = {text: index for index, text in enumerate(texts)}
    found = np.zeros((len(texts), len(texts)), bool)
    for a, b in pairs:
        if a in ids and b in ids:
            found[ids[a], ids[b]] = True
    return found


def read_views(path: Path) -> Float[Tensor, "2 n 3 h w"]:
    """The pictures of a run's start and end: its round of views, or for older runs the sheet's front, back and face.

    Raises: ConfigError when a file is no picture of views.
    """
    around = path.with_suffix(".views.png")
    source = around if around.exists() else path
    try:
        pixels = np.asarray(Image.open(source).convert("RGB"))
    except OSError as error:
        raise ConfigError(f"wanted a run's views in {source}, found no picture; delete it and run it again") from error
    if source is path:
        # The sheet has start and end side by side, three views each.
        pixels = np.concatenate(np.split(pixels, 2, axis=1)) if pixels.shape[1] % (2 * _SHEET_VIEWS) == 0 else pixels
    height = pixels.shape[0] // 2
    if height == 0 or pixels.shape[0] % 2 or pixels.shape[1] % height:
        raise ConfigError(f"wanted two rows of square views in {source}, found {pixels.shape[1]} x {pixels.shape[0]}")
    cells = pixels.reshape(2, height, -1, height, 3).transpose(0, 2, 4, 1, 3)
    return torch.from_numpy(np.ascontiguousarray(cells)).float() / 255.0


def write_judge_table(verdicts: dict[str, Verdict], rows: list[dict]) -> str:
    """Markdown: R-precision of starts and ends by band and start, the mean score of both, and how often it rose."""
    lines = [
        f"R-precision among {len(rows)} prompts.",
        "",
        "| band | start | runs | prompt first: start | end | among the first five | cosine: start | end | raised |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for band in (*BANDS, "all"):
        for start in _STARTS:
            found = [
                verdict
                for row in rows
                if band in (row.get("band"), "all")
                for seed in range(_MOST_SEEDS)
                if (verdict := verdicts.get(run_name(row, start, seed)))
            ]
            if found:
                lines.append(f"| {band} | {start} | {len(found)} | {' | '.join(_summary(found))} |")
    return "\n".join(lines)


def _summary(verdicts: list[Verdict]) -> list[str]:
    def share(values: list[bool]) -> str:
        return f"{100 * float(np.mean(values)):.0f} %"

    return [
        share([v.start_rank == 1 for v in verdicts]),
        share([v.end_rank == 1 for v in verdicts]),
        share([v.end_rank <= 5 for v in verdicts]),
        f"{np.mean([v.start_score for v in verdicts]):.2f}",
        f"{np.mean([v.end_score for v in verdicts]):.2f}",
        share([v.end_score > v.start_score for v in verdicts]),
    ]


if __name__ == "__main__":
    main()
