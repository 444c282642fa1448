"""Which words of a text have a picture: those of training captions, in any inflection; knows no network.

A word may have a meaning, a row of the token table, without ever having stood in a caption: then the encoder guesses.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SHORTEST_STEM = 3

_FUNCTION_TEXT = """
    a about above across after all also although always an and any are around as at back be because been before
    behind below beneath beside between both but by can could do does dressed each either else enough ever every
    everywhere few for from full fully get gets give given had has have having he her here him his how if in inside
    instead into is it its itself just kind like look looking looks lot lots made make makes many me mere more most
    much my near neither next no nor not of off on one only onto or other our out outside over own part parts per
    quite rather really same she should show showing shown shows so some somehow something sort still such than that
    the their them then there these they this those through to together too toward towards under until up upon us
    very was we wear wearing wears were what when where which while who whole whose will with within without would
    you your
"""
FUNCTION_WORDS = frozenset(_FUNCTION_TEXT.split())
"""Words that carry no picture of their own, and are never missed."""


def find_words(text: str) -> Iterator[tuple[str, int, int]]:
    """The words of a text in lower case and without accents, each with where it begins and ends."""
    for match in _WORD.finditer(text):
        yield _plain(match.group()), match.start(), match.end()


def read_pictured(path: Path) -> frozenset[str] | None:
    """The words of a ``pictured.txt``, one a line; None where there is no such file.

    Raises: ValueError when it is not text.
    """
    if not path.exists():
        return None
    return frozenset(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


class PicturedWords:
    """The words that stood in captions, asked for in any inflection."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._stems = frozenset(stem for word in self._words for stem in stems(word))

    def has(self, name: str) -> bool:
        """Whether a word, or a colour's name of several words, was pictured; a name is when each of its words is."""
        words = [word for word, _, _ in find_words(name)]
        return " ".join(words) in self._words or all(self._has_word(word) for word in words)

    def _has_word(self, word: str) -> bool:
        is_letter = len(word) == 1 and word.isascii()
        return is_letter or word in FUNCTION_WORDS or not stems(word).isdisjoint(self._stems)


def stems(word: str) -> set[str]:
    """The word, and what it may be an inflection of (-s, -es, -ies, -ed, -ing, 's); some of it is no word at all."""
    word = re.sub("['’]s?$", "", word)
    found = {word}
    if word.endswith("s") and not word.endswith("ss"):
        found.add(word[:-1])
    if word.endswith("es"):
        found.add(word[:-2])
    if word.endswith("ies"):
        found.add(word[:-3] + "y")
    for ending in ("ed", "ing"):
        if word.endswith(ending):
            rest = word.removesuffix(ending)
            found |= {rest, rest + "e"}
            if rest[-1:] == rest[-2:-1]:
                found.add(rest[:-1])
    return {stem for stem in found if stem == word or len(stem) >= _SHORTEST_STEM}


def _plain(word: str) -> str:
    """Lower case without accents, as the tokenizer has it."""
    decomposed = unicodedata.normalize("NFKD", word.lower())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
