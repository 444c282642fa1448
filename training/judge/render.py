"""Pictures of looks for the judge: its own light, surfaces and backgrounds on shared triangles; knows no words.

Shared with ``clipmatrix.render.looks_cpu``: skinning, the changes of the surface, framing and the z-buffer. Its own:
the textures (``texture.py``), the shading (hemisphere, key and fill, a wrapped diffuse and a Blinn-Phong lobe) and what
lies behind the body.

numba's cache watches this file only: after a change of ``texture.py`` give it another ``NUMBA_CACHE_DIR``.
"""

import math
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from numba import njit, prange

from clipmatrix.procedural.primitives import LAYER_WIDTH
from clipmatrix.procedural.shapes import displace, thicken
from clipmatrix.procedural.tables import CHANGES, SLOTS
from clipmatrix.render.looks_cpu import PosedBodies, _frame, _linear, _normalise, _normals, _project, _skin, _srgb
from clipmatrix.render.rasterize_cpu import rasterize_view
from training.judge.texture import SPACE_WIDTH, gradient_noise, judge_color, layered_noise

_SAMPLES = 2
LIGHT_WIDTH = 16


@dataclass(frozen=True, eq=False)
class JudgeViews:
    """One picture per row, as ``LookViews``, with a space for each layer and lights of another kind.

    ``lights`` (n 16): sky, ground, key direction, key colour, fill direction (3 each), fill strength. ``backgrounds``
    (n 9): kind (0 plain, 1 horizon, 2 halo, 3 clouds, 4 slanted gradient), two sRGB colours, frequency, seed.
    """

    pose_ids: np.ndarray
    layers: np.ndarray
    spaces: np.ndarray
    changes: np.ndarray
    seeds: np.ndarray
    materials: np.ndarray
    frame_slots: np.ndarray
    cameras: np.ndarray
    lights: np.ndarray
    backgrounds: np.ndarray

    def __len__(self) -> int:
        return len(self.pose_ids)

    @staticmethod
    def empty(count: int) -> "JudgeViews":
        """Rows of zeros to fill in."""
        return JudgeViews(
            np.zeros(count, np.int64), np.zeros((count, len(SLOTS), LAYER_WIDTH)),
            np.zeros((count, len(SLOTS), SPACE_WIDTH)), np.zeros((count, len(CHANGES))), np.zeros(count, np.int64),
            np.zeros((count, 2)), np.zeros((count, len(SLOTS))), np.zeros((count, 7)),
            np.zeros((count, LIGHT_WIDTH)), np.zeros((count, 9)),
        )  # fmt: skip

    def rows(self, first: int, last: int) -> "JudgeViews":
        """Some of the pictures."""
        return JudgeViews(**{name: column[first:last] for name, column in vars(self).items()})


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _light(albedo, normal, to_eye, light, roughness, metallic, out):
    """Radiance of one point; ``albedo`` is linear. A white wall that faces the key reaches sky plus key."""
    key = normal[0] * light[6] + normal[1] * light[7] + normal[2] * light[8]
    fill = normal[0] * light[12] + normal[1] * light[13] + normal[2] * light[14]
    facing = normal[0] * to_eye[0] + normal[1] * to_eye[1] + normal[2] * to_eye[2]
    up = 0.5 + 0.5 * normal[1]
    wrapped = max(0.0, (key + 0.2) / 1.2)
    hx, hy, hz = to_eye[0] + light[6], to_eye[1] + light[7], to_eye[2] + light[8]
    length = max(math.sqrt(hx * hx + hy * hy + hz * hz), 1e-6)
    half = max(0.0, (normal[0] * hx + normal[1] * hy + normal[2] * hz) / length)
    rough = max(roughness, 0.12)
    power = min(400.0, 2.0 / rough**4)
    lobe = (power + 8.0) / 8.0 * half**power * max(0.0, key)
    mirrored = 2.0 * facing * normal[1] - to_eye[1]
    seen = min(1.0, max(0.0, 0.5 + mirrored * 0.5 / (0.25 + rough)))
    graze = (1.0 - max(0.0, facing)) ** 4 * (1.0 - 0.8 * rough)
    for k in range(3):
        base = 0.04 * (1.0 - metallic) + albedo[k] * metallic
        mirror = base + (1.0 - base) * graze * (0.25 + 0.5 * metallic)
        ambient = light[3 + k] * (1.0 - up) + light[k] * up
        diffuse = ambient + light[9 + k] * (wrapped + light[15] * max(0.0, fill))
        around = light[3 + k] * (1.0 - seen) + (light[k] + 0.6 * light[9 + k]) * seen
        out[k] = albedo[k] * (1.0 - metallic) * diffuse + mirror * around + base * lobe * light[9 + k]


