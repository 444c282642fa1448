"""A sentence as words with senses: colours, surfaces, characters, builds, parts, garments; knows no grammar.

Beside the words that captions are written in, the synonyms of ``tables/synonyms.yaml`` are understood.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from importlib.resources import files

import numpy as np
import yaml

from clipmatrix.procedural import wording
from clipmatrix.procedural.characters import Wear, characters, parse_wears
from clipmatrix.procedural.primitives import Primitive
from clipmatrix.procedural.tables import SLOTS, builds, colors, materials, rgb_from_hex, surfaces


class Role(Enum):
    """What a word does in a sentence, beside what it names."""

    NAME = "name"
    """It has senses: a colour, a surface, a character, a part."""
    BEING = "being"
    """A figure of no particular kind."""
    SHADE = "shade"
    """It changes the colour after it."""
    WITH = "with"
    """What follows is worn or had."""
    IN = "in"
    """What follows is worn, a stuff, a colour, or a place."""
    MADE = "made"
    """What follows is a stuff."""
    IS = "is"
    """What follows is said of the noun before it."""
    AND = "and"
    ON = "on"
    ARTICLE = "article"
    BREAK = "break"
    """A clause ends here, or another begins."""
    BUILD = "build"
    OBJECT = "object"
    """A thing that no part of the body is: what is said of it counts for nothing."""
    NOTHING = "nothing"
    """A word that no picture shows."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Cut:
    """How far garments reach, as shares of the legs down to the ankles and of the arms down to the wrists.

    ``thickness`` is how far they stand off the body, ``flare`` how much further at the hem, in metres.
    ``bare`` are slots that are bare skin where nothing else is said of them.
    """

    legs: float = 1.0
    arms: float = 1.0
    thickness: float = 0.0
    flare: float = 0.0
    bare: tuple[int, ...] = ()


@dataclass(frozen=True)
class Senses:
    """What a phrase may name: a colour (its sRGB), surfaces, characters, or slots of the body; ``cut`` of a garment."""

    rgb: tuple[float, float, float] | None = None
    surfaces: tuple[str, ...] = ()
    characters: tuple[str, ...] = ()
    slots: tuple[int, ...] = ()
    wears: tuple[Wear, ...] = ()
    is_garment: bool = False
    cut: Cut | None = None

    @property
    def is_stuff(self) -> bool:
        """Whether it says what something is of, or which colour it has."""
        return self.rgb is not None or bool(self.surfaces)


@dataclass(frozen=True)
class Token:
    """A word or phrase of the sentence in lower case."""

    text: str
    role: Role
    senses: Senses = field(default_factory=Senses)


_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[,.;:!?()]")
_LONGEST = 5
_LINKS = (Role.WITH, Role.IN, Role.MADE, Role.IS, Role.AND, Role.ON, Role.ARTICLE, Role.BREAK)


