"""The judge as it is used: its checkpoint's folder, and texts and pictures to unit embeddings; knows no benchmark."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from clipmatrix.errors import ModelError
from training.judge.network import JudgeConfig, JudgeNetwork
from training.judge.text import SentenceReader
from training.train import find_teacher

MODEL_TYPE = "clipmatrix-judge"
_CHUNK = 64


class Judge:
    """A trained judge, frozen; on the network's device, whose sentence reader is on the same one."""

    def __init__(self, network: JudgeNetwork, reader: SentenceReader) -> None:
        self._network = network.eval().requires_grad_(False)
        self._reader = reader

    def encode_texts(self, texts: Sequence[str]) -> Float[Tensor, "p d"]:
        """Unit embeddings of the texts."""
        with torch.no_grad():
            return self._network.embed_sentences(self._reader.read(texts)).cpu()

    def encode_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Unit embeddings of sRGB pictures in [0, 1] of any size; without gradients, by intent."""
        size = self._network.config.image_size
        if images.shape[-2:] != (size, size):
            images = F.interpolate(images, (size, size), mode="bilinear", align_corners=False, antialias=True)
        device = self._network.log_scale.device
        with torch.no_grad():
            parts = [self._network.embed_images(part.to(device)).cpu() for part in images.split(_CHUNK)]
        return torch.cat(parts)


def save_judge(network: JudgeNetwork, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors``; the sentence encoder is not among them."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}
    save_file(tensors, folder / "model.tmp")
    (folder / "model.tmp").replace(folder / "model.safetensors")
    settings = {"model_type": MODEL_TYPE, **network.config.to_json()}
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def load_judge(folder: Path, teacher: Path | None = None) -> Judge:
    """The judge of a training's folder, or of the ``checkpoint`` in it; ``teacher`` is the sentence encoder's folder.

    Raises: ModelError when there is none or it is damaged.
    """
    source = folder / "checkpoint" if (folder / "checkpoint").is_dir() else folder
    try:
        settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
        if settings.get("model_type") != MODEL_TYPE:
            raise ValueError(f"model_type {settings.get('model_type')!r}")
        network = JudgeNetwork(JudgeConfig.from_json(settings))
        network.load_state_dict(load_file(source / "model.safetensors"))
    except FileNotFoundError as error:
        raise ModelError(
            f"wanted a judge in {folder}, found none; train one: python -m training.judge.train --out {folder}"
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, SafetensorError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"wanted a judge in {folder}, found a damaged or foreign one ({reason}); train it anew"
        ) from error
    return Judge(network, SentenceReader(teacher or find_teacher(), network.config.max_tokens))
