"""Whether killed runs end as if they had not been: ``python benchmarks/resume.py [--kills 20]``.

Makes one run, then makes it again that many times, each killed (SIGKILL) at a random moment between its beginning and
its end, and resumed. Compares the bytes of the GLB, the texture and the checkpoints. The moment is a share of the time
that the whole run took; where a run is done before it, since the machine has become quicker, another is drawn below it.
``--out`` keeps a line of JSON for each kill, and goes on after those that are there.
"""

import argparse
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from clipmatrix.runs.directory import Run

_EARLIEST_S = 1.0
SETTINGS = """\
quality: draft
save_every_s: 2
video_size: 64
preview_every: 0
scene: {texture_size: 256}
search: {num_sentences: 300, num_sentence_rounds: 1, num_candidates: 24, num_rounds: 1, num_variations: 16}
"""


def command(*arguments: str) -> list[str]:
    """The command line of one call."""
    return [sys.executable, "-m", "clipmatrix", "create", *arguments]


def digests(out: Path) -> dict[str, str]:
    """The SHA-256 of what must be equal."""
    run = Run(out)
    files = [run.glb_path, run.albedo_path, run.best_path, run.latest_checkpoint()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path is not None}


def kill_at(arguments: list[str], seconds: float) -> bool:
    """Whether the call was killed after that time, rather than done before."""
    with subprocess.Popen(command(*arguments), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
        try:
            child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            return True
    return False


def killed_run(options: list[str], out: Path, rng: random.Random, seconds: float) -> tuple[float, int]:
    """A run killed at a moment within it: at which second, and how many times it was too late and was drawn anew."""
    late = 0
    while True:
        moment = rng.uniform(_EARLIEST_S, max(_EARLIEST_S + 1.0, seconds))
        if kill_at([*options, "--out", str(out)], moment):
            return moment, late
        shutil.rmtree(out)
        late, seconds = late + 1, moment


def end_of(options: list[str], out: Path) -> tuple[str, int]:
    """Makes the killed run in ``out`` end; what had been done when it was killed, and the step that it was in."""
    events = Run(out).read_events() if (out / "events.jsonl").is_file() else []
    step = max((record.get("step", 0) for record in events if record["event"] == "step"), default=0)
    names = [record["event"] for record in events]
    stage = "exporting" if "checkpoint" in names else "descending" if step else "searching" if names else "loading"
    again = ["--resume", str(out)] if (out / "config.yaml").is_file() and events else [*options, "--out", str(out)]
    done = subprocess.run(command(*again), capture_output=True, text=True)
    if done.returncode:
        # Between its last two writes a run is finished, and says so.
        is_finished = "is finished" in done.stderr
        stage = "finished but for its process" if is_finished else f"NOT RESUMED: {done.stderr[-200:]}"
    return stage, step


def read_lines(path: Path | None) -> list[dict[str, Any]]:
    """What an earlier call wrote down."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path is not None and path.is_file() else []


def keep_line(path: Path | None, line: dict[str, Any]) -> None:
    """Adds a line to what is written down."""
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def main() -> None:
    """Kills, resumes, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--prompt", default="a zebra striped man")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON lines, one a kill")
    arguments = parser.parse_args()
    known = read_lines(arguments.out)
    num_equal = sum(line["is_equal"] for line in known)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "settings.yaml").write_text(SETTINGS)
        options = [arguments.prompt, "--config", str(place / "settings.yaml"), "--steps", str(arguments.steps)]
        began = time.monotonic()
        subprocess.run(command(*options, "--out", str(place / "whole")), check=True, capture_output=True)
        seconds = time.monotonic() - began
        wanted = digests(place / "whole")
        print(f"one run: {seconds:.0f} s", flush=True)
        for kill in range(len(known), arguments.kills):
            out = place / f"killed-{kill}"
            rng = random.Random(f"{arguments.seed}/{kill}")
            moment, late = killed_run(options, out, rng, seconds)
            stage, step = end_of(options, out)
            is_equal = digests(out) == wanted
            num_equal += is_equal
            line = {"kill": kill + 1, "second": round(moment, 1), "stage": stage, "step": step, "late": late}
            keep_line(arguments.out, {**line, "is_equal": is_equal})
            end = "the same bytes" if is_equal else "OTHER BYTES"
            print(f"{kill + 1}: killed at {moment:.1f} s, {stage}, step {step}: {end}", flush=True)
            shutil.rmtree(out)
    print(f"{arguments.kills} kills, {num_equal} ends with the same bytes")
    sys.exit(0 if num_equal == arguments.kills else 1)


if __name__ == "__main__":
    main()
