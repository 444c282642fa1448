"""The words that the encoder has pictures for: ``python -m training.pictured --out FOLDER``; writes ``pictured.txt``.

They are collected from captions as training draws them; knows no network.
"""

import argparse
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from rich.progress import track

from clipmatrix.guidance.mini.words import find_words
from clipmatrix.procedural.captions import write_caption
from clipmatrix.procedural.looks import sample_look
from clipmatrix.procedural.tables import colors
from training.scenes import FRAMES


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--captions", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    texts = sample_captions(arguments.captions, arguments.seed)
    words = pictured_words(track(texts, "captions", total=arguments.captions))
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "pictured.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    print(f"{len(words)} words in {arguments.out / 'pictured.txt'}")


def sample_captions(count: int, seed: int) -> Iterator[str]:
    """Captions of random looks, of each frame in turn; the same for the same seed."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        yield write_caption(rng, sample_look(rng), FRAMES[index % len(FRAMES)]).text


def pictured_words(statements: Iterable[str]) -> list[str]:
    """The words of the captions in lower case, sorted. A colour's name of several words counts as one.

    Its words count by themselves only where they stand outside such a name: the tokenizer reads it as one token.
    """
    found: set[str] = set()
    for statement in statements:
        words = [word for word, _, _ in find_words(statement)]
        start = 0
        while start < len(words):
            length = _name_length(words[start:])
            found.add(" ".join(words[start : start + length]))
            start += length
    return sorted(found)


def _name_length(words: list[str]) -> int:
    """How many of the words, from the first, are the longest name of a colour; 1 where there is none."""
    names, longest = _long_names()
    return next((n for n in range(min(longest, len(words)), 1, -1) if " ".join(words[:n]) in names), 1)


@cache
def _long_names() -> tuple[frozenset[str], int]:
    """The colours' names of several words, and the most words that one has."""
    names = frozenset(name for name in colors().names if " " in name)
    return names, max(len(name.split()) for name in names)


if __name__ == "__main__":
    main()
