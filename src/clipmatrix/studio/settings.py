"""What a page asks for, turned into the settings of runs, with mistakes as one line each; knows nothing of jobs."""

import dataclasses
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipmatrix.api import body_regions, load_record
from clipmatrix.config import QUALITIES, RunConfig, default_prompts, dump_yaml, preset
from clipmatrix.config.yaml_mapping import load_yaml, top_level_value
from clipmatrix.errors import ClipMatrixError, ConfigError, PromptError
from clipmatrix.guidance.prompts import REGIONS, Prompt

MOST_VARIATIONS = 12
LONGEST_TEXT = 500
LONGEST_YAML = 100_000
_MOST_REGIONS = 12
_LARGEST_SEED = 2**31 - 1
_NAME = "the recipe"


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a recipe: the line, counted from 1, or None where it is none in particular."""

    line: int | None
    message: str


def config_of_form(form: Mapping[str, Any]) -> RunConfig:
    """The settings that a filled-in form stands for.

    Keys: ``prompt``, ``regions`` (a list of ``text`` and ``region``), ``quality``, ``seed`` (empty draws one),
    ``wildness``, ``body``, ``clip``, ``steps``, ``base`` (the folder of a run to set out from), ``refine``.

    Raises:
        ClipMatrixError: a value that cannot be used.
    """
    quality = _text(form, "quality", "standard", 20)
    base = preset(quality)
    values: dict[str, Any] = {
        "seed": _seed(form.get("seed")),
        "clip": _text(form, "clip", "mini", 300),
        "body": _text(form, "body", "anny", 1000),
        "base": _text(form, "base", "", 1000),
    }
    if form.get("steps") not in (None, ""):
        values["steps"] = _whole(form["steps"], "steps")
    if form.get("wildness") not in (None, ""):
        values["wildness"] = _share(form["wildness"], "wildness")
    if form.get("refine") not in (None, ""):
        values["optimiser"] = dataclasses.replace(base.optimiser, refine=_share(form["refine"], "refine"))
    prompt = _text(form, "prompt", "", LONGEST_TEXT)
    # An empty prompt is a mistake that need not wait for the body.
    Prompt(prompt)
    values["prompts"] = (*default_prompts(prompt, body_regions(values["body"])), *_region_prompts(form.get("regions")))
    return dataclasses.replace(base, **values)


def config_of_yaml(text: str) -> RunConfig:
    """The settings of a recipe.

    Raises:
        ClipMatrixError: it is no recipe, or has no prompt; with the line.
    """
    if len(text) > LONGEST_YAML:
        raise ConfigError(f"{_NAME}:1: it has {len(text)} characters, and {LONGEST_YAML} are the most: leave some out")
    named = _quality_of(text)
    try:
        config = load_yaml(text, _NAME, preset(named if named in QUALITIES else "standard"))
    except RecursionError as error:
        raise ConfigError(f"{_NAME}:1: no valid YAML: it is nested too deeply; write it flat") from error
    if not config.prompts:
        raise PromptError(f"{_NAME}:1: there is no prompt: add prompts: [{{text: a zebra striped man}}]")
    return config


def mistake_of_yaml(text: str) -> Mistake | None:
    """What is wrong with a recipe, or None."""
    try:
        config_of_yaml(text)
    except ClipMatrixError as error:
        return as_mistake(error)
    return None


def as_mistake(error: ClipMatrixError) -> Mistake:
    """The error with the line that its text begins with, where it does."""
    message = " ".join(str(error).split())
    found = re.fullmatch(rf"{_NAME}:(\d+): (.*)", message)
    return Mistake(int(found[1]), found[2]) if found else Mistake(None, message)


def varied(config: RunConfig, num: int) -> list[RunConfig]:
    """The same settings with that many other seeds, one after the other.

    Raises:
        ConfigError: too many, or none.
    """
    if not 1 <= num <= MOST_VARIATIONS:
        raise ConfigError(f"variations must be from 1 to {MOST_VARIATIONS}, not {num}: use 4")
    return [dataclasses.replace(config, seed=(config.seed + step) % _LARGEST_SEED) for step in range(num)]


def continued(path: Path, form: Mapping[str, Any]) -> RunConfig:
    """The settings of a run that sets out from where the run at ``path`` ended.

    Keys: ``prompt`` (empty keeps the prompts), ``steps``, ``refine`` (how large its steps are, 0 to 1).

    Raises:
        ClipMatrixError: the run or a value cannot be used.
    """
    config, _ = load_record(path)
    prompt = _text(form, "prompt", "", LONGEST_TEXT)
    prompts = config.prompts
    if prompt and prompt != title_of(config):
        prompts = default_prompts(prompt, body_regions(config.body))
    steps = _whole(form["steps"], "steps") if form.get("steps") not in (None, "") else config.steps
    refine = _share(form["refine"], "refine") if form.get("refine") not in (None, "") else config.optimiser.refine
    return dataclasses.replace(
        config,
        prompts=prompts,
        steps=steps,
        base=str(path),
        optimiser=dataclasses.replace(config.optimiser, refine=refine),
    )


def title_of(config: RunConfig) -> str:
    """What to call its runs: the first prompt's text, or its picture's name."""
    return config.prompts[0].label


def yaml_of(config: RunConfig) -> str:
    """The settings as a recipe."""
    return dump_yaml(config)


def _quality_of(text: str) -> str | None:
    try:
        return top_level_value(text, "quality")
    except RecursionError:
        return None


def _region_prompts(regions: Any) -> list[Prompt]:
    if regions in (None, ""):
        return []
    if not isinstance(regions, list) or len(regions) > _MOST_REGIONS:
        raise PromptError(f"wanted at most {_MOST_REGIONS} prompts for regions: leave some out")
    prompts = []
    for item in regions:
        if not isinstance(item, Mapping):
            raise PromptError(f"wanted a text and one of {', '.join(REGIONS)} for each region")
        text = _text(item, "text", "", LONGEST_TEXT)
        if text.strip():
            prompts.append(Prompt(text, 0.5, _text(item, "region", "whole", 30)))
    return prompts


def _text(form: Mapping[str, Any], key: str, usual: str, longest: int) -> str:
    value = form.get(key)
    if value is None or value == "":
        return usual
    if not isinstance(value, str):
        raise ConfigError(f"{key} must be text, not {type(value).__name__}")
    if len(value) > longest:
        raise ConfigError(f"{key} has {len(value)} characters, and {longest} are the most: shorten it")
    return value.strip()


def _seed(value: Any) -> int:
    return secrets.randbelow(10_000) if value in (None, "") else _whole(value, "seed")


def _whole(value: Any, key: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,19}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{key} must be a whole number, not {str(value)[:40]!r}")
    return value


def _share(value: Any, key: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{key} must be a number from 0 to 1, not {str(value)[:40]!r}") from error
    if not math.isfinite(number) or not 0.0 <= number <= 1.0:
        raise ConfigError(f"{key} must be from 0 to 1, not {number:g}")
    return number
