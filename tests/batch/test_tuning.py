"""The search for settings: it finds a peak, keeps to its space, goes on where it was, and never makes a run twice."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from clipmatrix.batch.matrix import Range
from clipmatrix.batch.plan import Job
from clipmatrix.batch.tuning import TuneConfig, read_recipe, read_space, tune
from clipmatrix.config import RunConfig, default_prompts, load_config, preset
from clipmatrix.errors import ConfigError, PromptError

pytest.importorskip("optuna")
pytestmark = pytest.mark.filterwarnings("ignore::Warning")

SPACE = (
    Range("optimiser.refine", "space:1", 0.05, 0.8, log=True),
    Range("search.num_rounds", "space:2", 1, 6),
    Range("start", "space:3", choices=("search", "neutral")),
)


def _config() -> RunConfig:
    base = preset("draft")
    return base.__class__(prompts=default_prompts("a man"))


class _Peak:
    """Scores best at refine 0.3, four rounds and a searched start; and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, jobs: Sequence[Job]) -> Mapping[str, float]:
        self.asked += [job.name for job in jobs]
        return {job.name: self.score(job.config) for job in jobs}

    @staticmethod
    def score(config: RunConfig) -> float:
        far = abs(config.optimiser.refine - 0.3) + 0.1 * abs(config.search.num_rounds - 4)
        return 1.0 - far - 0.3 * (config.start == "neutral") + 0.001 * config.seed


@pytest.mark.slow
def test_it_finds_the_peak_and_writes_it_down(tmp_path: Path) -> None:
    found = tune(_config(), SPACE, tmp_path, TuneConfig(40, at_once=4), _Peak())
    assert found.num_trials == 40
    assert found.score is not None
    assert found.score > 0.75
    assert found.settings["start"] == "search"
    best = load_config(found.best)
    assert _Peak.score(best) == pytest.approx(found.score)
    lines = (tmp_path / "trials.csv").read_text().splitlines()
    assert lines[0] == "trial,score,optimiser.refine,search.num_rounds,start"
    assert len(lines) == 41


def test_it_goes_on_and_a_trial_that_was_left_open_is_made_first(tmp_path: Path) -> None:
    peak = _Peak()
    tune(_config(), SPACE, tmp_path, TuneConfig(4), peak)

    def killed(jobs: Sequence[Job]) -> Mapping[str, float]:
        peak.asked += [job.name for job in jobs]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(_config(), SPACE, tmp_path, TuneConfig(6), killed)
    left = peak.asked[4:]
    assert len(left) == 2
    again = _Peak()
    assert tune(_config(), SPACE, tmp_path, TuneConfig(8), again).num_trials == 8
    assert again.asked[:2] == left
    assert len(again.asked) == 4
    idle = _Peak()
    assert tune(_config(), SPACE, tmp_path, TuneConfig(8), idle).num_trials == 8
    assert idle.asked == []


def test_a_score_is_the_mean_over_seeds_and_failures_are_no_scores(tmp_path: Path) -> None:
    found = tune(_config(), SPACE[:1], tmp_path / "a", TuneConfig(1, seeds=(0, 2)), _Peak())
    assert found.score is not None
    config = load_config(found.best)
    assert found.score == pytest.approx(_Peak.score(config) + 0.001)
    none = tune(_config(), SPACE, tmp_path / "b", TuneConfig(2), lambda jobs: {})
    assert (none.num_trials, none.score) == (0, None)


def test_another_space_is_another_search(tmp_path: Path) -> None:
    tune(_config(), SPACE, tmp_path, TuneConfig(1), _Peak())
    with pytest.raises(ConfigError, match="a search of another space"):
        tune(_config(), SPACE[:2], tmp_path, TuneConfig(2), _Peak())


def test_mistakes_in_space_and_recipe_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("optimiser.refine: {low: 0.1, high: 3}\n")
    with pytest.raises(ConfigError, match=r"space.yaml:1: refine must be from 0 to 1"):
        read_space(path, _config())
    path.write_text("# none\noptimiser.refin: {low: 0.1, high: 0.3}\n")
    with pytest.raises(ConfigError, match=r'space.yaml:2: unknown key "refin"'):
        read_space(path, _config())
    path.write_text("steps: {choices: [20, 40]}\noptimiser.refine: {low: 0.1, high: 0.3}\n")
    assert [one.key for one in read_space(path, _config())] == ["steps", "optimiser.refine"]
    path.write_text("quality: draft\n")
    with pytest.raises(PromptError, match="has no prompt"):
        read_recipe(path)
    with pytest.raises(ConfigError, match="--trials"):
        TuneConfig(0)
