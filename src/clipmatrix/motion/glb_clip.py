"""Reads one animation of a GLB or glTF file as a movement of its skeleton; knows nothing of meshes."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from clipmatrix.errors import MotionError, short_reason
from clipmatrix.geometry.glb_file import DAMAGED, GlbError, GlbFile, Json, read_glb_file
from clipmatrix.geometry.glb_tracks import TRACK_WIDTHS, node_order, sample_track
from clipmatrix.motion.source import NEAR_ZERO, SourceMotion, check_finite

_FPS = 60.0
_LONGEST_S = 3600.0


def read_glb_clip(path: Path, take: str | None = None) -> SourceMotion:
    """The animation called ``take``, or the only one, at 60 frames a second, with all nodes of the scene as joints.

    Rest is the bind pose where a skin says what it is, else the pose in which the nodes stand.

    Raises:
        MotionError: the file cannot be read, is damaged, or holds no or several animations, or none called so.
    """
    try:
        file = read_glb_file(path)
        return check_finite(_read(file, path, take), path.name)
    except OSError as error:
        raise MotionError(f"{path} cannot be read ({error.strerror}): name a GLB file") from error
    except GlbError as error:
        raise MotionError(f"{path.name} is no sound GLB file: {error}; export it again") from error
    except DAMAGED as error:
        raise MotionError(f"{path.name} is no sound GLB file ({short_reason(error)}): export it again") from error


def _read(file: GlbFile, path: Path, take: str | None) -> SourceMotion:
    animation = _choose(file.items("animations"), path.name, take)
    order, parents = node_order(file.items("nodes"))
    nodes = [file.items("nodes")[index] for index in order]
    place = {index: joint for joint, index in enumerate(order)}
    channels = [c for c in animation["channels"] if c["target"].get("path") in TRACK_WIDTHS and "node" in c["target"]]
    ends = [float(file.array(int(animation["samplers"][int(c["sampler"])]["input"]))[-1]) for c in channels]
    if not channels:
        raise MotionError(f"{path.name}: its animation moves no joint: choose a file with a skeleton's movement")
    if not max(ends) <= _LONGEST_S:
        raise MotionError(f"{path.name}: its animation lasts {max(ends):.0f} s, an hour at most is read: cut it")
    num = max(int(np.floor(max(ends) * _FPS + 1e-6)) + 1, 1)
    times = np.arange(num) / _FPS
    local = _still(nodes, num)
    for channel in channels:
        joint, kind = place.get(int(channel["target"]["node"])), channel["target"]["path"]
        if joint is not None:
            sampler = animation["samplers"][int(channel["sampler"])]
            local[kind][:, joint] = sample_track(file, sampler, times, kind)
    frames = _frames(local, parents)
    rest = _rest(file, nodes, place, parents)
    return SourceMotion(
        name=str(animation.get("name") or path.stem),
        joint_names=tuple(str(node.get("name", f"node {index}")) for index, node in zip(order, nodes, strict=True)),
        parents=tuple(parents),
        rest_rotations=_unscaled(rest[:, :3, :3]),
        rest_positions=rest[:, :3, 3],
        times=times,
        rotations=_unscaled(frames[..., :3, :3]),
        positions=frames[..., :3, 3],
    )


def _choose(animations: list[Json], name: str, take: str | None) -> Json:
    names = [str(animation.get("name", number)) for number, animation in enumerate(animations)]
    if not animations:
        raise MotionError(f"{name} holds no animation: choose a file with one")
    if take is None and len(animations) == 1:
        return animations[0]
    if take not in names:
        listed = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
        wanted = "say which by --take" if take is None else f'there is no "{take}"'
        raise MotionError(f"{name} holds {len(names)} animation{'s' if len(names) > 1 else ''}, {wanted}: {listed}")
    return animations[names.index(take)]


def _still(nodes: list[Json], num: int) -> dict[str, np.ndarray]:
    tables = {kind: np.empty((num, len(nodes), width)) for kind, width in TRACK_WIDTHS.items()}
    for joint, node in enumerate(nodes):
        if "matrix" in node:
            matrix = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
            scale = np.linalg.norm(matrix[:3, :3], axis=0)
            tables["translation"][:, joint], tables["scale"][:, joint] = matrix[:3, 3], scale
            tables["rotation"][:, joint] = Rotation.from_matrix(matrix[:3, :3] / np.maximum(scale, NEAR_ZERO)).as_quat()
            continue
        tables["translation"][:, joint] = node.get("translation", (0.0, 0.0, 0.0))
        tables["rotation"][:, joint] = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
        tables["scale"][:, joint] = node.get("scale", (1.0, 1.0, 1.0))
    return tables


def _frames(local: dict[str, np.ndarray], parents: list[int]) -> Float[np.ndarray, "n j 4 4"]:
    num, num_joints = local["rotation"].shape[:2]
    frames = np.zeros((num, num_joints, 4, 4))
    frames[..., 3, 3] = 1.0
    turns = Rotation.from_quat(local["rotation"].reshape(-1, 4)).as_matrix().reshape(num, num_joints, 3, 3)
    frames[..., :3, :3] = turns * local["scale"][..., None, :]
    frames[..., :3, 3] = local["translation"]
    for joint, parent in enumerate(parents):
        if parent >= 0:
            frames[:, joint] = frames[:, parent] @ frames[:, joint]
    return frames


def _rest(file: GlbFile, nodes: list[Json], place: dict[int, int], parents: list[int]) -> Float[np.ndarray, "j 4 4"]:
    rest = _frames(_still(nodes, 1), parents)[0]
    bound = np.zeros(len(nodes), dtype=bool)
    for skin in file.items("skins"):
        if "inverseBindMatrices" not in skin:
            continue
        inverse = file.array(int(skin["inverseBindMatrices"])).astype(np.float64).transpose(0, 2, 1)
        binds = {place[int(node)]: np.linalg.inv(matrix) for node, matrix in zip(skin["joints"], inverse, strict=True)}
        # Bind poses stand in the mesh's own space; the topmost bound joint tells how that lies in the scene.
        first = min(binds)
        scene_from_mesh = rest[first] @ np.linalg.inv(binds[first])
        for joint, matrix in binds.items():
            if not bound[joint]:
                rest[joint], bound[joint] = scene_from_mesh @ matrix, True
    return rest


def _unscaled(matrices: Float[np.ndarray, "*n 3 3"]) -> Float[np.ndarray, "*n 3 3"]:
    """The rotations nearest to the matrices."""
    u, _, v = np.linalg.svd(matrices)
    sign = np.sign(np.linalg.det(u @ v))
    u = u.copy()
    u[..., :, 2] *= sign[..., None]
    return u @ v
