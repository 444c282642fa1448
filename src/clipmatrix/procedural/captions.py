"""Sentences about looks, each with what it states; knows no pixels.

A caption says only part of what a look is; the statement beside it says which.
"""

from functools import cache

import numpy as np

from clipmatrix.procedural import wording as W
from clipmatrix.procedural.characters import AXES, character_ids, character_words, characters, implied_builds
from clipmatrix.procedural.looks import Layer, Layout, Look
from clipmatrix.procedural.statements import Statement, facts_of
from clipmatrix.procedural.tables import (
    BASIC_COLORS,
    CHANGES,
    SLOTS,
    builds,
    colors,
    kind_ids,
    oklab_from_srgb,
    surfaces,
)

HEAD, TORSO, ARMS, HANDS, LEGS, FEET = range(len(SLOTS))
_ALL = tuple(range(len(SLOTS)))


class _Draft:
    """A sentence under construction."""

    def __init__(self, rng: np.random.Generator, look: Look) -> None:
        self.rng, self.look = rng, look
        self.kinds = np.full(len(SLOTS), -1, np.int16)
        self.colors = np.full((len(SLOTS), 2, 3), np.nan, np.float32)
        self.builds = np.zeros(len(AXES), np.int8)
        self.character = -1

    def pick(self, choices: tuple[str, ...] | list[str]) -> str:
        return choices[self.rng.integers(len(choices))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def color(self, rgb: np.ndarray) -> tuple[str, np.ndarray]:
        """A name that fits the colour: a basic one if it is near, else any near one."""
        lexicon = colors()
        distance = np.linalg.norm(lexicon.oklab - oklab_from_srgb(rgb), axis=1)
        if self.chance(0.6):
            basic = min(BASIC_COLORS, key=lambda name: distance[lexicon.ids[name]])
            if distance[lexicon.ids[basic]] < 0.06:
                return basic, lexicon.oklab[lexicon.ids[basic]]
        distance = np.where(lexicon.is_written, distance, np.inf)
        near = np.flatnonzero(distance < max(0.045, distance.min() + 0.005))
        index = int(near[self.rng.integers(len(near))])
        return lexicon.names[index], lexicon.oklab[index]

    def state(self, slots: tuple[int, ...], layer: Layer, named: list[np.ndarray]) -> None:
        for slot in slots:
            self.kinds[slot] = kind_ids()[layer.kind]
            for i, lab in enumerate(named):
                self.colors[slot, i] = lab

    def _colored(self, layer: Layer) -> tuple[list[str], list[np.ndarray]]:
        pairs = [self.color(layer.rgb(i)) for i in range(layer.num_colors)]
        return [name for name, _ in pairs], [lab for _, lab in pairs]

    def adjective(self, slots: tuple[int, ...], layer: Layer) -> str:
        """Words that stand before a noun, stated of the slots."""
        surface = surfaces()[layer.kind]
        if surface.num_colors == 0:
            self.state(slots, layer, [])
            return self.pick(_spoken(surface.words))
        names, labs = self._colored(layer)
        if layer.kind == "solid":
            self.state(slots, layer, labs)
            return names[0] + (self.pick([" coloured", " painted"]) if self.chance(0.06) else "")
        word = self.pick(_spoken(surface.words))
        if self.chance(0.1):
            self.state(slots, layer, [])
            return word
        self.state(slots, layer, labs)
        if surface.num_colors == 1:
            return f"{names[0]} {word}"
        if not surface.is_ordered and self.chance(0.5):
            names.reverse()
        joint = " and " if self.chance(0.75) else " "
        return f"{names[0]}{joint}{names[1]} {word}"

    def noun(self, slots: tuple[int, ...], layer: Layer) -> str:
        """What a body is made of or covered in, stated of the slots."""
        surface = surfaces()[layer.kind]
        if surface.num_colors == 0:
            self.state(slots, layer, [])
            return self.pick(surface.nouns)
        names, labs = self._colored(layer)
        self.state(slots, layer, labs)
        if layer.kind == "solid":
            return names[0] + self.pick([" paint", " skin", " plastic", " cloth", " fabric", " colour"])
        noun = self.pick(surface.nouns)
        if surface.num_colors == 1:
            return f"{names[0]} {noun}"
        if surface.is_ordered and self.chance(0.6):
            return f"{names[1]} {noun} on {names[0]}" + self.pick(["", " skin", " cloth"])
        return f"{names[0]} and {names[1]} {noun}"

    def body_words(self, frame: str, eagerness: float) -> tuple[str, str]:
        """Words before and a phrase after the noun for some of the look's builds."""
        facts = facts_of(self.look, frame)
        rows = [
            build
            for build in builds().values()
            if build.axis != "gender"
            and not (build.name == "weak" and facts.builds[AXES.index("weight")] == 1)
            and facts.seen_builds[AXES.index(build.axis)]
            and facts.builds[AXES.index(build.axis)] == (1 if build.is_high else -1)
        ]
        self.rng.shuffle(rows)  # type: ignore[arg-type]
        before, after = [], ""
        role = self.look.role
        implied = implied_builds(character_ids()[role.name]) if role else np.zeros(len(AXES))
        # What a character has in any case is mentioned last, and seldom.
        rows.sort(key=lambda build: bool(implied[AXES.index(build.axis)]))
        for build in rows[:2]:
            if implied[AXES.index(build.axis)] and not self.chance(0.2):
                continue
            if not self.chance(max(eagerness, 0.9 if build.axis in CHANGES else 0.0)):
                continue
            self.builds[AXES.index(build.axis)] = 1 if build.is_high else -1
            if build.phrases and not after and self.chance(0.5):
                after = " " + self.pick(build.phrases)
            else:
                before.append(self.pick(build.words))
        return " ".join(before), after

    def being(self, layer: Layer | None = None) -> str:
        """A noun for the figure; it may state the gender."""
        beings = [] if layer is None else [b for b in surfaces()[layer.kind].beings if b not in character_words()]
        if beings and self.chance(0.3):
            return self.pick(beings)
        if self.chance(0.4):
            is_female = self.look.phenotypes[0] > 0.5
            self.builds[AXES.index("gender")] = 1 if is_female else -1
            return self.pick(W.FEMALE if is_female else W.MALE)
        return self.pick(W.BEINGS)

    def finish(self, text: str) -> Statement:
        prefix = self.pick(W.PREFIXES)
        has_article = text.startswith(("a ", "an "))
        if prefix in W.BARE_PREFIXES:
            prefix, text = (prefix, text.split(" ", 1)[1]) if has_article else ("", text)
        elif has_article and self.chance(0.15):
            text = text.split(" ", 1)[1]
        text = prefix + text + self.pick(W.SUFFIXES)
        return Statement(text, self.kinds, self.colors, self.builds, self.character)


@cache
def _spoken(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words that do not name a character: of a plain figure they would say too much."""
    return tuple(word for word in words if word not in character_words()) or words


def _article(words: str) -> str:
    return ("an " if words[:1] in "aeiou" else "a ") + words


def _join(*words: str) -> str:
    return " ".join(word for word in words if word)


def _uniform(draft: _Draft, frame: str) -> str:
    layer = draft.look.layers[TORSO]
    before, after = draft.body_words(frame, 0.6)
    if before + after and draft.chance(0.2):
        return _article(_join(before, draft.being())) + after
    if draft.chance(0.1):
        return f"{_join(before, draft.being(layer))}, {draft.noun(_ALL, layer)}{after}"
    if draft.chance(0.65):
        adjective, being = draft.adjective(_ALL, layer), draft.being(layer)
        words = _join(before, adjective, being) if draft.chance(0.8) else _join(adjective, before, being)
        return _article(words) + after
    being = _article(_join(before, draft.being(layer))) + after
    if draft.chance(0.2):
        return f"{being}, {draft.adjective(_ALL, layer)} " + draft.pick(W.ALL_OVER)
    return being + draft.pick(W.MADE_OF) + draft.noun(_ALL, layer)


def _head(draft: _Draft, frame: str) -> str:
    head, body = draft.look.layers[HEAD], draft.look.layers[TORSO]
    before, after = draft.body_words(frame, 0.5)
    being, rest = draft.being(), _ALL[1:]
    part = draft.pick(W.HEADS)
    match draft.rng.choice(6, p=[0.44, 0.18, 0.1, 0.08, 0.06, 0.14]):
        case 0:
            words = _join(before, draft.adjective(rest, body), being)
            return f"{_article(words)} with {_article(draft.adjective((HEAD,), head))} {part}{after}"
        case 1:
            words = _article(draft.adjective(rest, body))
            head_words = _article(draft.adjective((HEAD,), head))
            return f"{_article(_join(before, being))} with {words} body and {head_words} {part}{after}"
        case 2:
            return f"{draft.adjective((HEAD,), head)} head and {draft.adjective(rest, body)} body"
        case 3:
            return f"{_article(_join(before, being))} with {_article(draft.adjective((HEAD,), head))} {part}{after}"
        case 5:
            words = _article(_join(before, draft.adjective(rest, body), being)) + after
            if draft.chance(0.5):
                return f"{words} whose {part} is {draft.adjective((HEAD,), head)}"
            return f"{words}, the {part} is {draft.adjective((HEAD,), head)}"
    return f"{_article(_join(before, being))} with {_article(draft.adjective(rest, body))} body{after}"


def _clothes(draft: _Draft, frame: str) -> str:
    look = draft.look
    before, after = draft.body_words(frame, 0.5)
    being = draft.being()
    if look.layers[HEAD].kind != "skin" and draft.chance(0.5):
        before = _join(before, draft.adjective((HEAD,), look.layers[HEAD]))
    top = draft.adjective((TORSO,), look.layers[TORSO]) + " " + draft.pick(W.TOPS)
    if frame == "torso" or draft.chance(0.1):
        return f"{_article(_join(before, being))} wearing {_article(top)}{after}"
    trousers = draft.adjective((LEGS,), look.layers[LEGS]) + " " + draft.pick(W.TROUSERS)
    link = draft.pick([" wearing ", " in ", " with ", " dressed in "])
    parts = f"{_article(top)} and {trousers}" if draft.chance(0.8) else f"{trousers} and {_article(top)}"
    if look.layers[FEET] is not look.layers[LEGS] and draft.chance(0.3):
        parts += f" and {draft.adjective((FEET,), look.layers[FEET])} " + draft.pick(W.SHOES)
    return _article(_join(before, being)) + link + parts + after


def _suit(draft: _Draft, frame: str) -> str:
    before, after = draft.body_words(frame, 0.5)
    being, link = draft.being(), draft.pick([" in ", " wearing ", " dressed in "])
    words = draft.adjective((TORSO, ARMS, LEGS), draft.look.layers[TORSO])
    garment = draft.pick(W.GARMENTS)
    return _article(_join(before, being)) + link + f"{_article(words)} {garment}{after}"


def _limb(draft: _Draft, frame: str) -> str:
    look = draft.look
    body = look.layers[TORSO]
    part = tuple(i for i in _ALL if look.layers[i] is not body)
    rest = tuple(i for i in _ALL if i not in part)
    before, after = draft.body_words(frame, 0.5)
    words = _join(before, draft.adjective(rest, body), draft.being())
    limb = draft.adjective(part, look.layers[part[0]]) + " " + draft.pick(W.NAMES[part[0]])
    if draft.chance(0.15):
        skin = draft.adjective(rest, body)
        limb = draft.adjective(part, look.layers[part[0]]) + " " + draft.pick(W.NAMES[part[0]])
        return f"{_article(_join(before, draft.being()))} with {skin} skin and {limb}{after}"
    if draft.chance(0.12):
        limb = f"the {draft.pick(W.NAMES[part[0]])} are {draft.adjective(part, look.layers[part[0]])}"
        return f"{_article(words)}{after}, {limb}"
    return f"{_article(words)} with {limb}{after}"


def _three(draft: _Draft, frame: str) -> str:
    look = draft.look
    before, after = draft.body_words(frame, 0.5)
    head, body = draft.adjective((HEAD,), look.layers[HEAD]), draft.adjective((TORSO, ARMS), look.layers[TORSO])
    legs = draft.adjective((LEGS,), look.layers[LEGS])
    if draft.chance(0.5):
        words = _join(before, draft.being())
        return f"{_article(words)} with {_article(head)} head, {_article(body)} body and {legs} legs{after}"
    return f"{head} head, {body} body, {legs} legs"


def _plain(draft: _Draft, frame: str) -> str:
    before, after = draft.body_words(frame, 0.9)
    being = draft.being(draft.look.layers[TORSO])
    if not before + after or draft.chance(0.3):
        before = _join(before, draft.adjective(_ALL, draft.look.layers[TORSO]))
    return _article(_join(before, being)) + after


def _character(draft: _Draft, frame: str) -> str:
    look = draft.look
    assert look.role is not None
    row, slots = characters()[look.role.name], look.exchanged
    draft.character = character_ids()[look.role.name]
    before, after = draft.body_words(frame, 0.5)
    noun = draft.pick(row.words)
    if draft.chance(0.12):
        before = _join(draft.pick(W.TEMPERS), before)
    if draft.chance(0.12) and "gender" not in row.cues:
        is_female = look.phenotypes[0] > 0.5
        draft.builds[AXES.index("gender")] = 1 if is_female else -1
        before = _join(before, "female" if is_female else "male")
    if not slots:
        return _plain_character(draft, row.is_remade, _join(before, noun), after)
    layer = look.layers[slots[0]]
    if len(slots) == len(SLOTS):
        if draft.chance(0.45):
            return _article(_join(before, draft.adjective(slots, layer), noun)) + after
        return _article(_join(before, noun)) + draft.pick(W.MADE_OF) + draft.noun(slots, layer) + after
    being = _article(_join(before, noun))
    if draft.chance(0.15):
        # Who says only the name says nothing wrong.
        return being + after
    words = draft.adjective(slots, layer)
    if slots[0] == TORSO:
        return being + draft.pick([" wearing ", " in ", " with "]) + f"{_article(words)} {draft.pick(W.TOPS)}{after}"
    part = draft.pick(W.NAMES[slots[0]])
    return being + " with " + (_article(words) if slots[0] == HEAD else words) + f" {part}{after}"


def _plain_character(draft: _Draft, is_remade: bool, noun: str, after: str) -> str:
    """A character that wears its own: the name alone, or with what one part or the whole of it wears."""
    layers, draw = draft.look.layers, draft.rng.random()
    if is_remade and draw < 0.35 and all(layer is layers[TORSO] for layer in layers):
        return _article(_join(draft.adjective(_ALL, layers[TORSO]), noun)) + after
    slot = int(draft.rng.choice([HEAD, TORSO, LEGS]))
    if draw < 0.2 and layers[slot].kind != "skin":
        words = draft.adjective((slot,), layers[slot])
        part = draft.pick(W.NAMES[slot])
        return f"{_article(noun)} with {words if slot == LEGS else _article(words)} {part}{after}"
    if 0.35 < draw < 0.45:
        return draft.pick(["a person dressed as ", "somebody in the costume of "]) + _article(noun) + after
    return _article(noun) + after


def _close_up(draft: _Draft, frame: str) -> str:
    slot, nouns = (HEAD, ["head", "face", "portrait"]) if frame == "head" else (LEGS, ["legs", "legs", "trousers"])
    words = draft.adjective((slot,), draft.look.layers[slot])
    before, _ = draft.body_words(frame, 0.0)
    noun = draft.pick(nouns)
    if draft.chance(0.3):
        link = draft.pick(["the {} of ", "a close up of the {} of "]).format(noun)
        return link + _article(_join(before, words, draft.pick(W.BEINGS)))
    words = _join(before, words, noun)
    return _article(words) if frame == "head" else words


_WRITERS = {
    Layout.UNIFORM: _uniform,
    Layout.HEAD: _head,
    Layout.CLOTHES: _clothes,
    Layout.SUIT: _suit,
    Layout.LIMB: _limb,
    Layout.THREE: _three,
    Layout.PLAIN: _plain,
    Layout.CHARACTER: _character,
}


def write_caption(rng: np.random.Generator, look: Look, frame: str = "whole") -> Statement:
    """A sentence that is true of the look, for a picture that frames ``frame``.

    Half of the pictures of a part get a sentence about the whole figure: an artist's close-up has the same prompt.
    """
    draft = _Draft(rng, look)
    if frame in ("head", "legs") and draft.chance(0.5):
        return draft.finish(_close_up(draft, frame))
    return draft.finish(_WRITERS[look.layout](draft, frame))
