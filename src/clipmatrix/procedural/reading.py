"""What a sentence says of a figure: what each part is to wear, who it is, how it is built; knows no encoder.

It is the inverse of ``captions.write_caption``, for sentences as people write them. A small grammar of noun phrases:
words of stuff gather until a noun takes them ("a *yellow and black striped* **shirt**"), or until a clause ends, when
they are said of the noun before them ("a **man** covered in *moss*").
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from clipmatrix.procedural.capes import read_cape
from clipmatrix.procedural.characters import has_bare_head
from clipmatrix.procedural.faces import read_skin
from clipmatrix.procedural.headwear import read_headwear
from clipmatrix.procedural.lengths import read_lengths
from clipmatrix.procedural.lexing import (
    Role,
    Senses,
    Token,
    bare_parts,
    coats,
    common_cut,
    dressing,
    elsewhere,
    is_material,
    is_noun_of,
    lex,
    metal_color,
    not_people,
)
from clipmatrix.procedural.tables import BASIC_COLORS, SLOTS
from clipmatrix.procedural.told import told_builds
from clipmatrix.procedural.understood import Reading, Spec, Told, merged

ALL = tuple(range(len(SLOTS)))
_NO_SENSES = Senses()
_COLORS_FIRST = frozenset(("coral", "rose", "pearl", "blond", "blonde"))
"""Words that name a stuff too, and of a person nearly always mean the colour."""

_ENDS = (SLOTS.index("hands"), SLOTS.index("feet"))
_SHIRT = (SLOTS.index("torso"), SLOTS.index("arms"))
_OVERALLS = (SLOTS.index("torso"), SLOTS.index("legs"))
_CLOTHED = tuple(SLOTS.index(name) for name in ("torso", "arms", "legs", "feet"))
_IN_PLACE = re.compile(
    r"\b((?:a|an|the) (?:[a-z]+ ){1,2}?)(?:for|as|instead of|in place of) (?:an?|his|her|its|the|their) "
    r"(head|body|face|arm|hand|leg|foot)\b",
    re.IGNORECASE,
)
"""What stands for a part of the body: "a pumpkin for a head" is a pumpkin head."""

_SEA_PEOPLE = re.compile(r"\b(?:mermaid|merman|mermaids|siren|sea maiden)\b", re.IGNORECASE)
_SKINNED = re.compile(r"\b((?:(?:dark|light|pale|bright|deep) )?[a-z]+)[ -]skinned\b,? ?", re.IGNORECASE)
_TAIL = re.compile(r"(?<!fish )(?<!mermaid )\btail\b", re.IGNORECASE)
"""Others' tails are no part of a body that has none."""


def _is_color(token: Token) -> bool:
    return token.senses.rgb is not None and (not token.senses.surfaces or token.text in BASIC_COLORS)


