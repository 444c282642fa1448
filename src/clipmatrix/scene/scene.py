"""The scene, the one owner of learnable parameters; knows nothing of prompts, encoders or steps."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clipmatrix.bodies.body import Body, RestBody
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.colour import linear_from_srgb
from clipmatrix.plans import MAIN, LightPlan, MaterialPlan
from clipmatrix.render.surface import Lights, Surface
from clipmatrix.scene.config import SceneConfig
from clipmatrix.scene.deform import Deform
from clipmatrix.scene.habits import Habit
from clipmatrix.scene.lights import LightRig
from clipmatrix.scene.materials import SMALLEST_ROUGHNESS, Material
from clipmatrix.scene.normal_map import NormalMap, relief_slope
from clipmatrix.scene.parts import part_maps
from clipmatrix.scene.start import Start
from clipmatrix.scene.texture import Texture

PLAIN_ALBEDO = 0.45
"""The linear grey of untextured views."""

PLAIN_ROUGHNESS = 0.6


class Outfit(nn.Module):
    """One more look of the same figure: a texture and a material."""

    def __init__(self, start: Start, config: SceneConfig, maps: Float[Tensor, "p hp wp"] | None) -> None:
        super().__init__()
        self.texture = Texture(start.albedo_srgb, config.texture_size, config.chroma_gain, maps)
        self.material = Material(start.roughness, start.metallic, start.albedo_srgb.device)


class Scene(nn.Module):
    """beta, delta, texture, material and light of one character, and its normal map where a config asks for one.

    What a config freezes has no gradient and is in no parameter group, so that no optimiser can move it. ``outfits``
    are further texture sets by name, each a texture and a material over the same form; ``light`` is where the light
    begins, and ``habits`` remember what distributions have learnt. Everything lies where the body and the starts do.
    """

    def __init__(
        self,
        body: Body,
        start: Start,
        config: SceneConfig,
        outfits: Mapping[str, Start] | None = None,
        light: LightPlan | None = None,
        habits: Mapping[str, Habit] | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.deform = Deform(body, start, config.smoothing, config.extremity_offset, config.smoothing_start)
        device = body.template.vertices.device
        maps = part_maps(body, config.texture_size)
        maps = None if maps is None else maps.to(device)
        self.texture = Texture(start.albedo_srgb, config.texture_size, config.chroma_gain, maps)
        self.material = Material(start.roughness, start.metallic, device)
        self.outfits = nn.ModuleDict({name: Outfit(begin, config, maps) for name, begin in (outfits or {}).items()})
        self.lights = LightRig(config.key_shadow, light, device)
        self.habits = nn.ModuleDict(habits or {})
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
            "texture": [parameter for texture in self.textures().values() for parameter in texture.parameters()],
            "material": [parameter for name in self.textures() for parameter in self.dress(name)[1].parameters()],
            "lights": list(self.lights.parameters()),
            "normals": [] if self.normal_map is None else list(self.normal_map.parameters()),
        }

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """The parameters that are learnt, by what they describe: shape, offset, texture, material, lights, normals."""
        return {
            name: [parameter for parameter in group if parameter.requires_grad]
            for name, group in self._all_groups().items()
            if self._learnt[name]
        }

    def freeze_detail(self) -> None:
        """Holds all that is finer in its textures than the colours of whole parts."""
        for texture in self.textures().values():
            for level in texture.fine_levels():
                level.requires_grad_(False)

    def textures(self) -> dict[str, Texture]:
        """The textures of all sets by name, ``main`` first."""
        return {MAIN: self.texture, **{name: self.dress(name)[0] for name in self.outfits}}

    def dress(self, name: str) -> tuple[Texture, Material]:
        """The texture and the material of that set."""
        if name == MAIN:
            return self.texture, self.material
        outfit = self.outfits[name]
        assert isinstance(outfit, Outfit)
        return outfit.texture, outfit.material

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
        outfit: str = MAIN,
    ) -> Surface:
        """The character as it will be exported, at the given vertices; lit by its own light where none is given.

        ``tint`` colours it in passing, see ``Texture``; ``outfit`` names the texture set.
        """
        texture, material = self.dress(outfit)
        roughness, metallic = material()
        surface = self._surface(vertices_world, texture(tint), roughness, metallic, lights or self.lights())
        return surface if self.normal_map is None else replace(surface, normal_map=self.normal_map())

    def plain(
        self, vertices_world: Float[Tensor, "#b v 3"], lights: Lights, material: MaterialPlan | None = None
    ) -> Surface:
        """The body in plain matte grey, or in a given material: gradients of its pictures reach the form alone."""
        albedo = vertices_world.new_full((16, 16, 3), PLAIN_ALBEDO)
        rough, metal = PLAIN_ROUGHNESS, 0.0
        if material is not None:
            albedo = linear_from_srgb(vertices_world.new_tensor(material.color)).expand(16, 16, 3)
            rough, metal = max(material.roughness, SMALLEST_ROUGHNESS), material.metallic
        roughness, metallic = vertices_world.new_tensor(rough), vertices_world.new_tensor(metal)
        return self._surface(vertices_world, albedo, roughness, metallic, lights)

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
    return NormalMap(size, relief_slope(start.albedo_srgb, size, config.relief), start.albedo_srgb.device)


def snapshot(scene: Scene) -> dict[str, torch.Tensor]:
    """A copy of the scene's state that later steps do not change."""
    return {name: value.detach().clone() for name, value in scene.state_dict().items()}
