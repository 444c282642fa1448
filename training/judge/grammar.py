"""The judge's captions: sentences about looks in its own wording, each with what it states; knows no pixels.

Only the tables' words and the statements that decide what is true of a picture are shared with the encoder's captions.
Sentences here are put together from phrases about groups of parts, in any order, instead of from one template a layout.
"""

from functools import cache

import numpy as np

from clipmatrix.procedural.characters import AXES, character_ids, character_words, characters, implied_builds
from clipmatrix.procedural.looks import Layer, Look
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
from training.judge.lexicon import benchmark_texts, lexicon, plain_words

_HEAD, _TORSO, _ARMS, _HANDS, _LEGS, _FEET = range(len(SLOTS))
_PLURAL = frozenset((_ARMS, _HANDS, _LEGS, _FEET))
_NEAR_COLOR = 0.05
"""OKLab distance within which a name may be given to a colour."""


def describe(rng: np.random.Generator, look: Look, frame: str = "whole") -> Statement:
    """A sentence that is true of the look, for a picture that frames ``frame``; never one of the benchmark's."""
    while True:
        statement = _Sentence(rng, look, frame).write()
        if " ".join(plain_words(statement.text)) not in benchmark_texts():
            return statement


def _article(words: str) -> str:
    return ("an " if words[:1] in "aeiou" else "a ") + words


def _join(*words: str) -> str:
    return " ".join(word for word in words if word)


@cache
def _adjectives(kind: str) -> tuple[str, ...]:
    """What may stand before a noun for this kind, characters' names left out: of a plain figure they say too much."""
    named = character_words() | {word for words in lexicon().characters.values() for word in words}
    words = surfaces()[kind].words + lexicon().adjectives.get(kind, ())
    return tuple(word for word in words if word not in named) or words


@cache
def _nouns(kind: str) -> tuple[str, ...]:
    return surfaces()[kind].nouns + lexicon().nouns.get(kind, ())


