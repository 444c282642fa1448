"""What a run ran on, for the record and for comparison; knows nothing of the run."""

import hashlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

_PACKAGES = (
    "clipmatrix",
    "anny",
    "av",
    "cholespy",
    "llvmlite",
    "numba",
    "numpy",
    "pillow",
    "roma",
    "safetensors",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
    "warp-lang",
)
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_CBWR", "ATEN_CPU_CAPABILITY")
_SHOWN = 4


def describe_environment(encoder: str | Sequence[str] | None = None) -> dict[str, Any]:
    """Everything that could make the same settings end otherwise, JSON-able; no names of users, hosts or folders.

    ``encoder`` is the name that the settings give; its weights are told by a digest.
    """
    return {
        "python": platform.python_version(),
        "system": sys.platform,
        "machine": platform.machine(),
        "processor": _processor(),
        "cpu_count": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch_threads": torch.get_num_threads(),
        "torch_build": " ".join(torch.__config__.show().split())[:2000],
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "encoder": _encoder_digest(encoder),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def differences(recorded: Mapping[str, Any], present: Mapping[str, Any]) -> str:
    """What differs between two descriptions, as "torch 2.6.0, here 2.7.1; ..."; empty where nothing does.

    What the record does not speak of is no difference.
    """
    old, new = _flat(recorded), _flat(present)
    # The variables act through the number of threads, which a run is given back.
    names = [name for name in new if name in old and old[name] != new[name] and not name.startswith("variables ")]
    texts = [f"{name.removeprefix('packages ')} {_short(old[name])}, here {_short(new[name])}" for name in names]
    return "; ".join(texts[:_SHOWN]) + (f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat.update({f"{name} {key}": item for key, item in value.items()})
        else:
            flat[name] = value
    return flat


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:40] + "…"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's model, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _encoder_digest(name: str | Sequence[str] | None) -> str | None:
    """The first 16 hexadecimal digits of the SHA-256 of an encoder's weights; None where they are not here."""
    from clipmatrix.guidance.loading import local_weights

    files = local_weights(name) if name else []
    if not files:
        return None
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]
