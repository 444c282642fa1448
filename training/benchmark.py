"""The benchmark's file: prompts in bands, pairs of regions and whole-body hues; knows neither runs nor pictures."""

from dataclasses import dataclass
from pathlib import Path

import yaml

BENCHMARK = Path(__file__).parent / "benchmark.yaml"
BANDS = ("captioned", "synonyms", "combinations", "sentences")
"""From words that every caption uses to sentences as people write them."""


@dataclass(frozen=True)
class Benchmark:
    """Rows as they stand in the file, each with its ``text`` and what is expected of it."""

    prompts: list[dict]
    binding: list[dict]
    hues: list[dict]


def load_benchmark(path: Path = BENCHMARK) -> Benchmark:
    """The three lists of a file; a file that is one list has prompts only."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if isinstance(content, list):
        content = {"prompts": content}
    return Benchmark(*(content.get(key, []) for key in ("prompts", "binding", "hues")))


def select_rows(rows: list[dict], band: str | None, is_core: bool, part: str | None) -> list[dict]:
    """The rows of a band, those marked core if ``is_core``, whose text has ``part`` in it; None stands for any."""
    return [
        row
        for row in rows
        if (band is None or row.get("band") == band)
        and (row.get("core", False) or not is_core)
        and (part is None or part in row["text"])
    ]


def run_name(row: dict, start: str, seed: int) -> str:
    """What the files of a run are called."""
    return f"{row['text'].replace(' ', '-')}-{start}-{seed}"


def read_words(path: Path) -> set[str]:
    """The words of a file with one a line and comments that begin with #."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line and not line.startswith("#")}
