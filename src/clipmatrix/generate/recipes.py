"""A recipe looked at without running it: its keys, its files, and what its body has; knows no scene."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.loading import load_body
from clipmatrix.config import RunConfig, load_config
from clipmatrix.config.resolving import resolve
from clipmatrix.config.yaml_mapping import line_of, nearest
from clipmatrix.errors import BodyError, ClipMatrixError, ConfigError
from clipmatrix.generate.starts import check_start
from clipmatrix.guidance.loading import require_place
from clipmatrix.guidance.pictures import read_picture
from clipmatrix.guidance.prompts import Prompt

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Recipe:
    """What a recipe comes to: its settings, and one line for each prompt that is followed in the end."""

    config: RunConfig
    prompts: tuple[str, ...]


def check_recipe(path: Path) -> Recipe:
    """Reads a recipe and everything that it names, but for encoders: those are looked for and not loaded.

    Loads the body; downloads nothing and writes nothing.

    Raises:
        ConfigError: something in it cannot be used; the line begins with the file and the line's number.
        BodyError: the body is Anny, and cannot be loaded.
    """
    config = load_config(path)
    text = path.read_text(encoding="utf-8")

    def at(keys: tuple[str | int, ...], work: Callable[[], _Result]) -> _Result:
        try:
            return work()
        except ClipMatrixError as error:
            raise ConfigError(f"{path}:{line_of(text, keys)}: {error}") from error

    if not config.prompts:
        raise ConfigError(f"{path}:1: a recipe needs prompts: add for instance prompts: [{{text: a golden statue}}]")
    for index, name in enumerate(config.encoders):
        at(("clip", index), lambda name=name: require_place(name))
    for index, prompt in enumerate(config.prompts):
        if prompt.image:
            at(("prompts", index, "image"), lambda prompt=prompt: read_picture(Path(prompt.image)))
    body = load_body("anny") if config.body == "anny" else at(("body",), lambda: load_body(config.body))
    for index, prompt in enumerate(config.prompts):
        at(("prompts", index, "region"), lambda prompt=prompt: _require_region(body, prompt))
    at(("parameters",), lambda: check_start(body, config))
    return Recipe(config, tuple(describe(prompt) for prompt in resolve(config).prompts))


def describe(prompt: Prompt) -> str:
    """One line about a prompt: how much it counts, what it looks at, and what it is."""
    kind = "plain form" if not prompt.textured else f"texture {prompt.texture}"
    extras = [name for name in ("cameras", "light", "material") if getattr(prompt, name) is not None]
    extras += ["view words"] if prompt.view_words else []
    own = f", own {', '.join(extras)}" if extras else ""
    return f"{prompt.weight:+.2f}  {prompt.region:<6} {kind}{own}: {prompt.label}"


def _require_region(body: Body, prompt: Prompt) -> None:
    if prompt.region not in body.regions:
        raise BodyError(f'{body.name} has no region "{prompt.region}": {nearest(prompt.region, body.regions)}')