class _Reader:
    """The state of a sentence half read."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.spec = Spec()
        self.whole: Told | None = None
        self.bare: Told | None = None
        self.slots: list[Told | None] = [None] * len(SLOTS)
        self.characters: tuple[str, ...] = ()
        self.skin: tuple[str, ...] = ()
        self.unknown: list[tuple[str, bool]] = []
        self.last: tuple[int, ...] = ALL
        self.link: Role | None = None
        self.has_head = self.is_dead = self.is_clause = self.is_place = False
        self.is_person = self.is_worn = self.is_overall = self.is_bare = False
        self.is_named = self.is_likened = self.is_thing = False

    def read(self) -> "_Reader":
        for i, token in enumerate(self.tokens):
            match token.role:
                case Role.NAME:
                    self._name(i, token)
                case Role.BEING:
                    if self.is_likened:
                        # "the head of a bull": of whose kind the part is, and not who it is.
                        self._flush()
                    else:
                        self.is_person = token.text not in not_people()
                        self._take(ALL)
                case Role.OBJECT:
                    self._drop()
                    self.is_thing = True
                case Role.UNKNOWN:
                    self._guess(i, token)
                case Role.AND:
                    if self.spec.is_figure and not is_material(self.spec.kinds[-1][0]):
                        # "with green spots and orange horns"
                        self._flush()
                    following = self._next(i, Role.NOTHING)
                    if following is None or not (following.senses.is_stuff or following.role is Role.UNKNOWN):
                        self._flush()
                    self.is_dead = False
                case Role.ON:
                    self._on(i)
                case Role.ARTICLE:
                    if token.text == "the" and self.link in (Role.IN, Role.BREAK) and self.spec.is_empty:
                        self.is_place = True
                case Role.WITH | Role.IN | Role.MADE | Role.IS | Role.BREAK:
                    self._link(i, token)
        self._flush()
        return self

    def undress(self) -> None:
        """Who has a coat of fur, and clothes of which no more is told, wears some other stuff over it."""
        is_coat = self.whole is not None and bool(self.whole.kinds) and self.whole.kinds[0] in coats()
        if is_coat and not self.characters and any(told and told.is_garment and told.is_empty for told in self.slots):
            self.bare, self.whole = self.whole, None

    def _next(self, i: int, *passed: Role) -> Token | None:
        return next((token for token in self.tokens[i + 1 :] if token.role not in passed), None)

    def _modifies(self, i: int) -> bool:
        """Whether a noun follows that the word belongs to: what follows is another word of the same phrase."""
        following = self._next(i, Role.NOTHING, Role.BUILD)
        if following is None:
            return False
        return following.role in (Role.NAME, Role.BEING, Role.UNKNOWN, Role.OBJECT)

    def _name(self, i: int, token: Token) -> None:
        senses = token.senses
        following = self._next(i, Role.NOTHING, Role.BUILD)
        if senses.slots and not senses.is_garment and following is not None and following.senses.is_garment:
            # "body armour", "plastic boots": that they are for a part of the body says nothing of it.
            return
        if senses.slots:
            self._take(senses.slots, senses)
        elif senses.characters and not senses.surfaces and self._is_costume(following):
            self._disguise(senses.characters)
        elif senses.characters and following is not None and following.senses.characters:
            self.skin = senses.characters
        elif senses.characters and not (senses.is_stuff and (self._modifies(i) or self._is_of_stuff())):
            self._character(senses.characters)
        elif not self.is_place:
            self._stuff(i, token)

    def _is_costume(self, following: Token | None) -> bool:
        """Whether it is no more than who somebody who was named before is dressed as: "in a pirate costume"."""
        is_garment = following is not None and following.senses.is_garment and len(following.senses.slots) > 2
        return is_garment and self.has_head and self.link in (Role.IN, Role.WITH)

    def _disguise(self, names: tuple[str, ...]) -> None:
        """The clothes are theirs, skin and fur those of whom was named before."""
        if self.characters != names:
            self.skin, self.characters = self.characters, names
        if self.whole is not None:
            self.bare, self.whole = merged(self.bare, self.whole), None

    def _is_of_stuff(self) -> bool:
        return self.has_head and self.link in (Role.MADE, Role.WITH, Role.IN, Role.IS)

    def _stuff(self, i: int, token: Token) -> None:
        senses = token.senses
        if senses.rgb is None and self.link is not Role.MADE and self._is_beside_color(i):
            senses = replace(senses, rgb=metal_color(senses.surfaces))
        following = self._next(i, Role.NOTHING, Role.BUILD)
        is_before_part = following is not None and bool(following.senses.slots)
        is_color = senses.rgb is not None and (
            not senses.surfaces
            or is_before_part
            or (self.link is not Role.MADE and (token.text in _COLORS_FIRST or self._is_beside_color(i)))
        )
        if not is_color:
            self.spec.kinds.append(senses.surfaces)
            self.spec.is_figure = is_noun_of(token.text, senses.surfaces)
        elif senses.rgb is not None and self.spec.is_on:
            self.spec.ground = senses.rgb
        elif senses.rgb is not None and senses.rgb not in self.spec.colors:
            self.spec.colors.append(senses.rgb)

    def _is_beside_color(self, i: int) -> bool:
        """Whether "and" joins it to a colour that is no stuff: "purple and gold"."""
        pairs = (self.tokens[max(i - 2, 0) : i][::-1], self.tokens[i + 1 : i + 3])
        return any(len(pair) == 2 and pair[0].role is Role.AND and _is_color(pair[1]) for pair in pairs)

    def _character(self, names: tuple[str, ...]) -> None:
        if self.characters:
            # "a queen of the bees": the first one is who it is.
            return
        if self.skin and has_bare_head(self.skin[0]) and not has_bare_head(names[0]):
            # "a pirate skeleton" is a skeleton pirate: it has the clothes of the one and the bones of the other.
            self.skin, names = names, self.skin
        self.characters = names
        self._take(ALL)

    def _take(self, slots: tuple[int, ...], senses: Senses = _NO_SENSES) -> None:
        """A noun takes the words before it."""
        self.has_head, self.is_dead = True, False
        self.is_bare = slots == ALL and bool(senses.slots)
        self.is_named |= slots == ALL and not senses.slots
        self.is_likened = False
        told = self.spec.told(senses)
        self.spec = Spec()
        self.last = slots
        if slots == ALL:
            if senses.slots and self.link is Role.MADE and told.colors and not told.kinds:
                # "made of green plastic": skin and all.
                self._say_whole(replace(told, kinds=("solid",)))
            elif not senses.slots:
                self._say_whole(told)
            elif not told.is_empty:
                self.bare = merged(self.bare, told)
            return
        if told.is_empty and not senses.is_garment:
            return
        if slots == _OVERALLS:
            self.is_overall = True
        elif self.is_overall and slots == _SHIRT:
            # A shirt is under them, whichever is named first.
            slots = _SHIRT[1:]
        for slot in slots:
            before = self.slots[slot]
            if self.link is Role.ON and senses.is_garment and before is not None and before.is_garment:
                # "a green coat over a white shirt"
                continue
            # Shoes and gloves are worn with a suit, whichever is named first.
            if not (len(slots) > 2 and slot in _ENDS and before is not None and before.is_garment):
                self.slots[slot] = merged(before, told)

    def _say_whole(self, told: Told) -> None:
        if not told.is_empty:
            self.whole = merged(self.whole, replace(told, is_garment=False))

    def _flush(self) -> None:
        """What no noun took is said of the noun before."""
        spec, self.spec = self.spec, Spec()
        if spec.is_empty or self.is_dead:
            return
        if self.last == ALL and self.is_worn:
            told = spec.told(Senses(is_garment=True, cut=common_cut()))
            for slot in _CLOTHED:
                self.slots[slot] = merged(self.slots[slot], told)
            return
        if self.last == ALL and self.is_bare and self.bare is not None and spec.is_figure:
            # "black skin with orange cracks"
            self.bare = merged(self.bare, spec.told())
            return
        if self.last == ALL:
            self._say_whole(spec.told())
            return
        for slot in self.last:
            self.slots[slot] = merged(self.slots[slot], spec.told())

    def _drop(self) -> None:
        self.spec, self.is_dead, self.is_thing = Spec(), True, False

    def _on(self, i: int) -> None:
        following = self._next(i, Role.NOTHING, Role.ARTICLE)
        if not self.spec.is_empty and following is not None and following.senses.rgb is not None:
            self.spec.is_on = True
            return
        self._flush()
        self.link = Role.ON
        if following is None or not following.senses.slots:
            # "on a skateboard", "on his way": nothing of the figure, unless a part of it follows.
            self.is_dead = True

    def _link(self, i: int, token: Token) -> None:
        if not self.has_head and not self.is_dead and self.spec.kinds and token.role in (Role.WITH, Role.IN):
            # "a tiger in a suit": it is no more than what it is of.
            self.bare, self.spec, self.has_head = merged(self.bare, self.spec.told()), Spec(), True
        is_covered = token.role in (Role.WITH, Role.IN) and self.link is Role.MADE and self.spec.is_empty
        self._flush()
        if is_covered and not self.is_dead:
            # "covered in": what follows is a stuff all the same.
            return
        is_made = token.role is Role.MADE or (token.text == "from" and self.link is Role.MADE)
        role = Role.MADE if is_made else token.role
        is_same = self.link is role
        self.link, self.is_place = role, False
        self.is_worn = token.text in dressing() or (token.text == "in" and (self.is_person or self._is_dressed(i)))
        if self.is_dead and (is_made or role is Role.IS) and (self.is_thing or token.text == "of"):
            # Hair that is made of snakes is hair.
            return
        self.is_likened = token.text == "of" and self.last != ALL and self.is_named
        if token.text == "of" and self.last != ALL and not self.is_named:
            # "the head of a wizard": the figure is still to be named.
            self.has_head, self.last = False, ALL
        self.is_dead = False
        if role is Role.BREAK:
            self.is_clause = token.text.isalpha()
            self.is_dead = token.text in elsewhere()
        elif role in (Role.WITH, Role.IN) and not is_same and self.last != ALL:
            # "a shirt with white dots" speaks of the shirt; "trousers, with a blue head" of the figure again.
            following = self._next(i, Role.NOTHING, Role.ARTICLE)
            if following is not None and following.role is Role.ARTICLE:
                self.last = ALL

    def _is_dressed(self, i: int) -> bool:
        """Whether a link goes on with one before it: "dressed in"."""
        return i > 0 and self.tokens[i - 1].text in dressing()

    def _guess(self, i: int, token: Token) -> None:
        if self._modifies(i):
            if not (self.is_clause and self.has_head):
                self.unknown.append((token.text, False))
        elif self.has_head and self.link is Role.MADE and not self.is_dead:
            self.unknown.append((token.text, False))
        elif not self.has_head:
            self.unknown.append((token.text, True))
            self._take(ALL)
        else:
            self._drop()


def read(text: str, guesses: Mapping[str, Senses] | None = None) -> Reading:
    """The sentence as it is understood; ``guesses`` say what words mean that no table has.

    Never fails: a sentence of which nothing is understood says nothing.
    """
    text = _IN_PLACE.sub(r"\1\2", text)
    skin, text = read_skin(text)
    if match := _SKINNED.search(text):
        text = f"{text[: match.start()]}{text[match.end() :]}, with {match[1]} skin"
    if _SEA_PEOPLE.search(text):
        text = _TAIL.sub("mermaid tail", text)
    cape = read_cape(text)
    extra = {word: Token(word, Role.NAME, senses) for word, senses in (guesses or {}).items()}
    headwear, text = read_headwear(text)
    lengths, text = read_lengths(text)
    bare, clothed = bare_parts(text)
    reader = _Reader(lex(clothed, extra)).read()
    if skin is not None and reader.bare is None:
        reader.bare = Told((skin,), kinds=("skin",))
    reader.undress()
    for cut in bare:
        for slot in cut.bare:
            reader.slots[slot] = reader.slots[slot] or Told(cut=replace(cut, bare=(slot,)))
    return Reading(
        reader.whole,
        reader.bare,
        tuple(reader.slots),
        reader.characters,
        reader.skin,
        told_builds(text),
        tuple(dict.fromkeys(reader.unknown)),
        headwear,
        lengths,
        cape,
    )


def read_part(text: str, region: str) -> Told | None:
    """What a sentence about one part says of it ("a blue head"); None where it names neither colour nor stuff."""
    reading = read(text)
    slots = ALL if region == "whole" else (SLOTS.index(region),)
    found = [reading.slots[slot] for slot in slots if reading.slots[slot] is not None]
    told = found[0] if found else reading.whole or reading.bare
    return None if told is None or told.is_empty else told
