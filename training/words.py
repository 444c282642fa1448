"""The token table of the text tower: a row for every word, made once from a sentence encoder and frozen.

Every English word of a plain word list goes alone through a sentence encoder; the principal components of the answers
are its row, so that words which were never in a caption lie near those that were. Colour names, several words long
where need be, carry their own colour in the last columns: sentence encoders place emerald near orange.
"""

import re
from pathlib import Path

import numpy as np
import torch
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

from clipmatrix.procedural import wording
from clipmatrix.procedural.characters import characters
from clipmatrix.procedural.tables import builds, colors, surfaces

COLOR_WIDTH = 16
_EXTRA = Path(__file__).parent / "extra_words.txt"


def word_list(dictionary: Path) -> list[str]:
    """Lower-case words of a dictionary file (one word a line), of all that captions are made of, and extra ones."""
    words = {line.strip() for line in dictionary.read_text(encoding="utf-8").splitlines()}
    words |= set(_EXTRA.read_text(encoding="utf-8").split())
    for surface in surfaces().values():
        words |= set(" ".join(surface.words + surface.nouns + surface.beings).split())
    for build in builds().values():
        words |= set(" ".join(build.words + build.phrases + build.also).split())
    for character in characters().values():
        words |= set(" ".join(character.words).split())
    for phrases in vars(wording).values():
        if isinstance(phrases, tuple):
            words |= set(re.findall("[a-z]+", str(phrases)))
    words |= set(" ".join(colors().names).split())
    return sorted({word.lower() for word in words if word.isascii() and word.isalpha() and len(word) < 20})


def build_tokenizer(words: list[str]) -> Tokenizer:
    """Whole words; an unknown one is cut into known words (``steam``, ``##punk``); colour names are one token."""
    vocabulary = {"[PAD]": 0, "[UNK]": 1}
    for word in words:
        vocabulary[word] = len(vocabulary)
    for word in words:
        if 3 <= len(word) <= 9:
            vocabulary["##" + word] = len(vocabulary)
    for ending in ("s", "ed", "er", "y", "ly", "ic", "al"):
        vocabulary.setdefault("##" + ending, len(vocabulary))
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=40))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex("[^a-z]+"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_tokens(
        [AddedToken(name, single_word=True, normalized=True) for name in colors().names if " " in name]
    )
    return tokenizer


def color_features(oklab: np.ndarray) -> np.ndarray:
    """Sixteen smooth functions of a colour: its coordinates, a flag, and waves that tell near colours apart."""
    scaled = (oklab - np.array([0.6, 0.0, 0.0])) / np.array([0.25, 0.12, 0.12])
    basis = np.random.default_rng(7).normal(size=(3, 6)) * 0.9
    waves = scaled @ basis
    return np.concatenate([scaled, np.ones((len(oklab), 1)), np.sin(waves), np.cos(waves)], axis=1)


def build_table(tokenizer: Tokenizer, teacher: Path, token_width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The table (rows, token_width), row 0 zero, and the row of every token; unknown tokens have row 0."""
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    texts = sorted({token.removeprefix("##") for token in vocabulary if not token.startswith("[")})
    row_of_text = {text: i + 1 for i, text in enumerate(texts)}
    row_ids = torch.zeros(len(vocabulary), dtype=torch.int64)
    for token, index in vocabulary.items():
        row_ids[index] = row_of_text.get(token.removeprefix("##"), 0)
    meaning = embed_words(texts, teacher)
    meaning = meaning - meaning.mean(0)
    _, _, axes = torch.linalg.svd(
        meaning[torch.randperm(len(meaning), generator=torch.Generator().manual_seed(0))[:12000]], full_matrices=False
    )
    width = token_width - COLOR_WIDTH
    reduced = meaning @ axes[:width].T
    reduced = reduced / reduced.pow(2).mean().sqrt()
    table = torch.zeros(len(texts) + 1, token_width)
    table[1:, :width] = reduced
    lexicon = colors()
    features = torch.from_numpy(color_features(lexicon.oklab)).float()
    for name, feature in zip(lexicon.names, features, strict=True):
        table[row_of_text[name], width:] = feature
        # A colour is what it looks like first: its name's associations count less.
        table[row_of_text[name], :width] *= 0.5
    return table, row_ids


def embed_words(texts: list[str], teacher: Path) -> torch.Tensor:
    """Unit mean-pooled answers of the sentence encoder in the folder, one a text; batches sorted by length."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(teacher), AutoModel.from_pretrained(teacher).eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    out = torch.zeros(len(texts), model.config.hidden_size)
    with torch.no_grad():
        for start in range(0, len(order), 512):
            ids = order[start : start + 512]
            batch = tokenizer([texts[i] for i in ids], padding=True, return_tensors="pt")
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None].float()
            out[ids] = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    return out
