"""A matrix of runs out of YAML: base, prompts, seeds, settings, random ranges; knows nothing of how runs are made."""

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from clipmatrix.config import QUALITIES, RunConfig, load_config, preset
from clipmatrix.config.presets import with_paths
from clipmatrix.config.yaml_mapping import load_yaml, nearest, top_level_value
from clipmatrix.errors import ConfigError

_SECTIONS = ("base", "prompts", "seeds", "settings", "search")
_SEARCH_KEYS = ("count", "seed", "ranges")
_RANGE_KEYS = ("low", "high", "log", "choices")
MOST = 100_000
"""More runs, draws or seeds than this are taken for a slip."""


@dataclass(frozen=True)
class Change:
    """One setting by its dotted name, its value, and where that stands."""

    key: str
    value: Any
    place: str


@dataclass(frozen=True)
class Range:
    """What a setting is drawn from: evenly from ``low`` to ``high``, by its logarithm, or one of ``choices``.

    Between two whole numbers whole numbers are drawn, both ends among them.
    """

    key: str
    place: str
    low: float | int = 0.0
    high: float | int = 0.0
    log: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def draw(self, rng: np.random.Generator) -> Any:
        """One value."""
        if self.choices:
            return self.choices[int(rng.integers(len(self.choices)))]
        if self.is_whole and not self.log:
            return int(rng.integers(int(self.low), int(self.high) + 1))
        if self.log:
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = float(rng.uniform(self.low, self.high))
        # Six digits are enough, and read well in a table.
        return round(value) if self.is_whole else float(f"{value:.6g}")


@dataclass(frozen=True)
class Matrix:
    """A file's matrix, with each value's place for errors. ``prompts`` are texts, or lists of prompts of one figure."""

    base: RunConfig
    place: str
    prompts: tuple[tuple[Any, str], ...] = ()
    seeds: tuple[int, ...] = ()
    settings: tuple[tuple[Change, ...], ...] = ()
    ranges: tuple[Range, ...] = ()
    count: int = 0
    seed: int = 0

    def combinations(self) -> Iterator[tuple[Change, ...]]:
        """Each combination of settings, with each of the draws; nothing where neither is asked for."""
        grid = list(itertools.product(*self.settings)) if self.settings else [()]
        draws: list[tuple[Change, ...]] = [()]
        if self.count:
            rng = np.random.default_rng(self.seed)
            draws = [tuple(Change(one.key, one.draw(rng), one.place) for one in self.ranges) for _ in range(self.count)]
        for fixed, drawn in itertools.product(grid, draws):
            if fixed or drawn:
                yield (*fixed, *drawn)


def read_matrix(path: Path, text: str, base: RunConfig | None) -> Matrix:
    """The matrix in that text; ``base`` is filled in by the file's own ``base`` where it is given.

    Raises:
        ConfigError: it is no matrix; with the line.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: no valid YAML: {error.problem or error}; mend that line") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}:1: no valid YAML: {' '.join(str(error).split())}; save it as plain text") from error
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}:1: a matrix has the sections {', '.join(_SECTIONS)}: add prompts at least")
    reader = _Reader(path, text)
    sections = reader.keys(node, _SECTIONS, "the file")
    values: dict[str, Any] = {"place": f"{path}:1"}
    values["base"] = reader.base(sections.get("base"), base)
    if "prompts" in sections:
        values["prompts"] = reader.prompts(sections["prompts"])
    if "seeds" in sections:
        values["seeds"] = reader.seeds(sections["seeds"])
    if "settings" in sections:
        values["settings"] = reader.settings(sections["settings"])
    if "search" in sections:
        values |= reader.search(sections["search"])
    return Matrix(**values)


def read_ranges(path: Path, text: str) -> tuple[Range, ...]:
    """The ranges of a file that holds nothing else: one for each setting.

    Raises:
        ConfigError: it holds something else; with the line.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}:1: no valid YAML: {' '.join(str(error).split())}; mend it") from error
    if node is None:
        raise ConfigError(f"{path}:1: there is no range: add for instance optimiser.refine: {{low: 0.05, high: 0.3}}")
    return _Reader(path, text).ranges(node)


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds of ``0-3,7``.

    Raises:
        ConfigError: it is no list of whole numbers and ranges of them.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,19})\s*(?:-\s*(\d{1,19})\s*)?", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if last < first or last - first >= MOST:
            raise ConfigError(f'seeds are whole numbers and ranges, not "{text}": write for instance 0-3,7')
        seeds += range(first, last + 1)
    return tuple(dict.fromkeys(seeds))


