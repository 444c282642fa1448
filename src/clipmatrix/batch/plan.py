"""What a batch is to make, out of a list of prompts or a matrix; knows nothing of who makes it."""

import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipmatrix.batch.matrix import MOST, Matrix, read_matrix
from clipmatrix.bodies.loading import body_regions
from clipmatrix.config import RunConfig, dump_yaml, figure_prompts
from clipmatrix.config.overriding import override
from clipmatrix.config.presets import with_paths
from clipmatrix.errors import ClipMatrixError, ConfigError, PromptError
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.runs.directory import slug

_SLUG_LETTERS = 40
_DIGEST_LETTERS = 8


@dataclass(frozen=True)
class Job:
    """One run to make. ``name``, its folder's as well, is a function of its settings, which ``yaml`` holds."""

    name: str
    config: RunConfig
    yaml: str


def build_job(config: RunConfig) -> Job:
    """The job of these settings: words of its first prompt, its seed, and a digest of everything."""
    text = dump_yaml(config)
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LETTERS]
    words = slug(config.prompts[0].label)[:_SLUG_LETTERS].rstrip("-")
    return Job(f"{words}-{config.seed}-{digest}", config, text)


def plan_texts(path: Path, base: RunConfig, seeds: Sequence[int]) -> tuple[Job, ...]:
    """The jobs of a text file with one prompt a line, each with every seed; blank and ``#`` lines do not count.

    Raises:
        ConfigError: the file cannot be read, has no prompt, or ``base`` has prompts of its own.
        PromptError: a line cannot be a prompt; with its number.
    """
    if base.prompts:
        raise ConfigError(f"prompts stand both in {path} and in the settings of --config: keep them in one place")
    regions = body_regions(base.body)
    configs = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            prompts = figure_prompts((text,), regions)
        except ClipMatrixError as error:
            raise PromptError(f"{path}:{number}: {error}") from error
        configs += [dataclasses.replace(base, prompts=prompts, seed=seed) for seed in seeds or (base.seed,)]
    if not configs:
        raise ConfigError(f"{path} has no prompt: write one a line, such as: a zebra striped man")
    return _jobs(configs, path)


def plan_matrix(path: Path, base: RunConfig | None, seeds: Sequence[int]) -> tuple[Job, ...]:
    """The jobs of a YAML file with a matrix, each prompt with each seed and each combination of settings.

    ``base`` takes the place of the preset that the file's own base names, and ``seeds`` that of the file's.

    Raises:
        ClipMatrixError: the file says something that makes no sense; with its line.
    """
    matrix = read_matrix(path, read_text(path), base)
    return _jobs(_configs(path, matrix, tuple(seeds) or matrix.seeds or (matrix.base.seed,)), path)


def read_text(path: Path) -> str:
    """The file's text.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): name a text file or a YAML file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no UTF-8 text: name a text file or a YAML file") from error


def _configs(path: Path, matrix: Matrix, seeds: tuple[int, ...]) -> Iterable[RunConfig]:
    varied = [(matrix.base, matrix.place)]
    for changes in matrix.combinations():
        varied.append((_changed(matrix.base, changes), changes[-1].place))
    bases = varied[1:] or varied
    for (config, place), (texts, where) in itertools.product(bases, matrix.prompts or ((None, matrix.place),)):
        prompts = config.prompts if texts is None else _prompts(texts, config, path.parent, where)
        if not prompts:
            raise PromptError(f"{path}: there is no prompt: add for instance prompts: [a zebra striped man]")
        for seed in seeds:
            try:
                yield dataclasses.replace(config, prompts=prompts, seed=seed)
            except ClipMatrixError as error:
                raise type(error)(f"{place}: {error}") from error


def _changed(config: RunConfig, changes: Sequence[Any]) -> RunConfig:
    for change in changes:
        try:
            config = override(config, change.key, change.value)
        except ClipMatrixError as error:
            raise type(error)(f"{change.place}: {error}") from error
    return config


def _prompts(texts: Any, config: RunConfig, folder: Path, place: str) -> tuple[Prompt, ...]:
    """A bare text as ``create`` takes it, or a list of prompts of one character."""
    try:
        if isinstance(texts, str):
            return figure_prompts((texts,), body_regions(config.body))
        return with_paths(override(config, "prompts", texts), folder).prompts
    except ClipMatrixError as error:
        raise type(error)(f"{place}: {error}") from error


def _jobs(configs: Iterable[RunConfig], path: Path) -> tuple[Job, ...]:
    """Each once, in order; the same settings twice are one job."""
    jobs: dict[str, Job] = {}
    for config in configs:
        job = build_job(config)
        jobs[job.name] = job
        if len(jobs) > MOST:
            raise ConfigError(f"{path} asks for more than {MOST} runs: split it into several files")
    return tuple(jobs.values())
