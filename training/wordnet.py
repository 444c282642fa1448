"""WordNet's dictionary files as a reader of word senses; for training only, none of it is in the package.

Debian's ``wordnet-base`` has the files in ``/usr/share/wordnet``. Reference: the manual pages ``wndb(5WN)`` and
``cntlist(5WN)``; Fellbaum (ed.), "WordNet: An Electronic Lexical Database", 1998.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clipmatrix.errors import ConfigError

FOLDER = Path("/usr/share/wordnet")
_PARTS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
_ENDINGS = (("ies", "y"), ("ves", "f"), ("es", ""), ("s", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"))


@dataclass(frozen=True)
class Sense:
    """One sense of a word: its synset's ``key`` (part of speech and offset), words, ``definition`` and pointers.

    ``field`` is the number of the lexicographers' file, such as 5 for animals (``lexnames(5WN)``).
    ``pointers`` are pairs of WordNet's symbol (``@`` hypernym, ``\\`` pertains to, ``&`` similar, ``+`` derived from)
    and another synset's key.
    """

    key: str
    field: int
    words: tuple[str, ...]
    definition: str
    pointers: tuple[tuple[str, str], ...]

    def linked(self, symbols: str) -> Iterator[str]:
        """Keys that pointers of these symbols lead to; ``@`` includes instances' classes."""
        for symbol, key in self.pointers:
            if symbol[0] in symbols:
                yield key


class WordNet:
    """The dictionary in a folder. Raises: ConfigError when the folder holds none."""

    def __init__(self, folder: Path = FOLDER) -> None:
        if not (folder / "data.noun").exists():
            raise ConfigError(f"wanted WordNet's files in {folder}, found none; install Debian's wordnet-base")
        self._folder = folder

    @cached_property
    def offsets(self) -> Mapping[str, list[str]]:
        """By word, the keys of its synsets: nouns first, and of each part of speech the most usual first."""
        found: dict[str, list[str]] = {}
        for letter, name in _PARTS.items():
            for line in (self._folder / f"index.{name}").read_text(encoding="utf-8").splitlines():
                if not line.startswith(" "):
                    fields = line.split()
                    count = int(fields[2])
                    keys = [letter + offset for offset in fields[-count:]]
                    found.setdefault(fields[0].replace("_", " "), []).extend(keys)
        return found

    @cached_property
    def _synsets(self) -> Mapping[str, Sense]:
        found: dict[str, Sense] = {}
        for letter, name in _PARTS.items():
            for line in (self._folder / f"data.{name}").read_text(encoding="utf-8").splitlines():
                if line.startswith(" "):
                    continue
                head, _, gloss = line.partition(" | ")
                fields = head.split()
                num_words = int(fields[3], 16)
                words = tuple(
                    word.split("(")[0].replace("_", " ").lower() for word in fields[4 : 4 + 2 * num_words : 2]
                )
                rest = fields[4 + 2 * num_words :]
                pointers = tuple(
                    (rest[1 + 4 * i], rest[3 + 4 * i].replace("s", "a") + rest[2 + 4 * i]) for i in range(int(rest[0]))
                )
                key = letter + fields[0]
                found[key] = Sense(key, int(fields[1]), words, gloss.partition('; "')[0].strip(), pointers)
        return found

    def __getitem__(self, key: str) -> Sense:
        """The synset of a key."""
        return self._synsets[key]

    def senses(self, word: str) -> list[Sense]:
        """The senses of a word or of several, or of what it is a form of; most usual first within a part of speech."""
        keys = self.offsets.get(word)
        if keys is None:
            stems = [word[: -len(end)] + instead for end, instead in _ENDINGS if word.endswith(end)]
            keys = next((self.offsets[stem] for stem in stems if stem in self.offsets), [])
        return [self._synsets[key] for key in keys]

    def above(self, key: str, most: int) -> dict[str, int]:
        """The synsets above one, itself at 0, each with the least number of steps; at most so many."""
        found, level = {key: 0}, [key]
        for steps in range(1, most + 1):
            level = [up for low in level for up in self[low].linked("@") if up not in found]
            found.update(dict.fromkeys(level, steps))
        return found
