"""``clipmatrix create``: settings out of options and a file, and a run watched to its end; knows no stage."""

import dataclasses
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from clipmatrix.cli.process import Interrupts
from clipmatrix.errors import ConfigError, PromptError

if TYPE_CHECKING:
    from clipmatrix.config import RunConfig
    from clipmatrix.generate.events import Event

_INTERRUPTED = 130


@click.command()
@click.argument("prompt", required=False)
@click.option(
    "--beside", "clones", metavar="PROMPT", multiple=True, help="One more figure beside it; up to three times."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run.  [default: runs/PROMPT-SEED]")
@click.option("--seed", type=int, help="The same seed gives the same result.  [default: 0]")
@click.option("--quality", metavar="draft|standard|fine", help="How long to work.  [default: standard]")
@click.option("--steps", type=int, help="Steps of the descent, instead of the quality's.")
@click.option(
    "--clip",
    metavar="MODEL",
    multiple=True,
    help="Encoder: mini, a Hugging Face name or a folder; several judge together.  [default: mini]",
)
@click.option(
    "--body", metavar="anny|smplx:FILE|FILE", help="What to dress; FILE is .glb, .gltf, .obj or .ply.  [default: anny]"
)
@click.option("--up", metavar="y|z", help="The axis that points upwards in an OBJ or PLY body.  [default: y]")
@click.option("--subdivide", type=int, metavar="N", help="Split the body's triangles in four N times.  [default: 0]")
@click.option("--device", metavar="cpu|cuda|auto", help="Where to compute; auto takes a GPU if any.  [default: cpu]")
@click.option("--start", metavar="search|neutral", help="Where the descent begins.  [default: search]")
@click.option("--wildness", type=float, help="How far the shape may leave the human form, 0 to 1.  [default: 0.5]")
@click.option("--tries", type=int, metavar="N", help="Try N seeds briefly, and finish the best.")
@click.option("--judge", metavar="MODEL", help="Encoder that scores the tries.  [default: that of --clip]")
@click.option("--config", type=click.Path(path_type=Path), help="YAML file with any setting; options win over it.")
@click.option("--resume", "resumed", metavar="RUN", type=click.Path(path_type=Path), help="Go on with a stopped run.")
@click.option("--from", "repeated", metavar="RUN", type=click.Path(path_type=Path), help="Repeat a run as recorded.")
def create(
    prompt: str | None,
    clones: tuple[str, ...],
    out: Path | None,
    seed: int | None,
    quality: str | None,
    steps: int | None,
    clip: tuple[str, ...],
    body: str | None,
    up: str | None,
    subdivide: int | None,
    device: str | None,
    start: str | None,
    wildness: float | None,
    tries: int | None,
    judge: str | None,
    config: Path | None,
    resumed: Path | None,
    repeated: Path | None,
) -> int:
    """Create a character that looks like PROMPT, as in: clipmatrix create "a zebra striped man"

    Writes a rigged GLB, a video, a contact sheet and the texture. Ctrl-C stops and keeps what there is; --resume
    goes on from there.
    """
    # Loading the package takes seconds, which --help and --version need not wait for.
    from clipmatrix.api import resume as resume_run
    from clipmatrix.api import stream, stream_tries
    from clipmatrix.runs.directory import free_path

    if resumed is not None:
        given = (
            prompt,
            clones or None,
            out,
            seed,
            quality,
            steps,
            clip or None,
            body,
            up,
            subdivide,
            start,
            wildness,
            device,
        )
        _require_alone(resumed, (*given, tries, judge, config, repeated))
        return _watch(resume_run(resumed), f"what {resumed} needs", resumed)
    if judge is not None and tries is None:
        raise ConfigError("--judge scores the tries of --tries: say how many, as in --tries 4")
    settings = _settings(config, quality, repeated)
    settings = _with(settings, body=body, body_up=_up(up), subdivide=subdivide, device=_device(device))
    settings = _prompted(settings, prompt, clones, config or repeated)
    settings = _with(settings, seed=seed, steps=steps, clip=clip or None, wildness=wildness, start=_start(start))
    place = out or free_path(Path("runs"), settings.prompts[0].label, settings.seed)

    loaded = f"the body and the encoder {' + '.join(settings.encoders)}"
    if tries is not None:
        return _watch(stream_tries(settings, place, tries, judge or ""), loaded, place)
    return _watch(stream(settings, place), loaded, place)


def _settings(config: Path | None, quality: str | None, repeated: Path | None) -> "RunConfig":
    """The settings of a file, of the record of a run, or of a quality."""
    from clipmatrix.api import load_record
    from clipmatrix.config import load_config, preset

    if repeated is None:
        return load_config(config, quality) if config else preset(quality or "standard")
    if config is not None or quality is not None:
        raise ConfigError(f"--from takes all settings from {repeated}: leave out --config and --quality")
    settings, warnings = load_record(repeated)
    for warning in warnings:
        click.echo(f"clipmatrix: warning: {warning}", err=True)
    return settings


def _with(settings: "RunConfig", **given: Any) -> "RunConfig":
    """The settings with those options that were given."""
    return dataclasses.replace(settings, **{name: value for name, value in given.items() if value is not None})


def _prompted(settings: "RunConfig", prompt: str | None, clones: tuple[str, ...], source: Path | None) -> "RunConfig":
    """The settings with what the command line asks for; ``source`` is where the other settings come from."""
    from clipmatrix.api import body_regions
    from clipmatrix.config import figure_prompts
    from clipmatrix.guidance.prompts import Prompt

    if prompt is not None:
        if settings.prompts:
            raise ConfigError(f"prompts stand both on the command line and in {source}: keep them in one place")
        # An empty prompt is a mistake that need not wait for the body.
        Prompt(prompt)
        prompts = figure_prompts((prompt, *clones), body_regions(settings.body))
        return dataclasses.replace(settings, prompts=prompts)
    if clones:
        raise PromptError(
            '--beside adds a figure beside the first: say what that is, as in: clipmatrix create "a knight"'
        )
    if not settings.prompts:
        raise PromptError('there is no prompt: say what to create, as in: clipmatrix create "a zebra striped man"')
    return settings


def _watch(events: "Generator[Event, None, None]", loaded: str, place: Path) -> int:
    """Shows the events of a run as they come; the exit code."""
    from clipmatrix.cli.progress import build_reporter
    from clipmatrix.generate.events import Done

    reporter = build_reporter(sys.stderr.isatty())
    reporter.begin(loaded)
    is_stopped = False
    try:
        for event in follow(events):
            reporter.show(event)
            if isinstance(event, Done):
                is_stopped = event.is_stopped
    finally:
        reporter.end()
    if is_stopped:
        click.echo(f"to go on: clipmatrix create --resume {place}", err=True)
    return _INTERRUPTED if is_stopped else 0


def _require_alone(resumed: Path, others: tuple[object, ...]) -> None:
    if any(other is not None for other in others):
        raise ConfigError(f"--resume takes everything from {resumed}: leave out the prompt and all other options")


def _start(name: str | None) -> Literal["search", "neutral"] | None:
    match name:
        case None | "search" | "neutral":
            return name
        case _:
            raise ConfigError(f'start must be one of search, neutral, not "{name}"')


def _device(name: str | None) -> Literal["cpu", "cuda", "auto"] | None:
    match name:
        case None | "cpu" | "cuda" | "auto":
            return name
        case _:
            raise ConfigError(f'device must be one of cpu, cuda, auto, not "{name}"')


def _up(name: str | None) -> Literal["y", "z"] | None:
    match name and name.lower():
        case None | "y" | "z" as axis:
            return axis
        case _:
            raise ConfigError(f'up must be one of y, z, not "{name}"')


def follow(events: "Generator[Event, None, None]") -> "Iterator[Event]":
    """The events, with Ctrl-C handed to the run between two of them once it has begun."""
    yield next(events)
    with Interrupts() as interrupts:
        has_told = False
        while True:
            try:
                if interrupts.is_wanted and not has_told:
                    has_told = True
                    yield events.throw(KeyboardInterrupt())
                else:
                    yield next(events)
            except StopIteration:
                return
