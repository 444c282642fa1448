"""SMPL-X bodies out of the user's own model file; knows nothing of poses, looks or rendering.

The file is an ``.npz`` or a ``.pkl`` as its makers give them out. What is used of it: the template, the first shape
directions, the joint regressor, the kinematic tree, the skinning weights, the faces, and its uvs where it has them.
Expressions and pose-dependent corrections are left out: what is optimised must be what a GLB shows, which knows plain
skinning only.

References:
    Pavlakos et al., "Expressive Body Capture: 3D Hands, Face, and Body from a Single Image", CVPR 2019;
    Loper et al., "SMPL: A Skinned Multi-Person Linear Model", ACM TOG 34(6), 2015, equations 8 to 10.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.spatial import KDTree
from torch import Tensor

from clipmatrix.bodies.belt import belted
from clipmatrix.bodies.body import Body, RestBody
from clipmatrix.bodies.memberships import joint_memberships
from clipmatrix.bodies.pickled import PICKLES, read_pickled_arrays
from clipmatrix.bodies.rig import NUM_INFLUENCES, Rig, joint_from_heads, prune_influences
from clipmatrix.bodies.unwrap import layout_problem, unwrap, uv_tensors
from clipmatrix.errors import BodyError
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.geometry.npz_file import NpzError, read_npz

NUM_SHAPES = 10
"""The first shape directions, which say most."""

_LARGEST = 1e4
"""Metres, and weights: no body has more, and what works in single precision does not survive it."""

_BOUND = 2.0
"""Coefficients are in standard deviations of the scanned people; 95 of 100 are within two."""

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "jaw", "left_eye", "right_eye",
    *(f"{side}_{finger}{bone}" for side in ("left", "right") for finger in _FINGERS for bone in (1, 2, 3)),
)  # fmt: skip
"""The model's 55 joints in the order of its file."""

_ROLES = {
    "hips": "pelvis",
    "spine": "spine1",
    "chest": "spine2",
    "upper_chest": "spine3",
    "neck": "neck",
    "head": "head",
}
_SIDE_ROLES = {
    "shoulder": "collar",
    "upper_arm": "shoulder",
    "lower_arm": "elbow",
    "hand": "wrist",
    "upper_leg": "hip",
    "lower_leg": "knee",
    "foot": "ankle",
    "toe_2": "foot",
    "eye": "eye",
    **{f"{'little' if name == 'pinky' else name}_{bone}": f"{name}{bone}" for name in _FINGERS for bone in (1, 2, 3)},
}
_LICENCE = "body: SMPL-X, under the terms that its file came with (https://smpl-x.is.tue.mpg.de)"


@dataclass(frozen=True, eq=False)
class SmplxShapeSpace:
    """The linear model: vertices = template + directions beta; the joints are a regression from them.

    ``points`` and ``directions`` hold vertices and joint heads together, flat: the regression is linear as well, and
    done beforehand.
    """

    points: Float[Tensor, "x"]
    directions: Float[Tensor, "x s"]
    rig: Rig

    def __call__(self, shape: Float[Tensor, "s"]) -> RestBody:
        """The body of this shape, standing on y = 0; differentiable."""
        points = (self.points + self.directions @ shape).unflatten(0, (-1, 3))
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


