"""Checkpoints of transformers against transformers itself: same ids, same embeddings, same constants."""

import shutil
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from torch.nn.functional import cosine_similarity, normalize
from transformers import AutoTokenizer, CLIPModel, CLIPTokenizer, Siglip2Model, SiglipModel
from transformers.utils.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.clip import _image_features, compute_dtype, load_clip
from clipmatrix.guidance.pixels import prepare_images

TEXTS = ["a zebra striped man", "A woman of GOLD with a blue head", "x"]
FOLDERS = ["clip_folder", "siglip_folder", "siglip2_folder"]


@pytest.fixture(params=FOLDERS)
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def _is_guidance(guidance: Guidance) -> Guidance:
    return guidance


def test_embeddings_have_unit_length_and_one_width(folder: Path, generator: torch.Generator) -> None:
    guidance = _is_guidance(load_clip(str(folder)))
    texts = guidance.encode_texts(TEXTS)
    images = guidance.encode_images(torch.rand(2, 3, 96, 96, generator=generator))
    assert texts.shape[1] == images.shape[1]
    assert torch.allclose(texts.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(images.norm(dim=1), torch.ones(2), atol=1e-5)
    assert guidance.name == str(folder)
    assert guidance.image_size == 48
    assert not texts.requires_grad


def test_clip_texts_are_those_of_transformers(clip_folder: Path) -> None:
    model = CLIPModel.from_pretrained(clip_folder)
    tokenizer = CLIPTokenizer.from_pretrained(clip_folder)
    # One by one: without padding there is no convention left to get wrong.
    rows = [model.get_text_features(**tokenizer(text, return_tensors="pt")).pooler_output for text in TEXTS]
    found = load_clip(str(clip_folder)).encode_texts(TEXTS)
    assert torch.allclose(found, normalize(torch.cat(rows), dim=-1), atol=1e-5)


def test_siglip_texts_are_padded_to_the_full_length_without_a_mask(siglip_folder: Path) -> None:
    guidance = load_clip(str(siglip_folder))
    model = SiglipModel.from_pretrained(siglip_folder)
    # By hand: "▁a", "▁zebra" ... are pieces of the tokenizer, 1 is its </s>, which closes and pads up to 16.
    pieces = [guidance.reader.tokenizer.token_to_id(piece) for piece in ("▁a", "▁zebra", "▁striped", "▁man")]
    ids = torch.tensor([pieces + [1] * 12])
    assert torch.equal(guidance.reader.token_ids(TEXTS[:1]), ids)
    expected = model.get_text_features(input_ids=ids).pooler_output
    assert torch.allclose(guidance.encode_texts(TEXTS[:1]), normalize(expected, dim=-1), atol=1e-5)
    unpadded = model.get_text_features(input_ids=ids[:, :5]).pooler_output
    assert cosine_similarity(unpadded, expected).item() < 0.999


def test_siglip2_texts_are_those_of_transformers(siglip2_folder: Path) -> None:
    guidance = load_clip(str(siglip2_folder))
    tokenizer = AutoTokenizer.from_pretrained(siglip2_folder)
    tokenized = tokenizer(TEXTS, padding="max_length", max_length=16, truncation=True, return_tensors="pt")
    assert torch.equal(guidance.reader.token_ids(TEXTS), tokenized["input_ids"])
    assert guidance.reader.token_ids(["gold"])[0, -1] == 0
    model = Siglip2Model.from_pretrained(siglip2_folder)
    expected = model.get_text_features(input_ids=tokenized["input_ids"]).pooler_output
    assert torch.allclose(guidance.encode_texts(TEXTS), normalize(expected, dim=-1), atol=1e-5)


def test_siglip2_settings_outweigh_the_tokens_around_a_text(siglip2_folder: Path, tmp_path: Path) -> None:
    """Gemma's own tokenizer.json opens each text with <bos>; add_bos_token false and add_eos_token true undo it."""
    copy = shutil.copytree(siglip2_folder, tmp_path / "copy")
    tokenizer = Tokenizer.from_file(str(copy / "tokenizer.json"))
    tokenizer.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    tokenizer.save(str(copy / "tokenizer.json"))
    expected = load_clip(str(siglip2_folder)).reader.token_ids(TEXTS)
    assert torch.equal(load_clip(str(copy)).reader.token_ids(TEXTS), expected)


def test_siglip_ignores_case(siglip_folder: Path, siglip2_folder: Path) -> None:
    for folder in (siglip_folder, siglip2_folder):
        low, high = load_clip(str(folder)).encode_texts(["a blue head", "A BLUE Head"])
        assert torch.equal(low, high)


def test_images_are_those_of_transformers(clip_folder: Path, siglip_folder: Path, generator: torch.Generator) -> None:
    images = torch.rand(2, 3, 48, 48, generator=generator)
    clip = CLIPModel.from_pretrained(clip_folder)
    mean, std = torch.tensor(OPENAI_CLIP_MEAN)[:, None, None], torch.tensor(OPENAI_CLIP_STD)[:, None, None]
    expected = clip.get_image_features(pixel_values=(images - mean) / std).pooler_output
    found = load_clip(str(clip_folder), precision="float32").encode_images(images)
    assert torch.allclose(found, normalize(expected, dim=-1), atol=1e-5)
    siglip = SiglipModel.from_pretrained(siglip_folder)
    expected = siglip.get_image_features(pixel_values=images * 2 - 1).pooler_output
    found = load_clip(str(siglip_folder), precision="float32").encode_images(images)
    assert torch.allclose(found, normalize(expected, dim=-1), atol=1e-5)


def test_siglip2_patches_are_those_of_transformers(siglip2_folder: Path, generator: torch.Generator) -> None:
    images = torch.rand(2, 3, 48, 48, generator=generator)
    model = Siglip2Model.from_pretrained(siglip2_folder)
    # A plain loop over patches, each a flat row of height, width, channel.
    rows = [
        torch.stack([x[:, i : i + 16, j : j + 16].permute(1, 2, 0).flatten() for i in (0, 16, 32) for j in (0, 16, 32)])
        for x in images * 2 - 1
    ]
    expected = model.get_image_features(
        pixel_values=torch.stack(rows),
        pixel_attention_mask=torch.ones(2, 9, dtype=torch.int32),
        spatial_shapes=torch.tensor([[3, 3], [3, 3]]),
    ).pooler_output
    found = load_clip(str(siglip2_folder), precision="float32").encode_images(images)
    assert torch.allclose(found, normalize(expected, dim=-1), atol=1e-5)


def test_pixel_gradients_agree_with_differences(folder: Path, generator: torch.Generator) -> None:
    guidance = load_clip(str(folder), precision="float32")
    guidance.towers.double()
    target = guidance.encode_texts(TEXTS[:1]).double()
    images = torch.rand(1, 3, 64, 64, generator=generator)
    direction = torch.randn(images.shape, generator=generator)

    def score(step: float) -> torch.Tensor:
        moved = (images + step * direction).double()
        # The public method works in float32, too coarse for a difference; its own parts are chained here.
        features = _image_features(guidance.towers, prepare_images(moved, guidance.preparation))
        return (normalize(features, dim=-1) * target).sum()

    pixels = images.clone().requires_grad_()
    guidance.towers.float()
    (guidance.encode_images(pixels) * target.float()).sum().backward()
    assert pixels.grad is not None
    found = (pixels.grad * direction).sum().item()
    guidance.towers.double()
    expected = ((score(1e-4) - score(-1e-4)) / 2e-4).item()
    assert found == pytest.approx(expected, rel=1e-3)
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in guidance.towers.parameters())


