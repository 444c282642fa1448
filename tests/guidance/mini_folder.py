"""A tiny checkpoint of the embedded encoder's kind with random weights, written to disk in the package's format."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from clipmatrix.guidance.mini.network import MiniConfig, MiniNetwork
from training.words import build_tokenizer

WORDS = ("a", "baby", "blue", "dragon", "fire", "friend", "knight", "light", "man", "punk", "robe", "steam", "with")


def write_mini(folder: Path, pictured: Sequence[str] | None = None, max_tokens: int = 16) -> Path:
    """A folder that knows ``WORDS`` and light blue; ``pictured`` go into ``pictured.txt``, if any."""
    torch.manual_seed(5)
    tokenizer = build_tokenizer(list(WORDS))
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    row_ids = torch.arange(len(vocabulary), dtype=torch.int32)
    row_ids[[vocabulary["[PAD]"], vocabulary["[UNK]"]]] = 0
    config = MiniConfig(32, (8, 8, 8, 8), (1, 1, 1), 1, 8, 8, len(vocabulary), 8, 1, 1, max_tokens)
    tensors = {name: tensor for name, tensor in MiniNetwork(config).state_dict().items() if name != "text.table"}
    table = torch.randint(-127, 128, (len(vocabulary), 8), dtype=torch.int8)
    tensors |= {"row_ids": row_ids, "text.table.int8": table, "text.table.scale": torch.full((len(vocabulary),), 0.01)}
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    settings = {"model_type": "clipmatrix-mini", **asdict(config)}
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    tokenizer.save(str(folder / "tokenizer.json"))
    if pictured is not None:
        (folder / "pictured.txt").write_text("".join(f"{word}\n" for word in pictured), encoding="utf-8")
    return folder
