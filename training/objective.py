"""What the encoder learns from: augmentation, the contrastive loss with margins, and hardening against noise."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from clipmatrix.guidance.mini.network import MiniNetwork
from training.batches import Batch

PAIR_MARGIN = 0.35
"""By how much, in cosine, a picture must prefer its caption to the near miss."""

TEXT_MARGIN = 0.55
"""Largest cosine between a caption and its near miss: where they nearly coincide no gradient can tell them apart."""


BUILD_REACH = 0.2
"""How far, in an embedding of length one, an extreme build lies along its own direction."""

BUILD_WEIGHT = 2.0


def build_directions(num_axes: int, width: int) -> Tensor:
    """Fixed orthonormal directions of the embedding, one for each axis of the builds."""
    generator = torch.Generator().manual_seed(4)
    return torch.linalg.qr(torch.randn(width, num_axes, generator=generator)).Q.T


def build_loss(pictures: Tensor, texts: Tensor, batch: Batch) -> Tensor:
    """Pictures and texts must lie along the directions of the builds that they show or say.

    Without it builds are never learnt: as long as neither tower tells fat from thin, neither gives the other a
    gradient. Fixed directions give both one from the first step.
    """
    directions = build_directions(batch.said_builds.shape[1], pictures.shape[1]).to(pictures.device)
    is_known = ~torch.isnan(batch.shown_builds)
    shown = torch.nan_to_num(batch.shown_builds)
    picture_error = ((pictures @ directions.T / BUILD_REACH - shown).square() * is_known).sum() / is_known.sum()
    text_error = (texts @ directions.T / BUILD_REACH - batch.said_builds).square().mean()
    return BUILD_WEIGHT * (picture_error + text_error)


@dataclass(frozen=True)
class Hardening:
    """How the last phase hardens the gradients: L2 radius of the attack on sRGB pixels, and what is ranked.

    Noise must lower a picture's score in proportion to its strength, and so must fading its look towards grey: an
    optimiser that starts from grey climbs back along just this path.
    """

    attack_radius: float = 1.0
    attack_share: float = 0.5
    noise_share: float = 0.22
    noise_gain: float = 1.0
    fade_share: float = 0.25
    fade_gain: float = 0.3


def _uniform(generator: torch.Generator, *shape: int) -> Tensor:
    """Numbers in [0, 1) where the generator lies."""
    return torch.rand(shape, generator=generator, device=generator.device)


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    """Normal numbers where the generator lies."""
    return torch.randn(shape, generator=generator, device=generator.device)


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turned, shifted, scaled, mirrored, blurred and noisy pictures, as an optimiser's renders vary.

    The pictures lie where the generator does.
    """
    count, _, height, width = images.shape

    def draw(low: float, high: float) -> Tensor:
        return _uniform(generator, count) * (high - low) + low

    angle, scale = _normal(generator, count) * 0.08, draw(0.78, 1.1)
    flip = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    matrix = torch.stack(
        [torch.stack([cos * flip, -sin, draw(-0.1, 0.1)], 1), torch.stack([sin * flip, cos, draw(-0.1, 0.1)], 1)], 1
    )
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    images = images * draw(0.9, 1.1).reshape(-1, 1, 1, 1)
    images = images + (_uniform(generator, count, 3, 1, 1) - 0.5) * 0.05
    blurred = draw(0, 1) < 0.25
    images[blurred] = F.avg_pool2d(F.pad(images[blurred], (1, 1, 1, 1), mode="replicate"), 3, 1)
    noise = _normal(generator, *images.shape)
    coarse = draw(0, 1) < 0.3
    small = torch.randn(int(coarse.sum()), 3, height // 4, width // 4, generator=generator)
    noise[coarse] = F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False) * 1.3
    strength = draw(0, 1).square().reshape(-1, 1, 1, 1) * 0.2
    return (images + strength * noise).clamp(0, 1)


