"""ClipMatrix: text in, a textured, rigged, animated 3D character out.

The names below load what they need when they are first used, so that importing this package costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from clipmatrix.kernel_cache import place_kernel_cache

if TYPE_CHECKING:
    from clipmatrix.api import animate, create, inspect, open_run, render, resume, stream
    from clipmatrix.config import RunConfig, default_prompts, load_config, preset
    from clipmatrix.errors import ClipMatrixError
    from clipmatrix.guidance.prompts import Prompt
    from clipmatrix.runs.directory import Run

__version__ = "0.1.0"

__all__ = [
    "ClipMatrixError",
    "Prompt",
    "Run",
    "RunConfig",
    "__version__",
    "animate",
    "create",
    "default_prompts",
    "inspect",
    "load_config",
    "open_run",
    "preset",
    "render",
    "resume",
    "stream",
]

_HOMES = {
    "ClipMatrixError": "clipmatrix.errors",
    "Prompt": "clipmatrix.guidance.prompts",
    "Run": "clipmatrix.runs.directory",
    "RunConfig": "clipmatrix.config",
    "animate": "clipmatrix.api",
    "create": "clipmatrix.api",
    "default_prompts": "clipmatrix.config",
    "inspect": "clipmatrix.api",
    "load_config": "clipmatrix.config",
    "open_run": "clipmatrix.api",
    "preset": "clipmatrix.config",
    "render": "clipmatrix.api",
    "resume": "clipmatrix.api",
    "stream": "clipmatrix.api",
}

place_kernel_cache()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
