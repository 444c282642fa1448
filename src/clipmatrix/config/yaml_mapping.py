"""Frozen dataclasses out of YAML and back, every mistake with its line; knows none of the settings.

Understands fields of type bool, int, float, str, Literal, ``X | None``, ``X | tuple[X, ...]``, ``tuple[X, ...]`` and
dataclasses of these; ``tuple[tuple[str, float], ...]`` may also be written as ``{name: number}``.
"""

import dataclasses
import difflib
import itertools
import math
import re
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import yaml

from clipmatrix.errors import ClipMatrixError, ConfigError, shown

_T = TypeVar("_T")
_MOST_VALUES = 10_000


def load_yaml(text: str, name: str, base: _T) -> _T:
    """``base`` with the values that the YAML text names put in; sections are filled in, lists replaced.

    Raises:
        ConfigError: no YAML, an unknown or repeated key, a value of the wrong type, or one that the dataclass refuses.
            The message begins with ``name`` and the line.
    """
    reader = _Reader(name)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: no valid YAML: {error.problem or error}; mend that line") from error
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{name}:1: no valid YAML: {reason}; save it as plain text") from error
    except RecursionError as error:
        raise ConfigError(f"{name}:1: it is nested too deeply: write it as `key: value` lines") from error
    if node is None:
        return base
    if _num_values(node, {}) > _MOST_VALUES:
        raise ConfigError(f"{name}:1: it holds more than {_MOST_VALUES} values, aliases written out: shorten it")
    return reader.section(node, type(base), base, "the file")


def dump_yaml(config: object) -> str:
    """The dataclass as YAML, fields in their order; ``load_yaml`` reads it back."""
    return yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True, width=100)


def top_level_value(text: str, key: str) -> str | None:
    """The text of a scalar at the top level, or None; for keys that decide what the others start from."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if key_node.value == key and isinstance(value_node, yaml.ScalarNode):
                return value_node.value
    return None


def line_of(text: str, keys: Sequence[str | int]) -> int:
    """The line of the value under those keys and list places, or of what holds it where it is not written out."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for key in keys:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next((value for name, value in node.value if name.value == key), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            found = node.value[key]
        if found is None:
            break
        node, line = found, found.start_mark.line + 1
    return line


def nearest(word: str, known: Iterable[str]) -> str:
    """What to do about a misspelt word: the nearest known one, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else f"known are {', '.join(known)}"


def _num_values(node: yaml.Node, seen: dict[int, float]) -> float:
    """How many values the node comes to with its aliases written out; infinitely many where it holds itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1.0
    if id(node) not in seen:
        seen[id(node)] = math.inf
        inner = node.value if isinstance(node, yaml.SequenceNode) else itertools.chain.from_iterable(node.value)
        seen[id(node)] = 1.0 + sum(_num_values(item, seen) for item in inner)
    return seen[id(node)]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


