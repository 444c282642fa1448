"""What can be dressed: a template mesh, its shape space, its rig and its named regions; knows no particular source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.bodies.gltf_source import GltfSource
from clipmatrix.bodies.rig import Rig
from clipmatrix.geometry.mesh import Mesh, vertex_normals
from clipmatrix.geometry.welds import Welds

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
class Morph:
    """A named change of form in the bind pose that joints do not make, as a face's actions are: ``offsets`` in metres
    are what each vertex moves at full weight."""

    name: str
    offsets: Float[Tensor, "v 3"]


def no_morphs() -> tuple[Morph, ...]:
    """What a body without facial actions has."""
    return ()


@dataclass(frozen=True)
class Placement:
    """Where a body was before it was brought to a figure's size, onto the ground: body = scale * file + shift."""

    scale: float = 1.0
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class FixedShape:
    """The shape space of a body without coefficients: always the same."""

    rest: RestBody

    def __call__(self, shape: Float[Tensor, "s"]) -> RestBody:
        return self.rest


@dataclass(frozen=True)
class FaceMarks:
    """Where the face of the neutral template lies, in metres, mirrored about x = 0.

    ``eye`` is the centre of the left eyeball, whose vertices follow the joint of the role ``eye_l``; it looks along +Z.
    ``brow`` are points (x, y) along the left brow from the nose outwards. ``mouth`` is the height at which the lips
    part, ``mouth_width`` half its width, ``lips`` the heights of the upper and the lower lip. What lies behind
    ``front`` is no face.
    """

    eye: tuple[float, float, float]
    brow: tuple[tuple[float, float], ...]
    brow_height: float
    mouth: float
    mouth_width: float
    lips: tuple[float, float]
    front: float


@dataclass(frozen=True, eq=False)
class Body:
    """A template with everything that can be changed about it.

    ``template`` is the mesh of the neutral shape. ``regions`` hold soft membership in [0, 1] per vertex.
    ``shape_bounds`` are the smallest and largest value of each coefficient. ``humanoid`` maps role names
    (``hips``, ``upper_arm_l`` ...) to joint ids; it is empty for a body that is no humanoid.
    ``mirror_ids`` gives for each vertex its left-right partner, or is None where there is no symmetry.
    ``regions`` always holds ``whole``; the others are there all together or not at all. ``welds`` hold together the
    vertices that lie at one place. ``placement`` and ``source`` lead back to the file that a body came from, and
    ``notes`` are lines for the user about what was done to it. ``loose_joints`` may be turned at random.
    ``morphs`` gives the facial actions when they are asked for, as loading them takes time.
    Several figures of one body have it as their ``base``. ``face`` says where its face is, if it has one.
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
    welds: Welds | None = None
    placement: Placement = Placement()
    source: GltfSource | None = None
    notes: tuple[str, ...] = ()
    loose_joints: tuple[int, ...] = ()
    morphs: Callable[[], tuple[Morph, ...]] = no_morphs
    base: "Body | None" = None
    face: FaceMarks | None = None
    num_figures: int = 1


def outward_normals(body: Body, vertices: Float[Tensor, "v 3"]) -> Float[Tensor, "v 3"]:
    """Unit normals along which the body's vertices can be moved without tearing it open."""
    return vertex_normals(vertices, body.template.faces) if body.welds is None else body.welds.normals(vertices)
