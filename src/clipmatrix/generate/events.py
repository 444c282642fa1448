"""What a run reports while it goes on; knows neither who listens nor how it is shown.

Started, then SearchProgress while a start is searched, then a Step per step with Preview and Checkpoint between,
then Exported, Inspected and Done. A run that is stopped early still ends with these three. Where several seeds are
tried, there is a Tried after the first steps of each, and a Chosen before the best goes on.
"""

import dataclasses
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Started:
    """The run directory exists and everything is loaded. ``warnings`` are lines for the user.

    ``step`` is how many steps were done before, in a run that is resumed.
    """

    out: Path
    prompts: tuple[str, ...]
    encoder: str
    seed: int
    steps: int
    warnings: tuple[str, ...] = ()
    step: int = 0
    body: str = "anny"


@dataclass(frozen=True)
class SearchProgress:
    """So many of ``total`` looks are ranked."""

    done: int
    total: int


@dataclass(frozen=True)
class Losses:
    """The terms of one step's loss, each already weighed; a term that is left out is 0."""

    guidance: float = 0.0
    offset_size: float = 0.0
    laplacian: float = 0.0
    edge_length: float = 0.0
    normal_consistency: float = 0.0
    silhouette_area: float = 0.0
    total_variation: float = 0.0
    texture_change: float = 0.0
    symmetry: float = 0.0
    bumpiness: float = 0.0


@dataclass(frozen=True)
class Seconds:
    """Where one step's time went, forward and backward together."""

    body: float
    render: float
    encoder: float
    optimiser: float


@dataclass(frozen=True)
class Step:
    """One step is done: ``step`` counts from 1, ``score`` is the mean cosine of its pictures to their texts.

    ``is_skipped`` marks a step whose gradients were not finite, so that nothing moved. ``form_share``
    and ``look_share`` are how much of the form's and the texture's step was taken: under 1 where a whole one would have
    folded the surface, or burnt out the texture. ``form_firmness`` and ``look_firmness`` are what the regularisers were
    multiplied by: over 1 after steps that came near to that.
    """

    step: int
    steps: int
    score: float
    losses: Losses
    seconds: Seconds
    is_skipped: bool = False
    form_share: float = 1.0
    look_share: float = 1.0
    form_firmness: float = 1.0
    look_firmness: float = 1.0


@dataclass(frozen=True)
class Preview:
    """A picture of the character after ``step`` steps was written."""

    step: int
    path: Path


@dataclass(frozen=True)
class Checkpoint:
    """The scene's state after ``step`` steps was written; ``is_last`` if only the export follows.

    ``best`` is where the best-scoring state lies, which the export shows; with the last checkpoint only.
    """

    step: int
    path: Path
    is_last: bool = False
    best: Path | None = None


@dataclass(frozen=True)
class Exported:
    """The result files were written; ``looks`` are the folders of further texture sets."""

    glb: Path
    albedo: Path
    views: Path
    turntable: Path
    looks: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Inspected:
    """The result was looked at: one line per verdict, those that are not healthy in ``complaints``."""

    path: Path
    is_healthy: bool
    complaints: tuple[str, ...]


@dataclass(frozen=True)
class Done:
    """The run is over after ``step`` steps; ``is_stopped`` if it was ended early."""

    step: int
    score: float
    seconds: float
    skipped: int
    is_stopped: bool


@dataclass(frozen=True)
class Tried:
    """One of several seeds was run briefly: its place, its score in [0, 1] by the ``judge``, and its health."""

    path: Path
    seed: int
    score: float
    is_healthy: bool
    judge: str


@dataclass(frozen=True)
class Chosen:
    """All seeds were tried, the sheet shows them, and the best is finished next, in ``path``."""

    path: Path
    seed: int
    sheet: Path


Event = Started | SearchProgress | Step | Preview | Checkpoint | Exported | Inspected | Done | Tried | Chosen


def event_record(event: Event, root: Path) -> dict[str, Any]:
    """The event as JSON-able values under the key ``event``; paths are relative to ``root``, the run directory."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
    return {"event": name} | _plain(dataclasses.asdict(event), root)


def _plain(value: Any, root: Path) -> Any:
    match value:
        case dict():
            return {key: _plain(item, root) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, root) for item in value]
        case Path():
            return value.relative_to(root).as_posix()
        case float():
            # JSON knows no infinities.
            return round(value, 6) if math.isfinite(value) else None
        case _:
            return value
