"""Reads SMPL-family parameters from ``.npz`` files, as AMASS and SMPL-X tools write them; needs no body model.

Such files hold joint rotations without a skeleton, for everybody has the same joints. Which way these point at rest
(arms level to the sides, palms down) is all that moving another body needs: the places below are our own, of a
figure with a leg of 0.81 m, and say nothing of anybody's shape.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from clipmatrix.errors import MotionError, short_reason
from clipmatrix.geometry.npz_file import NpzError, read_npz
from clipmatrix.motion.source import SourceMotion, chain, check_finite

_USUAL_FPS = 30.0
_MOST_FRAMES = 200_000
# name: (parent, place at rest in metres), y up, facing +Z, the left hand at +X; a side's rows are those of the left.
_BODY: dict[str, tuple[str | None, tuple[float, float, float]]] = {
    "pelvis": (None, (0.0, 0.90, 0.0)),
    "left_hip": ("pelvis", (0.07, 0.81, 0.0)),
    "right_hip": ("pelvis", (-0.07, 0.81, 0.0)),
    "spine1": ("pelvis", (0.0, 1.01, -0.02)),
    "left_knee": ("left_hip", (0.09, 0.43, 0.0)),
    "right_knee": ("right_hip", (-0.09, 0.43, 0.0)),
    "spine2": ("spine1", (0.0, 1.14, -0.02)),
    "left_ankle": ("left_knee", (0.09, 0.03, -0.03)),
    "right_ankle": ("right_knee", (-0.09, 0.03, -0.03)),
    "spine3": ("spine2", (0.0, 1.20, -0.01)),
    "left_foot": ("left_ankle", (0.11, -0.03, 0.10)),
    "right_foot": ("right_ankle", (-0.11, -0.03, 0.10)),
    "neck": ("spine3", (0.0, 1.42, -0.02)),
    "left_collar": ("spine3", (0.08, 1.33, -0.02)),
    "right_collar": ("spine3", (-0.08, 1.33, -0.02)),
    "head": ("neck", (0.0, 1.50, 0.02)),
    "left_shoulder": ("left_collar", (0.17, 1.36, -0.02)),
    "right_shoulder": ("right_collar", (-0.17, 1.36, -0.02)),
    "left_elbow": ("left_shoulder", (0.43, 1.36, -0.03)),
    "right_elbow": ("right_shoulder", (-0.43, 1.36, -0.03)),
    "left_wrist": ("left_elbow", (0.68, 1.36, -0.03)),
    "right_wrist": ("right_elbow", (-0.68, 1.36, -0.03)),
}
_FACE: dict[str, tuple[str | None, tuple[float, float, float]]] = {
    "jaw": ("head", (0.0, 1.52, 0.04)),
    "left_eye_smplhf": ("head", (0.03, 1.57, 0.08)),
    "right_eye_smplhf": ("head", (-0.03, 1.57, 0.08)),
}
# finger: the place of its first joint from the left wrist, and the step to each next one.
_FINGERS = {
    "index": ((0.10, 0.0, 0.03), (0.032, 0.0, 0.002)),
    "middle": ((0.11, 0.0, 0.0), (0.033, 0.0, 0.0)),
    "pinky": ((0.09, -0.01, -0.045), (0.02, 0.0, -0.006)),
    "ring": ((0.10, 0.0, -0.025), (0.03, 0.0, -0.002)),
    "thumb": ((0.03, -0.01, 0.03), (0.026, -0.003, 0.018)),
}


def read_amass(path: Path) -> SourceMotion:
    """The movement in the file: ``poses`` of SMPL, SMPL+H or SMPL-X, or the parts root_orient, pose_body, pose_hand.

    ``trans`` moves the pelvis, in metres. Without a frame rate in the file 30 frames a second are assumed.

    Raises:
        MotionError: the file cannot be read, or holds no such parameters.
    """
    try:
        tables = read_npz(path, (*_PARTS, *_SHIFTS, *_RATES))
    except OSError as error:
        raise MotionError(f"{path} cannot be read ({error.strerror}): name an .npz file") from error
    except NpzError as error:
        raise MotionError(f"{path.name} is no whole .npz file ({error}): download or export it again") from error
    rotvecs = _rotvecs(tables, path.name)
    num, num_joints = rotvecs.shape[:2]
    if num > _MOST_FRAMES:
        raise MotionError(f"{path.name} has {num} frames, and {_MOST_FRAMES} are read at most: cut it into parts")
    skeleton = _skeleton(num_joints, path.name)
    names = list(skeleton)
    parents = [-1 if parent is None else names.index(parent) for parent, _ in skeleton.values()]
    rest = np.array([place for _, place in skeleton.values()])
    offsets = rest - np.where(np.array(parents)[:, None] >= 0, rest[parents], 0.0)
    moved = np.broadcast_to(offsets, (num, num_joints, 3)).copy()
    moved[:, 0] += _shift(tables, num, path.name)
    local = Rotation.from_rotvec(rotvecs.reshape(-1, 3)).as_matrix().reshape(num, num_joints, 3, 3)
    rotations, positions = chain(parents, local, moved)
    return check_finite(
        SourceMotion(
            name=path.stem,
            joint_names=tuple(names),
            parents=tuple(parents),
            rest_rotations=np.broadcast_to(np.eye(3), (num_joints, 3, 3)).copy(),
            rest_positions=rest,
            times=np.arange(num) / _fps(tables, path.name),
            rotations=rotations,
            positions=positions,
        ),
        path.name,
    )


_PARTS = (
    "poses",
    "root_orient",
    "global_orient",
    "pose_body",
    "body_pose",
    "pose_hand",
    "left_hand_pose",
    "right_hand_pose",
)
_SHIFTS = ("trans", "transl")
_RATES = ("mocap_framerate", "mocap_frame_rate", "framerate", "fps")


def _rotvecs(tables: Mapping[str, np.ndarray], name: str) -> Float[np.ndarray, "n j 3"]:
    """The axis-angle vectors of all joints: 22 of the body, then hands, with the face between them in SMPL-X."""
    if "poses" in tables:
        return _table(tables, "poses", name)
    root = next((key for key in ("root_orient", "global_orient") if key in tables), None)
    body = next((key for key in ("pose_body", "body_pose") if key in tables), None)
    if root is None or body is None:
        found = ", ".join(sorted(tables)) or "none of them"
        raise MotionError(f"{name}: wanted the tables poses, or root_orient and pose_body, found {found}")
    parts = [_table(tables, root, name), _table(tables, body, name)[:, :21]]
    hands = [key for key in ("pose_hand", "left_hand_pose", "right_hand_pose") if key in tables]
    hand_tables = [_table(tables, key, name) for key in hands]
    # Hands as coefficients of a model's own hand space cannot be read without that model.
    if sum(table.shape[1] for table in hand_tables) == 30:
        parts += hand_tables
    if len({len(part) for part in parts}) != 1:
        raise MotionError(f"{name}: wanted as many frames in every table, found {[len(part) for part in parts]}")
    return np.concatenate(parts, axis=1)


def _table(tables: Mapping[str, np.ndarray], key: str, name: str) -> Float[np.ndarray, "n j 3"]:
    values = tables[key]
    if values.dtype.kind not in "fiu" or values.ndim < 2 or values.size == 0 or values[0].size % 3:
        raise MotionError(f"{name}: wanted rows of axis-angle vectors in {key}, found {values.dtype} of {values.shape}")
    return values.astype(np.float64).reshape(len(values), -1, 3)


def _skeleton(num_joints: int, name: str) -> dict[str, tuple[str | None, tuple[float, float, float]]]:
    match num_joints:
        case 22:
            return _BODY
        case 24:
            hands = {
                f"{side}_hand": (f"{side}_wrist", (x, 1.36, -0.03)) for side, x in (("left", 0.77), ("right", -0.77))
            }
            return {**_BODY, **hands}
        case 52:
            return {**_BODY, **_hand("left", 1.0), **_hand("right", -1.0)}
        case 55:
            return {**_BODY, **_FACE, **_hand("left", 1.0), **_hand("right", -1.0)}
        case _:
            raise MotionError(
                f"{name}: wanted poses of 22, 24, 52 or 55 joints (SMPL, SMPL+H, SMPL-X), found {num_joints}"
            )


def _hand(side: str, sign: float) -> dict[str, tuple[str | None, tuple[float, float, float]]]:
    wrist = _BODY[f"{side}_wrist"][1]
    joints: dict[str, tuple[str | None, tuple[float, float, float]]] = {}
    for finger, (first, step) in _FINGERS.items():
        for bone in range(3):
            x, y, z = (first[axis] + bone * step[axis] for axis in range(3))
            parent = f"{side}_wrist" if bone == 0 else f"{side}_{finger}{bone}"
            joints[f"{side}_{finger}{bone + 1}"] = (parent, (wrist[0] + sign * x, wrist[1] + y, wrist[2] + z))
    return joints


def _shift(tables: Mapping[str, np.ndarray], num: int, name: str) -> Float[np.ndarray, "n 3"]:
    key = next((key for key in _SHIFTS if key in tables), None)
    if key is None:
        return np.zeros((num, 3))
    values = tables[key]
    if values.dtype.kind not in "fiu" or values.shape != (num, 3):
        raise MotionError(f"{name}: wanted {key} of {(num, 3)}, a row for each pose, found {values.shape}")
    return values.astype(np.float64)


def _fps(tables: Mapping[str, np.ndarray], name: str) -> float:
    key = next((key for key in _RATES if key in tables), None)
    if key is None:
        return _USUAL_FPS
    values = tables[key]
    if values.dtype.kind not in "fiu" or values.size != 1 or not 0.1 <= float(values.reshape(-1)[0]) <= 10_000.0:
        raise MotionError(
            f"{name}: wanted one frame rate from 0.1 to 10000 in {key}, found {short_reason(ValueError(values))}"
        )
    return float(values.reshape(-1)[0])
