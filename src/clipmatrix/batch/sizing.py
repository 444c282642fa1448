"""How many jobs at once this machine bears, by its processors and its memory; knows nothing of what they do."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clipmatrix.config import RunConfig
from clipmatrix.errors import ConfigError

_SHARED_BYTES = 350_000_000
"""What all workers hold together: the interpreter's packages, the body and the embedded encoder."""

_JOB_BYTES = 450_000_000
_BYTES_PER_TEXEL = 130
_BYTES_PER_NORMAL_TEXEL = 210
_BYTES_PER_VIEW_PIXEL = 400
"""Above the peaks that docs/rendering.md gives (0.77 GiB at 1024 texels, 2.32 at 4096, 5.71 with normals)."""

_KEPT_SHARE = 0.85
"""Of the memory that is free, the share that a batch takes."""

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_USES = (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"))


@dataclass(frozen=True)
class Machine:
    """What a batch may use: processors, and bytes of memory that are free (None where the system does not tell)."""

    processors: int
    free_bytes: int | None


def this_machine() -> Machine:
    """What this process may use, by its affinity and its control group."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = [number for number in (_available(), _group_free()) if number is not None]
    return Machine(processors, min(free) if free else None)


def job_bytes(configs: Iterable[RunConfig]) -> int:
    """About the memory that the largest of these runs takes, beside what all share."""
    return max((_bytes_of(config) for config in configs), default=_JOB_BYTES)


def num_workers(machine: Machine, bytes_per_job: int, wanted: int | None, num_jobs: int) -> int:
    """How many workers, at least one: one a processor, as far as the memory goes.

    Raises:
        ConfigError: so many are wanted that the memory cannot suffice, or fewer than one.
    """
    if wanted is not None and wanted < 1:
        raise ConfigError(f"--workers must be at least 1, not {wanted}: leave it out for one a processor")
    fitting = wanted or machine.processors
    if machine.free_bytes is not None:
        room = max(1, int((_KEPT_SHARE * machine.free_bytes - _SHARED_BYTES) // bytes_per_job))
        if wanted is not None and wanted > room:
            raise ConfigError(
                f"{wanted} workers need about {wanted * bytes_per_job / 1e9:.1f} GB, and "
                f"{machine.free_bytes / 1e9:.1f} GB are free: "
                f"use --workers {room}, or say with --memory what a job really takes"
            )
        fitting = min(fitting, room)
    return max(1, min(fitting, num_jobs))


def _bytes_of(config: RunConfig) -> int:
    texels = config.scene.texture_size**2
    per_texel = _BYTES_PER_TEXEL + (_BYTES_PER_NORMAL_TEXEL if getattr(config.scene, "normal_map", False) else 0)
    return _JOB_BYTES + per_texel * texels + _BYTES_PER_VIEW_PIXEL * config.views * config.resolution**2


def _available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(found[0]) if found else None


def _group_free() -> int | None:
    """What the control group still allows; None where there is none, or no limit."""
    for limit_path, use_path in zip(_LIMITS, _USES, strict=True):
        try:
            limit, use = limit_path.read_text().strip(), use_path.read_text().strip()
        except OSError:
            continue
        if limit.isdigit() and int(limit) < 1 << 60:
            return max(0, int(limit) - int(use))
    return None
