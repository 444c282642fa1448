"""CLIP and SigLIP checkpoints of ``transformers`` as guidance; knows neither meshes nor what the pictures show."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel, CLIPTokenizer, Siglip2Model, SiglipModel
from transformers.utils import logging as transformers_logging
from transformers.utils.constants import (
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    OPENAI_CLIP_MEAN,
    OPENAI_CLIP_STD,
)

from clipmatrix.errors import ModelError
from clipmatrix.guidance.hub import ADVICE, find_checkpoint, has_weights
from clipmatrix.guidance.pixels import Preparation, patches_of, prepare_images, read_preparation
from clipmatrix.guidance.texts import TextReader, read_clip_texts, read_json, read_siglip_texts, read_tokenizer

Precision = Literal["auto", "float32", "bfloat16"]
"""``auto`` computes in bfloat16 where the processor has instructions for it, in float32 elsewhere."""

Towers = CLIPModel | SiglipModel | Siglip2Model

_logger = logging.getLogger(__name__)
_TEXTS_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class ClipGuidance:
    """A frozen CLIP, SigLIP or SigLIP2 behind the ``Guidance`` contract.

    ``compute_dtype`` is that of the vision tower's matrix products; texts are read once, in float32.
    """

    name: str
    image_size: int
    towers: Towers
    reader: TextReader
    preparation: Preparation
    device: torch.device
    compute_dtype: torch.dtype

    def encode_texts(self, texts: Sequence[str]) -> Float[Tensor, "p d"]:
        """Unit embeddings of the texts; without gradient. Too long texts are cut (see ``fit_text``)."""
        parts = []
        with torch.no_grad():
            for start in range(0, len(texts), _TEXTS_AT_ONCE):
                ids = self.reader.token_ids(texts[start : start + _TEXTS_AT_ONCE]).to(self.device)
                parts.append(_text_features(self.towers, ids))
        return normalize(torch.cat(parts), dim=-1)

    def encode_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Unit embeddings of sRGB pictures, in float32; gradients reach the pixels and no weight."""
        prepared = prepare_images(images.to(self.device, torch.float32), self.preparation)
        with self._autocast():
            features = _image_features(self.towers, prepared)
        return normalize(features.float(), dim=-1)

    def fit_text(self, text: str) -> str:
        """The part of the text that the encoder reads: the whole text, or what is left after cutting it."""
        return self.reader.fit(text)

    def _autocast(self) -> AbstractContextManager:
        if self.compute_dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.compute_dtype)


def load_clip(
    name_or_folder: str, device: torch.device | str = "cpu", *, precision: Precision = "auto"
) -> ClipGuidance:
    """The encoder of a hub name or of a local folder, frozen and ready to guide.

    Only safetensors are read, never pickles. A folder or an earlier download needs no network. On a processor with
    bfloat16 instructions ``auto`` takes 0.4 of the time of float32 and keeps the pixel gradients' direction
    (cosine above 0.999, ViT-B/32).

    Raises: ModelError when the checkpoint is absent, broken, or of another kind.
    """
    folder = find_checkpoint(name_or_folder)
    if not (folder / "config.json").is_file():
        raise ModelError(f"wanted a CLIP or SigLIP checkpoint in {folder}, found no config.json; {ADVICE}")
    family = read_json(folder / "config.json").get("model_type")
    if family not in ("clip", "siglip", "siglip2"):
        raise ModelError(
            f"wanted a CLIP or SigLIP checkpoint in {folder}, found model_type {family!r} in config.json; {ADVICE}"
        )
    if not has_weights(folder):
        raise ModelError(
            f"wanted model.safetensors in {folder}, found none (pickled weights are never opened); {ADVICE}"
        )
    towers = _load_towers(folder, family)
    reader = _load_reader(folder, towers)
    preparation = _load_preparation(folder, towers)
    place = torch.device(device)
    dtype = compute_dtype(place, precision)
    torch.nn.Module.to(towers, place)
    if dtype != torch.float32:
        _keep_products_in(towers, dtype)
    return ClipGuidance(name_or_folder, preparation.size, towers, reader, preparation, place, dtype)


def compute_dtype(device: torch.device, precision: Precision) -> torch.dtype:
    """The type in which the vision tower multiplies on this device."""
    match precision:
        case "float32":
            return torch.float32
        case "bfloat16":
            return torch.bfloat16
        case "auto":
            match device.type:
                case "cpu":
                    # Without these instructions bfloat16 is emulated, and several times slower than float32.
                    is_fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
                case "cuda":
                    is_fast = torch.cuda.is_bf16_supported(including_emulation=False)
                case _:
                    is_fast = False
            return torch.bfloat16 if is_fast else torch.float32


