"""Whether going on is worth it; knows nothing of where scores come from."""

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

LEAST_GAIN = 0.002
"""A running mean of the score that rises by less has not risen: its own noise is about as large."""


@dataclass
class Plateau:
    """Sees the running mean of the score, and is over when it has not risen for ``patience`` steps; 0 waits for ever.

    References: Prechelt, "Early Stopping - But When?", Neural Networks: Tricks of the Trade, 1998.
    """

    patience: int
    best: float = -float("inf")
    best_step: int = 0
    step: int = 0

    def see(self, step: int, mean: float) -> None:
        """Takes note of the running mean after ``step`` steps."""
        self.step = step
        if mean > self.best + LEAST_GAIN:
            self.best, self.best_step = mean, step

    def state(self) -> Float64[Tensor, "3"]:
        """What ``load`` needs."""
        return torch.tensor([self.best, self.best_step, self.step], dtype=torch.float64)

    def load(self, state: Float64[Tensor, "3"]) -> None:
        """Goes on from an earlier ``state``."""
        self.best, best_step, step = state.tolist()
        self.best_step, self.step = int(best_step), int(step)

    @property
    def is_over(self) -> bool:
        """Whether the last gain lies ``patience`` steps back."""
        return self.patience > 0 and self.step - self.best_step >= self.patience
