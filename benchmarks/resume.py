"""Whether killed runs end as if they had not been: ``python benchmarks/resume.py [--kills 20]``.

Makes one run, then makes it again that many times, each killed (SIGKILL) at a random moment between its first second
and its last, and resumed. Compares the bytes of the GLB and of the checkpoints. Twenty kills of a run of 20 draft steps
take about an hour on one processor: each is a whole run and the start of another.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clipmatrix.runs.directory import Run

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


def main() -> None:
    """Kills, resumes, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--prompt", default="a zebra striped man")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    num_equal = num_killed = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "settings.yaml").write_text(SETTINGS)
        options = [arguments.prompt, "--config", str(place / "settings.yaml"), "--steps", str(arguments.steps)]
        began = time.monotonic()
        subprocess.run(command(*options, "--out", str(place / "whole")), check=True, capture_output=True)
        seconds = time.monotonic() - began
        wanted = digests(place / "whole")
        print(f"one run: {seconds:.0f} s", flush=True)
        for kill in range(arguments.kills):
            out = place / f"killed-{kill}"
            moment = rng.uniform(1.0, seconds)
            is_killed = kill_at([*options, "--out", str(out)], moment)
            events = Run(out).read_events() if os.path.exists(out / "events.jsonl") else []
            step = max((record.get("step", 0) for record in events if record["event"] == "step"), default=0)
            again = ["--resume", str(out)] if events else [*options, "--out", str(out)]
            if is_killed:
                subprocess.run(command(*again), check=True, capture_output=True)
            is_equal = digests(out) == wanted
            num_equal, num_killed = num_equal + is_equal, num_killed + is_killed
            what = f"killed at {moment:.0f} s, in step {step}" if is_killed else "was done before the kill"
            print(f"{kill + 1}: {what}: {'the same bytes' if is_equal else 'OTHER BYTES'}", flush=True)
    print(f"{num_killed} kills, {num_equal} of {arguments.kills} ends with the same bytes")
    sys.exit(0 if num_equal == arguments.kills else 1)


if __name__ == "__main__":
    main()
