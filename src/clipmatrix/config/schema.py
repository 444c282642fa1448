"""The JSON schema of recipe files, made from the dataclasses that read them; knows no file.

Editors that check YAML by a schema (by the first line ``# yaml-language-server: $schema=recipe.schema.json``) then
offer the keys and mark what is misspelt. Ranges and what excludes what are checked when a recipe is read.
"""

import dataclasses
import inspect
import types
import typing
from typing import Any, Literal

from clipmatrix.config.run import RunConfig

Schema = dict[str, Any]

_SCALARS: dict[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def recipe_schema() -> Schema:
    """The schema of a whole recipe file, draft 2020-12, JSON-able."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ClipMatrix recipe",
        **_section(RunConfig),
    }


def _section(kind: type) -> Schema:
    """A mapping with the dataclass's fields and no other key."""
    hints = typing.get_type_hints(kind)
    properties: Schema = {}
    for field in dataclasses.fields(kind):
        properties[field.name] = _value(hints[field.name])
        if isinstance(field.default, bool | int | float | str):
            properties[field.name]["default"] = field.default
    described = {"description": " ".join(inspect.cleandoc(kind.__doc__).split())} if kind.__doc__ else {}
    return {"type": "object", **described, "properties": properties, "additionalProperties": False}


def _value(hint: Any) -> Schema:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_value(option) for option in arguments]}
    if hint is type(None):
        return {"type": "null"}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return _list(arguments)
    if dataclasses.is_dataclass(hint):
        return _section(typing.cast(type, hint))
    return {"type": _SCALARS[hint]}


def _list(arguments: tuple[Any, ...]) -> Schema:
    if arguments[-1] is not Ellipsis:
        items = [_value(argument) for argument in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    several = {"type": "array", "items": _value(arguments[0])}
    if arguments[0] == tuple[str, float]:
        return {"anyOf": [{"type": "object", "additionalProperties": {"type": "number"}}, several]}
    return several
