"""The encoder's training: batches are what they claim, losses can learn, a stopped run ends like one never stopped."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from clipmatrix.bodies.anny import load_anny
from clipmatrix.guidance.mini.network import MiniConfig, MiniNetwork
from clipmatrix.procedural.statements import facts_of
from training import train as training
from training.batches import Batch, Pictures, build_batch, load_pictures, timed
from training.objective import Hardening, augment, batch_loss
from training.scenes import FRAMES, build_bank
from training.train import TrainConfig, train
from training.words import build_tokenizer, word_list

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("words") / "words"
    path.write_text("dog\ncat\n")
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    bank = build_bank(load_anny(), 3, 2, 0)
    return load_pictures(bank, 60, 5, 32, tmp_path_factory.mktemp("pictures"), lambda count: None)


def batch_of(pictures: Pictures, dictionary: Path, key: tuple[int, ...]) -> Batch:
    tokenizer = build_tokenizer(word_list(dictionary))
    row_ids = torch.arange(tokenizer.get_vocab_size())
    return build_batch(pictures, tokenizer, row_ids, 32, 24, key)


def tiny_network(num_rows: int) -> MiniNetwork:
    torch.manual_seed(0)
    network = MiniNetwork(MiniConfig(32, (8, 8, 16, 32), (1, 1, 1), 2, 32, 16, num_rows, 16, 1, 1, 32))
    network.text.table.copy_(torch.randn(num_rows, 16))  # type: ignore[operator]
    return network


def test_the_same_key_gives_the_same_batch(pictures: Pictures, dictionary: Path) -> None:
    first, second, other = (batch_of(pictures, dictionary, key) for key in ((0, 1), (0, 1), (0, 2)))
    for name in ("images", "grey", "rows", "ignored", "said_builds"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    assert not torch.equal(first.images, other.images)


def test_grey_twins_show_the_same_body_before_the_same_background(pictures: Pictures) -> None:
    image, grey = pictures.images.astype(int), pictures.grey.astype(int)
    is_same = (image == grey).all(-1)
    assert 0.2 < is_same.mean() < 0.95
    # Where they differ, the twin shows a body without colour.
    chroma = np.ptp(grey[~is_same], axis=-1)
    assert np.median(chroma) < 20 < np.median(np.ptp(image[~is_same], axis=-1))


def test_a_caption_is_never_false_of_its_picture(pictures: Pictures, dictionary: Path) -> None:
    batch = batch_of(pictures, dictionary, (0, 3))
    assert not batch.ignored.diagonal().any()
    # Most near misses are certainly false, and so may be punished.
    assert batch.ignored[torch.arange(24), torch.arange(24) + 24].float().mean() < 0.5


def test_facts_of_a_plain_twin_know_no_colour(pictures: Pictures) -> None:
    for look, frame in zip(pictures.looks, pictures.frames, strict=True):
        facts = facts_of(look, FRAMES[frame])
        assert facts.colors.shape == (6, 2, 3)


@pytest.mark.parametrize("hardening", [None, Hardening()])
def test_the_loss_can_be_learnt(pictures: Pictures, dictionary: Path, hardening: Hardening | None) -> None:
    batch = batch_of(pictures, dictionary, (0, 4))
    network = tiny_network(int(batch.rows.max()) + 1)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 4e-3)
    losses = []
    for step in range(25):
        loss = batch_loss(network, batch, hardening, torch.Generator().manual_seed(step % 2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])


def test_augmented_pictures_stay_pictures() -> None:
    images = torch.rand(6, 3, 32, 32)
    changed = augment(images, torch.Generator().manual_seed(0))
    assert changed.shape == images.shape
    assert changed.min() >= 0.0
    assert changed.max() <= 1.0


def test_a_stopped_run_ends_with_the_same_weights(
    tmp_path: Path, dictionary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(
        num_pictures=40, num_shapes=2, poses_per_shape=2, plain_steps=3, hard_steps=2, batch_size=8, save_every=2,
        num_held_out=100,
    )  # fmt: skip
    tokenizer = build_tokenizer(word_list(dictionary))
    num_tokens = tokenizer.get_vocab_size()
    small = MiniConfig(32, (8, 8, 16, 32), (1, 1, 1), 2, 32, MiniConfig.token_width, 1, 16, 1, 1, 32)
    monkeypatch.setattr(training, "MiniConfig", lambda num_rows: replace(small, num_rows=num_rows))
    table = torch.randn(num_tokens, MiniConfig.token_width, generator=torch.Generator().manual_seed(1))
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
        torch.save((table, torch.arange(num_tokens)), tmp_path / name / "words.pt")
    train(config, tmp_path / "whole", dictionary, tmp_path)

    real, calls = training.batch_loss, iter(range(100))

    def interrupted(*arguments: object) -> torch.Tensor:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "batch_loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "stopped", dictionary, tmp_path)
    monkeypatch.setattr(training, "batch_loss", real)
    train(config, tmp_path / "stopped", dictionary, tmp_path)
    weights = [(tmp_path / name / "checkpoint" / "model.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert weights[0] == weights[1]


def test_waiting_for_an_item_is_timed() -> None:
    def slow():
        for item in range(3):
            time.sleep(0.05)
            yield item

    found = list(timed(slow()))
    assert [item for item, _ in found] == [0, 1, 2]
    assert all(wait > 0.04 for _, wait in found)


@pytest.mark.gpu
@pytest.mark.parametrize("hardening", [None, Hardening()])
def test_the_loss_on_a_gpu_can_be_learnt(pictures: Pictures, dictionary: Path, hardening: Hardening | None) -> None:
    device = torch.device("cuda")
    batch = batch_of(pictures, dictionary, (0, 4)).to(device)
    network = tiny_network(int(batch.rows.max()) + 1).to(device)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 4e-3)
    losses = []
    for step in range(25):
        loss = batch_loss(network, batch, hardening, torch.Generator(device).manual_seed(step % 2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])
