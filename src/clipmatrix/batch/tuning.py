"""A search for the settings that make a recipe's runs score best: the only door to ``optuna``; knows no terminal.

DIR/  NAME/ (a run of each trial and seed)  tune.sqlite (what was tried)  trials.csv  best.yaml (the best settings)
"""

import csv
import dataclasses
import importlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from clipmatrix.batch.batch import BatchConfig, Outcome, run_batch
from clipmatrix.batch.matrix import Range, read_ranges
from clipmatrix.batch.plan import Job, build_job, read_text
from clipmatrix.batch.watching import Standing
from clipmatrix.config import RunConfig, dump_yaml, load_config
from clipmatrix.config.overriding import override
from clipmatrix.errors import ClipMatrixError, ConfigError, PromptError, RunError
from clipmatrix.generate.judging import judge_run
from clipmatrix.generate.sharing import PartsShelf
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.runs.directory import Run
from clipmatrix.runs.files import file_errors, write_whole
from clipmatrix.runs.summaries import read_summary

_STUDY = "tune"
_UNHEALTHY = 1.0
"""What a result that is not healthy loses: more than any judge can give."""

Evaluate = Callable[[Sequence[Job]], Mapping[str, float]]
"""Makes the jobs' runs, and gives the score of each that could be made, by name."""


