"""A folder of plain files that shows runs in any browser, from a server or from the disk; knows nothing of queues."""

import html
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from clipmatrix.errors import RunError
from clipmatrix.gallery.thumbs import draw_thumb, thumb_source
from clipmatrix.runs.directory import Run
from clipmatrix.runs.files import file_errors, write_whole
from clipmatrix.runs.index import RunIndex
from clipmatrix.runs.summaries import Summary

_PAGE = Path(__file__).parent / "site_page"
_VIEWER = Path(__file__).parents[1] / "viewer"
_MARK = "clipmatrix-gallery.json"
_RUNS = "runs"
_MOST_THREADS = 8

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class SiteConfig:
    """What the site is called and what it carries: ``has_models`` copies the GLBs and a 3D view of them."""

    title: str = "ClipMatrix gallery"
    has_models: bool = True


@dataclass(frozen=True)
class Site:
    """What was built: the page to open, how many runs it shows, and how many files were copied anew."""

    page: Path
    num_runs: int
    num_copied: int


def build_site(
    runs: Path, out: Path, config: SiteConfig, on_progress: Callable[[int, int], None] | None = None
) -> Site:
    """Writes the site of all runs in ``runs`` that have a result; built again, it copies only what changed.

    Raises:
        RunError: there are no such runs, or ``out`` cannot be written, or holds something else.
    """
    if not runs.is_dir():
        raise RunError(f"{runs} is no folder: name the folder that holds the runs")
    with RunIndex(runs) as index:
        index.refresh()
        summaries = [summary for summary in index.summaries() if summary.has_model or summary.has_film]
    if not summaries:
        raise RunError(f"{runs} holds no finished run: make one with clipmatrix create, or name another folder")
    _claim(out)
    records, num_copied = [], 0

    def add(summary: Summary) -> tuple[dict[str, Any], int]:
        return _add_run(Run(runs / summary.name), summary, out / _RUNS / summary.name, config)

    for record, copied in _in_threads(add, summaries):
        records.append(record)
        num_copied += copied
        if on_progress is not None:
            on_progress(len(records), len(summaries))
    _forget_others(out / _RUNS, {summary.name for summary in summaries})
    _write_page(out, records, config)
    return Site(out / "index.html", len(records), num_copied)


def _in_threads(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> Iterator[_Result]:
    """What the work makes of each item, in order. Reading films and copying lets other threads go on meanwhile."""
    pool = ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1))
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)


def _claim(out: Path) -> None:
    """Makes the folder ours; one that holds anything else is not touched."""
    if out.exists() and not out.is_dir():
        raise RunError(f"{out} is a file, and a site needs a folder: choose another --out")
    with file_errors(out):
        if out.is_dir() and any(out.iterdir()) and not (out / _MARK).is_file():
            raise RunError(f"{out} holds files that are no gallery: choose an empty or a new folder")
        (out / _RUNS).mkdir(parents=True, exist_ok=True)
        (out / _MARK).write_text(json.dumps({"format": 1}) + "\n", encoding="utf-8")


def _add_run(run: Run, summary: Summary, folder: Path, config: SiteConfig) -> tuple[dict[str, Any], int]:
    """What the page is told of a run whose files now lie in ``folder``, and how many were copied."""
    wanted = {"film.mp4": run.turntable_path, "recipe.yaml": run.config_path}
    if config.has_models:
        wanted["model.glb"] = run.glb_path
    with file_errors(folder):
        folder.mkdir(exist_ok=True)
        copied = sum(_copy(source, folder / name) for name, source in wanted.items() if source.is_file())
        copied += _add_thumb(run, folder / "thumb.jpg")
    files = sorted(path.name for path in folder.iterdir())
    keys = ("name", "encoder", "quality", "seed", "steps", "score", "made")
    record = {key: getattr(summary, key) for key in keys}
    texts = list(dict.fromkeys(summary.prompts))
    return record | {"title": summary.title, "texts": texts, "isHealthy": summary.is_healthy, "files": files}, copied


def _copy(source: Path, target: Path) -> bool:
    """Whether it had to be copied."""
    stat = source.stat()
    with suppress(OSError):
        there = target.stat()
        if there.st_size == stat.st_size and there.st_mtime_ns >= stat.st_mtime_ns:
            return False
    shutil.copyfile(source, target)
    return True


def _add_thumb(run: Run, target: Path) -> bool:
    source = thumb_source(run)
    if source is None:
        return False
    with suppress(OSError):
        if target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            return False
    data = draw_thumb(source)
    if data is not None:
        # Waiting for the disk once a run would take most of the time, and pictures can be made again.
        scratch = target.with_suffix(".part")
        scratch.write_bytes(data)
        os.replace(scratch, target)
    return data is not None


def _forget_others(folder: Path, names: Iterable[str]) -> None:
    """Removes what an earlier build copied of runs that are gone."""
    kept = set(names)
    for path in folder.iterdir():
        if path.name not in kept and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def _write_page(out: Path, records: list[dict[str, Any]], config: SiteConfig) -> None:
    """The page, its script and style, and the list of runs as a script, since files may not be fetched from a disk."""
    links = "\n".join(
        f'<li><a href="{_RUNS}/{quote(record["name"])}/film.mp4">{html.escape(record["title"])}</a></li>'
        for record in records
    )
    page = (_PAGE / "index.html").read_text(encoding="utf-8")
    page = page.replace("{title}", html.escape(config.title)).replace("{links}", links)
    # Escaped to ASCII and without "<", no prompt can end the script.
    data = json.dumps(records, separators=(",", ":")).replace("<", "\\u003c")
    made = time.strftime("%Y-%m-%d")
    write_whole(out / "index.html", page.replace("{made}", made).encode())
    write_whole(out / "runs.js", f"window.clipmatrixRuns = {data};\n".encode())
    with file_errors(out):
        for name in ("gallery.css", "gallery.js", "model.js", "icon.svg"):
            shutil.copyfile(_PAGE / name, out / name)
        if config.has_models:
            shutil.copytree(
                _VIEWER,
                out / "viewer",
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("*.py", "__pycache__", "page"),
            )
