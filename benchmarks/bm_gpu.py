"""Checks and times the fast path on a CUDA device, in one call: ``python benchmarks/bm_gpu.py [--out FILE]``.

First what must hold: face ids against the CPU's, gradients of a rendered loss within 1e-3 of them, a short run without
skipped steps. Then a step by part, how cost grows with views, pixels and faces, an encoder training's rate, and a
whole run. Each time stands beside a floor: the bytes that must be read and written over the card's measured copying
rate, or the encoder's operations over its measured rate of matrix products. Without a GPU it says so and ends. The
encoder is of the size of CLIP's ViT-B/32 with random weights, made for the purpose; ``--clip`` names another one.
"""

import argparse
import dataclasses
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.moving import moved
from clipmatrix.bodies.subdivide import subdivide
from clipmatrix.config import RunConfig, default_prompts, preset
from clipmatrix.generate.events import Done, Step
from clipmatrix.generate.loading import build_parts, load_parts
from clipmatrix.generate.loop import stream
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.stepper import Stepper
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.render.pipeline import rasterizer_for, render, to_clip
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start
from clipmatrix.shapes import ImageSize
from clipmatrix.views.framing import contact_cameras

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
PROMPT = "a zebra striped man"
PARTS = ("body", "render", "encoder", "optimiser")
VIT_B32_FLOPS = 8.8e9
"""Multiplications and additions of one 224-pixel picture forward; backward to the picture costs as much again."""


def main() -> None:
    """Checks, measures, prints, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", default="", help="an encoder instead of the random ViT-B/32")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--out", type=Path, default=None, help="the table, in Markdown")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("there is no CUDA device here: this benchmark needs one")
    with tempfile.TemporaryDirectory() as folder:
        clip = arguments.clip or str(build_vit(Path(folder) / "vit"))
        lines = [f"{torch.cuda.get_device_name()}, torch {torch.__version__}", ""]
        for part in (
            lambda: checks(clip),
            lambda: step_table(clip, arguments.steps),
            lambda: growth_table(arguments.steps),
            lambda: training_table(),
            lambda: whole_run(clip, Path(folder)),
        ):
            try:
                lines += [*part(), ""]
            except Exception as error:
                # One part that fails must not cost the figures of the others.
                lines += [f"FAILED: {type(error).__name__}: {error}", ""]
            print("\n".join(lines[-12:]), flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def build_vit(folder: Path) -> Path:
    """A CLIP of the size of ViT-B/32 with random weights and a tokenizer of single characters."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    letters = [chr(i) for i in range(33, 127)]
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", model_max_length=77
    )
    config = CLIPConfig()
    config.text_config.vocab_size = len(vocabulary)
    config.text_config.bos_token_id, config.text_config.eos_token_id, config.text_config.pad_token_id = 1, 2, 0
    CLIPModel(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)
    return folder


def timed(work: Callable[[], object], num: int = 20, warm_up: int = 3) -> float:
    """The median of the milliseconds that the work takes the device and its driver."""
    times = []
    for index in range(warm_up + num):
        torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        torch.cuda.synchronize()
        if index >= warm_up:
            times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times)


def ceilings() -> tuple[float, float]:
    """What the card copies (bytes a second, read and written) and multiplies (bf16, operations a second)."""
    big, other = torch.empty(1 << 28, device=CUDA), torch.empty(1 << 28, device=CUDA)
    copied = 2 * big.nbytes / (1e-3 * timed(lambda: other.copy_(big)))
    a = torch.randn(8192, 8192, device=CUDA, dtype=torch.bfloat16)
    multiplied = 2 * 8192**3 / (1e-3 * timed(lambda: a @ a))
    return copied, multiplied


