"""A small rigged tube with a uv seam, turned joints, awkward names and two clips: everything that a file must carry."""

import math

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.rig import Rig
from clipmatrix.export.character import Character, Extras
from clipmatrix.geometry.mesh import Mesh

NUM_SIDES, NUM_RINGS, HEIGHT, RADIUS = 12, 9, 1.6, 0.2
JOINT_NAMES = ("root", "spine.001", "spine.002", "arm L", "tip")
PARENTS = (-1, 0, 1, 1, 2)
JOINT_HEIGHTS = (0.0, 0.4, 0.8, 0.8, 1.2)


def turn(axis: tuple[float, float, float], angle: float) -> torch.Tensor:
    """The rotation by ``angle`` radians about ``axis``."""
    unit = torch.nn.functional.normalize(torch.tensor(axis, dtype=torch.float64), dim=0)
    return torch.from_numpy(Rotation.from_rotvec(angle * unit.numpy()).as_matrix()).float()


def build_tube() -> Mesh:
    """A closed tube along +Y; its uv layout has one column more than the tube, and a pole point per cap triangle."""
    vertices, uvs, faces, face_uvs = [], [], [], []
    for ring in range(NUM_RINGS):
        for side in range(NUM_SIDES + 1):
            angle = 2 * math.pi * side / NUM_SIDES
            height = HEIGHT * ring / (NUM_RINGS - 1)
            if side < NUM_SIDES:
                vertices.append([RADIUS * math.sin(angle), height, RADIUS * math.cos(angle)])
            uvs.append([0.05 + 0.9 * side / NUM_SIDES, 0.9 - 0.8 * ring / (NUM_RINGS - 1)])
    for ring in range(NUM_RINGS - 1):
        for side in range(NUM_SIDES):
            a, b = ring * NUM_SIDES + side, ring * NUM_SIDES + (side + 1) % NUM_SIDES
            p, q = ring * (NUM_SIDES + 1) + side, ring * (NUM_SIDES + 1) + side + 1
            faces += [[a, b, b + NUM_SIDES], [a, b + NUM_SIDES, a + NUM_SIDES]]
            face_uvs += [[p, q, q + NUM_SIDES + 1], [p, q + NUM_SIDES + 1, p + NUM_SIDES + 1]]
    for ring, height, v in ((0, 0.0, 0.97), (NUM_RINGS - 1, HEIGHT, 0.03)):
        vertices.append([0.0, height, 0.0])
        uvs.append([0.5, v])
        for side in range(NUM_SIDES):
            rim, uv_rim = ring * NUM_SIDES, ring * (NUM_SIDES + 1)
            face = [len(vertices) - 1, rim + side, rim + (side + 1) % NUM_SIDES]
            face_uv = [len(uvs) - 1, uv_rim + side, uv_rim + side + 1]
            upwards = ring > 0
            faces.append(face if upwards else face[::-1])
            face_uvs.append(face_uv if upwards else face_uv[::-1])
    return Mesh(torch.tensor(vertices), torch.tensor(faces), torch.tensor(uvs), torch.tensor(face_uvs))


def build_tube_rig(mesh: Mesh) -> Rig:
    """Joints along the tube, each with a frame of its own turning, and weights that fade from joint to joint."""
    bind = torch.eye(4).repeat(len(PARENTS), 1, 1)
    for joint, height in enumerate(JOINT_HEIGHTS):
        bind[joint, :3, :3] = turn((1.0, 2.0, joint - 1.0), 0.7 * joint)
        bind[joint, :3, 3] = torch.tensor([0.15 if JOINT_NAMES[joint] == "arm L" else 0.0, height, 0.0])
    num_vertices = len(mesh.vertices)
    along = mesh.vertices[:, 1] / 0.4
    chain = torch.tensor([0, 1, 2, 4, 4])
    lower = along.floor().long().clamp_max(3)
    share = (along - lower).clamp(0, 1)
    ids = torch.zeros(num_vertices, 4, dtype=torch.int64)
    weights = torch.zeros(num_vertices, 4)
    ids[:, 0], ids[:, 1] = chain[lower], chain[lower + 1]
    weights[:, 0], weights[:, 1] = 1 - share, share
    # A joint named without weight, one named twice, and weights that float32 cannot add to one.
    ids[:, 2] = 3
    near = mesh.vertices[:, 0] > 0.1
    weights[near] *= 0.7
    weights[near, 2] = 0.3
    ids[:, 3] = ids[:, 0]
    weights[:, 3] = weights[:, 0] / 3
    weights[:, 0] -= weights[:, 3]
    return Rig(JOINT_NAMES, PARENTS, torch.linalg.inv(bind), ids, weights)


def build_clips() -> tuple[Clip, ...]:
    """``wave`` bends two joints and moves the root; ``twist`` turns one joint once round."""
    eye = torch.eye(3).expand(len(PARENTS), 3, 3)
    wave = eye.repeat(5, 1, 1, 1)
    shift = torch.zeros(5, 3)
    for key in range(5):
        wave[key, 1] = turn((1.0, 0.2, 0.0), 0.5 * math.sin(key * math.pi / 2))
        wave[key, 3] = turn((0.0, 0.3, 1.0), 1.2 * math.sin(key * math.pi / 2))
        shift[key] = torch.tensor([0.1 * key, 0.05 * (key % 2), -0.02 * key])
    twist = eye.repeat(9, 1, 1, 1)
    for key in range(9):
        twist[key, 2] = turn((0.0, 1.0, 0.0), 2 * math.pi * key / 8)
    return (
        Clip("wave", torch.tensor([0.0, 0.25, 0.5, 1.0, 1.25]), wave, shift),
        Clip("twist", torch.arange(9) / 8, twist, torch.zeros(9, 3)),
    )


def build_tube_character() -> Character:
    """The tube in a texture with a gradient along both axes and a red dot in its top left corner."""
    mesh = build_tube()
    rows, columns = np.mgrid[0:64, 0:96]
    albedo = np.stack([columns * 2, rows * 3, np.full_like(rows, 90)], axis=-1).astype(np.uint8)
    albedo[:4, :4] = (255, 0, 0)
    extras = Extras(("a striped tube",), 7, "ClipMatrix test", "CC0 1.0")
    return Character(mesh, build_tube_rig(mesh), albedo, 0.6, 0.25, build_clips(), extras)
