"""What the prompts may mean: the words as they are understood, and guesses at those that no table has."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.guidance.base import Guidance, WordGuidance
from clipmatrix.guidance.prompts import Prompt, is_picture_key
from clipmatrix.procedural.characters import characters
from clipmatrix.procedural.kin import kin_of
from clipmatrix.procedural.lexing import Senses, concepts, sense_of
from clipmatrix.procedural.people import describe_people
from clipmatrix.procedural.reading import read, read_part
from clipmatrix.procedural.tables import SLOTS, surfaces
from clipmatrix.procedural.told import says_only_a_form
from clipmatrix.procedural.understood import Reading

_NEAR = 0.42
"""Least kinship of a guess with the word that it stands for."""

_CLOSE = 0.5
"""Kinship from which a guess is taken for the word."""

_CLOSE_CALL = 0.06
"""What is so little behind the nearest guess is named beside it."""

_BEHIND = 0.16
"""How far a second guess may stay behind the first."""

_MOST_GUESSES = 3
_MOST_WORDS = 3
_PLAINLY_DRESSED = "in a shirt and trousers"


@dataclass(frozen=True, eq=False)
class Meaning:
    """One way to understand the prompts; ``doubt`` in [0, 1] is 0 where nothing was guessed."""

    reading: Reading
    doubt: float


@dataclass(frozen=True, eq=False)
class Meanings:
    """All ways to understand the prompts, the likeliest first; ``plain`` is without any guess.

    ``is_clear`` says that every word which ought to say something was understood, or nearly so. ``synonyms`` are known
    phrases for unknown words, where some are near: the embedded encoder has seen pictures of them alone.
    """

    found: tuple[Meaning, ...]
    plain: Reading
    is_clear: bool
    synonyms: Mapping[str, str] = field(default_factory=dict)

    def reworded(self, text: str) -> str:
        """The text with known phrases in place of unknown words."""
        for word, phrase in self.synonyms.items():
            text = re.sub(rf"\b{re.escape(word)}\b", lambda _, phrase=phrase: phrase, text, flags=re.IGNORECASE)
        return text


def understand(prompts: tuple[Prompt, ...], guidance: Guidance) -> Meanings:
    """What textured prompts of positive weight say: those about the whole figure, and those about parts over them."""
    prompts, people = described(prompts)
    told = [prompt for prompt in prompts if prompt.textured and prompt.weight > 0 and not is_picture_key(prompt.text)]
    wholes = [prompt.text for prompt in told if prompt.region == "whole"]
    text = wholes[0] if wholes else ""
    plain = _with_parts(read(text), told)
    if plain.says_nothing and not plain.unknown and " from " in text:
        # Of whom nothing else is said, the place says what it is like.
        text = text.replace(" from ", " made of ")
        plain = _with_parts(read(text), told)
    if text and plain.says_nothing and not plain.unknown and not says_only_a_form(text):
        # A person of whom nothing is said, or only what no body can show, such as hair, is dressed as people are.
        text = f"{text}, {_PLAINLY_DRESSED}"
        plain = _with_parts(read(text), told)
    words = [word for word, _ in plain.unknown[:_MOST_WORDS]]
    named = {word: _guess(word, guidance) for word in words}
    guesses = {word: found for word, (found, _) in named.items() if found}
    synonyms: dict[str, str] = {}
    if isinstance(guidance, WordGuidance):
        guessed = {word: phrase for word, (found, phrase) in named.items() if found}
        synonyms = {**people, **_names_of_known(text, guidance), **guessed}
    if not guesses:
        is_clear = not plain.says_nothing and not plain.unknown
        return Meanings((Meaning(plain, 0.0),) if not plain.says_nothing else (), plain, is_clear, synonyms)
    meanings = []
    for choice in itertools.product(*guesses.values()):
        senses = {word: sense for word, (sense, _) in zip(guesses, choice, strict=True)}
        reading = _with_parts(read(text, senses), told)
        if not reading.says_nothing:
            meanings.append(Meaning(reading, 1.0 - min(kinship for _, kinship in choice)))
    meanings.sort(key=lambda meaning: meaning.doubt)
    is_clear = len(guesses) == len(plain.unknown) and bool(meanings) and meanings[0].doubt <= 1.0 - _CLOSE
    return Meanings(tuple(meanings), plain, is_clear, synonyms)


def in_known_words(prompts: tuple[Prompt, ...], guidance: Guidance) -> tuple[Prompt, ...]:
    """The prompts as an encoder is to read them: the embedded one in words that it has seen pictures of."""
    if not isinstance(guidance, WordGuidance):
        return prompts
    return reworded(prompts, understand(prompts, guidance))


def described(prompts: tuple[Prompt, ...]) -> tuple[tuple[Prompt, ...], dict[str, str]]:
    """The prompts with people of the table told in words that are read, and what was put for which name."""
    found, people = [], {}
    for prompt in prompts:
        is_text = not prompt.image and not is_picture_key(prompt.text)
        text, named = describe_people(prompt.text) if is_text else (prompt.text, {})
        found.append(replace(prompt, text=text))
        people.update(named)
    return tuple(found), people


def reworded(prompts: tuple[Prompt, ...], meanings: Meanings) -> tuple[Prompt, ...]:
    """The prompts with known phrases in place of unknown words; pictures stay."""
    return tuple(
        prompt if prompt.image or is_picture_key(prompt.text) else replace(prompt, text=meanings.reworded(prompt.text))
        for prompt in prompts
    )


def _with_parts(reading: Reading, prompts: list[Prompt]) -> Reading:
    """The reading with what prompts about single parts say of them; what says the same of the whole adds nothing."""
    slots = list(reading.slots)
    for prompt in prompts:
        if prompt.region == "whole":
            continue
        slot = SLOTS.index(prompt.region)
        told = read_part(prompt.text, prompt.region)
        if told is not None and slots[slot] is None and told not in (reading.whole, reading.bare):
            slots[slot] = told
    return replace(reading, slots=tuple(slots))


def _guess(word: str, guidance: Guidance) -> tuple[list[tuple[Senses, float]], str]:
    """What a word may mean, nearest first, each with its kinship, none where nothing is near; and the nearest name."""
    told = kin_of(word)
    if told or isinstance(guidance, WordGuidance):
        # The embedded encoder's own words lie where the table's do, and say less.
        top = max(told.values(), default=0.0)
        close = [_name(name) for name, kinship in told.items() if kinship > top - _CLOSE_CALL]
        return [(_senses(name), kinship) for name, kinship in told.items()], " ".join(close[:2])
    phrases = [phrase for phrase, _ in concepts()]
    kinship = _kinship(guidance, word, phrases)
    best: dict[str, float] = {}
    for value, (_, senses) in zip(kinship.tolist(), concepts(), strict=True):
        for name in (*senses.surfaces, *senses.characters):
            best[name] = max(best.get(name, -1.0), value)
    order = sorted(best, key=lambda name: -best[name])[:_MOST_GUESSES]
    top = best[order[0]]
    near = [name for name in order if best[name] >= max(_NEAR, top - _BEHIND)]
    return [(_senses(name), best[name]) for name in near], phrases[int(kinship.argmax())]


def _names_of_known(text: str, guidance: WordGuidance) -> dict[str, str]:
    """What captions call the surfaces and characters that tables have under words which the encoder has not seen."""
    found = {}
    for word in (*guidance.unpictured_words(text), *guidance.unknown_words(text)):
        _, senses = sense_of(word)
        if name := next(iter((*senses.characters, *senses.surfaces)), None):
            found[word.lower()] = _name(name)
    return found


def _senses(name: str) -> Senses:
    return Senses(surfaces=(name,) if name in surfaces() else (), characters=(name,) if name in characters() else ())


def _name(name: str) -> str:
    """What captions call it."""
    return re.sub("^an? ", "", (surfaces()[name] if name in surfaces() else characters()[name]).words[0])


def _kinship(guidance: Guidance, word: str, phrases: list[str]) -> Float[Tensor, "p"]:
    # Any two texts are alike to a picture encoder: only what differs from their mean says something.
    embedded = guidance.encode_texts([f"a {text}" for text in (word, *phrases)]).float().cpu()
    centred = torch.nn.functional.normalize(embedded - embedded[1:].mean(0), dim=-1)
    return centred[1:] @ centred[0]
