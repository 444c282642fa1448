"""Tiny CLIP and SigLIP checkpoints with random weights, written to disk in the real formats."""

import json
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    CLIPConfig,
    CLIPModel,
    Siglip2Config,
    Siglip2Model,
    SiglipConfig,
    SiglipModel,
)
from transformers.utils.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

SENTENCES = (
    "a zebra striped man",
    "a woman of gold with a blue head",
    "a photo of a red person in a green coat",
    "the volcanic demon walks over mossy stone",
)
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
VISION = {**TEXT, "image_size": 48, "patch_size": 16}


def write_clip(folder: Path, size: int = 48) -> Path:
    """A CLIP folder: byte-level BPE with word ends, 20 positions, ``size`` pixels."""
    torch.manual_seed(1)
    tokenizer = _clip_tokenizer()
    end = tokenizer.token_to_id("<|endoftext|>")
    text = {
        **TEXT,
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": 20,
        "eos_token_id": end,
        "bos_token_id": end - 1,
    }
    vision = {**VISION, "image_size": size}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(folder, "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "pad_token": "<|endoftext|>"})
    settings = {
        "crop_size": size,
        "do_center_crop": True,
        "do_normalize": True,
        "do_resize": True,
        "image_mean": OPENAI_CLIP_MEAN,
        "image_std": OPENAI_CLIP_STD,
        "resample": 3,
        "size": size,
    }
    _write(folder, "preprocessor_config.json", settings)
    return folder


def write_siglip(folder: Path, size: int = 48) -> Path:
    """A SigLIP folder: unigram pieces, closing ``</s>`` which also pads, 16 positions, ``size`` pixels."""
    torch.manual_seed(2)
    tokenizer = _siglip_tokenizer()
    text = {**TEXT, **_text_shape(tokenizer)}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config={**VISION, "image_size": size}))
    _scatter(model)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(
        folder,
        "tokenizer_config.json",
        {"tokenizer_class": "SiglipTokenizer", "pad_token": "</s>", "eos_token": "</s>", "model_max_length": 16},
    )
    settings = {
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"height": size, "width": size},
    }
    _write(folder, "preprocessor_config.json", settings)
    return folder


def write_siglip2(folder: Path) -> Path:
    """A SigLIP2 folder of the kind that takes patches: its own ``<pad>`` of id 0, 9 patches of 16 pixels."""
    torch.manual_seed(3)
    tokenizer = _siglip2_tokenizer()
    text = {**TEXT, **_text_shape(tokenizer)}
    vision = {**TEXT, "num_patches": 9, "patch_size": 16}
    model = Siglip2Model(Siglip2Config(text_config=text, vision_config=vision))
    _scatter(model)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "Siglip2Tokenizer",
        "bos_token": "<bos>",
        "eos_token": {"__type": "AddedToken", "content": "<eos>", "lstrip": False},
        "pad_token": {"__type": "AddedToken", "content": "<pad>", "lstrip": False},
        "unk_token": "<unk>",
        "add_bos_token": False,
        "add_eos_token": True,
        "padding_side": "right",
    }
    _write(folder, "tokenizer_config.json", settings)
    _write(
        folder,
        "preprocessor_config.json",
        {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2, "patch_size": 16},
    )
    return folder


def _text_shape(tokenizer: Tokenizer) -> dict[str, int]:
    """The text tower's sizes for this tokenizer, with end and start ids that it has."""
    size = tokenizer.get_vocab_size()
    return {
        "vocab_size": size,
        "max_position_embeddings": 16,
        "projection_size": 32,
        "bos_token_id": 1,
        "eos_token_id": 1,
    }


def _scatter(model: torch.nn.Module) -> None:
    """Make biases and norms random too: at their initial zeros and ones a mistake could hide."""
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))


def _clip_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = pre_tokenizers.Split(Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    # The real vocabulary ends with these two: towers with the old end id pool at the highest id.
    learned = json.loads(tokenizer.to_str())["model"]
    size = len(learned["vocab"])
    vocabulary = {**learned["vocab"], "<|startoftext|>": size, "<|endoftext|>": size + 1}
    tokenizer.model = models.BPE(
        vocabulary,
        [tuple(merge) for merge in learned["merges"]],
        continuing_subword_prefix="",
        end_of_word_suffix="</w>",
        unk_token="<|endoftext|>",
    )
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    start, end = tokenizer.token_to_id("<|startoftext|>"), tokenizer.token_to_id("<|endoftext|>")
    tokenizer.post_processor = processors.RobertaProcessing(
        ("<|endoftext|>", end), ("<|startoftext|>", start), trim_offsets=False, add_prefix_space=False
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _siglip_tokenizer() -> Tokenizer:
    letters = [(f"{mark}{letter}", -5.0) for letter in "abcdefghijklmnopqrstuvwxyz" for mark in ("", "▁")]
    words = [(f"▁{word}", -3.0) for sentence in SENTENCES for word in sentence.split() if len(word) > 1]
    pieces = [("<unk>", -9.0), ("</s>", 0.0), ("▁", -6.0), *letters, *dict(words).items()]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(["</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer


def _siglip2_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous", invert=False)
    trainer = trainers.BpeTrainer(
        vocab_size=120,
        special_tokens=["<pad>", "<eos>", "<bos>", "<unk>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator([sentence.lower() for sentence in SENTENCES], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    return tokenizer


def _write(folder: Path, name: str, content: dict) -> None:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