@dataclass(frozen=True)
class TuneConfig:
    """``trials`` in all, ``at_once`` of them asked for together, each run with every one of the ``seeds``."""

    trials: int
    at_once: int = 2
    seeds: tuple[int, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.trials <= 100_000:
            raise ConfigError(f"--trials must be from 1 to 100000, not {self.trials}: use for instance 40")
        if not 1 <= self.at_once <= 1000:
            raise ConfigError(f"--at-once must be from 1 to 1000, not {self.at_once}: use the number of processors")


@dataclass(frozen=True)
class Tuned:
    """How many trials have a score, and the best one's settings and score; none where no trial could be scored."""

    num_trials: int
    score: float | None
    settings: dict[str, Any]
    best: Path


def read_recipe(path: Path) -> RunConfig:
    """The recipe that is to be tuned.

    Raises:
        ClipMatrixError: it cannot be read, or has no prompt.
    """
    config = load_config(path)
    if not config.prompts:
        raise PromptError(f"{path} has no prompt: add for instance prompts: [{{text: a zebra striped man}}]")
    return config


def read_space(path: Path, config: RunConfig) -> tuple[Range, ...]:
    """What is searched: a range for each setting, whose ends the recipe takes.

    Raises:
        ConfigError: a setting is unknown, or does not take what its range holds; with the line.
    """
    ranges = read_ranges(path, read_text(path))
    for one in ranges:
        for value in one.choices or (one.low, one.high):
            try:
                override(config, one.key, value)
            except ClipMatrixError as error:
                raise ConfigError(f"{one.place}: {error}") from error
    return ranges


def tune(config: RunConfig, space: Sequence[Range], out: Path, settings: TuneConfig, evaluate: Evaluate) -> Tuned:
    """Tries settings out of the space until there are ``trials`` scores; goes on with what an earlier call has tried.

    Proposals are by a tree-structured Parzen estimator. Trials that a killed call left open are made first. The score
    of a trial is the mean over its seeds; one of which no run could be scored counts as failed.

    Raises:
        ClipMatrixError: Optuna is not here, or the folder holds a search of another space.

    References: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; Akiba et al., "Optuna: A
    Next-generation Hyperparameter Optimization Framework", KDD 2019.
    """
    optuna = _load_optuna()
    with file_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    study = _open_study(optuna, out, settings, space)
    seeds = settings.seeds or (config.seed,)
    while True:
        states = optuna.trial.TrialState
        ended = study.get_trials(deepcopy=False, states=(states.COMPLETE, states.FAIL))
        missing = settings.trials - len(ended)
        if missing <= 0:
            break
        asked = _ask(study, states, space, min(missing, settings.at_once))
        jobs = {number: _jobs(config, values, seeds) for number, values in asked.items()}
        scores = evaluate([job for group in jobs.values() for job in group])
        for number, group in jobs.items():
            found = [scores[job.name] for job in group if job.name in scores]
            if found:
                study.tell(number, fmean(found))
            else:
                study.tell(number, state=states.FAIL)
    return _conclude(study, optuna.trial.TrialState, config, out)


def batch_evaluator(
    out: Path, batch: BatchConfig, judge: str, on_change: Callable[[Standing], None], is_stopped: Callable[[], bool]
) -> Evaluate:
    """Makes runs as a batch does, and scores them by the encoder called ``judge``, or by their own last score.

    A result that is not healthy loses 1. Raises KeyboardInterrupt where the batch was stopped.
    """
    shelf = PartsShelf()
    eye: list[Guidance] = [load_guidance(judge)] if judge else []

    def evaluate(jobs: Sequence[Job]) -> Mapping[str, float]:
        outcome: Outcome = run_batch(jobs, out, batch, on_change, is_stopped)
        if is_stopped():
            raise KeyboardInterrupt
        made = [job.name for job in jobs if job.name not in outcome.failures]
        return {name: _score(Run(out / name), eye, shelf) for name in made}

    return evaluate


def _score(run: Run, eye: Sequence[Guidance], shelf: PartsShelf) -> float:
    summary = read_summary(run, 0.0)
    score = judge_run(run.path, eye[0], shelf) if eye else summary.score or 0.0
    return score if summary.is_healthy else score - _UNHEALTHY


def _ask(study: Any, states: Any, space: Sequence[Range], num: int) -> dict[int, dict[str, Any]]:
    """The settings of the next trials by their numbers: first those that a call before has left open."""
    left = study.get_trials(deepcopy=False, states=(states.RUNNING,))[:num]
    asked = {trial.number: dict(trial.params) for trial in left if len(trial.params) == len(space)}
    for trial in left:
        if trial.number not in asked:
            study.tell(trial.number, state=states.FAIL)
    while len(asked) < num:
        trial = study.ask()
        asked[trial.number] = {one.key: _suggest(trial, one) for one in space}
    return asked


def _suggest(trial: Any, one: Range) -> Any:
    if one.choices:
        return trial.suggest_categorical(one.key, list(one.choices))
    if one.is_whole:
        return trial.suggest_int(one.key, int(one.low), int(one.high), log=one.log)
    return trial.suggest_float(one.key, float(one.low), float(one.high), log=one.log)


def _changed(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    for key, value in values.items():
        config = override(config, key, value)
    return config


def _jobs(config: RunConfig, values: Mapping[str, Any], seeds: Sequence[int]) -> list[Job]:
    changed = _changed(config, values)
    return [build_job(dataclasses.replace(changed, seed=seed)) for seed in seeds]


def _open_study(optuna: Any, out: Path, settings: TuneConfig, space: Sequence[Range]) -> Any:
    storage = f"sqlite:///{(out / 'tune.sqlite').resolve()}"
    described = "; ".join(f"{one.key} {one.low:g} {one.high:g} {one.log} {list(one.choices)}" for one in space)
    try:
        study = optuna.create_study(storage=storage, study_name=_STUDY, load_if_exists=True, direction="maximize")
        known = study.user_attrs.get("space", described)
        if "space" not in study.user_attrs:
            study.set_user_attr("space", described)
    except Exception as error:
        # Whatever the database says is told on one line; its errors are those of a library below Optuna's.
        reason = " ".join(str(error).split())[:200]
        raise RunError(f"{out / 'tune.sqlite'} cannot be used ({reason}): choose another --out") from error
    if known != described:
        raise ConfigError(f"{out} holds a search of another space ({known}): choose another --out")
    # Each call draws on: with one seed for all it would propose again what the first has tried.
    study.sampler = optuna.samplers.TPESampler(seed=(settings.seed + 7919 * len(study.trials)) % 2**32)
    return study


def _conclude(study: Any, states: Any, config: RunConfig, out: Path) -> Tuned:
    """Writes the table of all trials and the best settings."""
    scored = study.get_trials(deepcopy=False, states=(states.COMPLETE,))
    keys = sorted({key for trial in study.trials for key in trial.params})
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["trial", "score", *keys])
    for trial in study.trials:
        score = "" if trial.value is None else f"{trial.value:.6f}"
        writer.writerow([trial.number, score, *(trial.params.get(key, "") for key in keys)])
    write_whole(out / "trials.csv", text.getvalue().encode())
    if not scored:
        return Tuned(0, None, {}, out / "best.yaml")
    best = max(scored, key=lambda trial: (trial.value, -trial.number))
    write_whole(out / "best.yaml", dump_yaml(_changed(config, best.params)).encode())
    return Tuned(len(scored), float(best.value), dict(best.params), out / "best.yaml")


def _load_optuna() -> Any:
    try:
        optuna = importlib.import_module("optuna")
    except ImportError as error:
        raise ConfigError("tuning needs Optuna, which is not here: pip install 'clipmatrix[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
