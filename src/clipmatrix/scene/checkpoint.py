"""Scenes as bytes in the safetensors format; knows nothing of files or runs."""

import json

import safetensors
import safetensors.torch
import torch

from clipmatrix.errors import RunError, short_reason
from clipmatrix.scene.scene import Scene

FORMAT = 1
"""Raised when the names or meanings of the tensors change."""


def dump_scene(state: dict[str, torch.Tensor], step: int) -> bytes:
    """The state and the number of steps behind it; the same state gives the same bytes."""
    # One metadata entry only: the format keeps no order among several.
    header = {"clipmatrix": json.dumps({"format": FORMAT, "step": step})}
    return safetensors.torch.save({name: value.cpu().contiguous() for name, value in state.items()}, metadata=header)


def restore_scene(scene: Scene, data: bytes, name: str) -> None:
    """Puts the state of ``data`` into the scene.

    Raises:
        RunError: the data is no checkpoint, or one of another body or texture size; ``name`` says which file.
    """
    try:
        state = safetensors.torch.load(data)
        scene.load_state_dict(state)
    except (safetensors.SafetensorError, RuntimeError) as error:
        reason = short_reason(ValueError(str(error).strip().splitlines()[-1]))
        raise RunError(f"{name} is no checkpoint of this body and texture size ({reason}): use another one") from error
