"""The embedded encoder ``mini``: loads its checkpoint folder and guides; knows nothing of how it was trained."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from clipmatrix.errors import ModelError, short_reason
from clipmatrix.guidance.mini.network import MiniConfig, MiniNetwork, freeze
from clipmatrix.guidance.mini.words import FUNCTION_WORDS, PicturedWords, find_words, read_pictured

CHECKPOINT = Path(__file__).parent / "checkpoint"
"""The folder that ships with the package."""


_ENOUGH = 0.6
"""Plain colours come to 0.14 to 0.50 where the text asks for them alone, and to 0.72 to 1.75 where it asks for more."""


class MiniGuidance:
    """The embedded encoder as a ``Guidance``; it freezes the network for good."""

    def __init__(
        self,
        network: MiniNetwork,
        tokenizer: Tokenizer,
        row_ids: Tensor,
        name: str,
        pictured: PicturedWords | None = None,
    ) -> None:
        freeze(network)
        self._network = network
        self._network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self._tokenizer = tokenizer
        self._row_ids = row_ids
        self.name = name
        self._pictured = pictured

    @property
    def image_size(self) -> int:
        """Side in pixels of what the encoder sees."""
        return self._network.config.image_size

    @property
    def enough(self) -> float:
        """The loss of a body in plain colours from which nothing is missing; measured over prompts (dev/LOG.md)."""
        return _ENOUGH

    def encode_texts(self, texts: Sequence[str]) -> Float[Tensor, "p d"]:
        """Unit embeddings of the texts; words that it has no row for count for nothing."""
        rows = tokenize(self._tokenizer, self._row_ids, texts, self._network.config.max_tokens)
        with torch.no_grad():
            return self._network.embed_rows(rows.to(self._device))

    def encode_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Unit embeddings of sRGB pictures in [0, 1] of any size; differentiable. 0.6 GFLOP a picture."""
        size = self.image_size
        if images.shape[-2:] == (2 * size, 2 * size):
            images = torch.nn.functional.avg_pool2d(images, 2)
        elif images.shape[-2:] != (size, size):
            images = torch.nn.functional.interpolate(
                images, (size, size), mode="bilinear", align_corners=False, antialias=True
            )
        return self._network.embed_images(images.contiguous(memory_format=torch.channels_last))

    def fit_text(self, text: str) -> str:
        """The text up to the last token that is read."""
        encoding = self._tokenizer.encode(text)
        limit = self._network.config.max_tokens
        return text if len(encoding.ids) <= limit else text[: encoding.offsets[limit - 1][1]]

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """The words of what is read of the text that the encoder has no row for, as they are spelt there."""
        return tuple(dict.fromkeys(word for word, is_read in self._find_names(text) if not is_read))

    def unpictured_words(self, text: str) -> tuple[str, ...]:
        """The words that have a row, but stood in no caption; none where the checkpoint does not say which did.

        A colour's name of several words is one of them.
        """
        pictured = self._pictured
        if pictured is None:
            return ()
        return tuple(
            dict.fromkeys(word for word, is_read in self._find_names(text) if is_read and not pictured.has(word))
        )

    def _find_names(self, text: str) -> Iterator[tuple[str, bool]]:
        """The words, and names of several words, and whether they are read; single letters are passed over."""
        text = self.fit_text(text)
        encoding = self._tokenizer.encode(text)
        tokens = list(zip(encoding.ids, encoding.offsets, strict=True))
        told = 0
        for word, start, end in find_words(text):
            own = [(token, span) for token, span in tokens if span[0] < end and start < span[1]]
            is_letter = len(word) == 1 and word.isascii() and word.isalpha()
            if start < told or is_letter or word in FUNCTION_WORDS:
                continue
            # A token may reach over several words: the name of a colour.
            begin, told = (min([start, *(a for _, (a, _) in own)]), max([end, *(b for _, (_, b) in own)]))
            yield text[begin:told], any(int(self._row_ids[token]) != 0 for token, _ in own)

    @property
    def _device(self) -> torch.device:
        return self._network.log_scale.device


def tokenize(tokenizer: Tokenizer, row_ids: Tensor, texts: Sequence[str], max_tokens: int) -> Tensor:
    """Rows of the token table (p n), cut to ``max_tokens`` and padded with row 0 to the longest text."""
    encodings = tokenizer.encode_batch(list(texts))
    lists = [row_ids[encoding.ids[:max_tokens]].tolist() for encoding in encodings]
    width = max(1, *(len(ids) for ids in lists))
    return torch.tensor([ids + [0] * (width - len(ids)) for ids in lists], dtype=torch.int64)


def load_mini(folder: Path | None = None, device: torch.device | str = "cpu") -> MiniGuidance:
    """The embedded encoder from its folder (``config.json``, ``model.safetensors``, ``tokenizer.json``).

    The folder may have a ``pictured.txt``: the words of the captions that it was trained on.

    Raises: ModelError when a file is missing, damaged or of another kind.
    """
    source = CHECKPOINT if folder is None else folder
    try:
        config = MiniConfig.from_json(json.loads((source / "config.json").read_text(encoding="utf-8")))
        tokenizer = _read_tokenizer(source / "tokenizer.json")
        pictured = read_pictured(source / "pictured.txt")
        tensors = load_file(source / "model.safetensors")
        row_ids = tensors.pop("row_ids").to(torch.int64)
        table = tensors.pop("text.table.int8").float() * tensors.pop("text.table.scale").float()[:, None]
        state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
        state["text.table"] = table
        _require_sizes(config, state)
        network = MiniNetwork(config)
        network.load_state_dict(state)
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        raise ModelError(f"wanted the mini encoder in {source}, found no {name}; install clipmatrix anew") from error
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError, SafetensorError, OSError) as error:
        reason = short_reason(error)
        raise ModelError(
            f"wanted the mini encoder in {source}, found a damaged or foreign one ({reason}); install clipmatrix anew"
        ) from error
    name = "mini" if folder is None else str(folder)
    return MiniGuidance(
        network.to(device), tokenizer, row_ids, name, None if pictured is None else PicturedWords(pictured)
    )


def _require_sizes(config: MiniConfig, state: Mapping[str, Tensor]) -> None:
    """Raises: ValueError when the tensors are not those of such a network; before room is made for any."""
    try:
        with torch.device("meta"):
            wanted = {name: tensor.shape for name, tensor in MiniNetwork(config).state_dict().items()}
    except AssertionError as error:
        # So torch refuses sizes that do not go with one another.
        raise ValueError(str(error)) from error
    other = [name for name in wanted if name not in state or state[name].shape != wanted[name]]
    if other:
        raise ValueError(f"{other[0]} is not of the size that config.json says")


def _read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of a file. Raises: ValueError when it is none; OSError when it cannot be read."""
    text = path.read_text(encoding="utf-8")
    try:
        return Tokenizer.from_str(text)
    except Exception as error:
        # The library raises bare exceptions.
        raise ValueError(f"{path.name}: {error}") from error
