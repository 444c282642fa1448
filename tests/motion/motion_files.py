"""Small motion files of every format, written here: a support-body skeleton that walks, waves or stands."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

# name: (parent, place at rest in centimetres); Mixamo's names, a T-pose.
JOINTS: dict[str, tuple[str | None, tuple[float, float, float]]] = {
    "Hips": (None, (0.0, 100.0, 0.0)),
    "Spine": ("Hips", (0.0, 112.0, 0.0)),
    "Neck": ("Spine", (0.0, 148.0, 0.0)),
    "Head": ("Neck", (0.0, 156.0, 0.0)),
    "LeftShoulder": ("Spine", (4.0, 144.0, 0.0)),
    "LeftArm": ("LeftShoulder", (18.0, 144.0, 0.0)),
    "LeftForeArm": ("LeftArm", (46.0, 144.0, 0.0)),
    "LeftHand": ("LeftForeArm", (72.0, 144.0, 0.0)),
    "RightShoulder": ("Spine", (-4.0, 144.0, 0.0)),
    "RightArm": ("RightShoulder", (-18.0, 144.0, 0.0)),
    "RightForeArm": ("RightArm", (-46.0, 144.0, 0.0)),
    "RightHand": ("RightForeArm", (-72.0, 144.0, 0.0)),
    "LeftUpLeg": ("Hips", (10.0, 96.0, 0.0)),
    "LeftLeg": ("LeftUpLeg", (10.0, 52.0, 0.0)),
    "LeftFoot": ("LeftLeg", (10.0, 9.0, -2.0)),
    "LeftToeBase": ("LeftFoot", (10.0, 2.0, 12.0)),
    "RightUpLeg": ("Hips", (-10.0, 96.0, 0.0)),
    "RightLeg": ("RightUpLeg", (-10.0, 52.0, 0.0)),
    "RightFoot": ("RightLeg", (-10.0, 9.0, -2.0)),
    "RightToeBase": ("RightFoot", (-10.0, 2.0, 12.0)),
    "Tail": ("Hips", (0.0, 100.0, -10.0)),
}
NAMES = list(JOINTS)


def turns(num: int, **turned: tuple[str, float]) -> dict[str, np.ndarray]:
    """Euler angles in degrees (n 3, about x, y, z) by joint: each turned about one axis, from 0 to the angle."""
    table = {name: np.zeros((num, 3)) for name in NAMES}
    for name, (axis, angle_deg) in turned.items():
        table[name][:, "xyz".index(axis)] = np.linspace(0.0, angle_deg, num)
    return table


def write_bvh(
    path: Path,
    table: dict[str, np.ndarray],
    way_cm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    fps: float = 60.0,
    unit: float = 1.0,
    order: str = "ZXY",
) -> Path:
    """The angles as a BVH file; the hips go ``way_cm``. Lengths are multiplied by ``unit``."""
    num = len(table["Hips"])
    children = {name: [n for n, (parent, _) in JOINTS.items() if parent == name] for name in NAMES}
    lines, written = ["HIERARCHY"], []

    def joint(name: str, depth: int) -> None:
        parent, place = JOINTS[name]
        pad = "  " * depth
        above = JOINTS[parent][1] if parent else place
        offset = [unit * (a - b) for a, b in zip(place, above, strict=True)]
        written.append(name)
        lines.append(f"{pad}{'JOINT' if parent else 'ROOT'} {name}")
        lines.append(pad + "{")
        lines.append(f"{pad}  OFFSET {offset[0]} {offset[1]} {offset[2]}")
        rotations = " ".join(f"{axis}rotation" for axis in order)
        moves = "" if parent else "Xposition Yposition Zposition "
        lines.append(f"{pad}  CHANNELS {3 if parent else 6} {moves}{rotations}")
        for child in children[name]:
            joint(child, depth + 1)
        if not children[name]:
            lines.extend([f"{pad}  End Site", pad + "  {", f"{pad}    OFFSET 0 {unit} 0", pad + "  }"])
        lines.append(pad + "}")

    joint("Hips", 0)
    lines += ["MOTION", f"Frames: {num}", f"Frame Time: {1 / fps:.9f}"]
    for frame in range(num):
        values = list(unit * (np.array(JOINTS["Hips"][1]) + np.array(way_cm) * frame / max(num - 1, 1)))
        for name in written:
            matrix = Rotation.from_euler("ZYX", table[name][frame, ::-1], degrees=True)
            values += list(matrix.as_euler(order, degrees=True))
        lines.append(" ".join(f"{value:.6f}" for value in values))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_amass(path: Path, poses: np.ndarray, trans: np.ndarray | None = None, fps: float = 60.0) -> Path:
    """SMPL parameters as AMASS writes them."""
    num = len(poses)
    np.savez(
        path,
        poses=poses,
        trans=np.zeros((num, 3)) if trans is None else trans,
        mocap_framerate=np.array(fps),
        gender=np.array("neutral"),
        betas=np.zeros(16),
    )
    return path
