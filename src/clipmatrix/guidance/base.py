"""What an encoder must offer to guide; knows neither mesh nor scene."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Guidance(Protocol):
    """A joint embedding of texts and images.

    Images are sRGB in [0, 1] of any size of at least 32 pixels; the encoder resizes and normalises them itself.
    Both embeddings have unit length, so that their product is the cosine. Images' gradients reach the pixels.
    """

    @property
    def name(self) -> str:
        """What the run directory writes down: the checkpoint's name or folder."""
        ...

    @property
    def image_size(self) -> int:
        """Side in pixels of the square pictures that the encoder sees; rendering more than this is lost."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Float[Tensor, "p d"]:
        """Unit embeddings of the texts; without gradient. Too long texts are cut (see ``fit_text``)."""
        ...

    def encode_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Unit embeddings of sRGB pictures."""
        ...

    def fit_text(self, text: str) -> str:
        """The part of the text that the encoder reads: the whole text, or what is left after cutting it."""
        ...


@runtime_checkable
class WordGuidance(Guidance, Protocol):
    """A guidance that can tell which words it does not know; large encoders read letter groups and cannot."""

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """The words that are not read at all, as they are spelt in the text."""
        ...

    def unpictured_words(self, text: str) -> tuple[str, ...]:
        """The words that have a meaning, but no picture in what the encoder was trained on."""
        ...


@runtime_checkable
class CoarseGuidance(Guidance, Protocol):
    """A guidance that knows what a body looks like, but whose slopes paint things no eye sees in its texts.

    A small encoder's choices are good where its gradients are not: it may tint whole parts, and no single texels.
    """

    @property
    def enough(self) -> float:
        """The loss at usual weights at which plain colours have said all that their text asks for."""
        ...
