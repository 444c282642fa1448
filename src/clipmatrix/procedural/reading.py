"""What a sentence says of a figure: what each part is to wear, who it is, how it is built; knows no encoder.

It is the inverse of ``captions.write_caption``, for sentences as people write them. A small grammar of noun phrases:
words of stuff gather until a noun takes them ("a *yellow and black striped* **shirt**"), or until a clause ends, when
they are said of the noun before them ("a **man** covered in *moss*").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from clipmatrix.procedural.capes import ToldCape, read_cape
from clipmatrix.procedural.characters import Wear
from clipmatrix.procedural.headwear import Headwear, Rgb, read_headwear
from clipmatrix.procedural.lengths import Lengths, read_lengths
from clipmatrix.procedural.lexing import (
    Cut,
    Role,
    Senses,
    Token,
    bare_parts,
    common_cut,
    dressing,
    elsewhere,
    is_material,
    is_noun_of,
    lex,
    not_people,
)
from clipmatrix.procedural.tables import SLOTS, surfaces
from clipmatrix.procedural.told import told_builds

ALL = tuple(range(len(SLOTS)))
_NO_SENSES = Senses()
_BARE_HEAD = Headwear()
_USUAL_LENGTHS = Lengths()
_COLORS_FIRST = frozenset(("coral", "rose", "pearl", "blond", "blonde"))
"""Words that name a stuff too, and of a person nearly always mean the colour."""


_ENDS = (SLOTS.index("hands"), SLOTS.index("feet"))
_SHIRT = (SLOTS.index("torso"), SLOTS.index("arms"))
_OVERALLS = (SLOTS.index("torso"), SLOTS.index("legs"))
_CLOTHED = tuple(SLOTS.index(name) for name in ("torso", "arms", "legs", "feet"))
_IN_PLACE = re.compile(
    r"\b((?:a|an|the) (?:[a-z]+ ){1,2}?)(?:for|as|instead of|in place of) (?:an?|his|her|its|the|their) (head|body|face|arm|hand|leg|foot)\b",
    re.IGNORECASE,
)
"""What stands for a part of the body: "a pumpkin for a head" is a pumpkin head."""
_CLEAR = frozenset(("water",))
"""What looks like that which is in it: a muddy river, icy water."""


@dataclass(frozen=True)
class Told:
    """What is said of one part: ``colors`` in order, ``ground`` under a pattern, surfaces that may be meant.

    ``wears`` are alternatives out of a table of garments. A part of which nothing is said but that it is clothed has
    none of all these. ``rivals`` are further surfaces named beside the last one. ``is_figure`` says that the first
    colour is the pattern's ("pink stars"), not that of the ground under it ("a pink starry shirt").
    """

    colors: tuple[Rgb, ...] = ()
    ground: Rgb | None = None
    kinds: tuple[str, ...] = ()
    rivals: tuple[tuple[str, ...], ...] = ()
    wears: tuple[Wear, ...] = ()
    is_garment: bool = False
    is_figure: bool = False
    cut: Cut | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it names neither a colour nor a stuff."""
        return not (self.colors or self.kinds or self.wears or self.ground)


