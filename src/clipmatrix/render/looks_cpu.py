"""Thousands of small pictures of procedural looks, fast: from shape and pose to sRGB in one compiled kernel per view.

Not differentiable, CPU only. It mirrors ``shade.py`` and shares the z-buffer of ``rasterize_cpu.py``; a test holds it
to the differentiable renderer. Training makes its pictures with it, and the search its candidates.
"""

import math
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from numba import njit, prange

from clipmatrix.procedural.noise import fractal_noise, value_noise
from clipmatrix.procedural.patterns import layer_color
from clipmatrix.procedural.primitives import LAYER_WIDTH
from clipmatrix.procedural.shapes import displace, thicken
from clipmatrix.procedural.tables import CHANGES, SLOTS
from clipmatrix.render.rasterize_cpu import rasterize_view

SUPERSAMPLING = 2
"""Samples per pixel side."""


@dataclass(frozen=True, eq=False)
class PosedBodies:
    """Shapes and poses to draw from: ``v`` vertices, ``n`` shapes, ``m`` poses of them.

    ``template`` (v 3) is where textures are looked up; ``slots`` (v 6) the soft parts; ``rest`` and ``rest_normals``
    (n v 3) the shapes in their bind pose; ``skinning`` (m j 3 4) world from bind for each joint; ``shape_ids`` (m)
    the shape that a pose belongs to.
    """

    template: np.ndarray
    faces: np.ndarray
    slots: np.ndarray
    joint_ids: np.ndarray
    joint_weights: np.ndarray
    rest: np.ndarray
    rest_normals: np.ndarray
    skinning: np.ndarray
    shape_ids: np.ndarray


@dataclass(frozen=True, eq=False)
class LookViews:
    """One picture per row: who, in which look, from where, in what light, before what.

    ``frame_slots`` (n 6) weigh the parts that the camera frames. ``cameras`` (n 7): azimuth, elevation, field of
    view, roll (radians), margin (1 = the framed sphere just fills the picture), shift right and up (of the picture).
    ``lights`` (n 9): ambient, direction, key colour, as in ``Lights``. ``backgrounds`` (n 9): kind (0 plain,
    1 gradient, 2 checks, 3 soft noise, 4 fine noise), two sRGB colours, frequency, seed.
    """

    pose_ids: np.ndarray
    layers: np.ndarray
    changes: np.ndarray
    seeds: np.ndarray
    roughness: np.ndarray
    metallic: np.ndarray
    frame_slots: np.ndarray
    cameras: np.ndarray
    lights: np.ndarray
    backgrounds: np.ndarray

    def __len__(self) -> int:
        return len(self.pose_ids)

    @staticmethod
    def empty(count: int) -> "LookViews":
        """Rows of zeros to fill in."""
        return LookViews(
            np.zeros(count, np.int64), np.zeros((count, len(SLOTS), LAYER_WIDTH)), np.zeros((count, len(CHANGES))),
            np.zeros(count, np.int64), np.ones(count), np.zeros(count), np.zeros((count, len(SLOTS))),
            np.zeros((count, 7)), np.zeros((count, 9)), np.zeros((count, 9)),
        )  # fmt: skip


@no_type_check
@njit(cache=True, nogil=True)
def _normals(vertices, faces, out):
    out[:] = 0.0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        wx, wy, wz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        n = (uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx)
        for k in range(3):
            out[a, k] += n[k]
            out[b, k] += n[k]
            out[c, k] += n[k]


@no_type_check
@njit(cache=True, nogil=True)
def _skin(bind, matrices, joint_ids, joint_weights, out):
    for i in range(bind.shape[0]):
        for row in range(3):
            total = 0.0
            for k in range(joint_ids.shape[1]):
                weight = joint_weights[i, k]
                if weight > 0.0:
                    m = matrices[joint_ids[i, k]]
                    total += weight * (
                        m[row, 0] * bind[i, 0] + m[row, 1] * bind[i, 1] + m[row, 2] * bind[i, 2] + m[row, 3]
                    )
            out[i, row] = total


