"""Trains the judge: ``python -m training.judge.train --out build/judge``; resumes where it was stopped.

Every batch is a function of the seed and the step, so a run that was stopped and resumed ends with the same weights.
The judge must never guide: nothing that optimises a picture may call it.
"""

import argparse
import copy
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clipmatrix.bodies.anny import load_anny
from clipmatrix.errors import ModelError
from clipmatrix.procedural.captions import write_caption
from clipmatrix.procedural.characters import AXES
from clipmatrix.procedural.statements import Facts, Statement
from clipmatrix.procedural.tables import SLOTS, kind_ids
from clipmatrix.procedural.truth import judge
from training.batches import load_pictures, prefetch
from training.judge.batches import build_judge_batch, load_judge_pictures
from training.judge.checkpoint import Judge, save_judge
from training.judge.grammar import describe
from training.judge.network import JudgeConfig, JudgeNetwork
from training.judge.objective import disturb, judge_loss, thin
from training.judge.scenes import build_clip_bank
from training.judge.text import SentenceReader
from training.judge.trunk import find_trunk, load_trunk
from training.scenes import FRAMES, build_bank
from training.train import TrainConfig, find_teacher, keep_memory, update_average

_MINI_HELD_OUT = 77_000_000
"""The seed of the pictures that the encoder's own training holds out."""

_OWN_HELD_OUT = 88_000_000


@dataclass(frozen=True)
class JudgeTrainConfig:
    """A training run; the defaults are an hour on two idle cores, after some ten minutes to render the pictures.

    The trunk, which begins with what others have trained, learns at ``trunk_share`` of the rate.
    """

    num_pictures: int = 100_000
    num_held_out: int = 600
    num_shapes: int = 320
    poses_per_shape: int = 3
    steps: int = 2400
    batch_size: int = 128
    peak_rate: float = 1.0e-3
    trunk_share: float = 0.5
    warm_up: int = 200
    weight_decay: float = 0.05
    average: float = 0.997
    report_every: int = 100
    seed: int = 41


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Pictures (n 3 size size) in uint8 that training never sees, with a caption and the facts of each."""

    images: torch.Tensor
    captions: list[Statement]
    facts: list[Facts]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="working folder: pictures, resume state, checkpoint")
    parser.add_argument("--pictures", type=int, default=JudgeTrainConfig.num_pictures)
    parser.add_argument("--held-out", type=int, default=JudgeTrainConfig.num_held_out)
    parser.add_argument("--shapes", type=int, default=JudgeTrainConfig.num_shapes)
    parser.add_argument("--steps", type=int, default=JudgeTrainConfig.steps)
    parser.add_argument("--batch", type=int, default=JudgeTrainConfig.batch_size)
    parser.add_argument("--report-every", type=int, default=JudgeTrainConfig.report_every)
    parser.add_argument("--seed", type=int, default=JudgeTrainConfig.seed)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--teacher", type=Path, default=None, help="folder of the sentence encoder")
    parser.add_argument("--trunk", type=Path, default=None, help="file of EfficientNet-Lite0's published weights")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_memory()
    config = JudgeTrainConfig(
        num_pictures=arguments.pictures, num_held_out=arguments.held_out, num_shapes=arguments.shapes,
        steps=arguments.steps, batch_size=arguments.batch, report_every=arguments.report_every, seed=arguments.seed,
    )  # fmt: skip
    try:
        trunk = arguments.trunk or find_trunk()
    except ModelError as error:
        parser.error(str(error))
    train(config, arguments.out, arguments.teacher or find_teacher(), trunk, torch.device(arguments.device))


def train(config: JudgeTrainConfig, out: Path, teacher: Path, trunk: Path, device: torch.device) -> None:
    """Run or resume a training; ``out/checkpoint`` holds the averaged weights, ``out/log.jsonl`` what they recall."""
    out.mkdir(parents=True, exist_ok=True)
    model_config = JudgeConfig(num_builds=len(AXES), num_kinds=len(kind_ids()), num_slots=len(SLOTS))
    size = model_config.image_size
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns) as progress:
        job = progress.add_task("pictures", total=config.num_pictures, note="")
        bank = build_clip_bank(load_anny(), config.num_shapes, config.poses_per_shape, config.seed)
        pictures = load_judge_pictures(
            bank, config.num_pictures, 1000 * (config.seed + 1), size, out / "data",
            lambda count: progress.update(job, completed=count),
        )  # fmt: skip
        held_out = {
            "recall": own_held_out(config, size, out / "data"),
            "recall_of_mini": mini_held_out(config.num_held_out, size, out / "data"),
        }
        reader = SentenceReader(teacher, model_config.max_tokens, device)
        torch.manual_seed(config.seed)
        network = JudgeNetwork(model_config)
        load_trunk(network.vision.trunk, trunk)
        network.to(device)
        network.vision.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        average = copy.deepcopy(network).eval().requires_grad_(False)
        optimizer = build_optimizer(network, config)
        first = load_state(out, network, average, optimizer)
        job = progress.add_task("training", total=config.steps, completed=first, note="")

        def make(step: int):
            batch = build_judge_batch(pictures, config.batch_size, (config.seed, 29, step))
            generator = torch.Generator().manual_seed(config.seed * 2_000_003 + step)
            return batch, disturb(batch.images.float() / 255.0, generator), thin(reader.read(batch.texts), generator)

        recent: list[float] = []
        started, done = time.time(), 0
        for step, (batch, images, sentences) in enumerate(prefetch(make, first, config.steps), first):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config, step) * group["share"]
            loss = judge_loss(network, images, sentences, batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            with torch.no_grad():
                network.log_scale.clamp_(max=math.log(50.0))
                update_average(average, network, min(config.average, (1 + step) / (10 + step)))
            recent = [*recent[-49:], loss.item()]
            done += config.batch_size
            if (step + 1) % config.report_every == 0 or step + 1 == config.steps:
                save_state(out, step + 1, network, average, optimizer)
                save_judge(average, out / "checkpoint")
                line = {"step": step + 1, "loss": round(float(np.mean(recent)), 4)}
                line |= {"pictures_a_second": round(done / (time.time() - started), 1)}
                line |= {name: round(recall(Judge(average, reader), part), 4) for name, part in held_out.items()}
                started, done = time.time(), 0
                with (out / "log.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
                note = f"loss {line['loss']} R@1 {line['recall']}, on mini's pictures {line['recall_of_mini']}"
                progress.update(job, note=note)
            progress.update(job, completed=step + 1)


def build_optimizer(network: JudgeNetwork, config: JudgeTrainConfig) -> torch.optim.Optimizer:
    """AdamW that shrinks matrices only: not gains, norms, biases and positions; the trunk learns more slowly."""
    groups = []
    of_trunk = {id(parameter) for parameter in network.vision.trunk.parameters()}
    for is_trunk, is_matrix in ((False, True), (False, False), (True, True), (True, False)):
        chosen = [p for p in network.parameters() if (id(p) in of_trunk, p.ndim > 1) == (is_trunk, is_matrix)]
        decay, share = config.weight_decay if is_matrix else 0.0, config.trunk_share if is_trunk else 1.0
        groups.append({"params": chosen, "weight_decay": decay, "share": share})
    return torch.optim.AdamW(groups, lr=config.peak_rate, betas=(0.9, 0.98))


def learning_rate(config: JudgeTrainConfig, step: int) -> float:
    """A linear rise, then a cosine down to a hundredth."""
    ramp = min(1.0, (step + 1) / config.warm_up)
    return config.peak_rate * ramp * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / config.steps)))


def own_held_out(config: JudgeTrainConfig, size: int, folder: Path) -> HeldOut:
    """Pictures of the judge's own kind, of bodies that training never saw."""
    bank = build_clip_bank(load_anny(), 40, 4, config.seed + 1000)
    pictures = load_judge_pictures(bank, config.num_held_out, _OWN_HELD_OUT, size, folder, lambda count: None)
    captions = [
        describe(np.random.default_rng((17, i)), look, FRAMES[frame])
        for i, (look, frame) in enumerate(zip(pictures.looks, pictures.frames, strict=True))
    ]
    return HeldOut(pictures.images(np.arange(config.num_held_out)), captions, pictures.facts)