@dataclass(frozen=True)
class Reading:
    """A sentence as it was understood.

    ``whole`` is said of the whole figure, ``bare`` of its skin, ``slots`` of single parts (6). ``characters`` are the
    rows of the table that the figure may be, ``skin`` those whose skin it has ("a *zombie* pirate"). ``unknown`` are
    words that ought to say something, with whether each stands where the figure's own name does. ``headwear`` is
    worn on the head, ``lengths`` are those of garments that are told, and ``cape`` is what is said of one.
    """

    whole: Told | None
    bare: Told | None
    slots: tuple[Told | None, ...]
    characters: tuple[str, ...]
    skin: tuple[str, ...]
    builds: Mapping[str, int]
    unknown: tuple[tuple[str, bool], ...]
    headwear: Headwear = _BARE_HEAD
    lengths: Lengths = _USUAL_LENGTHS
    cape: ToldCape | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether no part has a colour, a stuff or a garment, and no character is named."""
        return (
            self.whole is None
            and self.bare is None
            and not self.characters
            and all(told is None for told in self.slots)
        )


@dataclass
class _Spec:
    """Words of stuff that no noun has taken yet."""

    colors: list[Rgb] = field(default_factory=list)
    ground: Rgb | None = None
    kinds: list[tuple[str, ...]] = field(default_factory=list)
    is_on: bool = False
    is_figure: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.colors or self.kinds or self.ground)

    def told(self, senses: Senses = _NO_SENSES) -> Told:
        kinds = self.kinds[-1] if self.kinds else ()
        if len(self.kinds) > 1 and self.kinds[-1][0] in _CLEAR:
            kinds = self.kinds[-2]
        if len(self.kinds) > 1 and self.colors:
            # Of several surfaces the one that can have the colours.
            kinds = next((k for k in reversed(self.kinds) if not is_material(k[0])), kinds)
        wears = () if self.kinds or self.ground else senses.wears
        rivals = tuple(other for other in self.kinds if other != kinds)
        return Told(
            tuple(self.colors), self.ground, kinds, rivals, wears, senses.is_garment, self.is_figure, senses.cut
        )


def _merged(old: Told | None, new: Told) -> Told:
    """What was said before of the same part, and what is said now: a pattern lies on the colour that was there."""
    if old is None or old.is_empty:
        return new if old is None else replace(new, is_garment=new.is_garment or old.is_garment, cut=new.cut or old.cut)
    if new.is_empty:
        return old if old.cut or not new.cut else replace(old, cut=new.cut)
    is_pattern = bool(new.kinds) and not is_material(new.kinds[0])
    is_two = is_pattern and surfaces()[new.kinds[0]].num_colors == 2
    if is_two and old.colors and not old.kinds and new.ground is None and len(new.colors) < 2:
        return replace(new, ground=old.colors[0], colors=new.colors or old.colors[1:], cut=new.cut or old.cut)
    return replace(
        new,
        colors=new.colors or (old.colors if not old.kinds or new.kinds else ()),
        ground=new.ground or old.ground,
        kinds=new.kinds or (() if new.colors and old.kinds and not is_pattern and old.colors else old.kinds),
        rivals=(*old.rivals, *((old.kinds,) if old.kinds and new.kinds else ()), *new.rivals),
        is_garment=new.is_garment or old.is_garment,
        cut=new.cut or old.cut,
    )


class _Reader:
    """The state of a sentence half read."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.spec = _Spec()
        self.whole: Told | None = None
        self.bare: Told | None = None
        self.slots: list[Told | None] = [None] * len(SLOTS)
        self.characters: tuple[str, ...] = ()
        self.skin: tuple[str, ...] = ()
        self.unknown: list[tuple[str, bool]] = []
        self.last: tuple[int, ...] = ALL
        self.link: Role | None = None
        self.has_head = self.is_dead = self.is_clause = self.is_place = self.is_person = self.is_worn = self.is_overall = False

    def read(self) -> "_Reader":
        for i, token in enumerate(self.tokens):
            match token.role:
                case Role.NAME:
                    self._name(i, token)
                case Role.BEING:
                    self.is_person = token.text not in not_people()
                    self._take(ALL)
                case Role.OBJECT:
                    self._drop()
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
        elif senses.characters and self._is_costume(following):
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
            self.bare, self.whole = _merged(self.bare, self.whole), None

    def _is_of_stuff(self) -> bool:
        return self.has_head and self.link in (Role.MADE, Role.WITH, Role.IN, Role.IS)

    def _stuff(self, i: int, token: Token) -> None:
        senses = token.senses
        following = self._next(i, Role.NOTHING, Role.BUILD)
        is_before_part = following is not None and bool(following.senses.slots)
        is_color = senses.rgb is not None and (
            not senses.surfaces or is_before_part or (token.text in _COLORS_FIRST and self.link is not Role.MADE)
        )
        if not is_color:
            self.spec.kinds.append(senses.surfaces)
            self.spec.is_figure = is_noun_of(token.text, senses.surfaces)
        elif senses.rgb is not None and self.spec.is_on:
            self.spec.ground = senses.rgb
        elif senses.rgb is not None and senses.rgb not in self.spec.colors:
            self.spec.colors.append(senses.rgb)

    def _character(self, names: tuple[str, ...]) -> None:
        if self.characters:
            # "a queen of the bees": the first one is who it is.
            return
        self.characters = names
        self._take(ALL)

    def _take(self, slots: tuple[int, ...], senses: Senses = _NO_SENSES) -> None:
        """A noun takes the words before it."""
        self.has_head, self.is_dead = True, False
        told = self.spec.told(senses)
        self.spec = _Spec()
        self.last = slots
        if slots == ALL:
            if senses.slots and self.link is Role.MADE and told.colors and not told.kinds:
                # "made of green plastic": skin and all.
                self._say_whole(replace(told, kinds=("solid",)))
            elif not senses.slots:
                self._say_whole(told)
            elif not told.is_empty:
                self.bare = _merged(self.bare, told)
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
            # Shoes and gloves are worn with a suit, whichever is named first.
            if not (len(slots) > 2 and slot in _ENDS and before is not None and before.is_garment):
                self.slots[slot] = _merged(before, told)

    def _say_whole(self, told: Told) -> None:
        if not told.is_empty:
            self.whole = _merged(self.whole, replace(told, is_garment=False))

    def _flush(self) -> None:
        """What no noun took is said of the noun before."""
        spec, self.spec = self.spec, _Spec()
        if spec.is_empty or self.is_dead:
            return
        if self.last == ALL and self.is_worn:
            told = spec.told(Senses(is_garment=True, cut=common_cut()))
            for slot in _CLOTHED:
                self.slots[slot] = _merged(self.slots[slot], told)
            return
        if self.last == ALL:
            self._say_whole(spec.told())
            return
        for slot in self.last:
            self.slots[slot] = _merged(self.slots[slot], spec.told())

    def _drop(self) -> None:
        self.spec, self.is_dead = _Spec(), True

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
            self.bare, self.spec, self.has_head = _merged(self.bare, self.spec.told()), _Spec(), True
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
        if is_made and token.text == "of" and self.is_dead:
            return
        if token.text == "of" and self.last != ALL:
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
    cape = read_cape(text)
    extra = {word: Token(word, Role.NAME, senses) for word, senses in (guesses or {}).items()}
    headwear, text = read_headwear(text)
    lengths, text = read_lengths(text)
    bare, clothed = bare_parts(text)
    reader = _Reader(lex(clothed, extra)).read()
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
