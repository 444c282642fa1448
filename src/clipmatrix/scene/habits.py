"""Distributions that are learnt by watching: what fits its text least is drawn more often; knows no views, no poses."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

_MEMORY = 0.8
"""How much of a place's running mean stays when it is seen again."""

_KEPT = 1.0 / 3.0
"""The share of the draws that stays even, so that no place is forgotten."""


class Habit(nn.Module):
    """How often each of ``num`` places is drawn, from a running mean of the scores seen there.

    Weights are a third even and two thirds the softmax of minus the scores in units of their spread: a place one
    deviation under the mean comes up to 2.7 times as often as an average one. Before anything was seen, and among
    equals, all are even. Its buffers are part of the scene's state, so that a resumed run goes on with them.

    References: hard examples more often, Shrivastava, Gupta, Girshick, "Training Region-based Object Detectors with
    Online Hard Example Mining", CVPR 2016.
    """

    scores: Tensor
    counts: Tensor

    def __init__(self, num: int) -> None:
        super().__init__()
        self.register_buffer("scores", torch.zeros(num))
        self.register_buffer("counts", torch.zeros(num))

    def see(self, ids: Int64[Tensor, "n"], scores: Float[Tensor, "n"]) -> None:
        """Takes note of the scores at those places; what is no number is passed over."""
        for place, score in zip(ids.tolist(), scores.tolist(), strict=True):
            if score == score and abs(score) != float("inf"):
                memory = _MEMORY if self.counts[place] else 0.0
                self.scores[place] = memory * self.scores[place] + (1.0 - memory) * score
                self.counts[place] += 1

    def weights(self) -> Float[Tensor, "n"]:
        """How often each place is to be drawn; they sum to one."""
        is_seen = self.counts > 0
        num = len(self.counts)
        even = torch.full((num,), 1.0 / num)
        if int(is_seen.sum()) < 2:
            return even
        seen = self.scores[is_seen]
        deviation = seen.std(correction=0).clamp_min(1e-4)
        unlike = torch.where(is_seen, (self.scores - seen.mean()) / deviation, 0.0)
        return _KEPT * even + (1.0 - _KEPT) * torch.softmax(-unlike, dim=0)

    def place(self, even: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
        """Even numbers of [0, 1) put where they come as often as the places' weights say, each place an equal part."""
        weights = self.weights().to(even)
        edges = weights.cumsum(0)
        ids = torch.searchsorted(edges, even, right=True).clamp_max(len(weights) - 1)
        inside = (even - (edges[ids] - weights[ids])) / weights[ids]
        return ((ids + inside.clamp(0.0, 1.0)) / len(weights)).clamp(0.0, 1.0 - 1e-6)