@no_type_check
@njit(cache=True, nogil=True)
def _frame(vertices, slots, wanted):
    """Centre of the box and radius about it of the parts that the camera frames."""
    low, high = np.full(3, 1e9), np.full(3, -1e9)
    for i in range(vertices.shape[0]):
        member = 0.0
        for s in range(slots.shape[1]):
            member += slots[i, s] * wanted[s]
        if member > 0.5:
            for k in range(3):
                low[k] = min(low[k], vertices[i, k])
                high[k] = max(high[k], vertices[i, k])
    centre = 0.5 * (low + high)
    return centre, 0.5 * math.sqrt(((high - low) ** 2).sum())


@no_type_check
@njit(cache=True, nogil=True)
def _project(vertices, camera, centre, radius, clip, eye):
    """Clip coordinates of an orbiting camera that frames the sphere; writes the eye point too."""
    azimuth, elevation, fov, roll = camera[0], camera[1], camera[2], camera[3]
    distance = camera[4] * radius / math.sin(fov / 2)
    sa, ca, se, ce = math.sin(azimuth), math.cos(azimuth), math.sin(elevation), math.cos(elevation)
    back = np.array([sa * ce, se, ca * ce])
    right = np.array([ca, 0.0, -sa])
    up = np.array([-sa * se, ce, -ca * se])
    sr, cr = math.sin(roll), math.cos(roll)
    right, up = cr * right + sr * up, cr * up - sr * right
    for k in range(3):
        eye[k] = centre[k] + distance * back[k]
    focal = 1.0 / math.tan(fov / 2)
    near, far = 0.05, 50.0
    for i in range(vertices.shape[0]):
        x = y = z = 0.0
        for k in range(3):
            offset = vertices[i, k] - eye[k]
            x += right[k] * offset
            y += up[k] * offset
            z += back[k] * offset
        clip[i, 0] = focal * x - z * camera[5]
        clip[i, 1] = focal * y - z * camera[6]
        clip[i, 2] = (far + near) / (near - far) * z + 2 * far * near / (near - far)
        clip[i, 3] = -z


_STEPS = 2048
_CODES = np.linspace(0.0, 1.0, _STEPS + 1)
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4)


@no_type_check
@njit(cache=True, nogil=True, inline="always")
def _linear(value):
    """Linear light of an sRGB value, by a table with lines between; 1e-7 off at most."""
    place = min(1.0, max(0.0, value)) * _STEPS
    index = min(int(place), _STEPS - 1)
    return _LINEAR[index] + (place - index) * (_LINEAR[index + 1] - _LINEAR[index])


@no_type_check
@njit(cache=True, nogil=True, inline="always")
def _srgb(value):
    value = min(1.0, max(0.0, value))
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1.0 / 2.4) - 0.055


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _shade(albedo, normal, to_eye, light, roughness, metallic, out):
    """The equations of ``shade.py`` for one point; ``albedo`` is linear."""
    rough = max(roughness, 0.045)
    alpha2 = rough**4
    hx, hy, hz = to_eye[0] + light[3], to_eye[1] + light[4], to_eye[2] + light[5]
    length = hx * hx + hy * hy + hz * hz
    cos_view = normal[0] * to_eye[0] + normal[1] * to_eye[1] + normal[2] * to_eye[2]
    cos_light = normal[0] * light[3] + normal[1] * light[4] + normal[2] * light[5]
    length = max(math.sqrt(length), 1e-6)
    cos_view, cos_light = max(cos_view, 1e-4), max(cos_light, 0.0)
    cos_half = (normal[0] * hx + normal[1] * hy + normal[2] * hz) / length
    eye_half = (to_eye[0] * hx + to_eye[1] * hy + to_eye[2] * hz) / length
    cos_half, eye_half = max(cos_half, 0.0), min(1.0, max(eye_half, 0.0))
    spread = cos_half * cos_half * (alpha2 - 1.0) + 1.0
    distribution = alpha2 / (spread * spread)
    masking = cos_light * math.sqrt(cos_view * cos_view * (1.0 - alpha2) + alpha2)
    shadowing = cos_view * math.sqrt(cos_light * cos_light * (1.0 - alpha2) + alpha2)
    visibility = 0.5 / (masking + shadowing)
    x = 1.0 - rough
    knee = min(x * x, 2.0 ** (-9.28 * cos_view)) * x + (0.0425 - 0.0275 * rough)
    scale, bias = 1.04 - 0.572 * rough - 1.04 * knee, 0.022 * rough - 0.04 + 1.04 * knee
    graze = 1.0 - eye_half
    graze = graze * graze * graze * graze * graze
    for k in range(3):
        f0 = 0.04 * (1.0 - metallic) + albedo[k] * metallic
        fresnel = f0 + (1.0 - f0) * graze
        surround = f0 * scale + bias
        diffuse = albedo[k] * (1.0 - metallic)
        key = light[6 + k] * cos_light
        out[k] = key * (diffuse * (1.0 - fresnel) + fresnel * distribution * visibility) + light[k] * (
            diffuse * (1.0 - surround) + surround
        )


