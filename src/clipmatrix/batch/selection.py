"""A folder of runs judged, ranked and thinned out into another folder; knows neither rules nor drawing."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from clipmatrix.batch.selecting import NEAR, Candidate, Ranked, choose, chosen_names
from clipmatrix.batch.sheet import draw_sheet, front_view, rest_cells
from clipmatrix.errors import ClipMatrixError, ConfigError, RunError
from clipmatrix.export.textures import write_image
from clipmatrix.generate.judging import judge_run
from clipmatrix.generate.sharing import PartsShelf
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.runs.directory import Run
from clipmatrix.runs.files import file_errors, write_whole
from clipmatrix.runs.index import RunIndex
from clipmatrix.runs.summaries import Summary

_MARK = "selection.json"
_USUAL_EYE = "mini"
_KEPT = ("config.yaml", "environment.json", "events.jsonl")
_SAVE_EVERY = 10

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class SelectConfig:
    """The ``best`` of each prompt by the encoder called ``judge``, or by the runs' own scores where it is empty.

    Runs whose sheets lie nearer than ``near`` to a better one's are passed over: one minus the cosine of their mean
    embeddings by the judge, or by ``mini`` where there is none.
    """

    best: int = 1
    judge: str = ""
    near: float = NEAR

    def __post_init__(self) -> None:
        if self.best < 1:
            raise ConfigError(f"--best must be at least 1, not {self.best}: say how many of each prompt to keep")
        if not 0.0 <= self.near <= 2.0:
            raise ConfigError(f"--near must be from 0 to 2, not {self.near:g}: use for instance {NEAR:g}")


@dataclass(frozen=True, eq=False)
class Selection:
    """What was chosen of how many runs, the sheet of all of them, and lines on runs that could not be judged."""

    chosen: tuple[str, ...]
    num_runs: int
    sheet: Path
    warnings: tuple[str, ...]


def select(
    runs: Path, out: Path, config: SelectConfig, on_progress: OnProgress = lambda done, total: None
) -> Selection:
    """Copies the chosen runs to ``out`` and writes the sheet of all finished runs beside them.

    What was judged before is remembered there, so that a selection that was stopped, or is made again, goes on.

    Raises:
        ClipMatrixError: there is no finished run, or ``out`` cannot be written, or holds something else.
    """
    summaries = _finished(runs)
    remembered = _claim(out, runs)
    eye = load_guidance(config.judge or _USUAL_EYE)
    shelf, candidates, warnings = PartsShelf(), [], []
    pictures: dict[str, np.ndarray] = {}
    for index, summary in enumerate(summaries):
        run = Run(runs / summary.name)
        try:
            views = _read_picture(run.views_path)
            score = _score(run, summary, config, eye, shelf, remembered)
            candidates.append(_candidate(summary, score, _embedding(eye, views)))
            pictures[summary.name] = front_view(views)
        except ClipMatrixError as error:
            warnings.append(f"{summary.name} is left out: {' '.join(str(error).split())}")
        if index % _SAVE_EVERY == 0:
            _remember(out, remembered)
        on_progress(index + 1, len(summaries))
    if not candidates:
        raise RunError(f"{runs} holds no run that can be judged: {warnings[0]}")
    ranking = choose(candidates, config.best, config.near)
    chosen = chosen_names(ranking)
    _copy_chosen(runs, out, chosen)
    write_image(out / "sheet.png", draw_sheet(ranking, pictures))
    _remember(out, remembered | {"settings": vars(config), "prompts": _record(ranking)})
    return Selection(chosen, len(summaries), out / "sheet.png", tuple(warnings))


def _finished(runs: Path) -> list[Summary]:
    if not runs.is_dir():
        raise RunError(f"{runs} is no folder: name the folder that holds the runs")
    with RunIndex(runs) as index:
        index.refresh()
        summaries = [one for one in index.summaries() if one.state == "done" and one.has_model]
    if not summaries:
        raise RunError(f"{runs} holds no finished run: make some with clipmatrix batch, or name another folder")
    return sorted(summaries, key=lambda one: one.name)


def _claim(out: Path, runs: Path) -> dict[str, Any]:
    """What an earlier selection in that folder remembers; the folder is ours from now on."""
    if out.resolve() == runs.resolve():
        raise RunError(f"{out} is the folder of the runs themselves: choose another --out")
    if out.exists() and not out.is_dir():
        raise RunError(f"{out} is a file, and a selection needs a folder: choose another --out")
    try:
        found = json.loads((out / _MARK).read_bytes())
        if isinstance(found, dict) and isinstance(found.get("marks", {}), dict):
            return {"marks": found.get("marks", {})}
    except (OSError, ValueError, RecursionError):
        pass
    with file_errors(out):
        if out.is_dir() and any(out.iterdir()):
            raise RunError(f"{out} holds files that are no selection: choose an empty or a new folder")
        out.mkdir(parents=True, exist_ok=True)
    _remember(out, {"marks": {}})
    return {"marks": {}}


def _remember(out: Path, record: Mapping[str, Any]) -> None:
    write_whole(out / _MARK, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())


def _score(
    run: Run, summary: Summary, config: SelectConfig, eye: Guidance, shelf: PartsShelf, remembered: dict[str, Any]
) -> float:
    """The judge's mark, or the run's own score."""
    if not config.judge:
        return summary.score if summary.score is not None else 0.0
    key = f"{config.judge} {summary.name} {summary.made:.6f}"
    if key not in remembered["marks"]:
        remembered["marks"][key] = judge_run(run.path, eye, shelf)
    return float(remembered["marks"][key])


def _candidate(summary: Summary, score: float, embedding: np.ndarray) -> Candidate:
    return Candidate(summary.name, summary.title, summary.seed, score, bool(summary.is_healthy), embedding)


def _embedding(eye: Guidance, sheet: np.ndarray) -> np.ndarray:
    """The mean direction of the bind pose's pictures, as a unit vector."""
    cells = np.stack(rest_cells(sheet)).astype(np.float32) / 255.0
    images = torch.from_numpy(cells).permute(0, 3, 1, 2).contiguous()
    side = eye.image_size
    images = torch.nn.functional.interpolate(images, (side, side), mode="bilinear", antialias=True)
    with torch.no_grad():
        mean = eye.encode_images(images).float().mean(dim=0)
    return torch.nn.functional.normalize(mean, dim=0).numpy().astype(np.float64)


