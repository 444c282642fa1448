"""Batches of pictures, captions and hard negatives for the encoder's training; knows no network."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from tokenizers import Tokenizer

from clipmatrix.guidance.mini import tokenize
from clipmatrix.procedural.captions import write_caption
from clipmatrix.procedural.characters import character_ids, near_characters
from clipmatrix.procedural.looks import (
    Layout,
    Look,
    build_layer,
    recolor,
    replace_layer,
    sample_character,
    sample_layer,
    swap_layers,
)
from clipmatrix.procedural.statements import Facts, Statement, facts_of
from clipmatrix.procedural.tables import materials
from clipmatrix.procedural.truth import judge
from clipmatrix.render.looks_cpu import LookViews, render_looks
from training.scenes import FRAMES, Bank, sample_scenes

T = TypeVar("T")

CHUNK = 2048

PLAIN_SHARE = 0.25
"""The share of a batch that shows its bodies in plain grey: only there does the build alone tell captions apart."""

FADED_SHARE = 0.3
"""The share of the batches whose looks are faded towards grey, all alike: what an optimiser sees on its way."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Rendered scenes: ``images`` (n size size 3) uint8, with the look, the framed part and the facts of each.

    ``grey`` are the same scenes with the body in plain grey.
    """

    images: np.ndarray
    grey: np.ndarray
    looks: list[Look]
    frames: np.ndarray
    facts: list[Facts]


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures (b), and texts (2b): their captions, then one near miss each.

    ``images`` and ``grey`` (b 3 h w) are uint8; ``strength`` is how much of the difference between them is shown, for
    all pictures of the batch alike. ``ignored`` (b 2b) marks the other texts that are true of a picture or cannot be
    decided. ``shown_builds`` (b axes) are -1, 0 or 1, and NaN where out of view or undecidable; ``said_builds``
    (2b axes) are 0 where a text says nothing.
    """

    images: torch.Tensor
    grey: torch.Tensor
    strength: float
    rows: torch.Tensor
    ignored: torch.Tensor
    shown_builds: torch.Tensor
    said_builds: torch.Tensor

    def to(self, device: torch.device) -> "Batch":
        """The batch with its tensors on a device."""
        moved = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, torch.Tensor)}
        return replace(self, **moved)


def _slice(views: LookViews, start: int, end: int) -> LookViews:
    return LookViews(**{name: column[start:end] for name, column in vars(views).items()})


