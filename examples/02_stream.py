"""Watch a run: its events as they happen; leaving the loop early stops it and still exports what there is."""

from dataclasses import replace
from pathlib import Path

from clipmatrix import default_prompts, preset, stream
from clipmatrix.generate.events import Exported, Preview, Step

config = replace(preset("draft"), prompts=default_prompts("a zebra striped man"))
for event in stream(config, Path("zebra")):
    match event:
        case Step() if event.step % 25 == 0:
            print(
                f"step {event.step} of {event.steps}: score {event.score:.3f}, {event.seconds.render:.3f} s rendering"
            )
        case Preview():
            print("a preview:", event.path)
        case Exported():
            print("done:", event.glb)
