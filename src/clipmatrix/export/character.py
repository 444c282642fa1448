"""The finished character: everything that a result file is made of; knows no file formats."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.rig import Rig, skin, world_from_joint
from clipmatrix.colour import linear_from_srgb
from clipmatrix.export.motion import Motion
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.render.surface import Lights, Surface

_VECTORS: "WeakKeyDictionary[Character, Tensor]" = WeakKeyDictionary()
"""Normal maps as vectors, by the character they belong to."""


@dataclass(frozen=True)
class Extras:
    """What a file should still say about itself when it is found alone.

    ``generator`` names the program and its version; ``licence`` speaks of the body and of the result.
    """

    prompts: tuple[str, ...]
    seed: int
    generator: str
    licence: str


@dataclass(frozen=True, eq=False)
class Character:
    """A dressed, rigged and animated body at rest.

    ``mesh`` is the bind pose with all offsets applied, ``rig`` the skeleton of this very shape. ``albedo_srgb`` has
    row 0 on top; ``roughness`` and ``metallic`` are glTF's factors in [0, 1]. ``normal_map`` holds
    tangent-space normals as glTF stores them, 0 to 255 for -1 to 1, with +Y up.
    """

    mesh: Mesh
    rig: Rig
    albedo_srgb: UInt8[np.ndarray, "th tw 3"]
    roughness: float
    metallic: float
    clips: tuple[Clip, ...]
    extras: Extras
    normal_map: UInt8[np.ndarray, "nh nw 3"] | None = None


def pose_vertices(character: Character, motion: Motion) -> Float[Tensor, "n v 3"]:
    """The vertices at each moment of the motion, in world space."""
    frames = world_from_joint(character.rig, motion.joint_rotations, motion.root_translation, motion.joint_shift)
    return skin(character.mesh.vertices, character.rig, frames)


def linear_albedo(character: Character) -> Float[Tensor, "th tw 3"]:
    """The texture in linear RGB, as the renderer takes it."""
    return linear_from_srgb(torch.from_numpy(character.albedo_srgb.astype(np.float32) / 255.0))


def posed_surface(
    character: Character,
    vertices_world: Float[Tensor, "#b v 3"],
    albedo: Float[Tensor, "th tw 3"],
    lights: Lights,
) -> Surface:
    """The renderer's input for the character with its vertices at ``vertices_world``."""
    mesh = character.mesh
    return Surface(
        vertices_world=vertices_world,
        faces=mesh.faces,
        uvs=mesh.uvs,
        face_uvs=mesh.face_uvs,
        albedo=albedo,
        roughness=torch.tensor(character.roughness),
        metallic=torch.tensor(character.metallic),
        lights=lights,
        normal_map=None if character.normal_map is None else _vectors(character, character.normal_map),
    )


def _vectors(character: Character, normal_map: UInt8[np.ndarray, "nh nw 3"]) -> Float[Tensor, "nh nw 3"]:
    """The map as vectors, as viewers read it; kept, since a film asks for it in every frame."""
    vectors = _VECTORS.get(character)
    if vectors is None:
        vectors = torch.from_numpy(normal_map.astype(np.float32)) * (2.0 / 255.0) - 1.0
        _VECTORS[character] = vectors
    return vectors
