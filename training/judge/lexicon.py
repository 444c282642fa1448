"""The judge's own words for figures, parts, garments and links, and its synonyms for the tables' rows; no grammar."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from clipmatrix.procedural.tables import colors
from training.benchmark import load_benchmark

_WORDS = Path(__file__).parent / "words.yaml"


@dataclass(frozen=True)
class Lexicon:
    """Lists of words; ``parts`` and ``figures`` by key, the last four by the name of a row of the tables."""

    figures: dict[str, tuple[str, ...]]
    parts: dict[str, tuple[str, ...]]
    body: tuple[str, ...]
    tops: tuple[str, ...]
    bottoms: tuple[str, ...]
    shoes: tuple[str, ...]
    gloves: tuple[str, ...]
    whole_garments: tuple[str, ...]
    wears: tuple[str, ...]
    has: tuple[str, ...]
    made_of: tuple[str, ...]
    covered_in: tuple[str, ...]
    colored: tuple[str, ...]
    all_over: tuple[str, ...]
    openers: tuple[str, ...]
    clauses: tuple[str, ...]
    tempers: tuple[str, ...]
    adjectives: dict[str, tuple[str, ...]]
    nouns: dict[str, tuple[str, ...]]
    characters: dict[str, tuple[str, ...]]
    builds: dict[str, tuple[str, ...]]


@cache
def lexicon() -> Lexicon:
    """The words of ``words.yaml``."""
    content = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    fields: dict[str, Any] = {
        key: {name: tuple(words) for name, words in value.items()} if isinstance(value, dict) else tuple(value)
        for key, value in content.items()
    }
    return Lexicon(**fields)


def plain_words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return re.findall(r"[a-z0-9']+", text.lower())


@cache
def benchmark_texts() -> frozenset[str]:
    """The benchmark's texts as plain words: no caption may be one of them."""
    content = load_benchmark()
    rows = content.prompts + content.binding + content.hues
    return frozenset(" ".join(plain_words(row["text"])) for row in rows)


@cache
def _color_words() -> tuple[dict[tuple[str, ...], int], int]:
    names = {tuple(name.split()): index for index, name in enumerate(colors().names)}
    return names, max(map(len, names))


def find_colors(text: str) -> list[tuple[int, int, int]]:
    """The names of colours in a text, the longest at each place: (first character, end, number in the lexicon)."""
    names, longest = _color_words()
    spans = [(match.group(), match.start(), match.end()) for match in re.finditer(r"[a-z]+", text.lower())]
    found, start = [], 0
    while start < len(spans):
        for length in range(min(longest, len(spans) - start), 0, -1):
            index = names.get(tuple(word for word, _, _ in spans[start : start + length]))
            if index is not None:
                found.append((spans[start][1], spans[start + length - 1][2], index))
                start += length
                break
        else:
            start += 1
    return found
