"""The data tables of looks, read and checked: colours, materials, patterns and builds; knows no randomness."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import yaml

from clipmatrix.procedural.primitives import Primitive

SLOTS = ("head", "torso", "arms", "hands", "legs", "feet")
"""The parts of a body that may each wear a layer of their own; the body regions of the same names."""

PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")
"""The shape coefficients that builds speak of; a body without one of them ignores it."""

CHANGES = (
    "spikes", "lumps", "head_size", "hand_size", "belly", "inflation", "horns", "drips", "waves", "plates", "boxes",
    "arm_length", "leg_length", "shoulders", "hump", "leg_girth", "arm_girth", "foot_size", "neck", "ears", "nose",
    "cone", "crest",
)  # fmt: skip
"""Changes of the surface beyond the body's own shape space, each in [-1, 1] with 0 for none."""

BASIC_COLORS = (
    "red", "dark red", "orange", "yellow", "lime green", "green", "dark green", "olive", "turquoise", "cyan",
    "light blue", "blue", "navy blue", "purple", "magenta", "pink", "light pink", "brown", "dark brown", "beige",
    "white", "black", "grey", "dark grey",
)  # fmt: skip
"""The colour names that most prompts use."""


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Colour names with their sRGB values in [0, 1] and their OKLab coordinates; captions use those ``is_written``."""

    names: tuple[str, ...]
    rgb: np.ndarray
    oklab: np.ndarray
    ids: Mapping[str, int]
    is_written: np.ndarray


@dataclass(frozen=True)
class Surface:
    """One material or pattern of the tables; ranges are (low, high)."""

    name: str
    words: tuple[str, ...]
    nouns: tuple[str, ...]
    beings: tuple[str, ...]
    primitive: Primitive
    colors: tuple[tuple[str, ...], ...]
    num_colors: int
    is_ordered: bool
    weight: float
    frequency: tuple[float, float]
    share: tuple[float, float]
    softness: tuple[float, float]
    warp: tuple[float, float]
    grain: tuple[float, float]
    axis: str
    roughness: tuple[float, float]
    metallic: tuple[float, float]
    near: tuple[str, ...]


@dataclass(frozen=True)
class Build:
    """A build or shape change: one end of an axis and its words.

    ``also`` are words that are understood in a user's sentence, and never written into a caption.
    """

    name: str
    axis: str
    is_high: bool
    words: tuple[str, ...]
    phrases: tuple[str, ...]
    also: tuple[str, ...] = ()


def oklab_from_srgb(rgb: np.ndarray) -> np.ndarray:
    """OKLab coordinates of sRGB colours in [0, 1]; equal distances look about equally different.

    Reference: Björn Ottosson, "A perceptual color space for image processing", 2020.
    """
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0) + 0.055) / 1.055) ** 2.4)
    lms = linear @ np.array(
        [[0.4122214708, 0.2119034982, 0.0883024619], [0.5363325363, 0.6806995451, 0.2817188376],
         [0.0514459929, 0.1073969566, 0.6299787005]]
    )  # fmt: skip
    return np.cbrt(lms) @ np.array(
        [[0.2104542553, 1.9779984951, 0.0259040371], [0.7936177850, -2.4285922050, 0.7827717662],
         [-0.0040720468, 0.4505937099, -0.8086757660]]
    )  # fmt: skip


def rgb_from_hex(code: str) -> np.ndarray:
    """sRGB in [0, 1] of ``#rrggbb``."""
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0


def _text(name: str) -> str:
    return (files("clipmatrix.procedural") / "tables" / name).read_text(encoding="utf-8")


@cache
def colors() -> Lexicon:
    """The colour lexicon: CSS4's names and those of the xkcd colour survey (2010, CC0), ambiguous ones left out."""
    rows = list(csv.DictReader(_text("colors.csv").splitlines()))
    names = tuple(row["name"] for row in rows)
    rgb = np.stack([rgb_from_hex(row["hex"]) for row in rows])
    is_written = np.array([row["written"] != "no" for row in rows])
    return Lexicon(names, rgb, oklab_from_srgb(rgb), {name: i for i, name in enumerate(names)}, is_written)


def _surface(name: str, row: dict, is_material: bool) -> Surface:
    def span(key: str, default: tuple[float, float]) -> tuple[float, float]:
        low, high = row.get(key, default)
        return float(low), float(high)

    return Surface(
        name=name,
        words=tuple(row["words"]),
        nouns=tuple(row["nouns"]),
        beings=tuple(row.get("beings", ())),
        primitive=Primitive[row["primitive"].upper()],
        colors=tuple(tuple(choice) for choice in row.get("colors", ())),
        num_colors=0 if is_material else int(row["num_colors"]),
        is_ordered=row.get("order") == "ground",
        weight=float(row.get("weight", 1.0)),
        frequency=span("frequency", (1.0, 1.0)),
        share=span("share", (0.5, 0.5)),
        softness=span("softness", (0.05, 0.05)),
        warp=span("warp", (0.0, 0.0)),
        grain=span("grain", (0.0, 0.0)),
        axis=row.get("axis", "up"),
        roughness=span("roughness", (0.5, 1.0)),
        metallic=span("metallic", (0.0, 0.0)),
        near=tuple(row.get("near") or ()),
    )


@cache
def materials() -> dict[str, Surface]:
    """The materials, whose colours are their own."""
    return {name: _surface(name, row, True) for name, row in yaml.safe_load(_text("materials.yaml")).items()}


@cache
def patterns() -> dict[str, Surface]:
    """The patterns, which take any colours; ``solid`` is one of them."""
    return {name: _surface(name, row, False) for name, row in yaml.safe_load(_text("patterns.yaml")).items()}


@cache
def surfaces() -> dict[str, Surface]:
    """Materials and patterns in one table; their order numbers the kinds."""
    return {**materials(), **patterns()}


@cache
def kind_ids() -> dict[str, int]:
    """The number of each surface."""
    return {name: i for i, name in enumerate(surfaces())}


@cache
def builds() -> dict[str, Build]:
    """The builds and shape changes."""
    return {
        name: Build(
            name,
            row["axis"],
            row["end"] == "high",
            tuple(row["words"]),
            tuple(row["phrases"]),
            tuple(row.get("also", ())),
        )
        for name, row in yaml.safe_load(_text("builds.yaml")).items()
    }
