"""What each view of a step shows, by its prompt: which texture or plain material, in which light; knows no cameras."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from clipmatrix.config import RunConfig
from clipmatrix.generate.cuts import Cut
from clipmatrix.plans import MAIN, MaterialPlan
from clipmatrix.render.surface import Lights, Surface
from clipmatrix.scene.lights import plain_lights, planned_lights, vary_lights
from clipmatrix.scene.scene import Scene


@dataclass(frozen=True, eq=False)
class Staged:
    """A surface and the views that show it; ``outfit`` is its texture set, None where it is plain."""

    surface: Surface
    views: Int64[Tensor, "_"]
    outfit: str | None


@dataclass(frozen=True, eq=False)
class _Costume:
    """What some of the prompts are shown in: a texture set, or a plain material (None: plain grey)."""

    outfit: str | None
    material: MaterialPlan | None
    is_worn: Bool[Tensor, "p"]


class Staging:
    """Dresses and lights the posed body for the prompts of the views."""

    def __init__(self, scene: Scene, config: RunConfig) -> None:
        self._scene, self._settings = scene, config.scene
        keys = [(prompt.texture if prompt.textured else None, prompt.material) for prompt in config.prompts]
        # The main texture first and plain ones last: the order of the pictures is part of what a seed means.
        order = sorted(dict.fromkeys(keys), key=lambda key: (key[0] is None, key[0] != MAIN, keys.index(key)))
        device = scene.deform.start_offset.device
        self._costumes = [
            _Costume(*key, torch.tensor([other == key for other in keys], dtype=torch.bool, device=device))
            for key in order
        ]
        self._own_lights = [
            (index, planned_lights(prompt.light, config.scene.key_shadow, device))
            for index, prompt in enumerate(config.prompts)
            if prompt.light is not None
        ]
        self._plain_lights = plain_lights(config.scene.key_shadow, device)

    def surfaces(
        self,
        vertices_world: Float[Tensor, "b v 3"],
        prompt_ids: Int64[Tensor, "b"],
        cut: Cut,
        tint: Float[Tensor, "3"] | None,
        generator: torch.Generator,
    ) -> list[Staged]:
        """One surface for each costume that a view asks for, cut off from the scene.

        ``tint`` colours textured ones in passing. Every view has its own variation of its light.
        """
        scene, num = self._scene, len(prompt_ids)
        turn, change = self._settings.light_turn, self._settings.light_change
        lights = vary_lights(self._lit(scene.lights(), prompt_ids), num, turn, change, generator)
        plain = vary_lights(self._lit(self._plain_lights, prompt_ids), num, turn, change, generator)
        vertices = cut(vertices_world)
        staged = []
        for costume in self._costumes:
            views = torch.nonzero(costume.is_worn.index_select(0, prompt_ids)).squeeze(1)
            if not len(views):
                continue
            seen = vertices.index_select(0, views)
            if costume.outfit is None:
                surface = scene.plain(seen, _lights_at(plain, views), costume.material)
            else:
                surface = _cut_look(scene.textured(seen, _lights_at(lights, views), tint, costume.outfit), cut)
            staged.append(Staged(surface, views, costume.outfit))
        return staged

    def _lit(self, lights: Lights, prompt_ids: Int64[Tensor, "b"]) -> Lights:
        """The lights, with those of prompts that bring their own in their views."""
        for prompt, own in self._own_lights:
            is_own = (prompt_ids == prompt)[:, None]
            lights = Lights(
                torch.where(is_own, own.ambient, lights.ambient),
                torch.where(is_own, own.key_direction, lights.key_direction),
                torch.where(is_own, own.key_color, lights.key_color),
                lights.shadow,
            )
        return lights


def _cut_look(surface: Surface, cut: Cut) -> Surface:
    """The surface with its look cut off from the scene; its vertices were cut before they were shared out."""
    lights = surface.lights
    return Surface(
        vertices_world=surface.vertices_world,
        faces=surface.faces,
        uvs=surface.uvs,
        face_uvs=surface.face_uvs,
        albedo=cut(surface.albedo),
        roughness=cut(surface.roughness),
        metallic=cut(surface.metallic),
        lights=Lights(cut(lights.ambient), cut(lights.key_direction), cut(lights.key_color), lights.shadow),
        normal_map=None if surface.normal_map is None else cut(surface.normal_map),
    )


def _lights_at(lights: Lights, views: Int64[Tensor, "n"]) -> Lights:
    return Lights(
        lights.ambient.index_select(0, views),
        lights.key_direction.index_select(0, views),
        lights.key_color.index_select(0, views),
        lights.shadow,
    )
