"""A file of SMPL-X's format with nothing of SMPL-X in it: capsules around made-up joints, random directions."""

from pathlib import Path

import numpy as np

from clipmatrix.bodies.smplx import JOINT_NAMES

RING, ROWS = 6, 3
_CENTRE = {
    "pelvis": (0, 0, 0), "spine1": (0, 0.12, 0), "spine2": (0, 0.25, 0), "spine3": (0, 0.32, 0), "neck": (0, 0.52, 0),
    "head": (0, 0.6, 0), "jaw": (0, 0.6, 0.05),
}  # fmt: skip
_LEFT = {
    "hip": (0.07, -0.09, 0), "knee": (0.1, -0.48, 0), "ankle": (0.1, -0.9, -0.03), "foot": (0.12, -0.96, 0.1),
    "collar": (0.06, 0.44, 0), "shoulder": (0.18, 0.45, 0), "elbow": (0.44, 0.43, 0), "wrist": (0.7, 0.43, 0),
    "eye": (0.03, 0.66, 0.08),
}  # fmt: skip
_PARENTS = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15, 20, 25, 26, 20, 28, 29,
    20, 31, 32, 20, 34, 35, 20, 37, 38, 21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53,
)  # fmt: skip


def joint_places() -> np.ndarray:
    """The heads of the 55 joints, in a T pose about the pelvis, left at +X."""
    places = []
    for name in JOINT_NAMES:
        side, _, bone = name.partition("_")
        if name in _CENTRE:
            place = np.array(_CENTRE[name], float)
        else:
            if bone in _LEFT:
                place = np.array(_LEFT[bone], float)
            else:
                spread = {"index": 0.04, "middle": 0.015, "ring": -0.01, "pinky": -0.035, "thumb": 0.05}[bone[:-1]]
                place = np.array([0.74 + 0.03 * int(bone[-1]), 0.43, spread])
            place = place * ([1, 1, 1] if side == "left" else [-1, 1, 1])
        places.append(place)
    return np.stack(places)


def smplx_arrays(seed: int = 0, num_shapes: int = 20) -> dict[str, np.ndarray]:
    """The arrays of such a file: a small closed barrel around each joint."""
    rng = np.random.default_rng(seed)
    places = joint_places()
    angle = np.arange(RING) * 2 * np.pi / RING
    ring = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], 1)
    rings = [0.03 * ring + [0, 0.03 * (row - 1), 0] for row in range(ROWS)]
    barrel = np.concatenate([*rings, [[0, -0.05, 0], [0, 0.05, 0]]])
    faces = []
    for k in range(RING):
        after = (k + 1) % RING
        for row in range(ROWS - 1):
            a, b = row * RING + k, row * RING + after
            faces += [(a, a + RING, b), (b, a + RING, b + RING)]
        faces += [(RING * ROWS, k, after), (RING * ROWS + 1, (ROWS - 1) * RING + after, (ROWS - 1) * RING + k)]
    num = len(barrel)
    vertices = (places[:, None] + barrel).reshape(-1, 3)
    own = np.repeat(np.arange(len(places)), num)
    weights = np.zeros((len(vertices), len(places)))
    weights[np.arange(len(vertices)), own] = 0.8
    weights[np.arange(len(vertices)), np.maximum(np.array(_PARENTS)[own], 0)] += 0.2
    regressor = np.zeros((len(places), len(vertices)))
    for joint in range(len(places)):
        regressor[joint, own == joint] = 1 / num
    table = np.stack([np.array(_PARENTS), np.arange(len(places))]).astype(np.int64)
    return {
        "v_template": vertices,
        "f": np.concatenate([np.array(faces) + joint * num for joint in range(len(places))]).astype(np.uint32),
        "shapedirs": 0.004 * rng.standard_normal((len(vertices), 3, num_shapes)),
        "posedirs": np.zeros((len(vertices), 3, 486)),
        "J_regressor": regressor,
        "kintree_table": (table % 2**32).astype(np.uint32),
        "weights": weights,
    }


def write_smplx(path: Path, **changes: np.ndarray | None) -> Path:
    """The file, with arrays changed or (None) left out."""
    arrays = smplx_arrays() | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})  # pyright: ignore[reportArgumentType]
    return path
