"""What is asked of an index of runs, out of a person's words; knows neither files nor databases.

A condition is ``KEY OP VALUE``: ``score>=0.3``, ``state=done``, ``prompt~zebra``, ``seed=3..8``, ``healthy``,
``!healthy``, ``scene.texture_size=512``. Keys are the columns below, or names of settings with dots; one that has no
dot of its own gets ``settings.`` before it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clipmatrix.errors import ConfigError

COLUMNS: Mapping[str, str] = {
    "name": "TEXT",
    "prompt": "TEXT",
    "prompts": "TEXT",
    "encoder": "TEXT",
    "body": "TEXT",
    "quality": "TEXT",
    "seed": "INTEGER",
    "step": "INTEGER",
    "steps": "INTEGER",
    "score": "REAL",
    "seconds": "REAL",
    "state": "TEXT",
    "is_healthy": "BOOLEAN",
    "complaints": "TEXT",
    "made": "REAL",
    "has_model": "BOOLEAN",
    "has_film": "BOOLEAN",
}
"""What is known of each run, and of which kind it is."""

JSON_COLUMNS = ("prompts", "complaints")

_SHORT = {"healthy": "is_healthy", "model": "has_model", "film": "has_film"}
_OPERATORS = {
    "=": "=",
    "==": "=",
    "!=": "<>",
    ">=": ">=",
    "<=": "<=",
    ">": ">",
    "<": "<",
    "~": "LIKE",
    "!~": "NOT LIKE",
}
_CONDITION = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(>=|<=|!=|!~|==|=|>|<|~)\s*(.*?)\s*", re.DOTALL)
_SETTING = re.compile(r"[a-z_]+(\.[a-z_]+)*")
_WORDS = {"true": 1, "yes": 1, "false": 0, "no": 0}


@dataclass(frozen=True)
class Condition:
    """A condition in SQL with its values."""

    sql: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Order:
    """An order in SQL with its values; what has no value comes last."""

    sql: str
    values: tuple[Any, ...]


def parse_condition(text: str) -> Condition:
    """The condition that the words say.

    Raises:
        ConfigError: they say none.
    """
    bare = text.strip()
    flag = _SHORT.get(bare.lstrip("!"), bare.lstrip("!"))
    if COLUMNS.get(flag) == "BOOLEAN":
        return Condition(f"{flag} IS ?", (0 if bare.startswith("!") else 1,))
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ConfigError(f'a condition is KEY, an operator and a value, not "{text}": write for instance score>=0.3')
    key, operator, value = found[1], _OPERATORS[found[2]], found[3]
    expression, kind, values = _expression(key)
    if operator.endswith("LIKE"):
        return Condition(f"{expression} {operator} ? ESCAPE '\\'", (*values, f"%{_escaped(value)}%"))
    between = re.fullmatch(r"(.+?)\.\.(.+)", value)
    if between and operator == "=":
        ends = _value(key, kind, between[1]), _value(key, kind, between[2])
        return Condition(f"{expression} BETWEEN ? AND ?", (*values, *ends))
    return Condition(f"{expression} {operator} ?", (*values, _value(key, kind, value)))


def parse_order(text: str) -> Order:
    """The order that ``KEY`` or ``-KEY`` says, from low to high or from high to low.

    Raises:
        ConfigError: there is no such key.
    """
    key = text.strip().lstrip("+-")
    expression, _, values = _expression(key)
    direction = "DESC" if text.strip().startswith("-") else "ASC"
    return Order(f"{expression} IS NULL, {expression} {direction}", (*values, *values))


def _expression(key: str) -> tuple[str, str, tuple[Any, ...]]:
    """The key in SQL, its kind, and the values that it needs."""
    key = _SHORT.get(key, key)
    if key in COLUMNS:
        return key, COLUMNS[key], ()
    if "." in key and _SETTING.fullmatch(key):
        return "json_extract(settings, ?)", "", ("$." + key.removeprefix("settings."),)
    from clipmatrix.config.yaml_mapping import nearest

    hint = nearest(key, (*COLUMNS, *_SHORT))
    raise ConfigError(f'runs have no "{key}": {hint}; settings have dots, as in scene.normal_map or settings.views')


def _value(key: str, kind: str, text: str) -> Any:
    text = text.strip().strip("\"'") if kind in ("TEXT", "") else text.strip()
    if kind == "TEXT":
        return text
    if kind in ("BOOLEAN", "") and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    if kind == "":
        return text
    raise ConfigError(f'{key} is a number, and "{text}" is none: write for instance {key}>=1')


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text.strip("\"'"))
