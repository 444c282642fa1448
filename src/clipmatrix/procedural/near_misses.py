"""Sentences that nearly say what a prompt says: parts swapped, or one word of the tables changed; knows no encoder."""

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from clipmatrix.procedural.characters import character_ids, character_words, characters, near_characters
from clipmatrix.procedural.tables import BASIC_COLORS, Surface, colors, materials, patterns, surfaces

_OTHERS = 4
_OTHER_COLOR = 0.16
"""OKLab distance above which another colour contradicts the one that was named."""

_SAME_HUE = 0.8
"""Cosine between two hues above which they are shades of one colour."""

_GREYISH = 0.04
"""OKLab chroma below which a colour has no hue to speak of."""


@dataclass(frozen=True)
class Mention:
    """A phrase of the tables found in a sentence: where, and whether it names a colour, a character or a surface."""

    start: int
    end: int
    phrase: str
    is_color: bool
    is_character: bool = False


@cache
def _phrases() -> tuple[re.Pattern[str], frozenset[str]]:
    names = set(colors().names)
    words = set(names)
    for surface in (*materials().values(), *patterns().values()):
        words.update(surface.words + surface.nouns)
    words.update(character_words())
    pattern = "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), frozenset(names)


def find_mentions(text: str) -> list[Mention]:
    """Colours, surfaces and characters that the sentence names in the tables' words, longest first at each place."""
    pattern, names = _phrases()
    return [
        Mention(
            match.start(),
            match.end(),
            match.group(),
            match.group().lower() in names,
            match.group().lower() in character_words(),
        )
        for match in pattern.finditer(text)
    ]


def write_near_misses(text: str) -> tuple[str, ...]:
    """Sentences that differ from the text in one thing, without repeats; empty where no word of it is known.

    Every pair of mentions of one kind is swapped, every mention replaced by a few others of its kind.
    """
    mentions = find_mentions(text)
    found: dict[str, None] = {}
    for i, first in enumerate(mentions):
        for second in mentions[i + 1 :]:
            if first.phrase.lower() != second.phrase.lower() and first.is_character == second.is_character:
                swapped = second.phrase + text[first.end : second.start] + first.phrase
                found[text[: first.start] + swapped + text[second.end :]] = None
    for k, mention in enumerate(mentions):
        phrase = mention.phrase.lower()
        pool = _other_colors(phrase) if mention.is_color else _other_surfaces(phrase)
        if mention.is_character:
            pool = _other_characters(phrase)
        step = max(1, len(pool) // _OTHERS)
        for word in pool[k % step :: step][:_OTHERS]:
            found[text[: mention.start] + word + text[mention.end :]] = None
    found.pop(text, None)
    return tuple(found)


def _other_colors(name: str) -> list[str]:
    """Basic colours that nobody would call by this name, nor a shade of it."""
    lexicon = colors()
    own = lexicon.oklab[lexicon.ids[name]]
    found = []
    for other in BASIC_COLORS:
        lab = lexicon.oklab[lexicon.ids[other]]
        chroma = np.linalg.norm(own[1:]) * np.linalg.norm(lab[1:])
        is_shade = chroma > _GREYISH**2 and own[1:] @ lab[1:] > _SAME_HUE * chroma
        if np.linalg.norm(lab - own) > _OTHER_COLOR and not is_shade:
            found.append(other)
    return found


def _other_characters(phrase: str) -> list[str]:
    """The names of the characters that nobody would take for the one that is called so."""
    own = next(name for name, row in characters().items() if phrase in row.words)
    is_near = near_characters()[character_ids()[own]]
    return [row.words[0] for row, near in zip(characters().values(), is_near, strict=True) if not near]


def _other_surfaces(phrase: str) -> list[str]:
    """A word each for the materials that are not like the one that this phrase names."""

    def names(surface: Surface) -> bool:
        return phrase in surface.words or phrase in surface.nouns

    own = {name for name, surface in surfaces().items() if names(surface)}
    alike = own | {near for name in own for near in surfaces()[name].near}
    return [
        surface.words[0]
        for name, surface in materials().items()
        if name not in alike and not alike & set(surface.near) and not names(surface)
    ]
