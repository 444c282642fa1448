"""Motion files: what they hold, wherever it stands in them, and damage told in one line."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.motion.motion_files import NAMES, turns, write_amass, write_bvh

from clipmatrix.errors import MotionError
from clipmatrix.motion.bvh import read_bvh
from clipmatrix.motion.reading import Excerpt, read_motion


def test_a_bvh_says_where_joints_are(tmp_path: Path) -> None:
    motion = read_bvh(write_bvh(tmp_path / "a.bvh", turns(5, LeftArm=("z", 90.0)), (0.0, 0.0, 50.0)))
    elbow, hips = motion.joint_names.index("LeftForeArm"), 0
    np.testing.assert_allclose(motion.positions[0, elbow], [46.0, 144.0, 0.0], atol=1e-4)
    # The arm turned up by 90 degrees about z: the elbow is above the shoulder, and half a metre ahead by then.
    np.testing.assert_allclose(motion.positions[-1, elbow], [18.0, 172.0, 50.0], atol=1e-4)
    np.testing.assert_allclose(motion.positions[-1, hips], [0.0, 100.0, 50.0], atol=1e-4)
    assert motion.times[1] == pytest.approx(1 / 60)


@pytest.mark.parametrize("order", ["XYZ", "ZXY", "YZX", "ZYX"])
def test_channels_in_any_order_are_the_same_turn(tmp_path: Path, order: str) -> None:
    table = turns(3)
    table["LeftArm"][:] = [[0.0, 0.0, 0.0], [20.0, -35.0, 50.0], [40.0, -70.0, 100.0]]
    motion = read_bvh(write_bvh(tmp_path / "a.bvh", table, order=order))
    wanted = Rotation.from_euler("ZYX", [100.0, -70.0, 40.0], degrees=True).as_matrix()
    np.testing.assert_allclose(motion.rotations[-1, motion.joint_names.index("LeftArm")], wanted, atol=1e-6)


def test_excerpts_begin_and_end_where_they_should(tmp_path: Path) -> None:
    path = write_bvh(tmp_path / "a.bvh", turns(121, LeftArm=("z", 120.0)))
    motion, cut = read_motion(path, Excerpt(start=0.5, seconds=1.0, fps=20.0))
    assert cut == 0
    assert len(motion.times) == 21
    assert motion.times[0] == 0.0
    angle = Rotation.from_matrix(motion.rotations[:, motion.joint_names.index("LeftArm")]).magnitude()
    np.testing.assert_allclose(np.degrees(angle[[0, -1]]), [30.0, 90.0], atol=0.1)


def test_a_calibration_pose_is_left_out(tmp_path: Path) -> None:
    table = turns(60, LeftArm=("z", 10.0))
    table["LeftArm"][1:, 2] -= 75.0
    motion, cut = read_motion(write_bvh(tmp_path / "a.bvh", table), Excerpt(fps=60.0))
    assert cut == 1
    angle = Rotation.from_matrix(motion.rotations[:, motion.joint_names.index("LeftArm")]).magnitude()
    assert np.degrees(angle[0]) == pytest.approx(75.0, abs=1.0)


def test_smpl_parameters_move_a_skeleton(tmp_path: Path) -> None:
    poses = np.zeros((4, 66))
    poses[:, 3 * 18 + 1] = -0.5 * np.pi  # the left elbow, about y
    trans = np.array([[0.0, 0.0, 0.1 * frame] for frame in range(4)])
    motion, _ = read_motion(write_amass(tmp_path / "a.npz", poses, trans), Excerpt(fps=60.0))
    wrist, elbow = (motion.joint_names.index(name) for name in ("left_wrist", "left_elbow"))
    # The forearm was along +x; turned by -90 degrees about y it points to +z.
    np.testing.assert_allclose(motion.positions[0, wrist] - motion.positions[0, elbow], [0.0, 0.0, 0.25], atol=1e-6)
    np.testing.assert_allclose(motion.positions[3, 0] - motion.positions[0, 0], [0.0, 0.0, 0.3], atol=1e-6)


@pytest.mark.parametrize("width", [66, 72, 156, 165])
def test_all_smpl_widths_are_known(tmp_path: Path, width: int) -> None:
    motion, _ = read_motion(write_amass(tmp_path / "a.npz", np.zeros((3, width))), Excerpt())
    assert len(motion.joint_names) == width // 3


def _cut_short(text: str) -> str:
    return text[: int(len(text) * 0.8)]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut_short, "wanted"),
        (lambda text: text.replace("OFFSET", "OFSET", 1), "line 4: wanted OFFSET or"),
        (lambda text: text.replace("MOTION", "MOSHUN"), "for want of a MOTION part"),
        (lambda text: text.replace("Frames: 8", "Frames: 80"), "wanted 80 frames, found 8"),
        (lambda text: text.replace("Frame Time: ", "Frame Time: x"), "wanted a number"),
        (lambda text: text + "", None),
        (lambda text: "", "no whole BVH"),
        (lambda text: text.replace("Zrotation", "Wrotation", 1), 'a channel such as Xrotation, found "Wrotation"'),
        (lambda text: text.rsplit("0.000000", 1)[0] + "nan\n", "no numbers"),
    ],
)
def test_damaged_bvh_files_are_one_line(tmp_path: Path, damage, said: str | None) -> None:
    path = write_bvh(tmp_path / "a.bvh", turns(8))
    path.write_text(damage(path.read_text()))
    if said is None:
        read_motion(path, Excerpt())
        return
    with pytest.raises(MotionError) as caught:
        read_motion(path, Excerpt())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_damage_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 not a zip")
    (tmp_path / "a.glb").write_bytes(b"glTF\x02\x00\x00\x00\xff\xff\x00\x00")
    (tmp_path / "a.fbx").write_bytes(b"Kaydara")
    np.savez(tmp_path / "b.npz", points=np.zeros(3))
    np.savez(tmp_path / "c.npz", poses=np.zeros((4, 30)))
    cases = (
        ("a.npz", "no whole .npz"), ("a.glb", "no sound GLB"), ("a.fbx", "no format that is read here"),
        ("b.npz", "wanted the tables poses"), ("c.npz", "22, 24, 52 or 55 joints"), ("none.bvh", "there is no file"),
    )  # fmt: skip
    for name, said in cases:
        with pytest.raises(MotionError) as caught:
            read_motion(tmp_path / name, Excerpt())
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_parts_that_are_not_there_are_refused(tmp_path: Path) -> None:
    path = write_bvh(tmp_path / "a.bvh", turns(30))
    for excerpt, said in (
        (Excerpt(start=9.0), "--start"),
        (Excerpt(seconds=-1.0), "--seconds"),
        (Excerpt(take="x"), "--take"),
    ):
        with pytest.raises(MotionError, match=said):
            read_motion(path, excerpt)
    assert len(NAMES) == 21
