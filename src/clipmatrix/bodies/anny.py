"""The Anny body as a ``Body``: the only door to the ``anny`` package; knows nothing of poses, looks or rendering.

What changes on the way in: Anny is z-up and faces -Y in float64, a ``Body`` is y-up and faces +Z in float32; Anny
binds up to nine joints to a vertex, a ``Body`` four; Anny's origin is near the hips, a ``Body`` stands on y = 0;
Anny's uv origin is at the bottom left, a ``Body``'s at the top left. Joint frames are parallel to the world's axes in
the bind pose, so that a rotation about a joint is one about the world's axes there.
"""

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.spatial import KDTree
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from clipmatrix.bodies.anny_face import anny_morphs
from clipmatrix.bodies.belt import belted, collared
from clipmatrix.bodies.body import REGIONS, Body, FaceMarks, RestBody
from clipmatrix.bodies.rig import NUM_INFLUENCES, Rig, joint_from_heads, prune_influences
from clipmatrix.errors import BodyError
from clipmatrix.geometry.mesh import Mesh

if TYPE_CHECKING:
    import anny

_log = logging.getLogger(__name__)

_LICENCE = "Anny: code Apache-2.0 (c) NAVER Corp.; body data CC0 1.0 (MakeHuman, MPFB2)"

# Anny's phenotypes with the anchors between which it interpolates linearly.
_ANCHORS: dict[str, tuple[float, ...]] = {
    "gender": (0.0, 1.0),
    "age": (-1 / 3, 0.0, 1 / 3, 2 / 3, 1.0),
    "muscle": (0.0, 0.5, 1.0),
    "weight": (0.0, 0.5, 1.0),
    "height": (0.0, 1.0),
    "proportions": (0.0, 1.0),
}
# Variations that Anny holds constant beside the phenotypes: a third of each origin, middle cup size and firmness.
_CONSTANT_VARIATIONS = {
    "african": 1 / 3,
    "asian": 1 / 3,
    "caucasian": 1 / 3,
    "averagecup": 1.0,
    "averagefirmness": 1.0,
}
_YOUNG_ADULT = 2 / 3

_ROLE_JOINTS = {
    "hips": "root",
    "spine": "spine04",
    "waist": "spine03",
    "chest": "spine02",
    "upper_chest": "spine01",
    "neck": "neck01",
    "neck_middle": "neck02",
    "neck_upper": "neck03",
    "head": "head",
}
_SIDE_ROLE_JOINTS = {
    "shoulder": "clavicle",
    "upper_arm": "upperarm01",
    "upper_arm_twist": "upperarm02",
    "lower_arm": "lowerarm01",
    "lower_arm_twist": "lowerarm02",
    "hand": "wrist",
    "upper_leg": "upperleg01",
    "upper_leg_twist": "upperleg02",
    "lower_leg": "lowerleg01",
    "lower_leg_twist": "lowerleg02",
    "foot": "foot",
    "eye": "eye",
    "thumb_1": "finger1-1",
    "thumb_2": "finger1-2",
    "thumb_3": "finger1-3",
    "index_1": "finger2-1",
    "index_2": "finger2-2",
    "index_3": "finger2-3",
    "middle_1": "finger3-1",
    "middle_2": "finger3-2",
    "middle_3": "finger3-3",
    "ring_1": "finger4-1",
    "ring_2": "finger4-2",
    "ring_3": "finger4-3",
    "little_1": "finger5-1",
    "little_2": "finger5-2",
    "little_3": "finger5-3",
    "toe_1": "toe1-1",
    "toe_2": "toe2-1",
    "toe_3": "toe3-1",
    "toe_4": "toe4-1",
    "toe_5": "toe5-1",
}
# The joints of a region, by the start of their names; what no row names is torso.
_REGION_JOINTS = {
    "head": ("neck02", "neck03", "head", "eye"),
    "arms": ("upperarm", "lowerarm"),
    "hands": ("wrist", "finger", "metacarpal"),
    "legs": ("upperleg", "lowerleg"),
    "feet": ("foot", "toe"),
}
# Where the eyeballs' islands go in the texture (u, v), and how many times as wide they become.
_EYE_CORNERS = {"eye.L": (0.775, 0.02), "eye.R": (0.885, 0.02)}
_EYE_SCALE = 4.0
# Read off a picture of the neutral body's head, which stands on y = 0.
_FACE = FaceMarks(
    eye=(0.0313, 1.7225, 0.1291),
    brow=((0.0125, 1.7375), (0.022, 1.741), (0.033, 1.7425), (0.042, 1.741), (0.049, 1.7365)),
    brow_height=0.0055,
    mouth=1.6495,
    mouth_width=0.0262,
    lips=(0.0088, 0.0128),
    front=0.1,
)


