"""The best few runs of each prompt, none nearly like another: rules on numbers; knows neither files nor pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

NEAR = 0.002
"""Two runs whose sheets' embeddings are less than this far apart (one minus their cosine) count as the same."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A finished run: what it was asked for, how it scored, and what it looks like as a unit vector."""

    name: str
    prompt: str
    seed: int
    score: float
    is_healthy: bool
    embedding: np.ndarray


@dataclass(frozen=True, eq=False)
class Ranked:
    """A candidate in the order of its prompt. ``twin`` names the better one that it is nearly like, if there is one."""

    candidate: Candidate
    is_chosen: bool
    twin: str = ""


def choose(candidates: Sequence[Candidate], best: int, near: float = NEAR) -> dict[str, list[Ranked]]:
    """For each prompt its candidates, healthy ones first and then by score, with the ``best`` of them chosen.

    One that is nearly like a better one is passed over. Ties go by name, so that the same runs give the same choice.
    """
    prompts: dict[str, list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda one: (one.prompt, not one.is_healthy, -one.score, one.name)):
        prompts.setdefault(candidate.prompt, []).append(candidate)
    return {prompt: _choose_of_prompt(group, best, near) for prompt, group in prompts.items()}


def _choose_of_prompt(group: Sequence[Candidate], best: int, near: float) -> list[Ranked]:
    distinct: list[Candidate] = []
    ranked = []
    for candidate in group:
        twin = next((other.name for other in distinct if distance(candidate, other) < near), "")
        is_chosen = not twin and len(distinct) < best
        if not twin:
            distinct.append(candidate)
        ranked.append(Ranked(candidate, is_chosen, twin))
    return ranked


def distance(one: Candidate, other: Candidate) -> float:
    """One minus the cosine of their embeddings, in [0, 2]."""
    return float(1.0 - one.embedding @ other.embedding)


def chosen_names(ranking: Mapping[str, Sequence[Ranked]]) -> tuple[str, ...]:
    """The names of all that were chosen, prompt by prompt, best first."""
    return tuple(ranked.candidate.name for group in ranking.values() for ranked in group if ranked.is_chosen)