def _read_picture(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise RunError(f"{path} cannot be read as a picture: make the run again") from error


def _copy_chosen(runs: Path, out: Path, chosen: Sequence[str]) -> None:
    """Brings the folder to exactly the chosen runs, each with its results and its best state."""
    with file_errors(out):
        for old in out.iterdir():
            if old.is_dir() and not old.name.startswith(".") and old.name not in chosen:
                shutil.rmtree(old)
        for name in chosen:
            source, target = Run(runs / name), Run(out / name)
            if target.events_path.is_file() and _is_same(source.events_path, target.events_path):
                continue
            shutil.rmtree(target.path, ignore_errors=True)
            shutil.copytree(source.result_path, target.result_path)
            (target.path / "checkpoints").mkdir()
            if source.best_path.is_file():
                shutil.copy2(source.best_path, target.best_path)
            for file in _KEPT:
                if (source.path / file).is_file():
                    shutil.copy2(source.path / file, target.path / file)


def _is_same(one: Path, other: Path) -> bool:
    return one.stat().st_mtime_ns == other.stat().st_mtime_ns and one.stat().st_size == other.stat().st_size


def _record(ranking: Mapping[str, Sequence[Ranked]]) -> dict[str, list[dict[str, Any]]]:
    """The ranking as JSON-able values."""
    return {
        prompt: [
            {
                "name": one.candidate.name,
                "score": round(one.candidate.score, 6),
                "is_healthy": one.candidate.is_healthy,
                "is_chosen": one.is_chosen,
                "twin": one.twin,
            }
            for one in group
        ]
        for prompt, group in ranking.items()
    }
