"""A batch's throughput: ``python benchmarks/bm_batch.py [--jobs 64] [--steps 150] [--workers N]``.

The same draft jobs one after another in one process, with as many threads as torch takes by itself, and as a batch, in
one call on one machine: the ratio of their times is the figure. Both load encoder and body once. Prints the greatest
memory that the batch's processes held together as well (proportional set size, sampled twice a second; Linux only).
Sixty-four jobs of 150 steps take about an hour and a half on two cores; ``--jobs 8 --steps 20`` a few minutes.
"""

import argparse
import dataclasses
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from clipmatrix.batch.batch import BatchConfig, run_batch
from clipmatrix.batch.plan import Job, build_job
from clipmatrix.config import default_prompts, load_config, preset
from clipmatrix.generate import loop
from clipmatrix.generate.sharing import PartsShelf

PROMPTS = ("a zebra striped man", "a golden statue", "a mossy stone giant", "a red person with a blue head")


def build_jobs(num: int, steps: int) -> list[Job]:
    """Draft jobs of four prompts in turn, each with another seed."""
    base = dataclasses.replace(preset("draft"), steps=steps)
    return [
        build_job(dataclasses.replace(base, prompts=default_prompts(PROMPTS[number % 4]), seed=number))
        for number in range(num)
    ]


def run_in_turn(folder: Path) -> None:
    """All jobs of a folder one after another in this process."""
    shelf = PartsShelf()
    for path in sorted(folder.glob("*.yaml")):
        config = load_config(path)
        for _ in loop.stream(config, folder / path.stem, shelf.parts(config)):
            pass


def held_bytes(folder: Path) -> int:
    """What the processes that work for a batch in that folder hold together."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"batch-workers" in words and str(folder).encode() in words:
                lines = (entry / "smaps_rollup").read_text().splitlines()
                total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, ValueError):
            continue
    return total


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=64)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--in-turn", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.in_turn:
        run_in_turn(arguments.in_turn)
        return
    jobs = build_jobs(arguments.jobs, arguments.steps)
    with tempfile.TemporaryDirectory() as name:
        single, out = Path(name) / "single", Path(name) / "batch"
        single.mkdir()
        for job in jobs:
            (single / f"{job.name}.yaml").write_text(job.yaml, encoding="utf-8")
        began = time.monotonic()
        subprocess.run([sys.executable, __file__, "--in-turn", str(single)], check=True)
        in_turn = time.monotonic() - began
        peak, is_over = [0], threading.Event()

        def sample() -> None:
            while not is_over.wait(0.5):
                peak[0] = max(peak[0], held_bytes(out))

        sampler = threading.Thread(target=sample)
        sampler.start()
        began = time.monotonic()
        outcome = run_batch(jobs, out, BatchConfig(arguments.workers), lambda standing: None)
        batch = time.monotonic() - began
        is_over.set()
        sampler.join()
        if outcome.done != len(jobs):
            raise SystemExit(f"{len(jobs) - outcome.done} jobs failed: {outcome.failures}")
    print(f"{len(jobs)} draft jobs of {arguments.steps} steps\n")
    print("| how | clock, s | a job, s |\n|---|---|---|")
    print(f"| one after another, one process | {in_turn:.0f} | {in_turn / len(jobs):.1f} |")
    print(f"| as a batch | {batch:.0f} | {batch / len(jobs):.1f} |")
    print(f"\nthroughput of the batch: {in_turn / batch:.2f} times; its greatest memory: {peak[0] / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