def mini_held_out(count: int, size: int, folder: Path) -> HeldOut:
    """The encoder's held-out pictures with captions in its wording: another world, which the judge only visits."""
    bank = build_bank(load_anny(), TrainConfig.num_shapes, TrainConfig.poses_per_shape, TrainConfig.seed)
    pictures = load_pictures(bank, count, _MINI_HELD_OUT, size, folder, lambda done: None)
    captions = [
        write_caption(np.random.default_rng((9, i)), look, FRAMES[frame])
        for i, (look, frame) in enumerate(zip(pictures.looks, pictures.frames, strict=True))
    ]
    images = torch.from_numpy(np.array(pictures.images)).permute(0, 3, 1, 2)
    return HeldOut(images, captions, pictures.facts)


def recall(encoder: Judge, held_out: HeldOut) -> float:
    """Share of the pictures whose caption ranks first among a hundred, true and undecidable others left out."""
    hits = []
    for start in range(0, len(held_out.captions), 100):
        part = slice(start, start + 100)
        captions = held_out.captions[part]
        texts = encoder.encode_texts([caption.text for caption in captions])
        scores = encoder.encode_images(held_out.images[part].float() / 255) @ texts.T
        is_true, is_open = judge(captions, held_out.facts[part])
        others = torch.from_numpy((is_true | is_open) & ~np.eye(len(scores), dtype=bool))
        hits.append((scores.masked_fill(others, -9).argmax(1) == torch.arange(len(scores))).float())
    return float(torch.cat(hits).mean())


def save_state(
    out: Path, step: int, network: JudgeNetwork, average: JudgeNetwork, optimizer: torch.optim.Optimizer
) -> None:
    """Write all that going on needs into ``out/resume.pt``, whole or not at all."""
    state = {
        "step": step, "network": network.state_dict(), "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
    }  # fmt: skip
    torch.save(state, out / "resume.tmp")
    (out / "resume.tmp").replace(out / "resume.pt")


def load_state(out: Path, network: JudgeNetwork, average: JudgeNetwork, optimizer: torch.optim.Optimizer) -> int:
    """Restore what ``save_state`` wrote, and say which step comes next; 0 and nothing changed where there is none."""
    if not (out / "resume.pt").exists():
        return 0
    state = torch.load(out / "resume.pt", weights_only=True, map_location=network.log_scale.device)
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


if __name__ == "__main__":
    main()
