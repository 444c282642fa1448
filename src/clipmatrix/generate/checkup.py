"""What a machine has for runs, and how fast it is at them; knows nothing of how findings are shown."""

import dataclasses
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from clipmatrix.config import QUALITIES, default_prompts, preset
from clipmatrix.errors import ClipMatrixError
from clipmatrix.export.video import has_encoder
from clipmatrix.generate.loading import load_parts
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.stepper import Stepper
from clipmatrix.guidance.hub import downloaded_encoders
from clipmatrix.guidance.loading import local_weights
from clipmatrix.runs.environment import describe_environment
from clipmatrix.runs.files import free_bytes
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start

_LEAST_FREE = 1e9
_LEAST_BUSY = 0.8


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, and what to do where it is not good or could be better."""

    name: str
    text: str
    is_good: bool = True
    advice: str = ""


def check_up(folder: Path, seconds: float) -> Iterator[Finding]:
    """The findings one by one; at the end runs itself for about that many ``seconds``, after loading; 0 leaves it out.

    ``folder`` is where runs would be written. Writes nothing and asks no network.
    """
    facts = describe_environment("mini")
    packages = facts["packages"]
    missing = [name for name, version in packages.items() if version is None]
    yield Finding(
        "versions",
        f"clipmatrix {packages['clipmatrix']}, torch {packages['torch']}, numba {packages['numba']}, "
        f"numpy {packages['numpy']}, Python {facts['python']}",
        not missing,
        f"missing: {', '.join(missing)}; install with: pip install --force-reinstall clipmatrix" if missing else "",
    )
    yield Finding("processor", f"{facts['processor'] or facts['machine']}, {facts['instructions']}")
    yield _threads(facts["torch_threads"])
    yield _graphics()
    yield _encoders()
    yield _film()
    yield _disk(folder)
    if seconds > 0.0:
        yield from _self_test(seconds)


def _threads(threads: int) -> Finding:
    # A container may be allowed fewer processors than the machine has.
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    advice = ""
    if threads > usable:
        advice = f"more threads than processors slow each other down: set OMP_NUM_THREADS={usable}"
    return Finding("threads", f"{threads} for {usable} processors", True, advice)


def _graphics() -> Finding:
    if torch.cuda.is_available():
        return Finding("graphics", f"{torch.cuda.get_device_name()}; used by create --device cuda")
    return Finding("graphics", "no CUDA device; none is needed")


def _encoders() -> Finding:
    found = ["mini"] if local_weights("mini") else []
    others = downloaded_encoders()
    text = ", ".join([*found, *others]) or "none"
    if not found:
        return Finding("encoders", text, False, "the embedded encoder is missing: install clipmatrix anew")
    hint = "" if others else "for words that mini does not know: --clip openai/clip-vit-base-patch32 (600 MB, once)"
    return Finding("encoders", text, True, hint)


def _film() -> Finding:
    if has_encoder():
        return Finding("video", "H.264")
    return Finding("video", "no H.264 encoder", False, "install its library anew: pip install --force-reinstall av")


def _disk(folder: Path) -> Finding:
    free = free_bytes(folder)
    is_writable = os.access(folder, os.W_OK | os.X_OK)
    text = f"{free / 1e9:.1f} GB free here" + ("" if is_writable else ", and this folder cannot be written to")
    if not is_writable:
        return Finding("disk", text, False, "go to a folder of your own, or give --out")
    if free < _LEAST_FREE:
        return Finding("disk", text, False, "a run takes 50 to 250 MB: make room, or give --out on another disk")
    return Finding("disk", text)


def _self_test(seconds: float) -> Iterator[Finding]:
    config = dataclasses.replace(preset("draft"), start="neutral", prompts=default_prompts("a zebra striped man"))
    began = time.monotonic()
    try:
        parts = load_parts(config)
    except ClipMatrixError as error:
        yield Finding("self-test", "the body or the encoder does not load", False, str(error))
        return
    scene = Scene(parts.body, neutral_start(parts.body), config.scene)
    moving = dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, form_delay=0.0))
    scorer = Scorer(parts.guidance, config.prompts, config.score)
    stepper = Stepper(parts, scene, scorer, moving, torch.Generator().manual_seed(0))
    stepper.step(0)
    loading = time.monotonic() - began
    times: list[float] = []
    began, processor_began = time.monotonic(), time.process_time()
    while len(times) < 3 or (time.monotonic() - began < seconds and len(times) + 1 < config.steps):
        step_began = time.monotonic()
        report = stepper.step(len(times) + 1)
        times.append(time.monotonic() - step_began)
        if report.is_skipped:
            yield Finding("self-test", "a step gave no finite gradient", False, "install torch and numba anew")
            return
    busy = (time.process_time() - processor_began) / (time.monotonic() - began)
    median = statistics.median(times)
    steps = ", ".join(f"{quality} {preset(quality).steps}" for quality in QUALITIES)
    yield Finding(
        "self-test",
        f"{1000 * median:.0f} ms a draft step ({len(times)} steps), {loading:.0f} s to load; a draft's "
        f"{config.steps} steps take {_minutes(median * config.steps)}",
        True,
        f"steps by quality: {steps}; one of standard takes some 1.5 times as long, one of fine some 5 times"
        + (f"; other programs left it {100 * busy:.0f} % of a processor" if busy < _LEAST_BUSY else ""),
    )


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
