"""Runs on the disk as the loop leaves them, made without running anything."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from tests.synthetic_character import build_tube_character

from clipmatrix.config import default_prompts, dump_yaml, preset
from clipmatrix.export.gltf import write_glb
from clipmatrix.export.textures import write_image
from clipmatrix.export.video import write_video
from clipmatrix.runs.directory import Run, begin_run


def write_run(
    runs: Path,
    name: str,
    text: str = "a zebra striped man",
    seed: int = 0,
    num_steps: int = 3,
    is_done: bool = True,
    has_files: bool = False,
) -> Run:
    """A run of that name; with files, its model is the tube, and its film eight grey frames."""
    import dataclasses

    config = dataclasses.replace(
        preset("draft"), prompts=default_prompts(text), seed=seed, steps=num_steps, clip="fake", start="neutral"
    )
    run = begin_run(runs / name, dump_yaml(config), {})
    events: list[dict[str, Any]] = [
        {
            "event": "started",
            "out": ".",
            "prompts": [text],
            "encoder": "fake",
            "seed": seed,
            "steps": num_steps,
            "body": "anny",
        }
    ]
    seconds = {"body": 0.1, "render": 0.2, "encoder": 0.1, "optimiser": 0.1}
    events += [
        {"event": "step", "step": step, "steps": num_steps, "score": 0.1 * step, "seconds": seconds}
        for step in range(1, num_steps + 1)
    ]
    if is_done:
        verdict = {"event": "inspected", "path": "result/health.json", "is_healthy": True, "complaints": []}
        done = {"event": "done", "step": num_steps, "score": 0.3, "seconds": 12.0, "skipped": 0, "is_stopped": False}
        events += [verdict, done]
    run.events_path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    if has_files:
        character = build_tube_character()
        write_glb(run.glb_path, character)
        write_image(run.albedo_path, character.albedo_srgb)
        frames = np.full((8, 64, 64, 3), 219, dtype=np.uint8)
        frames[:, 20:50, 28:36] = (200, 40, 40)
        write_video(run.turntable_path, frames)
        run.health_path.write_text(json.dumps({"is_healthy": True, "verdicts": []}), encoding="utf-8")
    return run
