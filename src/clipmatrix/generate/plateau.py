"""Whether going on is worth it, and how a descent ends early; knows nothing of where scores come from."""

import math
from itertools import pairwise

import torch
from jaxtyping import Float64
from torch import Tensor

from clipmatrix.config import RunConfig

LEAST_GAIN = 0.002
"""A window's mean score that is better by less is no better, however quiet the scores are."""

COOL_DOWN = 0.1
"""The share of a run's steps in which one that ends early runs through the rest of its rates."""

_WINDOWS = 2
_ERRORS = 0.5


class Plateau:
    """Sees the scores of a descent; once they no longer rise, cuts it short by a cool-down.

    The scores after the first ``begin`` steps are parted into windows of half the ``patience``. One step's score says
    more about its views than about the character, so windows are compared by their means, and a window has gained when
    it surpasses the best one before by more than half the standard error of their difference. Two windows in a row
    without a gain are a plateau. The descent then takes a tenth of its steps more, in which the rates fall as they
    would have in all that are left out: what is kept has settled. A patience of 0 never ends anything.

    References: Prechelt, "Early Stopping - But When?", Neural Networks: Tricks of the Trade, 1998.
    """

    def __init__(self, patience: int, num_steps: int, begin: int = 0) -> None:
        self._window = max(1, patience // _WINDOWS) if patience else 0
        self._num_steps, self._begin = num_steps, begin
        self._scores: list[float] = []
        self._best, self._best_error = -math.inf, 0.0
        self._barren = 0
        self._from: int | None = None

    @property
    def end(self) -> int:
        """After how many steps the descent is over; fewer than it was to take once it cools down."""
        if self._from is None:
            return self._num_steps
        return min(self._num_steps, self._from + max(1, round(COOL_DOWN * self._num_steps)))

    @property
    def settled(self) -> int | None:
        """After how many steps a descent that cools down is half through it; None before it does."""
        return None if self._from is None else (self._from + self.end) // 2

    def place(self, index: int) -> int:
        """Which step of the whole descent the step ``index`` is, both counted from 0; in the cool-down it strides."""
        if self._from is None or index < self._from:
            return index
        left = self._num_steps - 1 - self._from
        return self._from + left * (index + 1 - self._from) // (self.end - self._from)

    def see(self, step: int, score: float) -> None:
        """Takes note of the score of ``step``, counted from 1."""
        if not self._window or self._from is not None or step <= self._begin:
            return
        self._scores.append(score)
        if len(self._scores) < self._window:
            return
        mean, error = _mean_and_error([value for value in self._scores if math.isfinite(value)])
        self._scores = []
        if mean > self._best + LEAST_GAIN + _ERRORS * math.hypot(error, self._best_error):
            self._best, self._best_error, self._barren = mean, error, 0
        else:
            self._barren += 1
        if self._barren == _WINDOWS:
            self._from = step

    def state(self) -> Float64[Tensor, "n"]:
        """What ``load`` needs."""
        cooling = -1 if self._from is None else self._from
        return torch.tensor([self._best, self._best_error, self._barren, cooling, *self._scores], dtype=torch.float64)

    def load(self, state: Float64[Tensor, "n"]) -> None:
        """Goes on from an earlier ``state``."""
        self._best, self._best_error, barren, cooling, *self._scores = state.tolist()
        self._barren, self._from = int(barren), None if cooling < 0 else int(cooling)


def first_judged(config: RunConfig) -> int:
    """After how many steps scores say something about going on.

    Before, the form has not begun to move at its full rate, or a passing tint hides what is gained.
    """
    rates = config.optimiser
    share = rates.form_delay + rates.warm_up
    if not config.is_refining and rates.tint > 0.0:
        share = max(share, 0.5 * rates.tint_until)
    return round(share * config.steps)


def _mean_and_error(scores: list[float]) -> tuple[float, float]:
    """The mean and its standard error; by differences of neighbours, so that a rise within is not taken for noise."""
    if not scores:
        return -math.inf, 0.0
    pairs = list(pairwise(scores))
    variance = sum((after - before) ** 2 for before, after in pairs) / (2 * len(pairs)) if pairs else 0.0
    return sum(scores) / len(scores), math.sqrt(variance / len(scores))
