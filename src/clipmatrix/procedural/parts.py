"""Finds what a sentence says of single parts of the body ("with a blue head"); knows no encoder and no pictures."""

import re
from dataclasses import dataclass

from clipmatrix.procedural.near_misses import Mention, find_mentions

_PART_WORDS = {
    "head": ("head", "face", "mask", "helmet"),
    "torso": (
        "shirt",
        "t-shirt",
        "jacket",
        "top",
        "sweater",
        "blouse",
        "vest",
        "coat",
        "torso",
        "chest",
        "hoodie",
        "tunic",
    ),
    "arms": ("arms", "sleeves", "arm"),
    "hands": ("hands", "gloves", "hand"),
    "legs": ("legs", "trousers", "pants", "leggings", "jeans", "skirt", "shorts", "leg"),
    "feet": ("feet", "shoes", "boots", "foot", "sneakers"),
}
_PART_OF = {word: region for region, words in _PART_WORDS.items() for word in words}
_NOUN = re.compile(rf"\b(?:{'|'.join(sorted(_PART_OF, key=len, reverse=True))})\b", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:,|and|on|,\s*and)?\s*(?:an?\s+|the\s+)?", re.IGNORECASE)
_TRAILING_LINK = re.compile(r"[\s,]*\b(?:with|wearing|in|has|having|dressed in|and)?\s*(?:an?|the)?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """What the sentence says of one part: ``region`` is the body's name for it, ``text`` as in ``blue head``."""

    region: str
    text: str


@dataclass(frozen=True)
class Parsed:
    """The parts that the sentence colours or dresses apart, and the sentence without them."""

    parts: tuple[Part, ...]
    rest: str


def find_parts(text: str) -> Parsed:
    """The parts of the body of which the sentence says colours, patterns or materials of their own.

    ``a red person with a blue head`` gives ``blue head`` for the head and leaves ``a red person``. A part without a
    word of the tables before it is none: ``a man with a head`` says nothing. A sentence about nothing but one part
    (``a blue head``) leaves nothing, and has no parts: it is its own prompt.
    """
    mentions = find_mentions(text)
    found: list[Part] = []
    spans: list[tuple[int, int]] = []
    for noun in _NOUN.finditer(text):
        words = _words_before(text, noun.start(), mentions, spans[-1][1] if spans else 0)
        if not words:
            continue
        start = words[0].start
        found.append(Part(_PART_OF[noun.group().lower()], text[start : noun.end()]))
        spans.append((start, noun.end()))
    if not found:
        return Parsed((), text)
    rest = text
    for start, end in reversed(spans):
        rest = _TRAILING_LINK.sub("", rest[:start]) + rest[end:]
    rest = rest.strip(" ,.")
    return Parsed(tuple(found), rest) if rest or len(found) > 1 else Parsed((), text)


def _words_before(text: str, noun: int, mentions: list[Mention], after: int) -> list[Mention]:
    """The mentions that lead up to the noun without a gap but ``and``, ``on`` or a comma, first one first."""
    chain: list[Mention] = []
    edge = noun
    for mention in reversed([m for m in mentions if after <= m.start and m.end <= noun]):
        gap = text[mention.end : edge]
        if not chain and gap.strip():
            break
        if chain and not _BETWEEN.fullmatch(gap):
            break
        # "a golden man, blue head": an article between two mentions starts another thing.
        if chain and re.search(r"\b(?:an?|the)\s*$", gap, re.IGNORECASE):
            break
        chain.insert(0, mention)
        edge = mention.start
    return chain
