"""How long garments are said to be ("a short dress", "long sleeves"); knows no bodies and no colours."""

import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class Lengths:
    """Shares of the legs, down to the ankles, and of the arms, down to the wrists; None where nothing is said."""

    legs: float | None = None
    arms: float | None = None


@cache
def _table() -> dict[str, Any]:
    text = (files("clipmatrix.procedural") / "tables" / "lengths.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def _any_of(words: list[str]) -> str:
    return "|".join(re.escape(word).replace(r"\ ", "[ -]") for word in sorted(words, key=len, reverse=True))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    table = _table()
    # Between the two stand words of stuff alone: "short and fat in a dress" says nothing of the dress.
    between = rf"(?P<between>(?:(?!(?:{_any_of(table['apart'])})\b)[a-z]+[ -]+){{0,3}}?)"
    adjectives = rf"\b(?P<length>{_any_of(list(table['lengths']))})[ -]+{between}"
    return (
        re.compile(rf"{adjectives}(?P<garment>{_any_of(table['sleeves'])})\b", re.IGNORECASE),
        re.compile(rf"{adjectives}(?P<garment>{_any_of(table['garments'])})\b", re.IGNORECASE),
        re.compile(rf"\b(?:{_any_of(table['sleeveless'])})\b,? ?", re.IGNORECASE),
    )


def read_lengths(text: str) -> tuple[Lengths, str]:
    """What the sentence says of the length of garments, and the sentence without the words that say it.

    "a man in a short sleeved red shirt" leaves "a man in a red shirt".
    """
    found, table = Lengths(), _table()
    sleeves, garments, sleeveless = _patterns()
    if sleeveless.search(text):
        found, text = replace(found, arms=0.0), sleeveless.sub("", text)
    if match := sleeves.search(text):
        found = replace(found, arms=table["lengths"][_key(match["length"])].get("arms"))
        # Sleeves of a colour are a part of their own.
        kept = match["between"] + (match["garment"] if match["between"] or match["garment"][-1] == "s" else "")
        text = text[: match.start()] + kept + text[match.end() :]
    while match := garments.search(text):
        told = table["lengths"][_key(match["length"])].get("legs")
        if told is not None and match["garment"].lower() in table["legs"]:
            found = replace(found, legs=told)
        text = text[: match.start()] + match["between"] + match["garment"] + text[match.end() :]
    return found, re.sub(r"  +", " ", text).strip()


def _key(words: str) -> str:
    return words.lower().replace("-", " ")