class _Sentence:
    """A sentence under construction, and what it has stated so far."""

    def __init__(self, rng: np.random.Generator, look: Look, frame: str) -> None:
        self.rng, self.look, self.frame = rng, look, frame
        self.words = lexicon()
        self.kinds = np.full(len(SLOTS), -1, np.int16)
        self.colors = np.full((len(SLOTS), 2, 3), np.nan, np.float32)
        self.builds = np.zeros(len(AXES), np.int8)
        self.character = -1

    def write(self) -> Statement:
        """The finished sentence."""
        if self.frame in ("head", "legs") and self.chance(0.6):
            text = self._close_up()
        elif self.look.role is not None:
            text = self._named()
        else:
            text = self._figure()
        if self.chance(0.12) and text.startswith(("a ", "an ")):
            text = text.split(" ", 1)[1]
        else:
            text = self.pick(self.words.openers) + text
        text += self.pick(self.words.clauses)
        return Statement(text, self.kinds, self.colors, self.builds, self.character)

    def pick(self, choices: tuple[str, ...]) -> str:
        return choices[self.rng.integers(len(choices))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def color(self, rgb: np.ndarray) -> tuple[str, np.ndarray]:
        """A name for the colour, the nearer the likelier, and in half of the cases a basic one where that is near."""
        names = colors()
        gaps = np.linalg.norm(names.oklab - oklab_from_srgb(rgb), axis=1)
        if self.chance(0.5):
            basic = min(BASIC_COLORS, key=lambda name: gaps[names.ids[name]])
            if gaps[names.ids[basic]] < 1.2 * _NEAR_COLOR:
                return basic, names.oklab[names.ids[basic]]
        near = np.flatnonzero(gaps < max(_NEAR_COLOR, gaps.min() + 0.004))
        weights = np.exp(-gaps[near] / 0.02)
        index = int(self.rng.choice(near, p=weights / weights.sum()))
        return names.names[index], names.oklab[index]

    def _state(self, slots: tuple[int, ...], layer: Layer, labs: list[np.ndarray]) -> None:
        for slot in slots:
            self.kinds[slot] = kind_ids()[layer.kind]
            for index, lab in enumerate(labs):
                self.colors[slot, index] = lab

    def before_noun(self, slots: tuple[int, ...], layer: Layer) -> str:
        """Words to stand before a noun that say what the slots wear."""
        surface = surfaces()[layer.kind]
        pairs = [self.color(layer.rgb(index)) for index in range(surface.num_colors)]
        names, labs = [name for name, _ in pairs], [lab for _, lab in pairs]
        if layer.kind == "solid":
            self._state(slots, layer, labs)
            return self.pick(self.words.colored).format(names[0])
        word = self.pick(_adjectives(layer.kind))
        if names and self.chance(0.08):
            names, labs = [], []
        self._state(slots, layer, labs)
        if len(names) < 2:
            return _join(*names, word) if self.chance(0.8) else _join(word, *names)
        if not surface.is_ordered and self.chance(0.5):
            names.reverse()
        both = f"{names[0]} and {names[1]}" if self.chance(0.7) else f"{names[0]}-{names[1]}"
        return f"{both} {word}" if self.chance(0.75) else f"{word} {both}"

    def after_verb(self, slots: tuple[int, ...], layer: Layer) -> str:
        """Words to stand after "made of" or the like, that verb included."""
        surface = surfaces()[layer.kind]
        if layer.kind == "solid":
            name, lab = self.color(layer.rgb(0))
            self._state(slots, layer, [lab])
            return self.pick(self.words.covered_in) + f" {name} " + self.pick(("paint", "cloth", "leather", "plastic"))
        verbs = self.words.covered_in if surface.num_colors or self.chance(0.4) else self.words.made_of
        pairs = [self.color(layer.rgb(index)) for index in range(surface.num_colors)]
        names = [name for name, _ in pairs]
        self._state(slots, layer, [lab for _, lab in pairs])
        noun = self.pick(_nouns(layer.kind))
        if len(names) == 2:
            if surface.is_ordered:
                return f"{self.pick(verbs)} {names[1]} {noun} over {names[0]}"
            if self.chance(0.5):
                names.reverse()
            return f"{self.pick(verbs)} {noun} in {names[0]} and {names[1]}"
        return _join(self.pick(verbs), *names, noun)

    def being(self) -> str:
        """A noun for the figure; in two of five cases it tells man from woman."""
        if self.chance(0.4):
            is_female = self.look.phenotypes[0] > 0.5
            self.builds[AXES.index("gender")] = 1 if is_female else -1
            return self.pick(self.words.figures["female" if is_female else "male"])
        return self.pick(self.words.figures["any"])

    def build_words(self, eagerness: float) -> tuple[str, str]:
        """An adjective or two, and a phrase to follow the noun, for what is unusual in the build and in view."""
        facts = facts_of(self.look, self.frame)
        implied = np.zeros(len(AXES), np.int8)
        if self.look.role is not None:
            implied = implied_builds(character_ids()[self.look.role.name])
        shown = []
        for build in builds().values():
            axis = AXES.index(build.axis)
            is_shown = facts.seen_builds[axis] and facts.builds[axis] == (1 if build.is_high else -1)
            if is_shown and build.axis != "gender" and build.name != "weak":
                shown.append(build)
        before, after = [], ""
        for index in self.rng.permutation(len(shown))[:3]:
            build = shown[index]
            axis = AXES.index(build.axis)
            share = max(eagerness, 0.85 if build.axis in CHANGES else 0.0)
            if not self.chance(0.15 if implied[axis] else share):
                continue
            self.builds[axis] = 1 if build.is_high else -1
            if build.phrases and not after and self.chance(0.45):
                after = " " + self.pick(build.phrases)
            elif len(before) < 2:
                word = self.pick(build.words + build.also + self.words.builds.get(build.name, ()))
                before.append(word.removeprefix("very ") if self.chance(0.5) else word)
            else:
                self.builds[axis] = 0
        joint = ", " if self.chance(0.3) else " "
        return joint.join(before), after

    def groups(self) -> list[tuple[tuple[int, ...], Layer]]:
        """The slots that wear one layer, the largest group first."""
        found: dict[int, list[int]] = {}
        for slot, layer in enumerate(self.look.layers):
            found.setdefault(id(layer), []).append(slot)
        groups = [(tuple(slots), self.look.layers[slots[0]]) for slots in found.values()]
        return sorted(groups, key=lambda group: -len(group[0]))

    def part(self, slots: tuple[int, ...], layer: Layer, garments: float) -> tuple[str, bool]:
        """A phrase for a group of parts, named by its foremost one, and whether that is plural."""
        slot = next(s for s in (_HEAD, _TORSO, _LEGS, _ARMS, _FEET, _HANDS) if s in slots)
        noun = self.pick(self.words.parts[SLOTS[slot]])
        is_plural = slot in _PLURAL
        if self.chance(garments):
            match slot:
                case 1:
                    noun = self.pick(self.words.tops)
                case 4:
                    noun = self.pick(self.words.bottoms)
                case 5:
                    noun = self.pick(self.words.shoes)
                case 3:
                    noun = self.pick(self.words.gloves)
        told = tuple(s for s in slots if s == slot or (slot, s) in ((_ARMS, _HANDS), (_LEGS, _FEET)))
        return _join(self.before_noun(told[:1] if slot == _LEGS else told, layer), noun), is_plural

    def _figure(self) -> str:
        groups = self.groups()
        is_dressed = self.look.layers[_HEAD].kind == "skin" and self.look.layers[_TORSO].kind != "skin"
        if len(groups) == 1:
            return self._uniform(groups[0][1])
        if is_dressed or (len(groups[0][0]) < 4 and self.chance(0.7)):
            return self._clothed()
        return self._with_parts(groups)

    def _uniform(self, layer: Layer) -> str:
        slots = tuple(range(len(SLOTS)))
        is_plain = layer.kind == "plaster"
        before, after = self.build_words(0.9 if is_plain else 0.55)
        temper = self.pick(self.words.tempers) if self.chance(0.1) else ""
        if before + after and self.chance(0.6 if is_plain else 0.12):
            return _article(_join(temper, before, self.being())) + after
        draw = self.rng.random()
        if draw < 0.45:
            words = [before, self.before_noun(slots, layer)]
            if self.chance(0.25):
                words.reverse()
            return _article(_join(temper, *words, self.being())) + after
        noun = _article(_join(temper, before, self.being())) + after
        if draw < 0.75:
            return f"{noun} {self.after_verb(slots, layer)}"
        if draw < 0.85:
            return f"{noun}, {self.before_noun(slots, layer)} {self.pick(self.words.all_over)}"
        if draw < 0.93:
            return f"{noun} whose {self.pick(self.words.body)} is {self.before_noun(slots, layer)}"
        return f"{self.before_noun(slots, layer)}: {noun}"

    def _with_parts(self, groups: list[tuple[tuple[int, ...], Layer]]) -> str:
        """A figure whose body is one thing and one or two of whose parts are another."""
        before, after = self.build_words(0.45)
        (slots, layer), others = groups[0], groups[1:3]
        others = [others[i] for i in self.rng.permutation(len(others))]
        body = self.before_noun(slots, layer) if self.chance(0.88) else ""
        being = _join(before, self.being())
        phrases = [self.part(*group, garments=0.15) for group in others]
        named = [words if plural else _article(words) for words, plural in phrases]
        draw = self.rng.random()
        if draw < 0.4:
            return f"{_article(_join(body, being))}{after} {self.pick(self.words.has)} {' and '.join(named)}"
        if draw < 0.55:
            rest = f" and {_article(body)} {self.pick(self.words.body)}" if body else ""
            return f"{_article(being)}{after} with {' and '.join(named)}{rest}"
        if draw < 0.7:
            clauses = " and ".join(self._whose(*phrase) for phrase in phrases)
            return f"{_article(_join(body, being))}{after} {clauses}"
        if draw < 0.8:
            return f"{', '.join(named)} on {_article(_join(body, being))}{after}"
        if draw < 0.9:
            return f"{_article(_join(body, being))}{after}, but {' and '.join(words for words, _ in phrases)}"
        told = [words for words, _ in phrases] + ([f"{body} {self.pick(self.words.body)}"] if body else [])
        return f"{being}{after}: {', '.join(told[i] for i in self.rng.permutation(len(told)))}"

    @staticmethod
    def _whose(words: str, is_plural: bool) -> str:
        """The phrase turned about: "blue head" to "whose head is blue"; the noun is its last word."""
        adjective, _, noun = words.rpartition(" ")
        return f"whose {noun} {'are' if is_plural else 'is'} {adjective}"

    def _clothed(self) -> str:
        head, torso, _, hands, legs, feet = self.look.layers
        if self.chance(0.2):
            # Of who is dressed, the build alone may be told.
            before, after = self.build_words(0.9)
            if before + after:
                return _article(_join(before, self.being())) + after
        before, after = self.build_words(0.45)
        if head.kind != "skin" and self.chance(0.6):
            before = _join(before, self.before_noun((_HEAD,), head))
        noun = _article(_join(before, self.being()))
        if legs is torso and self.chance(0.6):
            slots = tuple(slot for slot in range(1, len(SLOTS)) if self.look.layers[slot] is torso and slot != _FEET)
            worn = [_article(_join(self.before_noun(slots, torso), self.pick(self.words.whole_garments)))]
        else:
            worn = [_article(_join(self.before_noun((_TORSO,), torso), self.pick(self.words.tops)))]
            if self.frame != "torso" and self.chance(0.92):
                worn.append(_join(self.before_noun((_LEGS,), legs), self.pick(self.words.bottoms)))
        if feet is not legs and feet is not head and self.chance(0.35):
            worn.append(_join(self.before_noun((_FEET,), feet), self.pick(self.words.shoes)))
        if hands is not head and hands is not torso and self.chance(0.3):
            worn.append(_join(self.before_noun((_HANDS,), hands), self.pick(self.words.gloves)))
        worn = [worn[i] for i in self.rng.permutation(len(worn))]
        told = (
            worn[0] if len(worn) == 1 else ", ".join(worn[:-1]) + (" and " if self.chance(0.8) else " plus ") + worn[-1]
        )
        if self.chance(0.08):
            return f"{told}, worn by {noun}{after}"
        return f"{noun} {self.pick(self.words.wears)} {told}{after}"

    def _named(self) -> str:
        """A character, by one of its names."""
        role = self.look.role
        assert role is not None
        self.character = character_ids()[role.name]
        row = characters()[role.name]
        before, after = self.build_words(0.45)
        name = self.pick(row.words + self.words.characters.get(role.name, ()))
        if self.chance(0.12):
            before = _join(self.pick(self.words.tempers), before)
        if "gender" not in row.cues and self.chance(0.1):
            is_female = self.look.phenotypes[0] > 0.5
            self.builds[AXES.index("gender")] = 1 if is_female else -1
            before = _join(before, "female" if is_female else "male")
        noun, slots = _join(before, name), self.look.exchanged
        if not slots:
            return self._own_clothes(noun, after)
        layer = self.look.layers[slots[0]]
        if len(slots) == len(SLOTS):
            if self.chance(0.5):
                return _article(_join(self.before_noun(slots, layer), noun)) + after
            return f"{_article(noun)}{after} {self.after_verb(slots, layer)}"
        if self.chance(0.1):
            return _article(noun) + after
        words, is_plural = self.part(slots, layer, garments=0.6)
        if self.chance(0.2):
            return f"{_article(noun)}{after} {self._whose(words, is_plural)}"
        return f"{_article(noun)}{after} {self.pick(self.words.has)} {words if is_plural else _article(words)}"

    def _own_clothes(self, noun: str, after: str) -> str:
        slot = int(self.rng.choice([_HEAD, _TORSO, _LEGS]))
        layer, draw = self.look.layers[slot], self.rng.random()
        if draw < 0.2 and layer.kind != "skin":
            words, is_plural = self.part((slot,), layer, garments=0.5)
            return f"{_article(noun)}{after} {self.pick(self.words.has)} {words if is_plural else _article(words)}"
        if draw < 0.3:
            costume = self.pick(("dressed up as", "in a costume of", "made up as", "who plays", "turning into"))
            return f"{self.pick(('someone', 'my friend', 'a guest', 'an actor'))} {costume} {_article(noun)}{after}"
        return _article(noun) + after

    def _close_up(self) -> str:
        slot = _HEAD if self.frame == "head" else _LEGS
        before, _ = self.build_words(0.0)
        words = self.before_noun((slot,), self.look.layers[slot])
        part = self.pick(self.words.parts[SLOTS[slot]])
        if self.chance(0.4):
            # The adjective after "of" would speak of the whole figure, of which the picture shows a part.
            return f"the {_join(words, part)} of {_article(_join(before, self.pick(self.words.figures['any'])))}"
        return _join("the" if self.chance(0.5) else "", before, words, part)
