"""How far a batch is, from what its workers say and from its folder; knows no terminal."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_SECONDS_BETWEEN_LOOKS = 2.0


@dataclass(frozen=True)
class Standing:
    """How far a batch is: jobs done, the sum of the shares of those at work, those that failed, and all."""

    done: int
    shares: float
    failed: int
    total: int

    @property
    def progress(self) -> float:
        """Jobs that need no more work, with parts of jobs."""
        return self.done + self.failed + self.shares


class Watch:
    """Keeps count of a batch's jobs, and tells of every change.

    What other calls do on the same folder is found out by looking.
    """

    def __init__(
        self, is_done: Callable[[str], bool], names: Sequence[str], on_change: Callable[[Standing], None]
    ) -> None:
        self._is_done, self._on_change = is_done, on_change
        self._states = dict.fromkeys(names, "new")
        self._shares: dict[str, float] = {}
        self._looked = -_SECONDS_BETWEEN_LOOKS

    def hear(self, name: str, state: str, share: float) -> None:
        """Takes note of what a worker says: running, done, failed or left."""
        if name not in self._states:
            return
        self._states[name] = state
        before = self._shares.pop(name, 0.0)
        if state == "running":
            # A stage that turns out to be longer than was thought is no step back.
            self._shares[name] = max(before, share)
        self._tell()

    def look(self) -> None:
        """Looks into the folder for what others have done, now and then."""
        if time.monotonic() - self._looked < _SECONDS_BETWEEN_LOOKS:
            return
        self._looked = time.monotonic()
        for name, state in self._states.items():
            if state != "done" and name not in self._shares and self._is_done(name):
                self._states[name] = "done"
        self._tell()

    def standing(self) -> Standing:
        """How far it is now."""
        states = list(self._states.values())
        return Standing(states.count("done"), sum(self._shares.values(), 0.0), states.count("failed"), len(states))

    def _tell(self) -> None:
        self._on_change(self.standing())
