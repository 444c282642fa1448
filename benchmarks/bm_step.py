"""What one step of the descent costs, by part: ``python benchmarks/bm_step.py [--clip mini] [--threads 1]``.

Prints a table of medians in milliseconds, by the wall clock and by the processor's: the second is the one to trust on
a machine that does other things too. Body is everything before and after the renderer: shape, offsets, skinning,
texture and regularisers.
"""

import argparse
import dataclasses
import os
import resource
import statistics
import time

# As the command line does, and before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from clipmatrix.cli.process import keep_freed_memory, silence_libraries
from clipmatrix.config import default_prompts, preset
from clipmatrix.generate.events import Step
from clipmatrix.generate.loading import load_parts
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.stepper import Stepper
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start

PARTS = ("body", "render", "encoder", "optimiser")


def measure(stepper: Stepper, num_steps: int, warm_up: int) -> tuple[list[Step], list[float]]:
    """The reports of the steps after the warm-up, and the processor's seconds of each."""
    reports, processor = [], []
    for index in range(warm_up + num_steps):
        began = time.process_time()
        report = stepper.step(index)
        if index >= warm_up:
            reports.append(report)
            processor.append(time.process_time() - began)
    return reports, processor


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", default="mini")
    parser.add_argument("--quality", default="standard")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--texture", type=int, help="Texels a side, instead of the quality's.")
    parser.add_argument("--subdivide", type=int, default=0)
    parser.add_argument("--normal-map", action="store_true")
    parser.add_argument("--shadow", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    silence_libraries()
    keep_freed_memory()
    config = dataclasses.replace(
        preset(arguments.quality), clip=arguments.clip, prompts=default_prompts("a zebra striped man")
    )
    scene_config = dataclasses.replace(config.scene, normal_map=arguments.normal_map, shadow=arguments.shadow)
    scene_config = dataclasses.replace(scene_config, texture_size=arguments.texture or scene_config.texture_size)
    config = dataclasses.replace(config, scene=scene_config, subdivide=arguments.subdivide)
    parts = load_parts(config)
    scene = Scene(parts.body, neutral_start(parts.body), config.scene)
    scorer = Scorer(parts.guidance, config.prompts, config.score)
    # Late steps, in which the form moves as well.
    moving = dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, form_delay=0.0))
    stepper = Stepper(parts, scene, scorer, moving, torch.Generator().manual_seed(0))
    reports, processor = measure(stepper, arguments.steps, warm_up=5)

    size, looks = config.resolution, config.views * config.augment.num_looks
    print(
        f"{arguments.quality}: {config.views} views of {size}x{size}, {looks} looks, {config.scene.texture_size} texels"
    )
    print(f"encoder {parts.guidance.name}, torch {torch.__version__} on {torch.get_num_threads()} threads")
    print(f"{'part':<12}{'wall, ms':>10}")
    for part in PARTS:
        print(f"{part:<12}{1e3 * statistics.median(getattr(report.seconds, part) for report in reports):>10.1f}")
    totals = [sum(getattr(report.seconds, part) for part in PARTS) for report in reports]
    print(f"{'step':<12}{1e3 * statistics.median(totals):>10.1f}")
    print(f"{'processor':<12}{1e3 * statistics.median(processor):>10.1f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2:.2f} GiB")


if __name__ == "__main__":
    main()
