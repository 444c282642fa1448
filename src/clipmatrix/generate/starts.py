"""Where a run begins: what each texture set is searched for, and values that the user gave; knows no steps."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from clipmatrix.bodies.body import Body
from clipmatrix.config import RunConfig
from clipmatrix.config.resolving import freedom
from clipmatrix.config.yaml_mapping import nearest
from clipmatrix.errors import ConfigError
from clipmatrix.generate.easing import ease
from clipmatrix.generate.figures import search_figures
from clipmatrix.generate.search import SearchResult, num_steps
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.pictures import read_picture
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.plans import MAIN
from clipmatrix.procedural.told import told_builds
from clipmatrix.scene.lights import LightRig
from clipmatrix.scene.start import Start, neutral_start


@dataclass(frozen=True, eq=False)
class Starts:
    """Where the figure begins, and its further texture sets; ``found`` is what was searched for the main one."""

    main: Start
    outfits: dict[str, Start]
    found: SearchResult | None = None

    def to(self, device: torch.device) -> "Starts":
        """The starts on a device."""
        return Starts(
            self.main.to(device), {name: start.to(device) for name, start in self.outfits.items()}, self.found
        )


def outfit_names(config: RunConfig) -> tuple[str, ...]:
    """The texture sets beside the main one, in the order of the prompts."""
    named = (prompt.texture for prompt in config.prompts if prompt.textured)
    return tuple(name for name in dict.fromkeys(named) if name != MAIN)


def search_prompts(config: RunConfig, outfit: str = MAIN) -> tuple[Prompt, ...]:
    """The prompts that a search for that set follows, each as a text that the run's guidance can read.

    What a prompt to keep away from says of a build is no wish for that build: those prompts are left to the descent.
    """
    chosen = [prompt for prompt in config.prompts if not prompt.textured or prompt.texture == outfit]
    return tuple(
        dataclasses.replace(prompt, text=prompt.target, image="") if prompt.image else prompt
        for prompt in chosen
        if prompt.weight > 0 or not told_builds(prompt.text)
    )


def num_searches(config: RunConfig) -> int:
    """How many looks all searches of a run rank."""
    sets = (MAIN, *outfit_names(config))
    return num_steps(config.search) * sum(_is_searchable(search_prompts(config, name)) for name in sets)


def _is_searchable(prompts: tuple[Prompt, ...]) -> bool:
    return any(prompt.weight > 0 for prompt in prompts)


def neutral_starts(body: Body, config: RunConfig) -> Starts:
    """The paper's start for all sets, but for values that the user gave."""
    plain = neutral_start(body)
    return Starts(given_start(plain, body, config), dict.fromkeys(outfit_names(config), plain))


def search_starts(body: Body, guidance: Guidance, config: RunConfig, on_progress: Callable[[int], None]) -> Starts:
    """A searched start for every set: the main one decides the form, the others only what they look like."""

    def search(name: str) -> SearchResult | None:
        prompts = search_prompts(config, name)
        if not _is_searchable(prompts):
            return None
        return search_figures(body, guidance, dataclasses.replace(config, prompts=prompts), on_progress)

    plain = neutral_start(body)
    main = search(MAIN)
    outfits = {name: found.start if (found := search(name)) else plain for name in outfit_names(config)}
    start = main.start if main else plain
    if config.wildness != 0.5:
        start = dataclasses.replace(start, offset=freedom(config.wildness).start_offset * start.offset)
    return Starts(_eased(given_start(start, body, config), body), outfits, main)


def _eased(start: Start, body: Body) -> Start:
    """The start with its form smoothed where it folds or passes through itself; a form that is well stays the same."""
    if not bool(start.offset.any()):
        return start
    with torch.no_grad():
        bare = body.rest(start.shape).vertices
    return dataclasses.replace(start, offset=ease(start.offset, bare, body).offset)


def given_start(start: Start, body: Body, config: RunConfig) -> Start:
    """The start with the user's own values in place of what was found.

    Raises:
        ConfigError: a name is none of the body's coefficients, or its value is out of bounds.
        PromptError: the start's picture cannot be read.
    """
    parameters, changes = config.parameters, {}
    if parameters.shape.start:
        shape = start.shape.clone()
        for name, value in parameters.shape.start:
            shape[_coefficient(body, name, value)] = value
        changes["shape"] = shape
    if parameters.texture.start_color is not None:
        changes["albedo_srgb"] = torch.tensor(parameters.texture.start_color).expand(16, 16, 3).clone()
    if parameters.texture.start_image:
        changes["albedo_srgb"] = read_picture(Path(parameters.texture.start_image))[0].permute(1, 2, 0)
    if parameters.material.start_roughness is not None:
        changes["roughness"] = parameters.material.start_roughness
    if parameters.material.start_metallic is not None:
        changes["metallic"] = parameters.material.start_metallic
    return dataclasses.replace(start, **changes) if changes else start


def check_start(body: Body, config: RunConfig) -> None:
    """Raises: ConfigError or PromptError when the user's values cannot be used; before a run has begun."""
    given_start(neutral_start(body), body, config)
    LightRig(start=config.parameters.lights.start)


def _coefficient(body: Body, name: str, value: float) -> int:
    if name not in body.shape_names:
        names = body.shape_names
        hint = nearest(name, names) if names else "it has none"
        raise ConfigError(f'{body.name} has no shape coefficient "{name}": {hint}')
    index = body.shape_names.index(name)
    low, high = body.shape_bounds[index].tolist()
    if not low <= value <= high:
        raise ConfigError(f"{name} of {body.name} must be from {low:g} to {high:g}, not {value:g}")
    return index