def contrast(pictures: Tensor, texts: Tensor, ignored: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy of each picture over all texts, and of each caption over all pictures, ignored pairs left out."""
    count = pictures.shape[0]
    logits = (scale * pictures @ texts.T).masked_fill(ignored, -1e4)
    own = torch.arange(count, device=pictures.device)
    return 0.5 * (F.cross_entropy(logits, own) + F.cross_entropy(logits[:, :count].T, own))


def margins(pictures: Tensor, texts: Tensor, ignored: Tensor) -> Tensor:
    """Hinges that keep each caption and its near miss apart, in the pictures' eyes and in the text space."""
    count = pictures.shape[0]
    own, miss = texts[:count], texts[count:]
    is_wrong = (~ignored[:, count:].diagonal()).float()
    lead = ((own - miss) * pictures).sum(1)
    closeness = (own * miss).sum(1)
    total = F.relu(PAIR_MARGIN - lead) + 0.5 * F.relu(closeness - TEXT_MARGIN)
    return (total * is_wrong).mean()


def attack(
    network: MiniNetwork,
    images: Tensor,
    texts: Tensor,
    ignored: Tensor,
    settings: Hardening,
    generator: torch.Generator,
) -> Tensor:
    """The first ``attack_share`` of the pictures, each moved within an L2 ball towards a wrong text (one step).

    Reference: Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018.
    """
    count = int(images.shape[0] * settings.attack_share)
    clean, own = images[:count], texts[: images.shape[0]][:count].detach()
    target = torch.randint(0, texts.shape[0], (count,), generator=generator, device=generator.device)
    own_ids = torch.arange(count, device=target.device)
    is_right = ignored[own_ids, target] | (target == own_ids)
    direction = torch.where(is_right[:, None], -own, texts.detach()[target] - own)
    radius = (_uniform(generator, count) * settings.attack_radius).reshape(-1, 1, 1, 1)
    start = _normal(generator, *clean.shape)
    start = start / start.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1) * radius * 0.5
    moved = (clean + start).requires_grad_(True)
    network.vision.eval().requires_grad_(False)
    with torch.autocast(moved.device.type, torch.bfloat16):
        embedding = network.vision(moved)
    embedding = F.normalize(embedding.float(), dim=-1)
    (gradient,) = torch.autograd.grad((embedding * direction).sum(), moved)
    network.vision.train().requires_grad_(True)
    with torch.no_grad():
        step = start + gradient / (gradient.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1) + 1e-12) * radius * 1.5
        length = step.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
        step = step * (radius / (length + 1e-9)).clamp(max=1.0)
        return torch.cat([(clean + step).clamp(0, 1), images[count:]])


def noisy_twins(images: Tensor, settings: Hardening, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The last ``noise_share`` of the pictures under noise of several scales, half of it colour only; its strength."""
    count = int(images.shape[0] * settings.noise_share)
    size = images.shape[-1]
    strength = _uniform(generator, count) * 0.27 + 0.03
    noise = []
    for _ in range(count):
        cells = size // (8, 4, 2, 1)[int(torch.randint(0, 4, (1,), generator=generator, device=generator.device))]
        one = _normal(generator, 1, 3, cells, cells)
        one = F.interpolate(one, size=(size, size), mode="bilinear", align_corners=False)
        if float(_uniform(generator)) < 0.5:
            one = one - one.mean(1, keepdim=True)
        noise.append(one / one.std())
    twins = images[-count:] + strength.reshape(-1, 1, 1, 1) * torch.cat(noise)
    return twins.clamp(0, 1), strength


def batch_loss(network: MiniNetwork, batch: Batch, hardening: Hardening | None, generator: torch.Generator) -> Tensor:
    """The loss of a batch; with ``hardening`` half of it is attacked, and noisy and faded looks must score lower."""
    clean, grey = batch.images.float() / 255.0, batch.grey.float() / 255.0
    images = grey + batch.strength * (clean - grey) if batch.strength < 1.0 else clean
    token_noise = _normal(generator, *batch.rows.shape, network.config.token_width) * 0.2
    with torch.autocast(images.device.type, torch.bfloat16):
        texts = network.text(batch.rows, token_noise)
    texts = F.normalize(texts.float(), dim=-1)
    count = images.shape[0]
    if hardening is None:
        pictures = _embed(network, augment(images, generator))
        return _pair_loss(network, pictures, texts, batch)
    # The faded twins are of the pictures after the attacked ones, the noisy ones of the last.
    first = int(count * hardening.attack_share)
    under_fade = slice(first, first + int(count * hardening.fade_share))
    fade = _uniform(generator, under_fade.stop - first)
    faded = torch.lerp(images[under_fade], grey[under_fade], fade.reshape(-1, 1, 1, 1))
    faded = augment(faded, generator)
    images = augment(images, generator)
    images = attack(network, images, texts, batch.ignored, hardening, generator)
    noisy, strength = noisy_twins(images, hardening, generator)
    embeddings = _embed(network, torch.cat([images, noisy, faded]))
    pictures, noisy, faded = embeddings.split([count, len(noisy), len(faded)])
    own = (pictures * texts[:count]).sum(1).detach()
    under_noise = slice(count - len(noisy), count)
    noise_lead = own[under_noise] - (noisy * texts[under_noise]).sum(1)
    loss = 2.0 * F.relu(hardening.noise_gain * strength - noise_lead).mean()
    fade_lead = own[under_fade] - (faded * texts[under_fade]).sum(1)
    is_dressed = (batch.images[under_fade] != batch.grey[under_fade]).flatten(1).any(1).float()
    wanted = hardening.fade_gain * batch.strength * fade
    loss = loss + 1.5 * (F.relu(wanted - fade_lead) * is_dressed).mean()
    return loss + _pair_loss(network, pictures, texts, batch)


def _embed(network: MiniNetwork, images: Tensor) -> Tensor:
    with torch.autocast(images.device.type, torch.bfloat16):
        embeddings = network.vision(images.contiguous(memory_format=torch.channels_last))
    return F.normalize(embeddings.float(), dim=-1)


def _pair_loss(network: MiniNetwork, pictures: Tensor, texts: Tensor, batch: Batch) -> Tensor:
    pairs = contrast(pictures, texts, batch.ignored, network.log_scale.exp())
    return pairs + 1.5 * margins(pictures, texts, batch.ignored) + build_loss(pictures, texts, batch)