@dataclass(frozen=True)
class _Reader:
    path: Path
    text: str

    def place(self, node: yaml.Node) -> str:
        return f"{self.path}:{node.start_mark.line + 1}"

    def fail(self, node: yaml.Node, message: str) -> ConfigError:
        return ConfigError(f"{self.place(node)}: {message}")

    def keys(self, node: yaml.Node, known: tuple[str, ...], where: str) -> dict[str, yaml.Node]:
        """The values of a mapping that may have these keys only."""
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, f"{where} must hold `key: value` lines with the keys {', '.join(known)}")
        found: dict[str, yaml.Node] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key not in known:
                raise self.fail(key_node, f'unknown key "{key}" in {where}: {nearest(key, known)}')
            if key in found:
                raise self.fail(key_node, f'"{key}" stands twice in {where}: remove one of them')
            found[key] = value_node
        return found

    def base(self, node: yaml.Node | None, base: RunConfig | None) -> RunConfig:
        """The base settings: a section of them, or the name of a file that holds them."""
        if node is None:
            return base if base is not None else preset("standard")
        if isinstance(node, yaml.ScalarNode):
            if base is not None:
                raise self.fail(
                    node, "base names a file, and --config or --quality name settings too: keep one of them"
                )
            return load_config(self.path.parent / str(node.value))
        mark, end = node.start_mark, node.end_mark
        # The section by itself, with its lines where they stand in the file, so that mistakes are placed.
        section = "\n" * mark.line + " " * mark.column + self.text[mark.index : end.index]
        named = top_level_value(section, "quality")
        filled = load_yaml(section, str(self.path), base or preset(named if named in QUALITIES else "standard"))
        return with_paths(filled, self.path.parent)

    def prompts(self, node: yaml.Node) -> tuple[tuple[Any, str], ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self.fail(node, "prompts must be a list of texts, or of lists of prompts of one character")
        return tuple((self.plain(item), self.place(item)) for item in node.value)

    def seeds(self, node: yaml.Node) -> tuple[int, ...]:
        value = self.plain(node)
        text = ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
        try:
            return parse_seeds(text)
        except ConfigError as error:
            raise self.fail(node, str(error)) from error

    def settings(self, node: yaml.Node) -> tuple[tuple[Change, ...], ...]:
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, "settings must hold lines such as scene.texture_size: [512, 1024]")
        rows = []
        for key_node, value_node in node.value:
            if not isinstance(value_node, yaml.SequenceNode) or not value_node.value:
                raise self.fail(value_node, f"{key_node.value} must be a list of values: write for instance [0.1, 0.2]")
            key = str(key_node.value)
            rows.append(tuple(Change(key, self.plain(item), self.place(item)) for item in value_node.value))
        return tuple(rows)

    def search(self, node: yaml.Node) -> dict[str, Any]:
        parts = self.keys(node, _SEARCH_KEYS, "search")
        for key in ("count", "ranges"):
            if key not in parts:
                raise self.fail(node, f'search needs "{key}": add it')
        count = self.whole(parts["count"], "count", 1, MOST)
        seed = self.whole(parts["seed"], "seed", 0, 2**63 - 1) if "seed" in parts else 0
        return {"count": count, "seed": seed, "ranges": self.ranges(parts["ranges"])}

    def ranges(self, node: yaml.Node) -> tuple[Range, ...]:
        if not isinstance(node, yaml.MappingNode) or not node.value:
            raise self.fail(node, "ranges must hold lines such as optimiser.refine: {low: 0.05, high: 0.3}")
        return tuple(self.range(str(key.value), value) for key, value in node.value)

    def range(self, key: str, node: yaml.Node) -> Range:
        parts = self.keys(node, _RANGE_KEYS, key)
        values = {name: self.plain(part) for name, part in parts.items()}
        if "choices" in values:
            choices = values["choices"]
            if len(values) > 1 or not isinstance(choices, list) or not choices:
                raise self.fail(node, f"{key}: choices must be a list, and stand alone")
            return Range(key, self.place(node), choices=tuple(choices))
        for name in ("low", "high"):
            if name not in values:
                raise self.fail(node, f'{key} needs "{name}", or choices: write for instance {{low: 0.1, high: 0.5}}')
            values[name] = self.number(parts[name], f"{name} of {key}")
        log = values.get("log", False)
        if not isinstance(log, bool):
            raise self.fail(parts["log"], f"log of {key} must be true or false")
        if values["low"] > values["high"] or (log and values["low"] <= 0):
            wanted = "from above 0 upwards" if log else "from low to high"
            raise self.fail(node, f"{key} must go {wanted}, not from {values['low']:g} to {values['high']:g}")
        return Range(key, self.place(node), values["low"], values["high"], log)

    def number(self, node: yaml.Node, name: str) -> float | int:
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        for kind in (int, float):
            try:
                value = kind(str(text))
            except ValueError:
                continue
            if math.isfinite(value):
                return value
        raise self.fail(node, f"{name} must be a number")

    def whole(self, node: yaml.Node, name: str, lowest: int, highest: int) -> int:
        value = self.number(node, name)
        if not isinstance(value, int) or not lowest <= value <= highest:
            raise self.fail(node, f"{name} must be a whole number from {lowest} to {highest}")
        return value

    def plain(self, node: yaml.Node) -> Any:
        """The node's value as Python's own."""
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_object(node, deep=True)  # pyright: ignore[reportArgumentType]
        finally:
            loader.dispose()
