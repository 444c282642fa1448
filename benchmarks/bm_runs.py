"""What many runs cost to list: ``python benchmarks/bm_runs.py [--runs 10000] [--gallery]``.

Writes that many synthetic records, indexes them, asks for some, and with ``--gallery`` builds the static site of as
many runs with a small model, film and sheet. Prints the clock's and the processor's seconds: the first are to be
trusted on a quiet machine only. Wants about 0.3 GB of disk for 10,000 records, and 1 GB more for the gallery.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.runs.record_files import write_records
from tests.studio.run_files import write_run

from clipmatrix.gallery.library import Library
from clipmatrix.gallery.site import SiteConfig, build_site
from clipmatrix.runs.index import RunIndex
from clipmatrix.runs.queries import parse_condition, parse_order

QUERIES = {
    "all, newest first, 20 of them": ([], None, 20),
    "healthy, score>=0.5, by score": (["healthy", "score>=0.5"], "-score", None),
    "prompt~statue, seed=100..5000": (["prompt~statue", "seed=100..5000"], None, None),
    "optimiser.refine<0.2, by name": (["optimiser.refine<0.2"], "name", None),
}


def timed(name: str, work: Callable[[], object]) -> None:
    """Prints a row with what the work took."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    print(f"| {name} | {time.perf_counter() - clock:.2f} | {time.process_time() - processor:.2f} |", flush=True)


def ask(runs: Path, conditions: list[str], order: str | None, limit: int | None) -> int:
    """What ``clipmatrix runs`` does after its start: looks at all records, and finds."""
    with RunIndex(runs) as index:
        index.refresh()
        found = index.find([parse_condition(text) for text in conditions], parse_order(order) if order else None, limit)
    return len(found)


def add_results(runs: Path, folder: Path) -> None:
    """Gives every record the files of one small run, as hard links."""
    model = write_run(folder, "model", has_files=True)
    for run in runs.iterdir():
        if run.is_dir():
            shutil.copytree(model.result_path, run / "result", copy_function=lambda a, b: Path(b).hardlink_to(a))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--gallery", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = folder / "runs"
        write_records(runs, arguments.runs)
        print(f"{arguments.runs} runs\n\n| what | clock, s | processor, s |\n|---|---|---|")

        def build() -> None:
            with RunIndex(runs) as index:
                index.rebuild()

        timed("index built", build)
        for title, query in QUERIES.items():
            timed(title, lambda query=query: ask(runs, *query))
        timed("all summaries, as the studio lists them", lambda: Library(runs).summaries())
        if arguments.gallery:
            add_results(runs, folder)
            timed("gallery built", lambda: build_site(runs, folder / "site", SiteConfig()))
            timed("gallery built again", lambda: build_site(runs, folder / "site", SiteConfig()))


if __name__ == "__main__":
    main()
