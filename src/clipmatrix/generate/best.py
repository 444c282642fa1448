"""The best state of a run so far; knows nothing of how scores come about."""

import torch

from clipmatrix.scene.scene import Scene

_SMOOTHING = 0.9
_EVERY = 10
_FROM = 0.5


class BestState:
    """Keeps the parameters of the step with the best running mean of the score.

    One step's score says more about its views than about the character, hence the mean. Only the second half of a
    run counts: earlier the form has hardly begun to move.

    References: Jain et al., "Zero-Shot Text-Guided Object Generation with Dream Fields", CVPR 2022 (a moving average
    of noisy scores); early stopping by the best checkpoint.
    """

    def __init__(self, scene: Scene, num_steps: int) -> None:
        self._scene = scene
        self._first = int(_FROM * num_steps)
        self._mean: float | None = None
        self._best = -float("inf")
        self._state: list[torch.Tensor] | None = None

    @property
    def score(self) -> float:
        """The running mean of the score; 0 before the first step."""
        return 0.0 if self._mean is None else self._mean

    def count_from(self, step: int) -> None:
        """Lets steps from ``step`` on count, in a run that ends earlier than it was to."""
        self._first = min(self._first, step)

    def see(self, step: int, score: float) -> None:
        """Takes note of the score of ``step``, counted from 1; copies the parameters where it is the best."""
        self._mean = score if self._mean is None else _SMOOTHING * self._mean + (1.0 - _SMOOTHING) * score
        if step >= self._first and step % _EVERY == 0 and self._mean > self._best:
            self._best = self._mean
            self._state = [parameter.detach().clone() for parameter in self._scene.parameters()]

    def state(self) -> dict[str, torch.Tensor]:
        """What ``load`` needs, by name; no copies."""
        scores = torch.tensor([float("nan") if self._mean is None else self._mean, self._best], dtype=torch.float64)
        kept = zip((name for name, _ in self._scene.named_parameters()), self._state or (), strict=False)
        return {"scores": scores, **{f"kept.{name}": value for name, value in kept}}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Goes on from an earlier ``state``."""
        mean, self._best = state["scores"].tolist()
        self._mean = None if mean != mean else mean
        names = [f"kept.{name}" for name, _ in self._scene.named_parameters()]
        # Copying into the parameters brings them to their device.
        self._state = [state[name] for name in names] if names[0] in state else None

    def restore(self) -> None:
        """Puts the best parameters back, unless the present ones are as good."""
        if self._state is None or self.score >= self._best:
            return
        with torch.no_grad():
            for parameter, kept in zip(self._scene.parameters(), self._state, strict=True):
                parameter.copy_(kept)