@dataclass(frozen=True)
class _Reader:
    name: str

    def fail(self, node: yaml.Node, message: str) -> ConfigError:
        return ConfigError(f"{self.name}:{node.start_mark.line + 1}: {message}")

    def section(self, node: yaml.Node, kind: type, base: Any, where: str) -> Any:
        """A dataclass out of a mapping; fields that it does not name come from ``base``, or from their defaults."""
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, f"{where} must hold `key: value` lines, not {_describe(node)}")
        fields = {field.name: field for field in dataclasses.fields(kind)}
        hints = typing.get_type_hints(kind)
        values: dict[str, Any] = {}
        lines: dict[str, yaml.Node] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key not in fields:
                raise self.fail(key_node, f'unknown key "{shown(key)}" in {where}: {nearest(key, fields)}')
            if key in values:
                raise self.fail(key_node, f'"{key}" stands twice in {where}: remove one of them')
            current = getattr(base, key, None)
            values[key] = self.value(value_node, hints[key], current, key)
            lines[key] = value_node
        for field in fields.values():
            is_required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if base is None and is_required and field.name not in values:
                raise self.fail(node, f'{where} needs "{field.name}": add it')
        try:
            return kind(**values) if base is None else dataclasses.replace(base, **values)
        except ClipMatrixError as error:
            raise self.fail(_named(lines, str(error)) or node, str(error)) from error

    def value(self, node: yaml.Node, hint: Any, current: Any, key: str) -> Any:
        """One field's value of the type that its annotation asks for."""
        origin = typing.get_origin(hint)
        if origin in (typing.Union, types.UnionType):
            inner = [option for option in typing.get_args(hint) if option is not type(None)]
            is_null = isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")
            if is_null and len(inner) < len(typing.get_args(hint)):
                return None
            return self.value(node, _option(node, inner), current, key)
        if origin is Literal:
            return self._choice(node, typing.get_args(hint), key)
        if origin is tuple:
            return self._sequence(node, typing.get_args(hint), key)
        if dataclasses.is_dataclass(hint):
            return self.section(node, typing.cast(type, hint), current, key)
        return self._scalar(node, hint, key)

    def _choice(self, node: yaml.Node, options: tuple[Any, ...], key: str) -> Any:
        value = node.value if isinstance(node, yaml.ScalarNode) else None
        if value not in options:
            listed = ", ".join(str(option) for option in options)
            raise self.fail(node, f"{key} must be one of {listed}, not {_describe(node)}")
        return value

    def _sequence(self, node: yaml.Node, inner: tuple[Any, ...], key: str) -> tuple[Any, ...]:
        if inner == (tuple[str, float], ...) and isinstance(node, yaml.MappingNode):
            return tuple(
                (str(name.value), self.value(value, float, None, str(name.value))) for name, value in node.value
            )
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(node, f"{key} must be a list, not {_describe(node)}")
        if inner[-1] is not Ellipsis:
            if len(node.value) != len(inner):
                raise self.fail(node, f"{key} must be a list of {len(inner)} values, not of {len(node.value)}")
            kinds = inner
        else:
            kinds = (inner[0],) * len(node.value)
        return tuple(
            self.value(item, kind, None, f"{key}[{index}]")
            for index, (item, kind) in enumerate(zip(node.value, kinds, strict=True))
        )

    def _scalar(self, node: yaml.Node, kind: Any, key: str) -> Any:
        wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}[kind]
        problem = self.fail(node, f"{key} must be {wanted}, not {_describe(node)}")
        if not isinstance(node, yaml.ScalarNode):
            raise problem
        text = node.value
        if kind is str:
            if node.tag.endswith(":null"):
                raise problem
            return text
        if kind is bool:
            if not node.tag.endswith(":bool"):
                raise problem
            return text.lower() in ("true", "yes", "on")
        if node.style is not None:
            raise problem  # A quoted number is a text.
        try:
            # YAML 1.1 takes 1e-3 for a text; Python knows better.
            value = int(text.replace("_", "")) if kind is int else float(text.replace("_", ""))
        except (ValueError, OverflowError):
            raise problem from None
        if not math.isfinite(value):
            raise problem
        return value


def _named(lines: dict[str, yaml.Node], message: str) -> yaml.Node | None:
    """The value of the field that a dataclass refuses: the one whose name its message speaks of first."""
    places = {key: match.start() for key in lines if (match := re.search(rf"\b{key}\b", message))}
    return lines[min(places, key=lambda key: places[key])] if places else None


def _option(node: yaml.Node, options: list[Any]) -> Any:
    """The one of several types that a node may be meant as: a list for a list, and the first for all else."""
    if isinstance(node, yaml.SequenceNode):
        return next((option for option in options if typing.get_origin(option) is tuple), options[0])
    return options[0]


def _describe(node: yaml.Node) -> str:
    match node:
        case yaml.MappingNode():
            return "a section"
        case yaml.SequenceNode():
            return "a list"
        case _:
            return f'"{shown(node.value)}"' if node.value else "nothing"
