"""Finds the encoder that a name stands for; knows no encoder itself."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import torch

from clipmatrix.errors import ModelError
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.hub import find_local

BUILT_IN = ("mini", "fake")
"""The encoders that need no download: the embedded one, and the weightless one for tests."""


def load_guidance(name: str | Sequence[str], device: torch.device | str = "cpu") -> Guidance:
    """The encoder called ``name``: ``mini``, ``fake``, a hub name with a slash, or a folder; of several names a panel.

    Raises: ModelError when there is none of that name, or when it cannot be loaded.
    """
    if not isinstance(name, str):
        from clipmatrix.guidance.panel import build_panel

        return build_panel([load_guidance(each, device) for each in dict.fromkeys(name)])
    # Each door opens only when it is asked for: transformers alone takes a second to import.
    match name:
        case "mini":
            from clipmatrix.guidance.mini import load_mini

            return load_mini(device=device)
        case "fake":
            from clipmatrix.guidance.fake import load_fake

            return load_fake(device)
        case _:
            require_place(name)
            if _is_mini(Path(name).expanduser() / "config.json"):
                from clipmatrix.guidance.mini import load_mini

                return load_mini(Path(name).expanduser(), device)
            from clipmatrix.guidance.clip import load_clip

            return load_clip(name, device)


def local_weights(name: str | Sequence[str]) -> list[Path]:
    """The files of weights of the encoder called ``name``, as far as they are on this machine, sorted by name.

    Of several names those of each in turn. Downloads nothing, and finds none for a name that stands for no encoder.
    """
    if not isinstance(name, str):
        return [path for each in name for path in local_weights(each)]
    match name:
        case "mini":
            folder: Path | None = Path(__file__).parent / "mini" / "checkpoint"
        case "fake":
            folder = None
        case _:
            folder = find_local(name)
    return sorted(folder.glob("*.safetensors")) if folder else []


def _is_mini(config: Path) -> bool:
    """Whether a folder's config names the embedded encoder's kind; another training of it, for instance."""
    try:
        return json.loads(config.read_text(encoding="utf-8")).get("model_type") == "clipmatrix-mini"
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def require_place(name: str) -> None:
    """Raises: ModelError when ``name`` is no built-in encoder, nor a folder, nor formed like a path or a hub name."""
    if name in BUILT_IN or "/" in name or "\\" in name or (name and Path(name).expanduser().exists()):
        return
    near = get_close_matches(name.lower(), BUILT_IN, n=1)
    hint = f"did you mean {near[0]!r}? There are" if near else "there are"
    raise ModelError(
        f"no encoder {name!r}: {hint} {', '.join(BUILT_IN)}, hub names such as openai/clip-vit-base-patch32, "
        "and folders of downloaded checkpoints (--clip FOLDER)"
    )