def test_bfloat16_keeps_embeddings_and_gradients(folder: Path, generator: torch.Generator) -> None:
    images = torch.rand(2, 3, 48, 48, generator=generator)
    results = []
    for precision in ("float32", "bfloat16"):
        guidance = load_clip(str(folder), precision=precision)
        pixels = images.clone().requires_grad_()
        embeddings = guidance.encode_images(pixels)
        (embeddings * guidance.encode_texts(TEXTS[:1])).sum().backward()
        results.append((embeddings, pixels.grad))
    (exact, exact_grad), (quick, quick_grad) = results
    assert quick.dtype == torch.float32
    assert not torch.equal(exact, quick)
    assert cosine_similarity(exact, quick).min() > 0.999
    assert cosine_similarity(exact_grad.flatten(1), quick_grad.flatten(1)).min() > 0.98


def test_precision_follows_the_device() -> None:
    cpu = torch.device("cpu")
    assert compute_dtype(cpu, "float32") == torch.float32
    assert compute_dtype(cpu, "bfloat16") == torch.bfloat16
    assert compute_dtype(torch.device("mps"), "auto") == torch.float32


@pytest.mark.parametrize("is_supported", [True, False])
def test_auto_precision_asks_the_processor(monkeypatch: pytest.MonkeyPatch, is_supported: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: is_supported)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    expected = torch.bfloat16 if is_supported else torch.float32
    assert compute_dtype(torch.device("cpu"), "auto") == expected


def test_long_texts_are_cut_where_the_encoder_stops(folder: Path) -> None:
    guidance = load_clip(str(folder))
    long = "A zebra striped man with a Blue head " * 6
    fitted = guidance.fit_text(long)
    assert long.startswith(fitted)
    assert 20 < len(fitted) < len(long) / 2
    first, second = guidance.encode_texts([long, fitted + " gold demon walks over mossy stone" * 9])
    whole = guidance.encode_texts(["a zebra"])
    assert guidance.fit_text("a zebra") == "a zebra"
    assert not torch.allclose(first, whole[0], atol=1e-3)
    # What stands behind the cut is never read: CLIP's words end where the fitted text ends.
    if folder.name.startswith("clip"):
        assert torch.equal(first, second)


def test_characters_that_grow_in_lower_case_do_not_shift_the_cut(siglip_folder: Path) -> None:
    guidance = load_clip(str(siglip_folder))
    # Turkish dotted capital I becomes two characters in lower case.
    plain = "gold " * 40
    dotted = "İİİİ " + plain
    assert dotted.startswith(guidance.fit_text(dotted))
    assert guidance.fit_text(dotted).endswith("gold")


def test_loading_twice_gives_the_same_bits(clip_folder: Path, generator: torch.Generator) -> None:
    images = torch.rand(2, 3, 70, 50, generator=generator)
    first, second = (load_clip(str(clip_folder)).encode_images(images) for _ in range(2))
    assert torch.equal(first, second)