def load_smplx(path: Path) -> Body:
    """The SMPL-X body of a model file: 55 joints, ten shape coefficients in [-2, 2] standard deviations.

    Raises:
        BodyError: the file is missing, or is no SMPL-X model.
    """
    arrays = _read(path)
    template, faces = arrays["v_template"], arrays["f"]
    regressor, directions = arrays["J_regressor"], arrays["shapedirs"]
    num_shapes = directions.shape[2]
    points = np.concatenate([template, regressor @ template])
    moves = np.concatenate([directions, np.einsum("jv,vcs->jcs", regressor, directions)])
    every = torch.arange(len(JOINT_NAMES)).expand(len(template), -1)
    joint_ids, joint_weights = prune_influences(every, torch.from_numpy(arrays["weights"]).float(), NUM_INFLUENCES)
    heads = torch.from_numpy(points[len(template) :]).float()
    rig = Rig(
        JOINT_NAMES, _parents(arrays["kintree_table"], path.name), joint_from_heads(heads), joint_ids, joint_weights
    )
    rest = SmplxShapeSpace(
        points=torch.from_numpy(points.reshape(-1)).float(),
        directions=torch.from_numpy(moves.reshape(-1, num_shapes)).float(),
        rig=rig,
    )
    neutral = torch.zeros(num_shapes)
    neutral_body = rest(neutral)
    uvs, face_uvs, notes = _layout(arrays, template, faces, path.name)
    humanoid = {role: JOINT_NAMES.index(joint) for role, joint in _ROLES.items()}
    for side, word in (("l", "left"), ("r", "right")):
        humanoid.update({f"{role}_{side}": JOINT_NAMES.index(f"{word}_{joint}") for role, joint in _SIDE_ROLES.items()})
    return Body(
        name="smplx",
        template=Mesh(neutral_body.vertices, torch.from_numpy(faces), uvs, face_uvs),
        rig=neutral_body.rig,
        shape_names=tuple(f"beta_{index}" for index in range(num_shapes)),
        shape_bounds=torch.tensor([[-_BOUND, _BOUND]]).repeat(num_shapes, 1),
        neutral_shape=neutral,
        rest=rest,
        regions=belted(joint_memberships(rig, humanoid), neutral_body.vertices),
        humanoid=humanoid,
        mirror_ids=_mirror_ids(neutral_body.vertices),
        licence=_LICENCE,
        notes=notes,
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays that are needed, checked against one another.

    Raises:
        BodyError: the file is missing, or is no SMPL-X model.
    """
    needed = ("v_template", "f", "shapedirs", "J_regressor", "kintree_table", "weights")
    arrays = _read_arrays(path, (*needed, "vt", "ft"))
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise BodyError(f"{path.name} has no {missing[0]}, wanted an SMPL-X model: name its .npz")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu" or not array.ndim:
            raise BodyError(f"{path.name} has {array.dtype} in {name}, wanted a table of numbers: name an SMPL-X .npz")
    num, joints = len(arrays["v_template"]), len(JOINT_NAMES)
    wanted = {
        "v_template": (num, 3),
        "f": (len(arrays["f"]), 3),
        "J_regressor": (joints, num),
        "kintree_table": (2, joints),
        "weights": (num, joints),
    }
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise BodyError(
                f"{path.name} has {name} of shape {arrays[name].shape}, wanted {shape} as in SMPL-X: name its .npz"
            )
    if arrays["shapedirs"].ndim != 3 or arrays["shapedirs"].shape[:2] != (num, 3) or not arrays["shapedirs"].size:
        raise BodyError(f"{path.name} has shapedirs of shape {arrays['shapedirs'].shape}, wanted {num} x 3 x shapes")
    arrays["shapedirs"] = arrays["shapedirs"][:, :, :NUM_SHAPES]
    for name in ("v_template", "shapedirs", "J_regressor", "weights"):
        arrays[name] = arrays[name].astype(np.float64)
        # Written so that what is no number is refused as well.
        if not (np.abs(arrays[name]) <= _LARGEST).all():
            raise BodyError(f"{path.name} has values in {name} that are no numbers, or huge: download it again")
    arrays["f"] = arrays["f"].astype(np.int64)
    if not len(arrays["f"]) or arrays["f"].min() < 0 or arrays["f"].max() >= num:
        raise BodyError(f"{path.name} has faces with vertices that are not there: download it again")
    if arrays["weights"].min() < 0 or arrays["weights"].sum(axis=1).min() <= 0:
        raise BodyError(f"{path.name} has vertices that no joint moves: download it again")
    return arrays


def _read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those arrays of an archive, or of a pickle, of which nothing is run.

    Raises:
        BodyError: the file is missing, or is neither.
    """
    if path.suffix.lower() in PICKLES:
        return read_pickled_arrays(path, names)
    try:
        return read_npz(path, names)
    except OSError as error:
        raise BodyError(f"{path} cannot be read ({error.strerror}): name an SMPL-X .npz") from error
    except NpzError as error:
        raise BodyError(
            f"{path.name} is no .npz of plain arrays ({error}): save the SMPL-X model anew with numpy.savez"
        ) from error


def _parents(table: Int64[np.ndarray, "2 j"] | np.ndarray, name: str) -> tuple[int, ...]:
    """The parent of each joint; the file marks the root by the largest number, or by -1."""
    parents = [-1 if joint == 0 else int(parent) for joint, parent in enumerate(table[0].tolist())]
    if any(not 0 <= parent < joint for joint, parent in enumerate(parents) if joint):
        raise BodyError(f"{name} has another kinematic tree than SMPL-X: name its .npz")
    return tuple(parents)


def _layout(
    arrays: dict[str, np.ndarray], template: Float[np.ndarray, "v 3"], faces: Int64[np.ndarray, "f 3"], name: str
) -> tuple[Float[Tensor, "t 2"], Int64[Tensor, "f 3"], tuple[str, ...]]:
    problem = "it has no uvs"
    if "vt" in arrays and "ft" in arrays and arrays["ft"].shape == faces.shape and arrays["vt"].shape[1:] == (2,):
        uvs, face_uvs = arrays["vt"].astype(np.float64), arrays["ft"].astype(np.int64)
        if face_uvs.min() >= 0 and face_uvs.max() < len(uvs):
            # The file counts v from the bottom, as OBJ does.
            uvs = np.stack([uvs[:, 0], 1.0 - uvs[:, 1]], axis=1)
            problem = layout_problem(uvs, face_uvs)
            if problem is None:
                return *uv_tensors(np.clip(uvs, 0.0, 1.0), face_uvs), ()
    return *uv_tensors(*unwrap(template, faces, name)), (f"{problem}: unwrapped anew",)


def _mirror_ids(vertices: Float[Tensor, "v 3"]) -> Int64[Tensor, "v"] | None:
    """Each vertex's partner; None where the template is not symmetric."""
    points = vertices.double().numpy()
    distance, nearest = KDTree(points).query(points * np.array([-1.0, 1.0, 1.0]))
    ids = np.asarray(nearest, dtype=np.int64)
    if np.max(distance) > 5e-3 or not np.array_equal(ids[ids], np.arange(len(points))):
        return None
    return torch.from_numpy(ids)
