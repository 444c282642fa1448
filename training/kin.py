"""Makes the table of kin: ``python -m training.kin``; which known surface or character an unknown word is likest.

Two sources that see different things are added up: WordNet, which knows that oak is a wood and a warlock a witch, and
the sentence encoder, which knows that volcanic has to do with lava: of the word alone, and of the word as the
dictionary defines it. Neither is needed to use the table (``procedural/tables/kin.csv``), nor is any text of theirs in
it. Every word goes through the same rule; nobody picks.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from rich.progress import track

from clipmatrix.errors import ConfigError
from clipmatrix.procedural.characters import characters
from clipmatrix.procedural.kin import TABLE, write_kin
from clipmatrix.procedural.lexing import concepts, is_understood
from clipmatrix.procedural.tables import surfaces
from training.train import find_teacher
from training.wordnet import FOLDER, Sense, WordNet
from training.words import embed_words

LEAST = 0.44
"""Kinship from which a word is in the table at all."""

NEXT = 0.42
"""Kinship from which a second or third meaning is, beside the first."""

_BEHIND = 0.16
_MOST = 3
_MOST_SENSES = 6
_RARER = 0.06
"""What each rarer sense counts less."""

_STEP, _STEP_ASIDE = 0.1, 0.3
"""What each step upwards in WordNet costs: from the word itself, and from what it is only linked to."""

_MOST_STEPS = 4
_LINKS = {"\\": 0.05, "+": 0.1, "&": 0.1}
"""What it costs to go from an adjective to its noun, to a derived word, or to a similar one."""

_ABSTRACT = frozenset((4, 7, 9, 10, 12, 14, 16, 21, 23, 24, 26, 28))
"""WordNet's files of nouns for acts, attributes, thoughts, messages, feelings, groups, motives, possessions,
quantities, relations, states and times."""

_VAGUE = 0.06
"""What is taken off words that mean no thing first of all, where WordNet places them near to nothing."""

_WHOLE = 3.5
"""The sum of a word that is in every way the same: its cosines, and half for its place in WordNet."""

INSTEAD = {"metallic": "silver", "scaled": "scales", "shaggy": "brown_fur"}
"""For what needs a colour to be told, the nearest that has one of its own."""

_BATCH = 2048
_DICTIONARIES = [Path("/usr/share/dict") / name for name in ("american-english", "british-english")]


class Kinship:
    """All surfaces and characters as something to be compared with: their phrases, and descriptions made of these."""

    def __init__(self, wordnet: WordNet, teacher: Path) -> None:
        self.names = [*(kind for kind in surfaces() if kind != "plaster"), *characters()]
        self.phrases = [phrase for phrase, _ in concepts()]
        self._wordnet, self._teacher = wordnet, teacher
        ids = {name: index for index, name in enumerate(self.names)}
        self._names_it: Bool[np.ndarray, "k p"] = np.zeros((len(self.names), len(self.phrases)), bool)
        for column, (_, senses) in enumerate(concepts()):
            for name in (*senses.surfaces, *senses.characters):
                if name in ids:
                    self._names_it[ids[name], column] = True
        self._column = {phrase: column for column, phrase in enumerate(self.phrases)}
        described = [
            f"{name.replace('_', ' ')}: {', '.join(self.phrases[i] for i in np.flatnonzero(row)[:8])}"
            for name, row in zip(self.names, self._names_it, strict=True)
        ]
        self._of_phrases = embed_words(self.phrases, teacher)
        self._of_kinds = embed_words(described, teacher)

    def of(self, words: list[str]) -> Float[np.ndarray, "w k"]:
        """The kinship of words with each name, about 1 for the same."""
        alone = (embed_words(words, self._teacher) @ self._of_phrases.T).numpy()
        found = np.stack([self._best(row) for row in alone])
        defined = [(row, place, sense) for row, word in enumerate(words) for place, sense in self._senses(word)]
        described, by_phrase, placed = (np.zeros_like(found) for _ in range(3))
        if defined:
            texts = [f"{words[row]}: {sense.definition}" for row, _, sense in defined]
            embedded = embed_words(texts, self._teacher)
            near_phrases, near_kinds = (embedded @ self._of_phrases.T).numpy(), (embedded @ self._of_kinds.T).numpy()
            for index, (row, place, sense) in enumerate(defined):
                weight = 1.0 - _RARER * place
                by_phrase[row] = np.maximum(by_phrase[row], weight * self._best(near_phrases[index]))
                described[row] = np.maximum(described[row], weight * near_kinds[index])
                placed[row] = np.maximum(placed[row], weight * self._placed(sense))
        is_vague = np.array([self._is_vague(word) for word in words]) & (placed <= 0).all(1)
        return self.colored((found + by_phrase + described + 0.5 * placed) / _WHOLE - _VAGUE * is_vague[:, None])

    def colored(self, kinship: Float[np.ndarray, "w k"]) -> Float[np.ndarray, "w k"]:
        """The kinship with surfaces of no colour replaced by those that have one."""
        kinship = kinship.copy()
        for name, instead in INSTEAD.items():
            first, second = self.names.index(name), self.names.index(instead)
            kinship[:, second] = np.maximum(kinship[:, first], kinship[:, second])
            kinship[:, first] = 0.0
        return kinship

    def _senses(self, word: str) -> Iterator[tuple[int, Sense]]:
        return enumerate(self._wordnet.senses(word)[:_MOST_SENSES])

    def _is_vague(self, word: str) -> bool:
        senses = self._wordnet.senses(word)
        return not senses or senses[0].key[0] != "n" or senses[0].field in _ABSTRACT

    def _best(self, of_phrases: Float[np.ndarray, "p"]) -> Float[np.ndarray, "k"]:
        return np.where(self._names_it, of_phrases[None], -1.0).max(1)

    def _placed(self, sense: Sense) -> Float[np.ndarray, "k"]:
        """How near above the sense, or above what it is derived from, stand words that name something."""
        starts = {sense.key: 0.0}
        for symbol, cost in _LINKS.items():
            for key in sense.linked(symbol):
                starts.setdefault(key, cost)
        found = np.zeros(len(self.names))
        for start, cost in starts.items():
            step = _STEP if start == sense.key else _STEP_ASIDE
            for key, steps in self._wordnet.above(start, _MOST_STEPS).items():
                for column in (self._column[word] for word in self._wordnet[key].words if word in self._column):
                    rows = self._names_it[:, column]
                    found[rows] = np.maximum(found[rows], 1.0 - cost - step * steps)
        return found

    def choose(self, kinship: Float[np.ndarray, "k"]) -> dict[str, float]:
        """What of it is near enough to be guessed, the nearest first."""
        order = np.argsort(-kinship, kind="stable")[:_MOST]
        top = float(kinship[order[0]])
        if top < LEAST:
            return {}
        return {self.names[i]: float(kinship[i]) for i in order if kinship[i] >= max(NEXT, top - _BEHIND)}


def words_to_place(wordnet: WordNet, usual: set[str]) -> list[str]:
    """The usual words that WordNet has as nouns or adjectives and that no other table understands."""
    return sorted(
        word
        for word, keys in wordnet.offsets.items()
        if word in usual and word.isascii() and word.isalpha() and 3 <= len(word) < 20
        if any(key[0] in "na" for key in keys) and not is_understood(word)
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--wordnet", type=Path, default=FOLDER, help="folder of Debian's wordnet-base")
    parser.add_argument(
        "--words", type=Path, nargs="+", default=_DICTIONARIES, help="lists of usual words: wamerican's and wbritish's"
    )
    parser.add_argument("--teacher", type=Path, default=None, help="folder of the sentence encoder")
    arguments = parser.parse_args()
    try:
        wordnet = WordNet(arguments.wordnet)
        usual = {word.lower() for path in arguments.words for word in path.read_text(encoding="utf-8").split()}
    except ConfigError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"wanted lists of words, found no {error.filename}; install Debian's wamerican and wbritish")
    kinship = Kinship(wordnet, arguments.teacher or find_teacher())
    words = words_to_place(wordnet, usual)
    rows: dict[str, dict[str, float]] = {}
    for start in track(range(0, len(words), _BATCH), "placing words"):
        part = words[start : start + _BATCH]
        for word, row in zip(part, kinship.of(part), strict=True):
            if chosen := kinship.choose(row):
                rows[word] = chosen
    write_kin(arguments.out, rows)


if __name__ == "__main__":
    main()