def _image_features(towers: Towers, prepared: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b d"]:
    """The vision tower's embedding, not normalised.

    Towers and projections are called one by one: what ``get_image_features`` returns differs between releases.
    """
    match towers:
        case CLIPModel():
            return towers.visual_projection(towers.vision_model(pixel_values=prepared).pooler_output)
        case SiglipModel():
            return towers.vision_model(pixel_values=prepared).pooler_output
        case Siglip2Model():
            vision: Any = towers.config.vision_config
            patch_size = vision.patch_size
            patches = patches_of(prepared, patch_size)
            side = prepared.shape[-1] // patch_size
            shapes = torch.full((prepared.shape[0], 2), side, dtype=torch.int64, device=prepared.device)
            seen = torch.ones(patches.shape[:2], dtype=torch.int32, device=prepared.device)
            # By position: releases name the mask differently.
            return towers.vision_model(patches, seen, shapes).pooler_output


def _text_features(towers: Towers, ids: Tensor) -> Float[Tensor, "p d"]:
    """The text tower's embedding, not normalised.

    No attention mask: CLIP's causal tower pools before the padding, SigLIP was trained to attend to it.
    """
    pooled = towers.text_model(input_ids=ids).pooler_output
    match towers:
        case CLIPModel():
            return towers.text_projection(pooled)
        case _:
            return pooled


def _load_towers(folder: Path, family: str) -> Towers:
    """Both towers with the checkpoint's weights, all of them, frozen, in float32.

    Raises: ModelError when the files are broken or do not fit one another.
    """
    model_class = {"clip": CLIPModel, "siglip": SiglipModel, "siglip2": Siglip2Model}[family]
    try:
        with _quiet():
            towers, report = model_class.from_pretrained(
                str(folder),
                use_safetensors=True,
                local_files_only=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except Exception as error:
        # Broken weights surface as OSError, RuntimeError, KeyError or the file format's own error, by version.
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"the checkpoint in {folder} is broken: {reason}; download it again") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"the checkpoint in {folder} lacks {len(missing)} weights ({missing[0]}, ...); download it again"
        )
    return towers.eval().requires_grad_(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers' progress bars and load reports, which would garble the progress line."""
    verbosity = transformers_logging.get_verbosity()
    had_bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if had_bars:
            transformers_logging.enable_progress_bar()


def _load_reader(folder: Path, towers: Towers) -> TextReader:
    """The text reader of the checkpoint's family."""
    text_config: Any = towers.config.text_config
    max_tokens = text_config.max_position_embeddings
    match towers:
        case CLIPModel():
            if (folder / "tokenizer.json").is_file() or not (folder / "vocab.json").is_file():
                tokenizer = read_tokenizer(folder)
            else:
                try:
                    tokenizer = CLIPTokenizer.from_pretrained(str(folder), local_files_only=True).backend_tokenizer
                except Exception as error:
                    # As with the weights, the error's type depends on which file is broken.
                    reason = " ".join(str(error).split())[:200]
                    raise ModelError(f"the vocabulary in {folder} is broken: {reason}; download it again") from error
            reader = read_clip_texts(tokenizer, max_tokens)
        case _:
            reader = read_siglip_texts(folder, read_tokenizer(folder), max_tokens, text_config.pad_token_id)
    highest = max(reader.pad_id, reader.tokenizer.get_vocab_size() - 1)
    if highest >= text_config.vocab_size:
        raise ModelError(
            f"the tokenizer in {folder} has ids up to {highest}, the text tower takes {text_config.vocab_size}; "
            "download the checkpoint again"
        )
    return reader


def _load_preparation(folder: Path, towers: Towers) -> Preparation:
    """The picture preparation of ``preprocessor_config.json``, or the family's own where a folder lacks the file."""
    default = _family_preparation(towers)
    if (folder / "preprocessor_config.json").is_file():
        settings: object = read_json(folder / "preprocessor_config.json")
    elif (folder / "processor_config.json").is_file():
        # transformers 5 saves the picture settings as a part of this file.
        settings = read_json(folder / "processor_config.json").get("image_processor", {})
    else:
        _logger.warning("%s has no preprocessor_config.json: its family's picture settings are used", folder)
        settings = {}
    if not isinstance(settings, dict):
        raise ModelError(f"wanted picture settings in {folder}, found {settings!r}; download the checkpoint again")
    preparation = read_preparation(settings, default)
    if preparation.size != default.size:
        raise ModelError(
            f"the picture settings in {folder} say {preparation.size} pixels, its vision tower takes {default.size}; "
            "download the checkpoint again"
        )
    return preparation


def _family_preparation(towers: Towers) -> Preparation:
    """What the family's own image processor does by default, at the size of this vision tower."""
    vision: Any = towers.config.vision_config
    half_mean, half_std = _triple(IMAGENET_STANDARD_MEAN), _triple(IMAGENET_STANDARD_STD)
    match towers:
        case CLIPModel():
            size = vision.image_size
            return Preparation(size, size, "bicubic", "crop", _triple(OPENAI_CLIP_MEAN), _triple(OPENAI_CLIP_STD))
        case SiglipModel():
            size = vision.image_size
            return Preparation(size, size, "bicubic", "squash", half_mean, half_std)
        case Siglip2Model():
            # This tower takes any number of patches: the grid it was trained on is the safest.
            size = vision.patch_size * round(vision.num_patches**0.5)
            return Preparation(size, size, "bilinear", "squash", half_mean, half_std)


def _keep_products_in(towers: Towers, dtype: torch.dtype) -> None:
    """Hold the vision tower's matrices in ``dtype``: autocast would convert frozen ones again at every call."""
    for module in towers.vision_model.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            module.to(dtype)


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    first, second, third = values
    return float(first), float(second), float(third)