@dataclass(frozen=True, eq=False)
class AnnyShapeSpace:
    """Anny's blend shapes, pruned to the six phenotypes: each is a product of at most six variations' weights.

    ``factor_ids`` index the concatenated weights of all variations followed by a one, for products with fewer
    factors. ``deltas`` are the compact basis of vertices and joint heads together, flat.
    """

    bounds: Float[Tensor, "s 2"]
    anchors: tuple[Float[Tensor, "_"], ...]
    factor_ids: Int64[Tensor, "n s"]
    basis_from_product: Float[Tensor, "n m"]
    deltas: Float[Tensor, "m x"]
    template: Float[Tensor, "x"]
    rig: Rig
    blend: "_Blend" = field(default_factory=lambda: _Blend(), init=False)

    def __call__(self, shape: Float[Tensor, "s"]) -> RestBody:
        """The body of this shape, standing on y = 0.

        Coefficients outside of the bounds are taken as at the bound and get no gradient. Between anchors everything
        is smooth; on an anchor (0.5 of muscle and weight, 2/3 of age) the gradient is the one of the side above.
        """
        clamped = shape.clamp(self.bounds[:, 0], self.bounds[:, 1])
        weights = [_interpolation_weights(value, anchors) for value, anchors in zip(clamped, self.anchors, strict=True)]
        factors = torch.cat([*weights, torch.ones_like(clamped[:1])])
        product = factors.index_select(0, self.factor_ids[:, 0])
        for column in range(1, self.factor_ids.shape[1]):
            product = product * factors.index_select(0, self.factor_ids[:, column])
        moved = self.blend(product @ self.basis_from_product, self.deltas)
        points = (self.template + moved).unflatten(0, (-1, 3))
        num_vertices = self.rig.joint_ids.shape[0]
        ground = torch.zeros_like(points[0])
        ground[1] = points[:num_vertices, 1].min()
        points = points - ground
        rig = Rig(
            joint_names=self.rig.joint_names,
            parents=self.rig.parents,
            joint_from_bind=joint_from_heads(points[num_vertices:]),
            joint_ids=self.rig.joint_ids,
            joint_weights=self.rig.joint_weights,
        )
        return RestBody(points[:num_vertices], rig)


class _Blend:
    """coefficients @ deltas, whose latest answer is kept: the product reads 20 MB, and a step asks twice."""

    def __init__(self) -> None:
        self._latest: tuple[Tensor, Tensor] | None = None

    def __call__(self, coefficients: Float[Tensor, "m"], deltas: Float[Tensor, "m x"]) -> Float[Tensor, "x"]:
        return _BlendStep.apply(coefficients, deltas, self)  # pyright: ignore[reportReturnType]

    def recall(self, coefficients: Float[Tensor, "m"], deltas: Float[Tensor, "m x"]) -> Float[Tensor, "x"]:
        """The product, or what it was for these very coefficients the last time."""
        if coefficients.device.type != "cpu":
            # Reading them there costs less than asking whether they are the same.
            return coefficients @ deltas
        if self._latest is None or not torch.equal(self._latest[0], coefficients):
            self._latest = coefficients.detach().clone(), coefficients @ deltas
        return self._latest[1].clone()


class _BlendStep(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, coefficients: Tensor, deltas: Tensor, blend: _Blend) -> Tensor:
        ctx.save_for_backward(deltas)
        return blend.recall(coefficients, deltas)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (deltas,) = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        return deltas @ gradients[0], None, None


