"""Poses for bodies whose anatomy nobody knows: small turns of each joint; knows no names and no limits."""

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body


class JitterSampler:
    """Draws the rest pose with every loose joint turned a little about a random axis; without any, the rest pose.

    ``deviation`` in radians is the standard deviation of the turn about each axis; no joint turns by more than twice
    as much.
    """

    def __init__(self, body: Body, deviation: float) -> None:
        self._num_joints = len(body.rig.parents)
        self._loose = torch.tensor(body.loose_joints, dtype=torch.int64)
        self._deviation = deviation

    def sample(self, num: int, generator: torch.Generator) -> Float[Tensor, "b j 3 3"]:
        """Joint rotations of ``num`` random poses; the same generator state gives the same poses."""
        turns = torch.eye(3).repeat(num, self._num_joints, 1, 1)
        if not len(self._loose):
            return turns
        drawn = self._deviation * torch.randn(num, len(self._loose), 3, generator=generator)
        angle = drawn.norm(dim=-1, keepdim=True)
        drawn = drawn * (2 * self._deviation / angle.clamp_min(1e-9)).clamp_max(1.0)
        return turns.index_copy(1, self._loose, rotations_from_vectors(drawn))


def rotations_from_vectors(vectors: Float[Tensor, "b j 3"]) -> Float[Tensor, "b j 3 3"]:
    """Rotations about the vectors by their lengths in radians (the exponential map)."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    return torch.linalg.matrix_exp(cross)
