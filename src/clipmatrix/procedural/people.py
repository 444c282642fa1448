"""People and creatures told in a sentence: "the hulk" as a very muscular man with green skin; knows no pictures."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from clipmatrix.procedural.lexing import Role, Token, lex
from clipmatrix.procedural.told import told_builds

_CLAUSES = re.compile(r"(,? (?:in|with|made of) )")
"""Where a description goes on from who it is to what that looks like."""
_LAST_PHRASE = re.compile(r"\b(?:an?|the|of|as|like|and)\b|[,.;:]")
_LIKENED = re.compile(
    r"\b(?:like|(?:dressed|disguised|costumed|clothed|clad|painted|posing|cosplaying|made) (?:up )?as)(?: an?| the)? ?$"
)
"""Whom somebody is said to be; "red as a lobster" says what is red."""
_COSTUME = re.compile(r"(?:'s)? (?:costume|outfit|cosplay|suit|clothes|uniform)\b")
_WORN = re.compile(r"\b(?:in|wearing)(?: an?| the| his| her)? $")
_COAT = re.compile(
    r"[ -](?:patterned|prints?|printed|spots|spotted|stripes|striped|skin|fur|furred|like|coloured|colored|coat|mask|"
    r"head)\b"
)
"""What makes a beast's name a word for its coat."""
_ANYBODY = re.compile(r"\b(?:man|woman|person|boy|girl|figure)\b")
_BEING = re.compile(r"[ -](man|woman|girl|boy|guy|lady|person|kid)\b")
_HEADWEAR = ("hair", "beard", "hat", "cap", "crown", "tiara", "mask", "helmet")
"""What a head has one of: whose is told is as the sentence says, not as such people's."""


@cache
def described_people() -> Mapping[str, str]:
    """What is said in place of each name, by the name in lower case and without hyphens."""
    text = (files("clipmatrix.procedural") / "tables" / "people.yaml").read_text(encoding="utf-8")
    rows = yaml.safe_load(text).items()
    return {name: looks for names, looks in rows for name in names.split(" and ")}


@cache
def _names() -> re.Pattern[str]:
    names = sorted(described_people(), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(re.escape(name).replace(chr(92) + ' ', '[ -]') for name in names)})\b")


def describe_people(text: str) -> tuple[str, dict[str, str]]:
    """The text with the first name of the table told in words that are read, and what was put for which name.

    Of who is made of something ("a wooden batman"), or looks like another being ("a zombie batman"), only the form is
    told. A name that something else follows ("batman mask") says nothing of who it is, nor does one behind another
    being ("a man and his dog").
    """
    match = _names().search(text.lower())
    if match is None:
        return text, {}
    before, after = text[: match.start()], text[match.end() :]
    looks = described_people()[match.group().replace("-", " ")]
    if (costume := _COSTUME.match(after)) and (worn := _WORN.search(before)):
        who, *clauses = _CLAUSES.split(looks)
        # Of a beast its coat is worn.
        coat = [" in a ", who.replace("creature", "suit")] if "creature" in who else []
        looks = "".join(coat + clauses).strip(" ,")
        return before[: worn.start()] + looks + after[costume.end() :], {match.group(): looks}
    if _COAT.match(after) or _is_noun_next(after) or _is_another(before):
        return text, {}
    if being := _BEING.match(after):
        if not _ANYBODY.search(looks):
            return text, {}
        # "a goth girl"
        looks, after = _ANYBODY.sub(being[1], looks, count=1), after[being.end() :]
    said = [token for token in lex(_LAST_PHRASE.split(before.lower())[-1]) if token.role is Role.NAME]
    if said:
        looks = _form_of(looks, all(_is_color(token) for token in said))
    if not looks.strip():
        return text, {}
    looks = _but_for(looks, after)
    article = re.compile(r"\b(an?)(?= $)", re.IGNORECASE)
    return article.sub("an" if looks[0] in "aeiou" else "a", before) + looks + after, {match.group(): looks}


def _form_of(looks: str, has_stuff: bool) -> str:
    """What the description says of the form alone, and of the stuff it is made of where ``has_stuff``."""
    who, *clauses = _CLAUSES.split(looks)
    named = [token for token in lex(who) if token.role is Role.NAME and not token.senses.characters]
    dropped = {token.text for token in named if not (has_stuff and not _is_color(token))}
    kept = [" ".join(word for word in who.split() if word not in dropped)]
    return ", ".join(kept + [f"with {clause}" for clause in clauses[1::2] if told_builds(f"with {clause}")])


def _but_for(looks: str, said: str) -> str:
    """The description without clauses about what the sentence tells of a head."""
    who, *clauses = _CLAUSES.split(looks)
    told = [word for word in _HEADWEAR if re.search(rf"\b{word}\b", said.lower())]
    pairs = zip(clauses[::2], clauses[1::2], strict=True)
    return who + "".join(link + clause for link, clause in pairs if not any(word in clause for word in told))


def _is_color(token: Token) -> bool:
    return token.senses.rgb is not None and not token.senses.surfaces


def _is_noun_next(rest: str) -> bool:
    tokens = lex(rest[:40])
    return bool(tokens) and tokens[0].role in (Role.NAME, Role.OBJECT) and not rest.startswith((",", ";", "."))


def _is_another(before: str) -> bool:
    """Whether the sentence has said who it is about, and does not liken it to whom it names now."""
    earlier = before[: len(before) - len(_LAST_PHRASE.split(before.lower())[-1])]
    is_told = any(token.role is Role.BEING or token.senses.characters for token in lex(earlier))
    return is_told and _LIKENED.search(before.lower()) is None
