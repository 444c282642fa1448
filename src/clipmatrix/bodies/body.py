"""What can be dressed: a template mesh, its shape space, its rig and its named regions; knows no particular source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.bodies.rig import Rig
from clipmatrix.geometry.mesh import Mesh

REGIONS = ("whole", "head", "torso", "arms", "hands", "legs", "feet")
"""The regions that every humanoid body names. ``whole`` is one everywhere; the other six sum to one."""


@dataclass(frozen=True, eq=False)
class RestBody:
    """A body of one shape in its bind pose."""

    vertices: Float[Tensor, "v 3"]
    rig: Rig


@runtime_checkable
class ShapeSpace(Protocol):
    """Maps shape coefficients to a body in its bind pose, differentiably."""

    def __call__(self, shape: Float[Tensor, "s"]) -> RestBody: ...


@dataclass(frozen=True, eq=False)
class Body:
    """A template with everything that can be changed about it.

    ``template`` is the mesh of the neutral shape. ``regions`` hold soft membership in [0, 1] per vertex.
    ``shape_bounds`` are the smallest and largest value of each coefficient. ``humanoid`` maps role names
    (``hips``, ``upper_arm_l`` ...) to joint ids; it is empty for a body that is no humanoid.
    ``mirror_ids`` gives for each vertex its left-right partner, or is None where there is no symmetry.
    """

    name: str
    template: Mesh
    rig: Rig
    shape_names: tuple[str, ...]
    shape_bounds: Float[Tensor, "s 2"]
    neutral_shape: Float[Tensor, "s"]
    rest: ShapeSpace
    regions: Mapping[str, Float[Tensor, "v"]]
    humanoid: Mapping[str, int]
    mirror_ids: Int64[Tensor, "v"] | None
    licence: str