@no_type_check
@njit(cache=True, nogil=True)
def _background(background, u, v, out):
    """The sRGB colour behind the body at a point of the picture."""
    kind, frequency, seed = int(background[0]), background[7], int(background[8])
    t = 0.0
    if kind == 1:
        t = v
    elif kind == 2:
        t = float((int(u * frequency) + int(v * frequency)) & 1)
    elif kind == 3:
        t = value_noise(u * frequency, v * frequency, 0.5, seed)
    elif kind == 4:
        t = fractal_noise(u * frequency * 2, v * frequency * 2, 0.5, seed, 4)
    for k in range(3):
        out[k] = background[1 + k] * (1 - t) + background[4 + k] * t


@no_type_check
@njit(cache=True, nogil=True, inline="always")
def _normalise(v):
    length = max(math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]), 1e-12)
    v[0] /= length
    v[1] /= length
    v[2] /= length


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _shade_pixel(
    face, ids, px, py, size, clip, vertices, normals, template, slots, eye, layers, light, material, scratch, out
):  # fmt: skip
    """Linear radiance of one covered sample; ``scratch`` (4 3) is room to work in."""
    x_ndc, y_ndc = (px + 0.5) * 2.0 / size - 1.0, 1.0 - (py + 0.5) * 2.0 / size
    a, b, c = ids[face, 0], ids[face, 1], ids[face, 2]
    ax, ay = clip[a, 0] - x_ndc * clip[a, 3], clip[a, 1] - y_ndc * clip[a, 3]
    bx, by = clip[b, 0] - x_ndc * clip[b, 3], clip[b, 1] - y_ndc * clip[b, 3]
    cx, cy = clip[c, 0] - x_ndc * clip[c, 3], clip[c, 1] - y_ndc * clip[c, 3]
    wa, wb, wc = bx * cy - cx * by, cx * ay - ax * cy, ax * by - bx * ay
    total = wa + wb + wc
    if total == 0.0:
        wa, wb, wc, total = 1.0, 1.0, 1.0, 3.0
    wa, wb, wc = wa / total, wb / total, wc / total
    slot, best = 0, -1.0
    for s in range(slots.shape[1]):
        member = wa * slots[a, s] + wb * slots[b, s] + wc * slots[c, s]
        if member > best:
            slot, best = s, member
    normal, to_eye, rest, albedo = scratch[0], scratch[1], scratch[2], scratch[3]
    for k in range(3):
        normal[k] = wa * normals[a, k] + wb * normals[b, k] + wc * normals[c, k]
        to_eye[k] = eye[k] - (wa * vertices[a, k] + wb * vertices[b, k] + wc * vertices[c, k])
        rest[k] = wa * template[a, k] + wb * template[b, k] + wc * template[c, k]
    _normalise(normal)
    _normalise(to_eye)
    layer_color(layers[slot], rest[0], rest[1], rest[2], albedo)
    for k in range(3):
        albedo[k] = _linear(albedo[k])
    _shade(albedo, normal, to_eye, light, material[0], material[1], out)