def checks(clip: str) -> list[str]:
    """Face ids and gradients against the CPU's, and a short run; raises where they differ."""
    body = load_anny()
    size, lines = ImageSize(224, 224), ["| check | result |", "|---|---|"]
    results = {}
    for device in (CPU, CUDA):
        here = moved(body, device)
        scene = Scene(here, neutral_start(here), preset("standard").scene)
        rest = scene.deform()
        cameras = contact_cameras(rest.vertices[None].detach(), 4)
        surface = scene.textured(rest.vertices[None].expand(4, -1, -1))
        images = render(surface, cameras, size, rasterizer=rasterizer_for(device))
        weight = torch.linspace(0, 1, 224, device=device)[:, None, None]
        (images.rgb * weight).mean().backward()
        gradients = {name: p.grad.cpu() for name, p in scene.named_parameters() if p.grad is not None}
        clip_vertices = to_clip(surface.vertices_world.detach(), cameras)
        seen = rasterizer_for(device).visibility(clip_vertices, here.template.faces, size)
        results[device.type] = seen.face_ids.cpu(), gradients
    is_other = results["cpu"][0] != results["cuda"][0]
    lines.append(f"| 4 views: pixels that show another face | {int(is_other.sum())} of {is_other.numel():,} |")
    worst = max(
        float((results["cuda"][1][name] - g).norm() / g.norm().clamp_min(1e-12))
        for name, g in results["cpu"][1].items()
    )
    lines.append(f"| gradients of a rendered loss: largest relative difference | {worst:.1e} |")
    config = _config(clip, steps=20)
    with tempfile.TemporaryDirectory() as folder:
        events = list(stream(config, Path(folder) / "run", load_parts(config)))
    steps = [event for event in events if isinstance(event, Step)]
    skipped = sum(step.is_skipped for step in steps)
    lines.append(f"| a run of 20 steps: skipped steps, ended | {skipped}, {isinstance(events[-1], Done)} |")
    if worst > 1e-2 or skipped or int(is_other.sum()) > 1e-3 * is_other.numel():
        lines.append("| **the GPU's results are not the CPU's** | |")
    return lines


def _config(clip: str, **changes: object) -> RunConfig:
    config = dataclasses.replace(
        preset("standard"), clip=clip, device="cuda", start="neutral", prompts=default_prompts(PROMPT), patience=0
    )
    config = dataclasses.replace(config, **changes)
    return dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, form_delay=0.0))


def _stepper(config: RunConfig) -> Stepper:
    body = subdivide(load_anny(), config.subdivide)
    parts = build_parts(load_guidance(config.clip, CUDA), body, config, CUDA)
    scene = Scene(parts.stage, neutral_start(parts.body).to(CUDA), config.scene)
    return Stepper(parts, scene, Scorer(parts.guidance, config.prompts, config.score), config, torch.Generator())


def _measure(stepper: Stepper, num: int) -> tuple[dict[str, float], float]:
    """Median milliseconds by part, and of a whole step by the clock."""
    reports, walls = [], []
    for index in range(5 + num):
        torch.cuda.synchronize()
        began = time.perf_counter()
        report = stepper.step(index)
        torch.cuda.synchronize()
        if index >= 5:
            reports.append(report)
            walls.append(1e3 * (time.perf_counter() - began))
    parts = {part: 1e3 * statistics.median(getattr(report.seconds, part) for report in reports) for part in PARTS}
    return parts, statistics.median(walls)


def step_table(clip: str, num: int) -> list[str]:
    """A step at the sizes that matter, with its floor and the memory it takes."""
    copied, multiplied = ceilings()
    lines = [
        f"It copies {copied / 1e12:.2f} TB/s and multiplies {multiplied / 1e12:.0f} Tflop/s (bf16, 8192 squared).",
        "",
        "| setting | step, ms | body | render | encoder | optimiser | floor, ms | views a second | memory, GiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    settings: list[tuple[str, str, dict[str, object]]] = [
        ("4 views of 224, texture 1024, ViT-B/32", clip, {}),
        ("the same with mini", "mini", {}),
        ("16 views", clip, {"views": 16}),
        ("64 views", clip, {"views": 64}),
        ("64 views of 512", clip, {"views": 64, "resolution": 512}),
        ("texture 4096", clip, {"scene": dataclasses.replace(preset("standard").scene, texture_size=4096)}),
        ("438,720 faces", clip, {"subdivide": 2}),
    ]
    for name, encoder, changes in settings:
        torch.cuda.reset_peak_memory_stats()
        try:
            config = _config(encoder, **changes)
            parts, wall = _measure(_stepper(config), num)
        except torch.cuda.OutOfMemoryError:
            lines.append(f"| {name} | does not fit | | | | | | | |")
            continue
        memory = torch.cuda.max_memory_allocated() / 2**30
        floor = 1e3 * floor_seconds(config, encoder != "mini", copied, multiplied)
        cells = [f"{parts[part]:.1f}" for part in PARTS]
        rate = 1e3 * config.views / wall
        lines.append(f"| {name} | {wall:.1f} | {' | '.join(cells)} | {floor:.2f} | {rate:.0f} | {memory:.1f} |")
    return lines


