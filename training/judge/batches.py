"""The judge's pictures, rendered once and kept, and its batches of pictures, captions and near misses; no network."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from clipmatrix.procedural.looks import Look
from clipmatrix.procedural.statements import Facts, Statement, facts_of
from clipmatrix.procedural.truth import judge
from training.batches import near_miss
from training.judge.grammar import describe
from training.judge.render import draw_views
from training.judge.scenes import sample_judge_scenes
from training.scenes import FRAMES, Bank

_CHUNK = 2048
MISS_SHARE = 0.375
"""How many of a batch's captions are joined by a near miss."""


@dataclass(frozen=True, eq=False)
class JudgePictures:
    """Rendered scenes: ``chunks`` of pictures (n size size 3) in uint8, and of each its look, frame and facts."""

    chunks: list[np.ndarray]
    looks: list[Look]
    frames: np.ndarray
    facts: list[Facts]

    def images(self, rows: np.ndarray) -> torch.Tensor:
        """Some of the pictures (n 3 size size) in uint8."""
        found = np.stack([self.chunks[row // _CHUNK][row % _CHUNK] for row in rows])
        return torch.from_numpy(found).permute(0, 3, 1, 2)


@dataclass(frozen=True, eq=False)
class JudgeBatch:
    """Pictures (b), and texts: their captions (b), then near misses of the first ones (m).

    ``ignored`` (b, b + m) marks the other texts that are true of a picture or cannot be decided. ``shown_builds``
    (b axes) are -1, 0 or 1 and NaN where out of view; ``said_builds`` (b + m, axes) are 0 where a text says nothing.
    ``kinds`` (b 6) are the surfaces in view, else -1; ``tints`` (b 6 3) their base colours in OKLab.
    """

    images: torch.Tensor
    texts: list[str]
    ignored: torch.Tensor
    shown_builds: torch.Tensor
    said_builds: torch.Tensor
    kinds: torch.Tensor
    tints: torch.Tensor


def load_judge_pictures(
    bank: Bank, count: int, seed: int, size: int, folder: Path, report: Callable[[int], None]
) -> JudgePictures:
    """The pictures of a seed: rendered into files of ``folder`` at the first call, only read at later ones.

    A call that was stopped goes on where it was. ``report`` is told how many of them are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chunks, looks, frames = [], [], []
    for start in range(0, count, _CHUNK):
        path = folder / f"judge-{seed}-{count}-{size}-{start}.npy"
        views, chunk_looks, chunk_frames = sample_judge_scenes(bank, min(_CHUNK, count - start), seed + start)
        if not path.exists():
            partial = path.with_suffix(".part.npy")
            np.save(
                partial,
                np.concatenate(
                    [draw_views(bank.bodies, views.rows(row, row + 256), size) for row in range(0, len(views), 256)]
                ),
            )
            partial.rename(path)
        chunks.append(np.load(path, mmap_mode="r"))
        looks += chunk_looks
        frames.append(chunk_frames)
        report(min(start + _CHUNK, count))
    frame_ids = np.concatenate(frames)
    facts = [facts_of(look, FRAMES[frame]) for look, frame in zip(looks, frame_ids, strict=True)]
    return JudgePictures(chunks, looks, frame_ids, facts)


def build_judge_batch(pictures: JudgePictures, size: int, key: tuple[int, ...]) -> JudgeBatch:
    """The batch that belongs to a key (seed, step): always the same one."""
    rng = np.random.default_rng(key)
    chosen = rng.choice(len(pictures.looks), size, replace=len(pictures.looks) < size)
    captions: list[Statement] = []
    misses: list[Statement] = []
    for place, index in enumerate(chosen.tolist()):
        look, frame = pictures.looks[index], FRAMES[pictures.frames[index]]
        wording = int(rng.integers(1 << 60))
        captions.append(describe(np.random.default_rng(wording), look, frame))
        if place < size * MISS_SHARE:
            # Worded by the same draws, so that only its content tells the near miss apart.
            misses.append(describe(np.random.default_rng(wording), near_miss(rng, look), frame))
    facts = [pictures.facts[index] for index in chosen]
    statements = captions + misses
    is_true, is_open = judge(statements, facts)
    ignored = is_true | is_open
    ignored[np.arange(size), np.arange(size)] = False
    shown = np.stack([np.where(f.seen_builds & (f.builds != 9), f.builds, np.nan) for f in facts]).astype(np.float32)
    said = np.stack([statement.expected_builds for statement in statements]).astype(np.float32)
    return JudgeBatch(
        pictures.images(chosen),
        [statement.text for statement in statements],
        torch.from_numpy(ignored),
        torch.from_numpy(shown),
        torch.from_numpy(said),
        torch.from_numpy(np.stack([np.where(f.seen, f.kinds, -1) for f in facts]).astype(np.int64)),
        torch.from_numpy(np.stack([f.colors[:, 0] for f in facts])),
    )
