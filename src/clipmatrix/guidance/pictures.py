"""Pictures as targets: a guidance that reads the keys of given pictures like texts; knows no prompt and no encoder."""

import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from clipmatrix.errors import PromptError
from clipmatrix.guidance.base import Guidance
from clipmatrix.intake import check_size

_LARGEST = 1024
_MOST_PIXELS = 8192 * 8192
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_BEHIND = (184, 184, 184)
"""What transparent pictures are put on, in sRGB."""


@dataclass(frozen=True, eq=False)
class PicturedGuidance:
    """Another guidance, for which the keys of ``pictures`` stand for their embeddings."""

    inner: Guidance
    pictures: Mapping[str, Float[Tensor, "d"]]

    @property
    def name(self) -> str:
        """That of the other guidance."""
        return self.inner.name

    @property
    def image_size(self) -> int:
        """That of the other guidance."""
        return self.inner.image_size

    def encode_texts(self, texts: Sequence[str]) -> Float[Tensor, "p d"]:
        """Unit embeddings of the texts, and of the pictures whose keys are among them."""
        written = [text for text in texts if text not in self.pictures]
        rows = iter(self.inner.encode_texts(written)) if written else iter(())
        return torch.stack([self.pictures[text] if text in self.pictures else next(rows) for text in texts])

    def encode_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """As the other guidance."""
        return self.inner.encode_images(images)

    def fit_text(self, text: str) -> str:
        """As the other guidance; a key is read whole."""
        return text if text in self.pictures else self.inner.fit_text(text)


def with_pictures(guidance: Guidance, paths: Mapping[str, str]) -> Guidance:
    """The guidance with a picture behind each key of ``paths``; the guidance itself where there are none.

    Raises:
        PromptError: a picture cannot be read.
    """
    if not paths:
        return guidance
    with torch.no_grad():
        rows = {key: guidance.encode_images(read_picture(Path(path)))[0].float() for key, path in paths.items()}
    return PicturedGuidance(guidance, rows)


def read_picture(path: Path) -> Float[Tensor, "1 3 h w"]:
    """The picture in sRGB in [0, 1], at most 1024 pixels wide and high; what is transparent becomes light grey.

    Raises:
        PromptError: there is none, or it cannot be read.
    """
    try:
        check_size(path)
        # Pillow warns of pictures that are too large before it refuses them; the size is checked here.
        with warnings.catch_warnings(), Image.open(path) as opened:
            warnings.simplefilter("ignore")
            if opened.width * opened.height > _MOST_PIXELS:
                raise PromptError(f"the picture {path} has {opened.width} x {opened.height} pixels: make it smaller")
            picture = ImageOps.exif_transpose(opened).convert("RGBA")
    # A damaged picture can make the library fail in any of these ways.
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, struct.error, *_BOMBS) as error:
        reason = getattr(error, "strerror", None) or "no picture that can be read"
        raise PromptError(f"the picture {path} cannot be used ({reason}): name a PNG or JPEG file") from error
    picture.thumbnail((_LARGEST, _LARGEST))
    if min(picture.size) < 32:
        width, height = picture.size
        raise PromptError(f"the picture {path} is too small, {width} x {height}: use one of at least 32 x 32 pixels")
    flat = Image.new("RGBA", picture.size, (*_BEHIND, 255))
    flat.alpha_composite(picture)
    pixels = np.asarray(flat.convert("RGB"), dtype=np.float32) / 255.0
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()