def load_pictures(
    bank: Bank, count: int, seed: int, size: int, folder: Path, report: Callable[[int], None]
) -> Pictures:
    """The pictures of a seed: rendered into two files of ``folder`` at the first call, only read at later ones.

    ``report`` is told how many of them are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{kind}-{seed}-{count}-{size}.npy" for kind in ("pictures", "grey")]
    partial = [path.with_suffix(".part.npy") for path in paths]
    is_new = not all(path.exists() for path in paths)
    targets = [np.lib.format.open_memmap(path, "w+", np.uint8, (count, size, size, 3)) for path in partial if is_new]
    looks: list[Look] = []
    frames = []
    for start in range(0, count, CHUNK):
        views, chunk_looks, chunk_frames = sample_scenes(bank, min(CHUNK, count - start), seed + start)
        looks += chunk_looks
        frames.append(chunk_frames)
        for row in range(0, len(views) if is_new else 0, 256):
            part = _slice(views, row, row + 256)
            place = slice(start + row, start + row + len(part))
            targets[0][place] = render_looks(bank.bodies, part, size)
            plain = [plain_twin(look, place.start + i) for i, look in enumerate(chunk_looks[row : row + len(part)])]
            part.layers[:] = np.stack([look.layer_params for look in plain])
            part.metallic[:] = 0.0
            targets[1][place] = render_looks(bank.bodies, part, size)
        report(min(start + CHUNK, count))
    for target, temporary, path in zip(targets, partial, paths, strict=False):
        target.flush()
        temporary.rename(path)
    frame_ids = np.concatenate(frames)
    facts = [facts_of(look, FRAMES[frame]) for look, frame in zip(looks, frame_ids, strict=True)]
    images, grey = (np.load(path, mmap_mode="r") for path in paths)
    return Pictures(images, grey, looks, frame_ids, facts)


def plain_twin(look: Look, index: int) -> Look:
    """The same body in plain grey."""
    layer = build_layer(np.random.default_rng((11, index)), materials()["plaster"])
    return replace(look, layout=Layout.PLAIN, layers=(layer,) * len(look.layers))


def near_miss(rng: np.random.Generator, look: Look) -> Look:
    """A look that differs in one thing that a caption is likely to say: parts, a colour, a surface or a build."""
    distinct = list({id(layer): layer for layer in look.layers}.values())
    told = [i for i in range(1, 5) if look.phenotypes[i] < 0.15 or look.phenotypes[i] > 0.85]
    told += [5 + int(i) for i in np.flatnonzero(look.changes)]
    if look.role is not None and rng.random() < 0.75:
        return _other_character(rng, look)
    draw = rng.random()
    if told and draw < (0.9 if look.layout is Layout.PLAIN else 0.35):
        return _other_build(rng, look, told[int(rng.integers(len(told)))])
    draw = rng.random()
    if len(distinct) > 1 and draw < 0.5:
        return swap_layers(rng, look)
    old = distinct[rng.integers(len(distinct))]
    return replace_layer(look, old, recolor(rng, old) if rng.random() < 0.65 else sample_layer(rng))


def _other_character(rng: np.random.Generator, look: Look) -> Look:
    """Another character in the same build, or for one with an exchanged part often another surface there."""
    assert look.role is not None
    slots = look.exchanged
    if slots and rng.random() < 0.6:
        old = look.layers[slots[0]]
        return replace_layer(look, old, recolor(rng, old) if rng.random() < 0.65 else sample_layer(rng))
    while True:
        other = sample_character(rng)
        assert other.role is not None
        ids = character_ids()
        if not near_characters()[ids[look.role.name], ids[other.role.name]]:
            break
    layers = list(other.role.layers)
    for slot in slots:
        layers[slot] = look.layers[slot]
    return replace(other, layers=tuple(layers), phenotypes=look.phenotypes, seed=look.seed)


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
    chosen = np.sort(rng.integers(0, len(pictures.looks), size))
    is_plain = (rng.random(size) < PLAIN_SHARE) & (pictures.frames[chosen] == 0)
    strength = float(rng.uniform(0.1, 0.8)) if rng.random() < FADED_SHARE else 1.0
    captions: list[Statement] = []
    misses: list[Statement] = []
    facts = []
    for index, plain in zip(chosen.tolist(), is_plain, strict=True):
        look, frame = pictures.looks[index], FRAMES[pictures.frames[index]]
        look = plain_twin(look, index) if plain else look
        facts.append(facts_of(look, frame) if plain else pictures.facts[index])
        # The near miss is worded by the same draws, so that only its content tells it apart.
        wording = int(rng.integers(1 << 60))
        captions.append(write_caption(np.random.default_rng(wording), look, frame))
        misses.append(write_caption(np.random.default_rng(wording), near_miss(rng, look), frame))
    is_true, is_open = judge(captions + misses, facts)
    ignored = is_true | is_open
    ignored[np.arange(size), np.arange(size)] = False
    rows = tokenize(tokenizer, row_ids, [statement.text for statement in captions + misses], max_tokens)
    grey = pictures.grey[chosen]
    images = np.where(is_plain[:, None, None, None], grey, pictures.images[chosen])
    shown = np.stack([np.where(f.seen_builds & (f.builds != 9), f.builds, np.nan) for f in facts]).astype(np.float32)
    said = np.stack([statement.expected_builds for statement in captions + misses]).astype(np.float32)
    return Batch(
        _planes(images), _planes(grey), strength, rows, torch.from_numpy(ignored), torch.from_numpy(shown),
        torch.from_numpy(said),
    )  # fmt: skip


def _planes(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)


def prefetch(make: Callable[[int], T], first: int, last: int) -> Iterator[T]:
    """``make(step)`` for the steps from ``first`` to ``last``, two of them made ahead in a thread."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(make, step) for step in range(first, min(first + 2, last))]
        for step in range(first, last):
            batch = waiting.pop(0).result()
            if step + 2 < last:
                waiting.append(pool.submit(make, step + 2))
            yield batch


def timed(items: Iterable[T]) -> Iterator[tuple[T, float]]:
    """The items, each with the seconds that were waited for it."""
    iterator = iter(items)
    while True:
        started = time.perf_counter()
        try:
            item = next(iterator)
        except StopIteration:
            return
        yield item, time.perf_counter() - started
