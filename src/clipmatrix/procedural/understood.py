"""What a sentence was understood to say of a figure and its parts; knows no grammar and no encoder."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from clipmatrix.procedural.capes import ToldCape
from clipmatrix.procedural.characters import Wear
from clipmatrix.procedural.headwear import Headwear, Rgb
from clipmatrix.procedural.lengths import Lengths
from clipmatrix.procedural.lexing import Cut, Senses, is_material
from clipmatrix.procedural.tables import surfaces

_NO_SENSES = Senses()
_BARE_HEAD = Headwear()
_USUAL_LENGTHS = Lengths()
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
            and (self.bare is None or self.bare.kinds == ("skin",))
            and not self.characters
            and all(told is None for told in self.slots)
        )


@dataclass
class Spec:
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


def _is_patterned(told: Told) -> bool:
    return bool(told.kinds) and not is_material(told.kinds[0])


def merged(old: Told | None, new: Told) -> Told:
    """What was said before of the same part, and what is said now: a pattern lies on the colour that was there."""
    if old is None or old.is_empty:
        return new if old is None else replace(new, is_garment=new.is_garment or old.is_garment, cut=new.cut or old.cut)
    if new.is_empty:
        return old if old.cut or not new.cut else replace(old, cut=new.cut)
    is_pattern = bool(new.kinds) and not is_material(new.kinds[0])
    is_two = is_pattern and surfaces()[new.kinds[0]].num_colors == 2
    is_strewn = new.is_figure and new.kinds[:1] == ("flowers",) and new.ground is None and len(new.colors) == 1
    is_other = old.colors[:1] != new.colors and not _is_patterned(old)
    if (is_two or is_strewn) and old.colors and is_other and new.ground is None and len(new.colors) < 2:
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
