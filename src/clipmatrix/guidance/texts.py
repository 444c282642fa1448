"""Turns texts into token ids as an encoder's text tower was trained to read them; knows no weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Int64
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from torch import Tensor

from clipmatrix.errors import ModelError

Padding = Literal["longest", "full"]


@dataclass(frozen=True, eq=False)
class TextReader:
    """A tokenizer with the conventions of one family of text towers.

    ``padding`` to the longest text is CLIP's (what follows the end token is never read); ``full`` pads to
    ``max_tokens``, as SigLIP was trained: it reads the padding, and without it its embeddings are wrong.
    """

    tokenizer: Tokenizer
    max_tokens: int
    pad_id: int
    padding: Padding
    case: Literal["kept", "lower"]

    def token_ids(self, texts: Sequence[str]) -> Int64[Tensor, "p n"]:
        """Ids of the texts, cut at ``max_tokens`` with the closing token kept, and padded on the right."""
        rows = [encoding.ids for encoding in self._encode(texts)]
        width = self.max_tokens if self.padding == "full" else max(len(row) for row in rows)
        return torch.tensor([row + [self.pad_id] * (width - len(row)) for row in rows], dtype=torch.int64)

    def fit(self, text: str) -> str:
        """The beginning of the text that survives the cut; the very same text when nothing is cut."""
        (encoding,) = self._encode([text])
        if not encoding.overflowing:
            return text
        read = zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
        return text[: max((end for (_, end), is_special in read if not is_special), default=0)].rstrip()

    def _encode(self, texts: Sequence[str]) -> list:
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.max_tokens)
        if self.case == "lower":
            texts = [_lower(text) for text in texts]
        return self.tokenizer.encode_batch(list(texts))


def read_clip_texts(tokenizer: Tokenizer, max_tokens: int) -> TextReader:
    """How CLIP reads: up to ``max_tokens`` (77), causal, pooled at the first end token or at the highest id.

    The padding is never read; id 0 is neither an end token that comes first nor the highest id.
    """
    return TextReader(tokenizer, max_tokens, 0, "longest", "kept")


def read_siglip_texts(folder: Path, tokenizer: Tokenizer, max_tokens: int, pad_id: int) -> TextReader:
    """How SigLIP and SigLIP2 read: lower case, padded to all of their ``max_tokens`` (64), without a mask.

    The padding token stands in ``tokenizer_config.json`` (SigLIP2's model config names another); ``pad_id`` is the
    model config's, for folders without that file. Where that file says whether a text opens and closes with a
    special token, it outweighs ``tokenizer.json``: Gemma's opens every text, SigLIP2 was trained on closed ones.

    References: Zhai et al., "Sigmoid Loss for Language Image Pre-Training", ICCV 2023; Tschannen et al.,
    "SigLIP 2", 2025.
    """
    settings = read_json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    named_pad = _special_id(tokenizer, settings, "pad_token")
    _frame_texts(tokenizer, settings)
    return TextReader(tokenizer, max_tokens, pad_id if named_pad is None else named_pad, "full", "lower")


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of ``tokenizer.json``.

    Raises: ModelError when the file is missing or broken.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(
            f"wanted tokenizer.json in {folder}, found none; download the checkpoint again with all its files"
        )
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:
        # The tokenizers library raises bare Exceptions.
        raise ModelError(f"{path} is not a tokenizer: {_one_line(error)}; download it again") from error


def read_json(path: Path) -> dict[str, object]:
    """The object in a JSON file.

    Raises: ModelError when it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {_one_line(error)}; download the checkpoint again") from error
    if not isinstance(content, dict):
        raise ModelError(f"wanted settings in {path}, found {type(content).__name__}; download the checkpoint again")
    return content


def _special_id(tokenizer: Tokenizer, settings: Mapping[str, object], key: str) -> int | None:
    """The id of a special token by its entry in ``tokenizer_config.json``: a text, or an object with a content."""
    entry = settings.get(key)
    text = entry.get("content") if isinstance(entry, Mapping) else entry
    return tokenizer.token_to_id(text) if isinstance(text, str) else None


def _frame_texts(tokenizer: Tokenizer, settings: Mapping[str, object]) -> None:
    """Set the special tokens around a text where ``tokenizer_config.json`` is explicit about both."""
    opening, closing = settings.get("add_bos_token"), settings.get("add_eos_token")
    if not isinstance(opening, bool) or not isinstance(closing, bool):
        return
    opening_id = _special_id(tokenizer, settings, "bos_token") if opening else None
    closing_id = _special_id(tokenizer, settings, "eos_token") if closing else None
    before = [(tokenizer.id_to_token(opening_id), opening_id)] if opening_id is not None else []
    after = [(tokenizer.id_to_token(closing_id), closing_id)] if closing_id is not None else []
    single = [token for token, _ in before] + ["$A"] + [token for token, _ in after]
    tokenizer.post_processor = TemplateProcessing(single=single, special_tokens=before + after)


def _lower(text: str) -> str:
    """Lower case with every character in its place, so that the tokenizer's offsets still point into the text."""
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