def floor_seconds(config: RunConfig, is_vit: bool, copied: float, multiplied: float) -> float:
    """What a step cannot be faster than: pictures, texture and parameters moved both ways, and the encoder's work."""
    looks = config.views * config.augment.num_looks
    pixels = config.views * config.resolution**2
    num_bytes = 4 * (2 * 4 * 2 * pixels + 2 * 3 * looks * 224**2 + 12 * 3 * config.scene.texture_size**2)
    operations = (2 * VIT_B32_FLOPS if is_vit else 2 * 0.6e9) * looks
    return num_bytes / copied + operations / multiplied


def growth_table(num: int) -> list[str]:
    """How the renderer's cost, forward and backward, grows; a ratio of 1 is linear, less is better."""
    lines = ["| renderer | from | to | size, times | cost, times |", "|---|---|---|---|---|"]
    cases = {
        "views": [(4, 224, 0), (16, 224, 0), (64, 224, 0)],
        "pixels": [(4, 224, 0), (4, 448, 0), (4, 896, 0)],
        "faces": [(4, 224, 0), (4, 224, 1), (4, 224, 2)],
    }
    for what, row in cases.items():
        times = [_render_ms(*case, num) for case in row]
        for (one, fast), (two, slow) in itertools.pairwise(zip(row, times, strict=True)):
            grown = {"views": two[0] / one[0], "pixels": (two[1] / one[1]) ** 2, "faces": 4.0}[what]
            lines.append(f"| {what} | {one} {fast:.2f} ms | {two} {slow:.2f} ms | {grown:.0f} | {slow / fast:.2f} |")
    return lines


def _render_ms(views: int, side: int, levels: int, num: int) -> float:
    body = moved(subdivide(load_anny(), levels), CUDA)
    scene = Scene(body, neutral_start(body), preset("standard").scene)
    rasterizer = rasterizer_for(CUDA)
    vertices = scene.deform().vertices.detach()[None].expand(views, -1, -1).contiguous().requires_grad_()
    cameras = contact_cameras(vertices.detach(), views)

    def work() -> None:
        images = render(scene.textured(vertices), cameras, ImageSize(side, side), rasterizer=rasterizer)
        images.rgb.mean().backward()

    return timed(work, num)


def training_table() -> list[str]:
    """Pictures a second of the embedded encoder's training, and the share of the time that it waits for data."""
    try:
        from training.train import TrainConfig, find_teacher, train
    except ImportError:
        return ["The encoder's training was not measured: run this from the repository's root."]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        config = TrainConfig(num_pictures=4000, plain_steps=200, hard_steps=100, save_every=100, num_held_out=100)
        dictionary = Path("/usr/share/dict/american-english-small")
        if not dictionary.exists():
            dictionary = out / "words"
            dictionary.write_text("red\nblue\n")
        train(config, out, dictionary, find_teacher(), CUDA)
        log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    lines = ["| encoder training, step | pictures a second | share of the time waiting for data |", "|---|---|---|"]
    return [*lines, *(f"| {row['step']} | {row['pictures_a_second']} | {row['data_share']} |" for row in log)]


def whole_run(clip: str, folder: Path) -> list[str]:
    """600 steps with export, by the clock."""
    config = _config(clip, steps=600, preview_every=0, checkpoint_every=0)
    parts = load_parts(config)
    began = time.perf_counter()
    for _ in stream(config, folder / "run", parts):
        pass
    return [f"A run of 600 steps from grey with all its files: {time.perf_counter() - began:.1f} s, without loading."]


if __name__ == "__main__":
    main()
