"""A capsule humanoid with everything that a file can hold: clips, facial actions, normals and gloss."""

import numpy as np
import torch
from tests.support_body import build_support_body

from clipmatrix.bodies.body import Morph
from clipmatrix.bodies.clips import build_clips
from clipmatrix.export.character import Character, Extras

FACE_NAMES = ("jawOpen", "browInnerUp")


def build_humanoid_character(size: int = 64) -> Character:
    """The support body in a gradient, with the clips walk and wave; its head nods down and grows as facial actions."""
    body = build_support_body()
    vertices = body.template.vertices
    is_head = (vertices[:, 1] > 1.6).float()[:, None]
    morphs = (
        Morph(FACE_NAMES[0], is_head * torch.tensor([0.0, -0.02, 0.01])),
        Morph(FACE_NAMES[1], is_head * 0.1 * (vertices - torch.tensor([0.0, 1.64, 0.0]))),
    )
    rows, columns = np.mgrid[0:size, 0:size]
    albedo = np.stack([rows * 255 // size, columns * 255 // size, np.full_like(rows, 120)], axis=-1).astype(np.uint8)
    normals = np.full((size, size, 3), (128, 128, 255), np.uint8)
    gloss = np.full((size, size, 3), (255, 200, 30), np.uint8)
    clips = tuple(clip for clip in build_clips(body) if clip.name in ("walk", "wave"))
    extras = Extras(
        ("a test figure",), 3, "ClipMatrix test", "CC0 1.0", {"seed": 3, "prompts": [{"text": "a test figure"}]}
    )
    return Character(body.template, body.rig, albedo, 0.6, 0.1, clips, extras, normals, gloss, morphs)
