"""The finished character: everything that a result file is made of; knows no file formats."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from clipmatrix.bodies.body import Morph
from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.rig import Rig, skin, world_from_joint
from clipmatrix.colour import linear_from_srgb
from clipmatrix.errors import ExportError
from clipmatrix.export.motion import Motion
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.render.surface import Lights, Surface

_VECTORS: "WeakKeyDictionary[Character, Tensor]" = WeakKeyDictionary()
"""Normal maps as vectors, by the character they belong to."""


@dataclass(frozen=True)
class Extras:
    """What a file should still say about itself when it is found alone.

    ``generator`` names the program and its version; ``licence`` speaks of the body and of the result. ``recipe`` is
    the run's whole configuration as JSON would hold it, None where it is not known.
    """

    prompts: tuple[str, ...]
    seed: int
    generator: str
    licence: str
    recipe: Mapping[str, Any] | None = None

    def record(self) -> dict[str, Any]:
        """The fields as JSON-able values; an unknown recipe is left out."""
        found: dict[str, Any] = {
            "prompts": list(self.prompts),
            "seed": self.seed,
            "generator": self.generator,
            "licence": self.licence,
        }
        return found if self.recipe is None else {**found, "recipe": dict(self.recipe)}


@dataclass(frozen=True, eq=False)
class Character:
    """A dressed, rigged and animated body at rest.

    ``mesh`` is the bind pose with all offsets applied, ``rig`` the skeleton of this very shape. ``albedo_srgb`` has
    row 0 on top; ``roughness`` and ``metallic`` are glTF's factors in [0, 1]. ``morphs`` are facial actions on this
    mesh. ``normal_map`` is in tangent space as glTF's: red along u, green against v (up in the picture), blue outwards,
    each value 255 (n + 1) / 2. In ``metallic_roughness_map`` green is roughness and blue is metallic; the factors
    multiply them.
    """

    mesh: Mesh
    rig: Rig
    albedo_srgb: UInt8[np.ndarray, "th tw 3"]
    roughness: float
    metallic: float
    clips: tuple[Clip, ...]
    extras: Extras
    normal_map: UInt8[np.ndarray, "nh nw 3"] | None = None
    metallic_roughness_map: UInt8[np.ndarray, "mh mw 3"] | None = None
    morphs: tuple[Morph, ...] = ()


def expressed(character: Character, weights: Mapping[str, float]) -> Character:
    """The character with its facial actions at these weights made part of its mesh.

    Raises:
        ExportError: it has no action of such a name.
    """
    by_name = {morph.name: morph for morph in character.morphs}
    vertices = character.mesh.vertices
    for name, weight in weights.items():
        if name not in by_name:
            known = f"one of {', '.join(by_name)}" if by_name else "none, since this body has no face that moves"
            raise ExportError(f'wanted a facial action of the body, found "{name}"; use {known}')
        vertices = vertices + weight * by_name[name].offsets
    return replace(character, mesh=replace(character.mesh, vertices=vertices))


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
