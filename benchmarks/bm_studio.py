"""What the studio costs a run: ``python benchmarks/bm_studio.py [--steps 60] [--rounds 3]``.

The same settings from the command line and from the studio's queue, turn by turn, with a reader that asks for the
queue and the curve once a second as a page does. Prints the processor's seconds and the clock's, and their ratios: the
first are the ones to trust on a machine that does other things too.
"""

import argparse
import dataclasses
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clipmatrix.config import default_prompts, dump_yaml, preset
from clipmatrix.studio.studio import Studio


def _seconds() -> tuple[float, float]:
    """The processor's seconds of all children that have ended, and the clock."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, time.monotonic()


def from_command_line(text: str, folder: Path) -> tuple[float, float]:
    """Processor's and clock's seconds of one run."""
    config = folder / "config.yaml"
    config.write_text(text, encoding="utf-8")
    before = _seconds()
    command = [sys.executable, "-m", "clipmatrix", "create", "--config", str(config), "--out", str(folder / "run")]
    subprocess.run(command, check=True, capture_output=True)
    after = _seconds()
    return after[0] - before[0], after[1] - before[1]


def from_studio(text: str, folder: Path) -> tuple[float, float]:
    """The same of a job in a studio that somebody watches; the reader's own time is no part of the job's."""
    studio = Studio(folder / "runs")
    studio.foreman.start()
    try:
        before = _seconds()
        name = studio.submit({"recipe": text})[0]["name"]
        while not (state := studio.state())["jobs"] or state["jobs"][0]["state"] in ("waiting", "running"):
            if state["jobs"] and state["jobs"][0]["hasRun"]:
                studio.curve(name, 0)
            time.sleep(1.0)
        after = _seconds()
        if state["jobs"][0]["state"] != "done":
            raise SystemExit(state["jobs"][0]["message"])
        return after[0] - before[0], after[1] - before[1]
    finally:
        studio.foreman.close(ends_worker=True)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quality", default="standard")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    base = preset(arguments.quality)
    config = dataclasses.replace(
        base,
        prompts=default_prompts("a zebra striped man"),
        steps=arguments.steps,
        start="neutral",
        video_size=64,
        optimiser=dataclasses.replace(base.optimiser, probe=0),
    )
    text = dump_yaml(config)
    figures: dict[str, list[tuple[float, float]]] = {"command line": [], "studio": []}
    for _ in range(arguments.rounds):
        for name, measure in (("command line", from_command_line), ("studio", from_studio)):
            with tempfile.TemporaryDirectory() as folder:
                figures[name].append(measure(text, Path(folder)))
    print(f"{arguments.quality}, {arguments.steps} steps, medians of {arguments.rounds}\n")
    print("| from | processor, s | clock, s |\n|---|---|---|")
    medians = {
        name: [statistics.median(values) for values in zip(*pairs, strict=True)] for name, pairs in figures.items()
    }
    for name, (processor, clock) in medians.items():
        print(f"| {name} | {processor:.1f} | {clock:.1f} |")
    ratios = [ours / theirs for ours, theirs in zip(medians["studio"], medians["command line"], strict=True)]
    print(f"| ratio | {ratios[0]:.3f} | {ratios[1]:.3f} |")


if __name__ == "__main__":
    main()