@no_type_check
@njit(cache=True, nogil=True)
def _behind(background, u, v, out):
    """The sRGB colour behind the body at a point of the picture."""
    kind, rate, seed = int(background[0]), background[7], int(background[8])
    t = 0.0
    if kind == 1:
        t = min(1.0, max(0.0, (v - 0.55 - 0.02 * rate) * 12.0))
    elif kind == 2:
        t = min(1.0, 1.4 * math.sqrt((u - 0.5) ** 2 + (v - 0.5) ** 2))
    elif kind == 3:
        t = min(1.0, max(0.0, 2.0 * layered_noise(u * rate * 0.5, v * rate * 0.5, 0.5, seed, 4) - 0.5))
    elif kind == 4:
        t = 0.5 * (u + v) + 0.1 * gradient_noise(u * 3.0, v * 3.0, 0.5, seed)
    for k in range(3):
        out[k] = min(1.0, max(0.0, background[1 + k] * (1 - t) + background[4 + k] * t))


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _sample(
    face, ids, px, py, size, clip, vertices, normals, template, slots, eye, layers, spaces, light, material, work, out
):  # fmt: skip
    """Linear radiance of one covered sample; ``work`` (4 3) is room to work in."""
    x_ndc, y_ndc = (px + 0.5) * 2.0 / size - 1.0, 1.0 - (py + 0.5) * 2.0 / size
    weights = work[3]
    total = 0.0
    for k in range(3):
        i, j = ids[face, (k + 1) % 3], ids[face, (k + 2) % 3]
        weights[k] = (clip[i, 0] - x_ndc * clip[i, 3]) * (clip[j, 1] - y_ndc * clip[j, 3])
        weights[k] -= (clip[j, 0] - x_ndc * clip[j, 3]) * (clip[i, 1] - y_ndc * clip[i, 3])
        total += weights[k]
    if total == 0.0:
        weights[:] = 1.0
        total = 3.0
    for k in range(3):
        weights[k] /= total
    normal, to_eye, rest = work[0], work[1], work[2]
    for k in range(3):
        normal[k], to_eye[k], rest[k] = 0.0, eye[k], 0.0
        for c in range(3):
            i = ids[face, c]
            normal[k] += weights[c] * normals[i, k]
            to_eye[k] -= weights[c] * vertices[i, k]
            rest[k] += weights[c] * template[i, k]
    slot, most = 0, -1.0
    for s in range(slots.shape[1]):
        member = 0.0
        for c in range(3):
            member += weights[c] * slots[ids[face, c], s]
        if member > most:
            slot, most = s, member
    _normalise(normal)
    _normalise(to_eye)
    albedo = work[3]
    judge_color(layers[slot], spaces[slot], rest[0], rest[1], rest[2], albedo)
    for k in range(3):
        albedo[k] = _linear(albedo[k])
    _light(albedo, normal, to_eye, light, material[0], material[1], out)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _draw(
    template, faces, slots, joint_ids, joint_weights, rest, rest_normals, matrices,
    layers, spaces, changes, seed, material, frame_slots, camera, light, background, out,
):  # fmt: skip
    size, count = out.shape[0] * _SAMPLES, template.shape[0]
    offset = np.empty((count, 3), np.float32)
    vertices = np.empty((count, 3), np.float32)
    normals = np.empty((count, 3), np.float32)
    displace(template, rest, rest_normals, slots, changes, seed, offset)
    thicken(template, rest, rest_normals, slots, layers, offset)
    _skin(rest + offset, matrices, joint_ids, joint_weights, vertices)
    _normals(vertices, faces, normals)
    for i in range(count):
        _normalise(normals[i])
    centre, radius = _frame(vertices, slots, frame_slots)
    clip, eye = np.empty((count, 4), np.float32), np.empty(3)
    _project(vertices, camera, centre, radius, clip, eye)
    ids, depth = np.empty((size, size), np.int32), np.empty((size, size), np.float32)
    rasterize_view(clip, faces, ids, depth)
    one, total, behind, work = np.empty(3), np.empty(3), np.empty(3), np.empty((4, 3))
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            _behind(background, (x + 0.5) / out.shape[1], (y + 0.5) / out.shape[0], behind)
            total[:] = 0.0
            covered = 0.0
            for s in range(_SAMPLES * _SAMPLES):
                py, px = y * _SAMPLES + s // _SAMPLES, x * _SAMPLES + s % _SAMPLES
                if ids[py, px] >= 0:
                    covered += 1.0 / (_SAMPLES * _SAMPLES)
                    _sample(
                        ids[py, px], faces, px, py, size, clip, vertices, normals, template, slots, eye, layers,
                        spaces, light, material, work, one,
                    )  # fmt: skip
                    for k in range(3):
                        total[k] += min(1.0, one[k]) / (_SAMPLES * _SAMPLES)
            for k in range(3):
                value = behind[k]
                if covered > 0.0:
                    value = _srgb(total[k] + (1.0 - covered) * _linear(behind[k]))
                out[y, x, k] = np.uint8(min(1.0, max(0.0, value)) * 255.0 + 0.5)


@no_type_check
@njit(cache=True, nogil=True, parallel=True)
def _draw_all(
    template, faces, slots, joint_ids, joint_weights, rest, rest_normals, skinning, shape_ids, pose_ids, layers,
    spaces, changes, seeds, materials, frame_slots, cameras, lights, backgrounds, out,
):  # fmt: skip
    for i in prange(pose_ids.shape[0]):
        shape = shape_ids[pose_ids[i]]
        _draw(
            template, faces, slots, joint_ids, joint_weights, rest[shape], rest_normals[shape],
            skinning[pose_ids[i]], layers[i], spaces[i], changes[i], seeds[i], materials[i], frame_slots[i],
            cameras[i], lights[i], backgrounds[i], out[i],
        )  # fmt: skip


def draw_views(bodies: PosedBodies, views: JudgeViews, size: int) -> np.ndarray:
    """sRGB pictures ``(n size size 3)`` in uint8, one a row, on all of numba's threads; the same for the same rows."""
    out = np.empty((len(views), size, size, 3), np.uint8)
    _draw_all(
        bodies.template, bodies.faces, bodies.slots, bodies.joint_ids, bodies.joint_weights, bodies.rest,
        bodies.rest_normals, bodies.skinning, bodies.shape_ids, views.pose_ids, views.layers, views.spaces,
        views.changes, views.seeds, views.materials, views.frame_slots, views.cameras, views.lights,
        views.backgrounds, out,
    )  # fmt: skip
    return out
