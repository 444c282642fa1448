"""The tools of a run, loaded once: body, encoder, and where poses and shots come from; knows no scene."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.guidance.base import Guidance
from clipmatrix.render.fragments import Rasterizer
from clipmatrix.views.shots import Shots

_POSES_AT_ONCE = 64


@runtime_checkable
class PoseSource(Protocol):
    """Random poses of one body."""

    def sample(self, num: int, generator: torch.Generator) -> Float[Tensor, "b j 3 3"]:
        """Joint rotations of ``num`` poses."""
        ...


@runtime_checkable
class ShotSource(Protocol):
    """Random cameras, and the prompt that each serves."""

    def sample(self, vertices_world: Float[Tensor, "#b v 3"], num_views: int, generator: torch.Generator) -> Shots:
        """That many shots of one posed body, or one shot of each of as many."""
        ...


@dataclass(frozen=True, eq=False)
class Parts:
    """Everything a run needs beside its settings; tests and programs may bring their own.

    Poses and shots are drawn on the CPU, where ``body`` lies; what is differentiated lies on the device of ``staged``,
    the same body there, as do the encoder and what the rasteriser is given.
    """

    body: Body
    guidance: Guidance
    rasterizer: Rasterizer
    poses: PoseSource
    shots: ShotSource
    staged: Body | None = None

    @property
    def stage(self) -> Body:
        """The body where the descent takes place."""
        return self.staged or self.body

    @property
    def device(self) -> torch.device:
        """Where the descent takes place."""
        return self.stage.template.vertices.device


@runtime_checkable
class StockedPoses(Protocol):
    """A source of poses that draws ahead: ``stock`` are those not yet given out, None before the first."""

    stock: Float[Tensor, "n j 3 3"] | None


class BatchedPoses:
    """Another source's poses, drawn many at a time: settling them costs nearly the same for 64 as for 4."""

    def __init__(self, source: PoseSource) -> None:
        self._source = source
        self.stock: Float[Tensor, "n j 3 3"] | None = None

    def sample(self, num: int, generator: torch.Generator) -> Float[Tensor, "b j 3 3"]:
        """The next poses of the stock, which is filled up when it runs out."""
        if self.stock is None or len(self.stock) < num:
            self.stock = self._source.sample(max(num, _POSES_AT_ONCE), generator)
        poses, self.stock = self.stock[:num], self.stock[num:]
        return poses