def plain(text: str) -> str:
    """The text in lower case, without accents, hyphens as blanks and two spellings as one: grey and checker."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    flat = "".join(char for char in decomposed if not unicodedata.combining(char))
    flat = flat.replace("’", "'").replace("-", " ").replace("_", " ").replace("/", " ")
    return re.sub(r"\bchequer", "checker", re.sub(r"\bgray(ish)?\b", r"grey\1", flat))


@cache
def _table(name: str) -> dict:
    return yaml.safe_load((files("clipmatrix.procedural") / "tables" / name).read_text(encoding="utf-8"))


def _triple(rgb: np.ndarray) -> tuple[float, float, float]:
    return float(rgb[0]), float(rgb[1]), float(rgb[2])


def _slots(names: Iterable[str]) -> tuple[int, ...]:
    return tuple(SLOTS.index(name) for name in names)


@cache
def usual_wear() -> Mapping[int, tuple[Wear, ...]]:
    """What the parts of a clothed figure wear of which nothing is said, by slot."""
    wears = {SLOTS.index(slot): parse_wears(text) for slot, text in _table("garments.yaml")["usual"].items()}
    return {slot: wear for slot, wear in wears.items() if not isinstance(wear, int)}


def usual_cut(character: str) -> Cut | None:
    """How the clothes are cut that a character wears without being told."""
    garment = _table("garments.yaml")["gowns"].get(character)
    return None if garment is None else _cut(_table("garments.yaml")["garments"][garment])


@cache
def _bare_parts() -> tuple[tuple[re.Pattern[str], Cut], ...]:
    rows = _table("garments.yaml")["bare"].values()
    return tuple(
        (re.compile(rf"\b(?:{'|'.join(map(re.escape, row['words']))})\b"), Cut(bare=_slots(row["slots"])))
        for row in rows
    )


@cache
def bare_words() -> frozenset[str]:
    """The single words of what is bare, in lower case."""
    rows = _table("garments.yaml")["bare"].values()
    return frozenset(word for row in rows for phrase in row["words"] for word in phrase.split())


def bare_parts(text: str) -> tuple[list[Cut], str]:
    """What the text says is bare of people who are dressed ("a shirtless man in jeans"), and the text without that."""
    rest, found = plain(text), []
    for pattern, cut in _bare_parts():
        if pattern.search(rest):
            rest, found = pattern.sub("", rest), [*found, cut]
    return found, rest if found else text


def _cut(row: Mapping) -> Cut:
    return Cut(**row.get("cut", {}), bare=_slots(row.get("bare", ())))


@cache
def _phrases() -> dict[str, Token]:
    """Every phrase that is understood, with its role and all of its senses."""
    found: dict[str, Token] = {}
    stuffs: dict[str, list[str]] = {}
    beings: dict[str, list[str]] = {}
    synonyms = _table("synonyms.yaml")
    for name, surface in surfaces().items():
        for word in (*surface.words, *surface.nouns, *synonyms["surfaces"].get(name, ())):
            if name != "plaster":
                stuffs.setdefault(_bare(word), []).append(name)
    for name, row in characters().items():
        for word in (*row.words, *synonyms["characters"].get(name, ())):
            beings.setdefault(_bare(word), []).append(name)
    lexicon = colors()
    rgbs = {plain(name): _triple(lexicon.rgb[i]) for name, i in lexicon.ids.items()}
    for phrase in {*stuffs, *beings, *rgbs}:
        named = tuple(dict.fromkeys(stuffs.get(phrase, ())))
        # A table's own words outweigh another row's synonyms, and a pattern's colours need no surface beside them.
        own = tuple(n for n in named if phrase in map(_bare, surfaces()[n].words + surfaces()[n].nouns))
        senses = Senses(rgbs.get(phrase), own or named, tuple(dict.fromkeys(beings.get(phrase, ()))))
        found[phrase] = Token(phrase, Role.NAME, senses)
    for build in builds().values():
        for phrase in map(plain, build.words + build.phrases + build.also):
            if phrase not in found:
                found[phrase] = Token(phrase, Role.BUILD)
    table = _table("garments.yaml")
    for kind in ("parts", "garments"):
        for name, row in table[kind].items():
            wears = parse_wears(row["wears"]) if "wears" in row else ()
            assert not isinstance(wears, int)
            cut = _cut(row) if kind == "garments" else None
            slots = _slots(row.get("slots", [name]))
            senses = Senses(slots=slots, wears=wears, is_garment=kind == "garments", cut=cut)
            for word in row["words"]:
                found[plain(word)] = Token(plain(word), Role.NAME, senses)
    for word in table["objects"]:
        # Alone, hair is what grows on a head that has none here; a stuff is only "covered in" it.
        if word in ("hair", "lipstick") or word not in found or not found[word].senses.is_stuff:
            found[word] = Token(word, Role.OBJECT)
    words = _table("words.yaml")
    for word in (*wording.BEINGS, *wording.MALE, *wording.FEMALE, *words["being"]):
        found.setdefault(word, Token(word, Role.BEING))
    found["biker"] = Token("biker", Role.BEING)
    for role in _LINKS:
        for word in words[role.value]:
            found[word] = Token(word, role)
    for word in words["nothing"]:
        found.setdefault(word, Token(word, Role.NOTHING))
    for word in words["shade"]:
        found[word] = Token(word, Role.SHADE)
    return found


def _bare(phrase: str) -> str:
    return re.sub(r"^(?:an?|the) ", "", plain(phrase))


def _find(words: list[str], start: int, extra: Mapping[str, Token]) -> tuple[Token, int]:
    """The longest known phrase that begins there, and where it ends."""
    phrases = _phrases()
    for length in range(min(_LONGEST, len(words) - start), 0, -1):
        phrase = " ".join(words[start : start + length])
        if phrase in extra:
            return extra[phrase], start + length
        if phrase in phrases:
            return phrases[phrase], start + length
        if length == 1:
            break
        stem = _singular(phrase)
        if stem in phrases and phrases[stem].role is Role.NAME:
            return phrases[stem], start + length
    word = words[start]
    for stem in stems(word):
        if stem in extra:
            return extra[stem], start + 1
        if stem in phrases and phrases[stem].role in (Role.NAME, Role.BEING):
            return phrases[stem], start + 1
    if word.isdigit() or len(word) < 3 or (word.endswith("est") and len(word) > 5):
        return Token(word, Role.NOTHING), start + 1
    return Token(word, Role.UNKNOWN), start + 1


def _singular(phrase: str) -> str:
    return phrase[:-1] if phrase.endswith("s") and not phrase.endswith("ss") else phrase


def stems(word: str) -> list[str]:
    """What the word may be a form of, nearest first."""
    word = word.removesuffix("'s")
    found = [word]
    for ending, replacements in (
        ("ies", ("y",)), ("es", ("",)), ("s", ("",)), ("ish", ("", "e")), ("y", ("", "e")), ("like", ("",)),
        ("covered", ("",)), ("ed", ("", "e")), ("ing", ("", "e")), ("en", ("", "e")),
    ):  # fmt: skip
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            rest = word.removesuffix(ending)
            found += [rest + replacement for replacement in replacements]
            if rest[-1] == rest[-2] and ending in ("ish", "y", "ed", "ing"):
                found.append(rest[:-1])
    return found


def shaded(rgb: np.ndarray, shade: str) -> np.ndarray:
    """The sRGB colour in that shade: ``dark``, ``pale``, ``bright`` and their like."""
    grey = rgb.mean()
    match shade:
        case "dark":
            return rgb * 0.5
        case "deep":
            return rgb * 0.7
        case "light" | "soft":
            return rgb + 0.4 * (1 - rgb)
        case "pale" | "pastel":
            return rgb + 0.6 * (1 - rgb)
        case "dull" | "dusty" | "muted":
            return grey + 0.5 * (rgb - grey)
    vivid = np.clip(grey + 1.3 * (rgb - grey), 0, 1)
    return vivid / max(vivid.max(), 0.9) if grey > 0.05 else rgb


def lex(text: str, extra: Mapping[str, Token] | None = None) -> list[Token]:
    """The sentence's words and phrases in order, the longest known ones first; ``extra`` are further phrases.

    Words of shade are taken up by the colour after them; on their own before anything else they are colours, too.
    """
    words = _WORD.findall(plain(text))
    tokens: list[Token] = []
    start = 0
    while start < len(words):
        token, start = _find(words, start, extra or {})
        tokens.append(token)
    return _mix_shades(tokens)


def _mix_shades(tokens: list[Token]) -> list[Token]:
    found: list[Token] = []
    lexicon = colors()
    for i, token in enumerate(tokens):
        if token.role is Role.SHADE:
            following = next((t for t in tokens[i + 1 :] if t.role not in (Role.NOTHING, Role.SHADE)), None)
            if following is not None and following.senses.is_stuff:
                found.append(token)
            elif token.text in lexicon.ids:
                rgb = lexicon.rgb[lexicon.ids[token.text]]
                found.append(Token(token.text, Role.NAME, Senses(rgb=_triple(rgb))))
            continue
        shades = []
        while found and found[-1].role is Role.SHADE:
            shades.append(found.pop().text)
        rgb = token.senses.rgb
        if shades and rgb is not None:
            mixed = np.array(rgb)
            for shade in shades:
                mixed = shaded(mixed, shade)
            mixed = np.clip(mixed, 0, 1)
            text = " ".join([*reversed(shades), token.text])
            token = Token(text, Role.NAME, Senses(rgb=_triple(mixed)))
        found.append(token)
    return [token for token in found if token.role is not Role.SHADE]


def is_material(kind: str) -> bool:
    """Whether a surface has colours of its own."""
    return kind in materials()


def metal_color(kinds: tuple[str, ...]) -> tuple[float, float, float] | None:
    """The sRGB colour that goes by the name of the first of these surfaces, where that is a metal of one colour."""
    row = materials().get(kinds[0]) if kinds else None
    if row is None or row.metallic[0] < 0.5 or row.primitive is not Primitive.SOLID:
        return None
    return _triple(rgb_from_hex(row.colors[0][0]))


def is_noun_of(phrase: str, kinds: tuple[str, ...]) -> bool:
    """Whether a phrase is a noun for one of these surfaces ("stars"), not a word that stands before one ("starry")."""
    return any(phrase in map(_bare, surfaces()[kind].nouns) for kind in kinds)


@cache
def concepts() -> tuple[tuple[str, Senses], ...]:
    """All phrases that name surfaces or characters, with what they name: what an unknown word may come near to."""
    return tuple(
        (phrase, Senses(surfaces=token.senses.surfaces, characters=token.senses.characters))
        for phrase, token in _phrases().items()
        if token.role is Role.NAME and (token.senses.surfaces or token.senses.characters)
    )


@cache
def dressing() -> frozenset[str]:
    """Words after which a stuff or a colour is that of clothes."""
    return frozenset(_table("words.yaml")["dressing"])


@cache
def coats() -> frozenset[str]:
    """Surfaces that beasts have by nature, and clothes have not."""
    return frozenset(_table("words.yaml")["coats"])


@cache
def not_people() -> frozenset[str]:
    """Beings that need not be people, and so not be dressed."""
    return frozenset(_table("words.yaml")["not_people"])


def common_cut() -> Cut:
    """How clothes are cut of which the stuff alone is told."""
    return _cut(_table("garments.yaml")["garments"]["suit"])


@cache
def elsewhere() -> frozenset[str]:
    """Words after which nothing is said of the figure itself."""
    return frozenset(_table("words.yaml")["elsewhere"])


def sense_of(word: str) -> tuple[Role, Senses]:
    """What the tables say that a single word does and names, in this form or in one that it is derived from."""
    tokens = lex(word)
    return (tokens[0].role, tokens[0].senses) if tokens else (Role.NOTHING, Senses())


def is_understood(word: str) -> bool:
    """Whether the tables have the word."""
    return sense_of(word)[0] is not Role.UNKNOWN
