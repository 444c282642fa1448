"""Backward passes stage by stage, so that each stage's time is its own; knows nothing of the stages."""

import time
from collections.abc import Callable

import torch
from torch import Tensor


class Cut:
    """Ends one part of the graph and begins the next: what goes through is a leaf with the same values.

    The later part is differentiated first; ``backward`` then hands the leaves' gradients on to the earlier
    part. The sum is what one backward pass over both would give.
    """

    def __init__(self) -> None:
        self._pairs: list[tuple[Tensor, Tensor]] = []

    def __call__(self, tensor: Tensor) -> Tensor:
        """The tensor as a leaf, or as it is where nothing before it learns."""
        if not tensor.requires_grad:
            return tensor
        leaf = tensor.detach().requires_grad_()
        self._pairs.append((tensor, leaf))
        return leaf

    def backward(self, *losses: Tensor) -> None:
        """Differentiates the earlier part: by the gradients that reached the leaves, and by losses of its own."""
        reached = [(tensor, leaf.grad) for tensor, leaf in self._pairs if leaf.grad is not None]
        own = [(loss, torch.ones_like(loss)) for loss in losses if loss.requires_grad]
        if reached or own:
            tensors, gradients = zip(*reached, *own, strict=True)
            torch.autograd.backward(tensors, gradients)


class ThinLeaf:
    """Some texels of a leaf as a leaf of their own, for losses that look at no others.

    The gradient of a slice is as large as what it was cut out of, and nearly all zeros: filling and adding it took
    longer than the loss.
    """

    def __init__(self, leaf: Tensor, thin_out: Callable[[Tensor], Tensor]) -> None:
        self._whole, self._thin_out = leaf, thin_out
        self.leaf = thin_out(leaf.detach()).contiguous().requires_grad_()

    def hand_back(self) -> None:
        """Adds the gradient that has reached the texels to that of the leaf that they are from."""
        if self.leaf.grad is None:
            return
        if self._whole.grad is None:
            self._whole.grad = torch.zeros_like(self._whole)
        self._thin_out(self._whole.grad).add_(self.leaf.grad)


class Stopwatch:
    """Adds up wall time by lap."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap, or since the start."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        return seconds
