"""Writes the second half of controls.md, all settings of a recipe, out of the dataclasses: ``python docs/controls.py``.

Knows nothing of the first half, which is written by hand.
"""

import dataclasses
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from clipmatrix import preset
from clipmatrix.config import QUALITIES, RunConfig

PAGE = Path(__file__).with_name("controls.md")
MARK = "<!-- Below this line: python docs/controls.py -->\n"
_WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text", type(None): "null"}


def main() -> None:
    PAGE.write_text(PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + all_settings(), encoding="utf-8")


def all_settings() -> str:
    """The generated half: what each quality changes, and a part for every section of a recipe."""
    parts = ["\n## All settings of a recipe\n", _PREFACE, _qualities()]
    for path, kind, default in sections(RunConfig, "", RunConfig()):
        parts.append(f"### {f'`{path}`' if path else 'The file itself'}\n")
        parts.append("\n\n".join(_prose(kind)) + "\n")
        parts.append(_table(path, kind, default))
    return "\n".join(parts)


_PREFACE = """A recipe is a YAML file with any of these keys; what it leaves out is as its `quality` says,
where that says something, and else as the tables say. `clipmatrix recipe check FILE` reads one without running it, and
`clipmatrix recipe schema` prints the schema for editors. A span is two numbers, the smaller first.
"""


def sections(kind: type, path: str, default: Any) -> Iterator[tuple[str, type, Any]]:
    """Every section of a recipe with its path in the file, its dataclass and its default, outer ones first."""
    yield path, kind, default
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        inner, is_listed = _inner(hints[field.name])
        if inner is not None:
            value = getattr(default, field.name, None)
            is_given = dataclasses.is_dataclass(value)
            below = f"{path}.{field.name}" if path else field.name
            yield from sections(inner, f"{below}[]" if is_listed else below, value if is_given else _default(inner))


def _default(kind: type) -> Any:
    try:
        return kind()
    except Exception:
        # A prompt needs a text; its fields know their defaults all the same.
        return None


def _inner(hint: Any) -> tuple[type | None, bool]:
    """The dataclass that a field holds, if any, and whether it holds a list of them."""
    options = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and dataclasses.is_dataclass(options[0]):
        return typing.cast(type, options[0]), True
    for option in (hint, *options):
        if dataclasses.is_dataclass(option):
            return typing.cast(type, option), False
    return None, False


def _prose(kind: type) -> list[str]:
    """The paragraphs of a section's docstring in Markdown, without what only programs need."""
    paragraphs = inspect.cleandoc(kind.__doc__ or "").split("\n\n")
    kept = [text for text in paragraphs if not text.startswith(("Raises:", "References:"))]
    return [textwrap.fill(text.replace("``", "`"), 120, break_long_words=False) for text in kept]


def _table(path: str, kind: type, default: Any) -> str:
    hints = typing.get_type_hints(kind)
    lines = ["| setting | is | by default |", "|---|---|---|"]
    for field in dataclasses.fields(kind):
        name = f"{path}.{field.name}" if path else field.name
        value = getattr(default, field.name, field.default)
        lines.append(f"| `{name}` | {_kind(hints[field.name])} | {_shown(value)} |")
    return "\n".join(lines) + "\n"


def _kind(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(option) for option in arguments)
    if origin is Literal:
        return ", ".join(f"`{option}`" for option in arguments)
    if hint == tuple[float, float]:
        return "span"
    if origin is tuple:
        if arguments[0] == tuple[str, float]:
            return "names with numbers"
        if arguments[-1] is Ellipsis:
            return f"list: {_kind(arguments[0])}"
        return f"{len(arguments)} values: {_kind(arguments[0])}"
    return "section" if dataclasses.is_dataclass(hint) else _WORDS[hint]


def _shown(value: Any) -> str:
    if dataclasses.is_dataclass(value) or value is dataclasses.MISSING:
        return "see below" if dataclasses.is_dataclass(value) else "must be given"
    if value is None or value in ("", ()):
        return "-"
    if isinstance(value, tuple):
        return f"`[{', '.join(f'{item:g}' if isinstance(item, float) else str(item) for item in value)}]`"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _qualities() -> str:
    """What the qualities set, where they differ from one another."""
    leaves = {name: dict(_leaves(preset(name), "")) for name in QUALITIES}
    names = [key for key in leaves[QUALITIES[0]] if len({str(found[key]) for found in leaves.values()}) > 1]
    lines = [f"| setting | {' | '.join(f'`{name}`' for name in QUALITIES)} |", "|---" * (1 + len(QUALITIES)) + "|"]
    for key in names:
        if key != "quality":
            lines.append(f"| `{key}` | {' | '.join(f'`{leaves[name][key]}`' for name in QUALITIES)} |")
    return "\n".join(lines) + "\n"


def _leaves(section: Any, path: str) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(section):
        value, name = getattr(section, field.name), f"{path}{field.name}"
        if dataclasses.is_dataclass(value):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


if __name__ == "__main__":
    main()
