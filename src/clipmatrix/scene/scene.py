"""The scene, the one owner of learnable parameters; knows nothing of prompts, encoders or steps."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clipmatrix.bodies.body import Body, RestBody
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.render.surface import Lights, Surface
from clipmatrix.scene.config import SceneConfig
from clipmatrix.scene.deform import Deform
from clipmatrix.scene.lights import LightRig
from clipmatrix.scene.materials import Material
from clipmatrix.scene.normal_map import NormalMap, relief_slope
from clipmatrix.scene.parts import part_maps
from clipmatrix.scene.start import Start
from clipmatrix.scene.texture import Texture

PLAIN_ALBEDO = 0.45
"""The linear grey of untextured views."""

PLAIN_ROUGHNESS = 0.6


class Scene(nn.Module):
    """beta, delta, texture, material and light of one character, and its normal map where a config asks for one.

    What a config freezes has no gradient and is in no parameter group, so that no optimiser can move it.
    """

    def __init__(self, body: Body, start: Start, config: SceneConfig) -> None:
        super().__init__()
        self.body = body
        self.deform = Deform(body, start, config.smoothing, config.extremity_offset)
        self.texture = Texture(
            start.albedo_srgb, config.texture_size, config.chroma_gain, part_maps(body, config.texture_size)
        )
        self.material = Material(start.roughness, start.metallic)
        self.lights = LightRig(config.key_shadow)
        self.normal_map = _normal_map(start, config)
        self._learnt = {
            "shape": config.learn_shape,
            "offset": config.learn_offset,
            "texture": config.learn_texture,
            "material": config.learn_material,
            "lights": config.learn_lights,
            "normals": config.normal_map,
        }
        for name, parameters in self._all_groups().items():
            for parameter in parameters:
                parameter.requires_grad_(self._learnt[name])

    def _all_groups(self) -> dict[str, list[nn.Parameter]]:
        return {
            "shape": [self.deform.shape_change],
            "offset": [self.deform.differential],
            "texture": list(self.texture.parameters()),
            "material": list(self.material.parameters()),
            "lights": list(self.lights.parameters()),
            "normals": [] if self.normal_map is None else list(self.normal_map.parameters()),
        }

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """The parameters that are learnt, by what they describe: shape, offset, texture, material, lights, normals."""
        return {name: group for name, group in self._all_groups().items() if self._learnt[name]}

    def pose(
        self,
        rest: RestBody,
        joint_rotations: Float[Tensor, "b j 3 3"] | None = None,
        root_translation: Float[Tensor, "b 3"] | None = None,
    ) -> Float[Tensor, "b v 3"]:
        """The vertices of the body in world space, one set per pose; without rotations, one set in the bind pose."""
        if joint_rotations is None:
            return rest.vertices[None]
        return skin(rest.vertices, rest.rig, world_from_joint(rest.rig, joint_rotations, root_translation))

    def textured(
        self,
        vertices_world: Float[Tensor, "#b v 3"],
        lights: Lights | None = None,
        tint: Float[Tensor, "3"] | None = None,
    ) -> Surface:
        """The character as it will be exported, at the given vertices; lit by its own light where none is given.

        ``tint`` colours it in passing, see ``Texture``.
        """
        roughness, metallic = self.material()
        surface = self._surface(vertices_world, self.texture(tint), roughness, metallic, lights or self.lights())
        return surface if self.normal_map is None else replace(surface, normal_map=self.normal_map())

    def plain(self, vertices_world: Float[Tensor, "#b v 3"], lights: Lights) -> Surface:
        """The body in plain matte grey: gradients of its pictures reach the form and nothing else."""
        albedo = vertices_world.new_full((16, 16, 3), PLAIN_ALBEDO)
        roughness = vertices_world.new_tensor(PLAIN_ROUGHNESS)
        return self._surface(vertices_world, albedo, roughness, vertices_world.new_tensor(0.0), lights)

    def surface(
        self,
        joint_rotations: Float[Tensor, "b j 3 3"] | None = None,
        root_translation: Float[Tensor, "b 3"] | None = None,
        lights: Lights | None = None,
    ) -> Surface:
        """The character in the given poses, or in its bind pose."""
        return self.textured(self.pose(self.deform(), joint_rotations, root_translation), lights)

    def _surface(
        self, vertices_world: Tensor, albedo: Tensor, roughness: Tensor, metallic: Tensor, lights: Lights
    ) -> Surface:
        mesh = self.body.template
        return Surface(vertices_world, mesh.faces, mesh.uvs, mesh.face_uvs, albedo, roughness, metallic, lights)


def _normal_map(start: Start, config: SceneConfig) -> NormalMap | None:
    if not config.normal_map:
        return None
    size = config.normal_map_size or config.texture_size
    return NormalMap(size, relief_slope(start.albedo_srgb, size, config.relief))


def snapshot(scene: Scene) -> dict[str, torch.Tensor]:
    """A copy of the scene's state that later steps do not change."""
    return {name: value.detach().clone() for name, value in scene.state_dict().items()}
