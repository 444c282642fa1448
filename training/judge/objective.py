"""What the judge learns from: disturbed pictures, the contrast with its texts, near misses, and three readings."""

import torch
from torch import Tensor
from torch.nn import functional as F

from training.judge.batches import JudgeBatch
from training.judge.network import JudgeNetwork, Sentences
from training.objective import augment, contrast

MISS_MARGIN = 0.3
"""By how much, in cosine, a picture must prefer its caption to the near miss."""

LOST_SHARE = 0.08
"""How many tokens' states are lost on the way, against learning sentences by heart."""


def disturb(images: Tensor, generator: torch.Generator) -> Tensor:
    """Moved and noisy pictures (``objective.augment``), a third of them under fine patterns that mean nothing.

    An optimiser hides such patterns in its textures to please an encoder: gratings, checks of single pixels and
    coloured grain, blocks, a few levels of brightness. What is under them stays what it is.
    """
    images = augment(images, generator)
    count, _, height, width = images.shape
    disturbed = []
    for index in range(count):
        picture = images[index]
        draw = float(torch.rand((), generator=generator))
        strength = 0.25 * float(torch.rand((), generator=generator)) ** 1.5
        tint = torch.randn(3, 1, 1, generator=generator)
        if draw < 0.12:
            picture = picture + strength * tint * _grating(height, width, generator)
        elif draw < 0.2:
            cells = torch.randn(1, 3, height // 2, width // 2, generator=generator)
            grain = F.interpolate(cells, size=(height, width), mode="nearest")[0]
            picture = picture + 0.6 * strength * (grain - grain.mean(0, keepdim=True))
        elif draw < 0.26:
            picture = F.interpolate(F.avg_pool2d(picture[None], 2), size=(height, width), mode="nearest")[0]
        elif draw < 0.3:
            levels = 4 + 8 * float(torch.rand((), generator=generator))
            picture = torch.round(picture * levels) / levels
        disturbed.append(picture)
    return torch.stack(disturbed).clamp(0, 1)


def _grating(height: int, width: int, generator: torch.Generator) -> Tensor:
    """A sine or a chessboard of two to six pixels a period, turned anyhow."""
    angle, period, phase = torch.rand(3, generator=generator).tolist()
    rate = 2 * torch.pi / (2 + 4 * period)
    angle = torch.tensor(angle * torch.pi)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    wave = torch.sin(rate * (x * torch.cos(angle) + y * torch.sin(angle)) + phase * 6.3)
    if phase < 0.3:
        wave = wave * torch.sin(rate * (y * torch.cos(angle) - x * torch.sin(angle)))
    return wave[None]


def miss_loss(pictures: Tensor, texts: Tensor, ignored: Tensor) -> Tensor:
    """A hinge that keeps the first pictures' captions above their near misses, where those are false."""
    count = pictures.shape[0]
    num = texts.shape[0] - count
    rows = torch.arange(num, device=ignored.device)
    is_wrong = (~ignored[rows, rows + count]).float()
    lead = ((texts[:num] - texts[count:]) * pictures[:num]).sum(1)
    return (F.relu(MISS_MARGIN - lead) * is_wrong).sum() / max(num, 1)


def reading_loss(network: JudgeNetwork, features: Tensor, pictures: Tensor, texts: Tensor, batch: JudgeBatch) -> Tensor:
    """The errors of the readings: builds from both towers by one map, surfaces and base colours from pictures."""
    is_known = ~torch.isnan(batch.shown_builds)
    error = (network.builds(pictures) - torch.nan_to_num(batch.shown_builds)).square()
    builds = (error * is_known).sum() / is_known.sum().clamp_min(1)
    builds = builds + (network.builds(texts) - batch.said_builds).square().mean()
    is_seen = batch.kinds >= 0
    slots = network.config.num_slots
    kinds = F.cross_entropy(
        network.kinds(features).unflatten(1, (slots, -1)).flatten(0, 1), batch.kinds.flatten(), ignore_index=-1
    )
    tints = (network.tints(features).unflatten(1, (slots, 3)) - batch.tints).square().sum(-1)
    return 2.0 * builds + 0.5 * kinds + 4.0 * (tints * is_seen).sum() / is_seen.sum()


def thin(sentences: Sentences, generator: torch.Generator) -> Sentences:
    """The sentences with some tokens' states lost."""
    is_kept = torch.rand(*sentences.is_pad.shape, 1, generator=generator) >= LOST_SHARE
    return Sentences(sentences.states * is_kept.to(sentences.states.device), sentences.colors, sentences.is_pad)


def judge_loss(network: JudgeNetwork, images: Tensor, sentences: Sentences, batch: JudgeBatch) -> Tensor:
    """The loss of a batch on the network's device: of its pictures, disturbed, and its texts, read and thinned."""
    device = network.log_scale.device
    images = images.to(device).contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16):
        features = network.vision(images)
        pictures, texts = network.project(features), network.text(sentences)
    features = features.float()
    pictures, texts = F.normalize(pictures.float(), dim=-1), F.normalize(texts.float(), dim=-1)
    placed = JudgeBatch(
        images, batch.texts, batch.ignored.to(device), batch.shown_builds.to(device), batch.said_builds.to(device),
        batch.kinds.to(device), batch.tints.to(device),
    )  # fmt: skip
    loss = contrast(pictures, texts, placed.ignored, network.log_scale.exp())
    loss = loss + miss_loss(pictures, texts, placed.ignored)
    return loss + reading_loss(network, features, pictures, texts, placed)