def load_anny(device: torch.device | str = "cpu") -> Body:
    """The Anny body: 13,718 vertices, 27,420 triangles, 104 joints, six shape coefficients in [0, 1].

    The neutral shape is a young adult in the middle of all other phenotypes. At middle muscle Anny's weight changes
    little: very fat is weight 1 with muscle near 0. About a second with Anny's cache; the
    first call on a machine builds that cache (half a minute, some 800 MB below ``~/.cache/anny`` or
    ``ANNY_CACHE_DIR``) and says so in the log.

    Raises:
        BodyError: the installed Anny has another layout than the one this adapter knows.

    References:
        Brégier et al., "Human Mesh Modeling for Anny Body", 2025.
    """
    model = _build_model()
    _check_layout(model)
    names = tuple(str(name) for name in model.bone_labels)
    joint_ids, joint_weights = prune_influences(
        model.vertex_bone_indices, model.vertex_bone_weights.float(), NUM_INFLUENCES
    )
    template = y_up(torch.cat([model.template_vertices, model.template_bone_heads]))
    rig = Rig(
        joint_names=names,
        parents=tuple(int(parent) for parent in model.bone_parents),
        joint_from_bind=joint_from_heads(template[model.template_vertices.shape[0] :].float()).to(device),
        joint_ids=joint_ids.to(device),
        joint_weights=joint_weights.to(device),
    )
    # Age 0 is a baby of a year, 1/3 a child of about ten; all corners of the unit cube were looked at and hold.
    bounds = torch.tensor([(0.0, 1.0)] * len(_ANCHORS), device=device)
    neutral = torch.tensor([_YOUNG_ADULT if name == "age" else 0.5 for name in _ANCHORS], device=device)
    rest = _build_shape_space(model, template, rig, bounds)
    neutral_body = rest(neutral)
    uvs, face_uvs = model.texture_coordinates, model.face_texture_coordinate_indices
    if uvs is None or face_uvs is None:
        raise BodyError("expected an Anny mesh with uv coordinates, found one without: install anny 0.6.2")
    mesh = Mesh(
        vertices=neutral_body.vertices,
        faces=model.faces.long().to(device),
        uvs=_with_large_eyes(torch.stack([uvs[:, 0], 1.0 - uvs[:, 1]], dim=1), face_uvs, model.faces, rig).to(device),
        face_uvs=face_uvs.long().to(device),
    )
    return Body(
        name="anny",
        template=mesh,
        rig=neutral_body.rig,
        shape_names=tuple(_ANCHORS),
        shape_bounds=bounds,
        neutral_shape=neutral,
        rest=rest,
        regions=collared(belted(_regions(rig), neutral_body.vertices), neutral_body.vertices),
        humanoid=_humanoid(names),
        mirror_ids=_mirror_ids(neutral_body.vertices),
        licence=_LICENCE,
        morphs=anny_morphs,
        face=_FACE,
    )


def _build_model() -> "anny.Anny":
    # Importing Anny takes a second, which programs that never load this body should not pay.
    import anny
    from anny.paths import get_anny_cache_path

    if not any(get_anny_cache_path().rglob("build_compact_model_data_*.safetensors")):
        _log.info("Building the Anny body for the first time on this machine; this takes about half a minute")
    # "lbs" is the plain torch skinning: any other choice starts Warp, which prints its banner. Ours is used anyway.
    return anny.Anny(skinning_method="lbs")


def _check_layout(model: "anny.Anny") -> None:
    wanted = tuple(_ANCHORS)
    found = tuple(model.phenotype_labels)
    if found != wanted:
        raise BodyError(f"expected the Anny phenotypes {wanted}, found {found}: install anny 0.6.2")
    missing = {*_ROLE_JOINTS.values(), *(f"{joint}.L" for joint in _SIDE_ROLE_JOINTS.values())} - {*model.bone_labels}
    if missing:
        raise BodyError(f"expected the Anny joints {sorted(missing)}, found none such: install anny 0.6.2")


