"""Batches of pictures, captions and hard negatives for the encoder's training; knows no network."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from clipmatrix.guidance.mini import tokenize
from clipmatrix.procedural.captions import Facts, Statement, facts_of, write_caption
from clipmatrix.procedural.looks import Layout, Look, recolor, replace_layer, sample_layer, swap_layers
from clipmatrix.procedural.truth import judge
from clipmatrix.render.looks_cpu import LookViews, render_looks
from training.scenes import FRAMES, Bank, sample_scenes

CHUNK = 2048

PLAIN_SHARE = 0.4
"""The share of a batch that is drawn from the plain grey bodies."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Rendered scenes: ``images`` (n size size 3) uint8, with the look, the framed part and the facts of each."""

    images: np.ndarray
    looks: list[Look]
    frames: np.ndarray
    facts: list[Facts]


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures (b), and texts (2b): their captions, then one near miss each.

    ``ignored`` (b 2b) marks the other texts that are true of a picture or cannot be decided. ``chroma`` (b) is how
    colourful the parts in view are: the mean OKLab chroma of their base colours. ``shown_builds`` (b axes) are -1, 0
    or 1, and NaN where out of view or undecidable; ``said_builds`` (2b axes) are 0 where a text says nothing.
    """

    images: torch.Tensor
    rows: torch.Tensor
    ignored: torch.Tensor
    chroma: torch.Tensor
    shown_builds: torch.Tensor
    said_builds: torch.Tensor


def _slice(views: LookViews, start: int, end: int) -> LookViews:
    return LookViews(**{name: column[start:end] for name, column in vars(views).items()})


def load_pictures(bank: Bank, count: int, seed: int, size: int, folder: Path, report) -> Pictures:
    """The pictures of a seed: rendered into a file of ``folder`` at the first call, only read at later ones."""
    folder.mkdir(parents=True, exist_ok=True)
    path, partial = folder / f"pictures-{seed}-{count}-{size}.npy", folder / f"pictures-{seed}-{count}-{size}.part.npy"
    target = None
    if not path.exists():
        target = np.lib.format.open_memmap(partial, "w+", np.uint8, (count, size, size, 3))
    looks: list[Look] = []
    frames = []
    for start in range(0, count, CHUNK):
        views, chunk_looks, chunk_frames = sample_scenes(bank, min(CHUNK, count - start), seed + start)
        looks += chunk_looks
        frames.append(chunk_frames)
        if target is not None:
            for row in range(0, len(views), 256):
                part = _slice(views, row, row + 256)
                target[start + row : start + row + len(part)] = render_looks(bank.bodies, part, size)
            report(min(start + CHUNK, count))
    if target is not None:
        target.flush()
        partial.rename(path)
    frame_ids = np.concatenate(frames)
    facts = [facts_of(look, FRAMES[frame]) for look, frame in zip(looks, frame_ids, strict=True)]
    return Pictures(np.load(path, mmap_mode="r"), looks, frame_ids, facts)


def near_miss(rng: np.random.Generator, look: Look) -> Look:
    """A look that differs in one thing that a caption is likely to say: parts, a colour, a surface or a build."""
    distinct = list({id(layer): layer for layer in look.layers}.values())
    told = [i for i in range(1, 5) if look.phenotypes[i] < 0.15 or look.phenotypes[i] > 0.85]
    told += [5 + int(i) for i in np.flatnonzero(look.changes)]
    draw = rng.random()
    if told and draw < (0.9 if look.layout is Layout.PLAIN else 0.35):
        return _other_build(rng, look, told[int(rng.integers(len(told)))])
    draw = rng.random()
    if len(distinct) > 1 and draw < 0.5:
        return swap_layers(rng, look)
    old = distinct[rng.integers(len(distinct))]
    return replace_layer(look, old, recolor(rng, old) if rng.random() < 0.65 else sample_layer(rng))


def _other_build(rng: np.random.Generator, look: Look, axis: int) -> Look:
    """The opposite of an extreme, or another change of the surface instead of the one that it has."""
    phenotypes, changes = look.phenotypes.copy(), look.changes.copy()
    if axis < 5:
        phenotypes[axis] = 0.95 if phenotypes[axis] < 0.5 else (0.38 if axis == 1 else 0.05)
        if axis == 3 and phenotypes[2] < 0.15:
            phenotypes[2] = 0.5
    else:
        strength = abs(changes[axis - 5])
        changes[axis - 5] = 0.0
        if rng.random() < 0.7:
            other = int(rng.integers(len(changes)))
            changes[other if other != axis - 5 else (other + 1) % len(changes)] = strength
    return replace(look, phenotypes=phenotypes, changes=changes)


def build_batch(
    pictures: Pictures, tokenizer: Tokenizer, row_ids: torch.Tensor, max_tokens: int, size: int, key: tuple[int, ...]
) -> Batch:
    """The batch that belongs to a key (seed, step): always the same one."""
    rng = np.random.default_rng(key)
    # In plain grey only the build tells pictures apart; among colours nothing would ever make an encoder look at it.
    num_plain = int(PLAIN_SHARE * size)
    plain = np.flatnonzero([look.layout is Layout.PLAIN for look in pictures.looks])
    chosen = np.sort(
        np.concatenate([rng.choice(plain, num_plain), rng.integers(0, len(pictures.looks), size - num_plain)])
    )
    captions: list[Statement] = []
    misses: list[Statement] = []
    for index in chosen:
        look, frame = pictures.looks[index], FRAMES[pictures.frames[index]]
        # The near miss is worded by the same draws, so that only its content tells it apart.
        wording = int(rng.integers(1 << 60))
        captions.append(write_caption(np.random.default_rng(wording), look, frame))
        misses.append(write_caption(np.random.default_rng(wording), near_miss(rng, look), frame))
    is_true, is_open = judge(captions + misses, [pictures.facts[i] for i in chosen])
    ignored = is_true | is_open
    ignored[np.arange(size), np.arange(size)] = False
    rows = tokenize(tokenizer, row_ids, [statement.text for statement in captions + misses], max_tokens)
    images = torch.from_numpy(np.ascontiguousarray(pictures.images[chosen])).permute(0, 3, 1, 2)
    chroma = [_chroma(pictures.facts[i]) for i in chosen]
    facts = [pictures.facts[i] for i in chosen]
    shown = np.stack([np.where(f.seen_builds & (f.builds != 9), f.builds, np.nan) for f in facts]).astype(np.float32)
    said = np.stack([statement.builds for statement in captions + misses]).astype(np.float32)
    return Batch(
        images, rows, torch.from_numpy(ignored), torch.tensor(chroma), torch.from_numpy(shown), torch.from_numpy(said)
    )


def _chroma(facts: Facts) -> float:
    return float(np.linalg.norm(facts.colors[facts.seen, 0, 1:], axis=-1).mean())


def prefetch(make, first: int, last: int) -> Iterator[Batch]:
    """``make(step)`` for the steps from ``first`` to ``last``, two of them made ahead in a thread."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(make, step) for step in range(first, min(first + 2, last))]
        for step in range(first, last):
            batch = waiting.pop(0).result()
            if step + 2 < last:
                waiting.append(pool.submit(make, step + 2))
            yield batch
