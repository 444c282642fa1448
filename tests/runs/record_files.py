"""Records of runs without their results, as many as are wanted, at little cost."""

import json
import random
from pathlib import Path

from clipmatrix.config import default_prompts, dump_yaml, preset

WORDS = ("zebra striped man", "golden statue", "mossy stone giant", "lava demon", "ice queen", "wooden puppet")


def write_records(runs: Path, num: int, seed: int = 0) -> None:
    """That many runs: every seventh unfinished, every fifth unhealthy, scores from 0 to 1."""
    rng = random.Random(seed)
    config = dump_yaml(preset("draft").__class__(prompts=default_prompts("a man"))).replace("seed: 0", "seed: SEED")
    for number in range(num):
        folder = runs / f"run-{number:05d}"
        folder.mkdir(parents=True)
        score, text = rng.random(), f"a {WORDS[number % len(WORDS)]}"
        events = [
            {
                **{"event": "started", "out": ".", "prompts": [text], "encoder": "mini"},
                **{"seed": number, "steps": 150, "body": "anny"},
            },
            *({"event": "step", "step": step, "steps": 150, "score": score} for step in range(140, 151)),
        ]
        if number % 7:
            sick = [] if number % 5 else ["folds: 3 % of the faces are turned inside out"]
            events.append({"event": "inspected", "is_healthy": not sick, "complaints": sick})
            done = {"event": "done", "step": 150, "score": score, "seconds": 60.0 + number, "skipped": 0}
            events.append(done | {"is_stopped": False})
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
        (folder / "config.yaml").write_text(config.replace("SEED", str(number)), encoding="utf-8")
