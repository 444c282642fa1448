"""What a run ran on, for the record; knows nothing of the run."""

import importlib.metadata
import os
import platform
import sys
from typing import Any

import torch

_PACKAGES = ("clipmatrix", "torch", "numpy", "numba", "transformers", "anny")


def describe_environment() -> dict[str, Any]:
    """Versions and the processor, JSON-able; no names of users, hosts or folders."""
    return {
        "python": platform.python_version(),
        "system": sys.platform,
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }
