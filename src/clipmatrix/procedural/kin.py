"""The table of kin: which surfaces and characters a word is likest that no other table has; made by ``training.kin``.

Derived from WordNet 3.0 (Princeton University, 2006), whose text is not in it; see ``NOTICE``.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from clipmatrix.procedural.lexing import stems

TABLE = Path(str(files("clipmatrix.procedural") / "tables" / "kin.csv"))
_FEW = 2


@cache
def kin() -> Mapping[str, Mapping[str, float]]:
    """By word, names of surfaces and characters with the kinship in [0, 1], nearest first."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return {
            word: {name: float(value) for name, value in (pair.rsplit(" ", 1) for pair in pairs)}
            for word, *pairs in csv.reader(lines)
        }


def kin_of(word: str) -> Mapping[str, float]:
    """What the word is likest, in this form or in one that it is derived from; empty where nothing is near."""
    return next((kin()[stem] for stem in stems(word) if stem in kin()), {})


def write_kin(path: Path, rows: Mapping[str, Mapping[str, float]]) -> None:
    """Write the table: a line a word, then each name with its kinship to two digits."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        for word in sorted(rows):
            writer.writerow([word, *(f"{name} {value:.{_FEW}f}" for name, value in rows[word].items())])
