"""Eyes, brows and lips painted into a uv texture, where the body says that its face is; knows no words."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body, FaceMarks
from clipmatrix.procedural.faces import Face
from clipmatrix.render.bake import Texels

_IRIS, _PUPIL, _RIM = 0.47, 0.23, 0.06
"""Angles in radians as seen from the eyeball's centre: of the iris, of the pupil, and the width of its dark rim."""

_EYE_BLUR = 0.02
_SKIN_BLUR_M = 0.0012
_DIP_M, _DIP_WIDTH_M = 0.0014, 0.004
"""The dip in the middle of the upper lip."""

_BROW_STRENGTH = 0.85


def paint_face(albedo: Float[Tensor, "th tw 3"], body: Body, texels: Texels, face: Face) -> Float[Tensor, "th tw 3"]:
    """The texture with the face upon it; as it was for a body without one. Islands are continued beyond their edges."""
    marks = body.face
    if marks is None:
        return albedo
    template = body.template.vertices.cpu().double().numpy()
    positions = np.einsum("nc,ncd->nd", texels.weights, template[texels.vertex_ids])
    painted = albedo.reshape(-1, 3).numpy()[texels.indices].astype(np.float64)
    is_eye = _is_eye(body)[texels.vertex_ids].all(1)
    painted[is_eye] = _eye_colors(positions[is_eye], marks, face)
    is_front = ~is_eye & (positions[:, 2] > marks.front)
    for rgb, share in ((face.brows, _brow_share), (face.lips, _lip_share)):
        if rgb is not None:
            part = share(positions[is_front], marks)[:, None]
            painted[is_front] += part * (np.array(rgb) - painted[is_front])
    image = np.zeros((texels.size * texels.size, 3), np.float32)
    image[texels.indices] = painted
    return torch.from_numpy(image[texels.nearest.ravel()].reshape(albedo.shape))


def _is_eye(body: Body) -> np.ndarray:
    """Whether each vertex follows an eyeball."""
    joints = [body.humanoid[role] for role in ("eye_l", "eye_r") if role in body.humanoid]
    is_of_eye = np.isin(body.rig.joint_ids.cpu().numpy(), joints)
    return (body.rig.joint_weights.cpu().numpy() * is_of_eye).sum(1) > 0.5


def _rise(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 up to ``low``, 1 from ``high`` on, smooth between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _eye_colors(positions: np.ndarray, marks: FaceMarks, face: Face) -> np.ndarray:
    away = positions * np.where(positions[:, :1] < 0, np.array([-1.0, 1.0, 1.0]), 1.0) - np.array(marks.eye)
    angle = np.arccos(np.clip(away[:, 2] / np.maximum(np.linalg.norm(away, axis=1), 1e-9), -1.0, 1.0))[:, None]
    iris, white = np.array(face.iris), np.array(face.white)
    # The rim of an iris is darker than its middle, and so is the white towards the lids' corners.
    iris = iris * (1.0 - 0.75 * _rise(_IRIS - 2 * _RIM, _IRIS, angle))
    colors = iris + _rise(_IRIS - _EYE_BLUR, _IRIS + _EYE_BLUR, angle) * (white - iris)
    pupil = 0.04 * np.array(face.iris)
    return colors + (1.0 - _rise(_PUPIL - _EYE_BLUR, _PUPIL + _EYE_BLUR, angle)) * (pupil - colors)


def _brow_share(positions: np.ndarray, marks: FaceMarks) -> np.ndarray:
    x, y = np.abs(positions[:, 0]), positions[:, 1]
    along, line = np.array(marks.brow).T
    share = np.clip((x - along[0]) / (along[-1] - along[0]), 0.0, 1.0)
    # Brows thin out on their way to the side.
    half = 0.5 * marks.brow_height * (1.0 - 0.65 * share)
    from_line = np.abs(y - np.interp(x, along, line)) - half
    from_ends = np.maximum(along[0] - x, x - along[-1])
    return _BROW_STRENGTH * (1.0 - _rise(-_SKIN_BLUR_M, _SKIN_BLUR_M, np.maximum(from_line, from_ends)))


def _lip_share(positions: np.ndarray, marks: FaceMarks) -> np.ndarray:
    x, y = np.abs(positions[:, 0]), positions[:, 1] - marks.mouth
    arch = np.clip(1.0 - (x / marks.mouth_width) ** 2, 0.0, 1.0)
    upper = marks.lips[0] * arch**0.8 - _DIP_M * np.exp(-((x / _DIP_WIDTH_M) ** 2))
    lower = -marks.lips[1] * arch**0.7
    outside = np.maximum(np.maximum(y - upper, lower - y), x - marks.mouth_width)
    return 1.0 - _rise(-_SKIN_BLUR_M, _SKIN_BLUR_M, outside)