@no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _render_one(
    template, faces, slots, joint_ids, joint_weights, rest, rest_normals, matrices,
    layers, changes, seed, material, frame_slots, camera, light, background, out,
):  # fmt: skip
    size = out.shape[0] * SUPERSAMPLING
    num_vertices = template.shape[0]
    offset = np.empty((num_vertices, 3), np.float32)
    vertices = np.empty((num_vertices, 3), np.float32)
    normals = np.empty((num_vertices, 3), np.float32)
    displace(template, rest, rest_normals, slots, changes, seed, offset)
    thicken(template, rest, rest_normals, slots, layers, offset)
    _skin(rest + offset, matrices, joint_ids, joint_weights, vertices)
    _normals(vertices, faces, normals)
    for i in range(num_vertices):
        length = math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2)
        for k in range(3):
            normals[i, k] /= max(length, 1e-20)
    centre, radius = _frame(vertices, slots, frame_slots)
    clip, eye = np.empty((num_vertices, 4), np.float32), np.empty(3)
    _project(vertices, camera, centre, radius, clip, eye)
    ids, depth = np.empty((size, size), np.int32), np.empty((size, size), np.float32)
    rasterize_view(clip, faces, ids, depth)
    sample, total, behind, scratch = np.empty(3), np.empty(3), np.empty(3), np.empty((4, 3))
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            _background(background, (x + 0.5) / out.shape[1], (y + 0.5) / out.shape[0], behind)
            total[:] = 0.0
            covered = 0
            for s in range(SUPERSAMPLING * SUPERSAMPLING):
                py, px = y * SUPERSAMPLING + s // SUPERSAMPLING, x * SUPERSAMPLING + s % SUPERSAMPLING
                if ids[py, px] < 0:
                    continue
                covered += 1
                _shade_pixel(
                    ids[py, px], faces, px, py, size, clip, vertices, normals, template, slots, eye, layers,
                    light, material, scratch, sample,
                )  # fmt: skip
                for k in range(3):
                    total[k] += min(1.0, sample[k])
            if covered > 0:
                share = covered / (SUPERSAMPLING * SUPERSAMPLING)
                for k in range(3):
                    mixed = total[k] / (SUPERSAMPLING * SUPERSAMPLING) + (1.0 - share) * _linear(behind[k])
                    behind[k] = _srgb(mixed)
            for k in range(3):
                out[y, x, k] = np.uint8(min(1.0, max(0.0, behind[k])) * 255.0 + 0.5)


@no_type_check
@njit(cache=True, nogil=True, parallel=True)
def _render_all(
    template, faces, slots, joint_ids, joint_weights, rest, rest_normals, skinning, shape_ids,
    pose_ids, layers, changes, seeds, materials, frame_slots, cameras, lights, backgrounds, out,
):  # fmt: skip
    for i in prange(pose_ids.shape[0]):
        pose = pose_ids[i]
        shape = shape_ids[pose]
        _render_one(
            template, faces, slots, joint_ids, joint_weights, rest[shape], rest_normals[shape], skinning[pose],
            layers[i], changes[i], seeds[i], materials[i], frame_slots[i], cameras[i], lights[i], backgrounds[i],
            out[i],
        )  # fmt: skip


def render_looks(bodies: PosedBodies, views: LookViews, size: int) -> np.ndarray:
    """sRGB pictures ``(n size size 3)`` in uint8, one per row of ``views``, on all of numba's threads.

    About 4 ms a picture of 112 pixels and a thread for a body of 27,000 faces. The same rows give the same bits.
    """
    out = np.empty((len(views), size, size, 3), np.uint8)
    material = np.stack([views.roughness, views.metallic], axis=1)
    _render_all(
        bodies.template, bodies.faces, bodies.slots, bodies.joint_ids, bodies.joint_weights, bodies.rest,
        bodies.rest_normals, bodies.skinning, bodies.shape_ids, views.pose_ids, views.layers, views.changes,
        views.seeds, material, views.frame_slots, views.cameras, views.lights, views.backgrounds, out,
    )  # fmt: skip
    return out