def _interpolation_weights(value: Float[Tensor, ""], anchors: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Weights of the anchors in the linear interpolation at ``value``."""
    # Hat functions would be shorter, but on an anchor their automatic gradient is zero, and the neutral shape is there.
    upper = torch.searchsorted(anchors, value.detach(), right=True).clamp(1, anchors.shape[0] - 1)
    low, high = anchors[upper - 1], anchors[upper]
    alpha = (value - low) / (high - low)
    places = torch.arange(anchors.shape[0], device=anchors.device)
    return (places == upper - 1) * (1.0 - alpha) + (places == upper) * alpha


def _build_shape_space(
    model: "anny.Anny", template: Float[Tensor, "n 3"], rig: Rig, bounds: Float[Tensor, "s 2"]
) -> AnnyShapeSpace:
    from anny.models.model_data import PHENOTYPE_VARIATIONS

    projection = model.phenotype_blendshape_projection
    if projection is None:
        raise BodyError("expected Anny's compact blend shapes, found the original ones: install anny 0.6.2")
    columns = [name for group in PHENOTYPE_VARIATIONS.values() for name in group]
    free = [name for group in _ANCHORS for name in PHENOTYPE_VARIATIONS[group]]
    mask = model.stacked_phenotype_blend_shapes_mask > 0.5
    scale = torch.ones(mask.shape[0], dtype=torch.float64)
    for column, name in enumerate(columns):
        if name not in free:
            scale = torch.where(mask[:, column], scale * _CONSTANT_VARIATIONS.get(name, 0.0), scale)
    used = torch.nonzero(scale).squeeze(1)
    factor_ids = torch.full((used.shape[0], len(_ANCHORS)), len(free))
    first = 0
    for slot, group in enumerate(_ANCHORS):
        for place, name in enumerate(PHENOTYPE_VARIATIONS[group]):
            factor_ids[mask[used, columns.index(name)], slot] = first + place
        first += len(PHENOTYPE_VARIATIONS[group])
    deltas = y_up(torch.cat([model.blendshapes, model.bone_heads_blendshapes], dim=1))
    device = bounds.device
    return AnnyShapeSpace(
        bounds=bounds,
        anchors=tuple(torch.tensor(anchors, device=device) for anchors in _ANCHORS.values()),
        factor_ids=factor_ids.to(device),
        basis_from_product=(scale[used, None] * projection[used]).float().to(device),
        deltas=deltas.flatten(1).float().to(device),
        template=template.flatten().float().to(device),
        rig=rig,
    )


def y_up(points: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
    """Points of a z-up figure that faces -Y as those of a y-up figure that faces +Z."""
    x, y, z = points.unbind(-1)
    return torch.stack([x, z, -y], dim=-1)


def _with_large_eyes(
    uvs: Float[Tensor, "t 2"], face_uvs: Int64[Tensor, "f 3"], faces: Int64[Tensor, "f 3"], rig: Rig
) -> Float[Tensor, "t 2"]:
    """The uv coordinates with the eyeballs' islands enlarged into a corner that is free.

    Anny gives an iris one texel of a texture of 512: now thirty, so that it can have a pupil.
    """
    uvs = uvs.float().clone()
    for joint, (left, top) in _EYE_CORNERS.items():
        is_of_eye = (rig.joint_weights * (rig.joint_ids == rig.joint_names.index(joint))).sum(1).cpu() > 0.5
        ids = face_uvs.long()[is_of_eye[faces.long()].all(1)].unique()
        low = uvs[ids].amin(0)
        uvs[ids] = torch.tensor([left, top]) + _EYE_SCALE * (uvs[ids] - low)
    return uvs


def _humanoid(joint_names: tuple[str, ...]) -> dict[str, int]:
    roles = {role: joint_names.index(joint) for role, joint in _ROLE_JOINTS.items()}
    for side in ("l", "r"):
        for role, joint in _SIDE_ROLE_JOINTS.items():
            roles[f"{role}_{side}"] = joint_names.index(f"{joint}.{side.upper()}")
    return roles


def _regions(rig: Rig) -> dict[str, Float[Tensor, "v"]]:
    """Soft membership of the vertices: the weight that the region's joints have on them."""
    regions = {}
    for region, starts in _REGION_JOINTS.items():
        is_member = torch.tensor([name.startswith(starts) for name in rig.joint_names], device=rig.joint_ids.device)
        regions[region] = (rig.joint_weights * is_member[rig.joint_ids]).sum(dim=1)
    regions["torso"] = (1.0 - torch.stack(list(regions.values())).sum(dim=0)).clamp_min(0.0)
    regions["whole"] = torch.ones_like(regions["torso"])
    return {name: regions[name] for name in REGIONS}


def _mirror_ids(vertices: Float[Tensor, "v 3"]) -> Int64[Tensor, "v"]:
    points = vertices.detach().cpu().double().numpy()
    distance, nearest = KDTree(points).query(points * np.array([-1.0, 1.0, 1.0]))
    ids = np.asarray(nearest, dtype=np.int64)
    if np.max(distance) > 1e-3 or not np.array_equal(ids[ids], np.arange(len(points))):
        raise BodyError("expected a symmetric Anny mesh, found vertices without partner: install anny 0.6.2")
    return torch.from_numpy(ids).to(vertices.device)
