"""Builds that a sentence names in the tables' own words ("a very fat man"); knows no encoder and no pictures."""

import re
from functools import cache

from clipmatrix.procedural.lengths import read_lengths
from clipmatrix.procedural.tables import builds

_FEMALE = frozenset(("woman", "women", "lady", "girl", "female", "queen", "goddess", "witch", "princess", "mermaid"))
_MALE = frozenset(("man", "men", "guy", "boy", "male", "king", "wizard", "prince"))
_PEOPLE = frozenset(("person", "human", "child", "kid", "children", "somebody", "people", "baby", "teenager", "adult"))
_NEUTRAL = frozenset(
    ("a", "an", "the", "very", "quite", "really", "extremely", "with", "and", "of", "body", "big", "huge", "figure",
     "humanoid", "being", "character")
)  # fmt: skip


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], str, int], ...]:
    found = []
    for build in builds().values():
        if build.axis == "gender":
            continue
        for phrase in build.words + build.phrases + build.also:
            pattern = re.compile(
                rf"(?<!\bnot )(?<!\bless )(?<!\bwithout )(?<!\bno )\b{re.escape(phrase)}\b", re.IGNORECASE
            )
            found.append((pattern, build.axis, 1 if build.is_high else -1))
    # Longer phrases first: "skeletal" must not be found inside another phrase that says more.
    return tuple(sorted(found, key=lambda entry: (-len(entry[0].pattern), entry[0].pattern)))


def told_builds(text: str) -> dict[str, int]:
    """The axes whose end the sentence names, -1 for the low and 1 for the high one; the gender of its nouns too.

    Words such as these have one exact meaning in the shape space, which no encoder need guess. The first mention of
    an axis counts; a negated one does not.
    """
    told: dict[str, tuple[int, int]] = {}
    # A short dress makes nobody short.
    _, text = read_lengths(text)
    for pattern, axis, end in _phrases():
        match = pattern.search(text)
        if match and (axis not in told or match.start() < told[axis][0]):
            told[axis] = (match.start(), end)
    found = {axis: end for axis, (_, end) in told.items()}
    words = _words(text)
    if bool(words & _FEMALE) != bool(words & _MALE):
        found["gender"] = 1 if words & _FEMALE else -1
    return found


def says_only_builds(text: str) -> bool:
    """Whether the sentence speaks of a figure's build and nothing else: no colour, stuff, clothes or kind of being."""
    rest = text
    for pattern, _, _ in _phrases():
        rest = pattern.sub(" ", rest)
    is_build = bool(set(told_builds(text)) - {"gender"})
    return is_build and _words(rest) <= _NEUTRAL | _PEOPLE | _FEMALE | _MALE


def says_only_a_form(text: str) -> bool:
    """Whether it ``says_only_builds``, and of a figure that need be nobody: people wear clothes, named or not."""
    return says_only_builds(text) and not _words(text) & (_PEOPLE | _FEMALE | _MALE)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))
