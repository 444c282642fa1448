"""The embedded encoder: its folder loads, its embeddings behave, damaged folders are one line."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from clipmatrix.errors import ModelError
from clipmatrix.guidance.mini import CHECKPOINT, load_mini
from clipmatrix.guidance.mini.network import MiniConfig, MiniNetwork, freeze


@pytest.fixture(scope="module")
def mini():
    return load_mini()


def flat(rgb: tuple[float, float, float], size: int) -> torch.Tensor:
    return torch.tensor(rgb).reshape(1, 3, 1, 1).expand(1, 3, size, size).contiguous()


def test_embeddings_have_unit_length_at_any_size(mini) -> None:
    pictures = torch.rand(2, 3, 75, 75, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(mini.encode_images(pictures).norm(dim=1), torch.ones(2), atol=1e-5)
    assert torch.allclose(mini.encode_texts(["a red man", "stripes"]).norm(dim=1), torch.ones(2), atol=1e-5)


def test_pixels_get_a_gradient_that_matches_the_difference(mini) -> None:
    generator = torch.Generator().manual_seed(1)
    picture = torch.rand(1, 3, mini.image_size, mini.image_size, generator=generator)
    target = mini.encode_texts(["a green creature"])
    picture.requires_grad_(True)
    (gradient,) = torch.autograd.grad((mini.encode_images(picture) * target).sum(), picture)
    direction = gradient / gradient.norm()
    step = 0.05
    with torch.no_grad():
        ahead = (mini.encode_images(picture + step * direction) * target).sum()
        behind = (mini.encode_images(picture - step * direction) * target).sum()
    assert float((ahead - behind) / (2 * step)) == pytest.approx(float(gradient.norm()), rel=0.05)


def test_texts_are_batched_without_changing_them(mini) -> None:
    alone = mini.encode_texts(["a golden statue"])
    together = mini.encode_texts(["a golden statue", "a very tall man wearing a light blue shirt and brown trousers"])
    assert torch.allclose(alone[0], together[0], atol=1e-5)


def test_colour_words_that_were_never_trained_lie_by_their_colour(mini) -> None:
    texts = ["a crimson person", "a red person", "a green person", "a blue person"]
    embedded = mini.encode_texts(texts)
    assert (embedded[1:] @ embedded[0]).argmax() == 0


def test_case_and_punctuation_do_not_matter(mini) -> None:
    embedded = mini.encode_texts(["A Zebra-striped man!", "a zebra striped man"])
    assert torch.allclose(embedded[0], embedded[1], atol=1e-6)


def test_long_texts_are_cut_where_fit_text_says(mini) -> None:
    text = "a red person with blue stripes and " * 12
    kept = mini.fit_text(text)
    assert text.startswith(kept)
    assert len(kept) < len(text)
    assert torch.allclose(mini.encode_texts([text]), mini.encode_texts([kept]), atol=1e-5)
    assert mini.fit_text("a red person") == "a red person"


def test_unknown_words_are_named_and_a_text_of_them_is_still_a_vector(mini) -> None:
    assert mini.unknown_words("a qzxv man") == ("qzxv",)
    assert mini.unknown_words("a steampunk man") == ()
    assert torch.isfinite(mini.encode_texts(["人物", "qzxv"])).all()


def test_a_flat_picture_is_finite_and_deterministic(mini) -> None:
    picture = flat((0.5, 0.5, 0.5), mini.image_size)
    assert torch.equal(mini.encode_images(picture), mini.encode_images(picture))


def test_the_folder_is_small_and_holds_no_pickle() -> None:
    files = sorted(path.name for path in CHECKPOINT.iterdir())
    assert set(files) - {"pictured.txt"} == {"config.json", "model.safetensors", "tokenizer.json"}
    assert sum(path.stat().st_size for path in CHECKPOINT.iterdir()) < 20e6


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_missing_and_damaged_files_are_one_line(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "mini"
    shutil.copytree(CHECKPOINT, folder)
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 3])
    with pytest.raises(ModelError) as damaged:
        load_mini(folder)
    assert "\n" not in str(damaged.value)
    (folder / name).unlink()
    with pytest.raises(ModelError, match="mini encoder"):
        load_mini(folder)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mini"
    shutil.copytree(CHECKPOINT, folder)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "embedding": 64}))
    with pytest.raises(ModelError):
        load_mini(folder)


def test_freezing_keeps_embeddings_and_their_gradient() -> None:
    config = MiniConfig(image_size=32, widths=(4, 8, 8, 12), depths=(1, 1, 1), num_queries=2, embedding=6, num_rows=3)
    torch.manual_seed(2)
    network = MiniNetwork(config)
    pictures = torch.rand(5, 3, 32, 32)
    network.vision(pictures)  # Gives the norms statistics of their own.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    network.eval()
    results = []
    for _ in range(2):
        leaf = pictures.clone().requires_grad_()
        embedded = network.embed_images(leaf)
        (embedded * torch.linspace(-1, 2, embedded.numel()).reshape(embedded.shape)).sum().backward()
        results.append((embedded.detach(), leaf.grad))
        freeze(network)
    torch.testing.assert_close(results[1][0], results[0][0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(results[1][1], results[0][1], atol=1e-5, rtol=1e-3)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())
