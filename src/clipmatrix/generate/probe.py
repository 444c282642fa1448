"""The colours that a neutral start sets out from, found by trying: whole body first, then parts; knows no gradient."""

import itertools
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import RestBody
from clipmatrix.colour import linear_from_srgb
from clipmatrix.config import RunConfig
from clipmatrix.generate.figures import alone, place_of
from clipmatrix.generate.parts import Parts
from clipmatrix.generate.score import Scorer
from clipmatrix.guidance.augment import compose
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.plans import MAIN
from clipmatrix.procedural.reading import read_part
from clipmatrix.render.pipeline import render
from clipmatrix.render.surface import Lights, Surface
from clipmatrix.scene.scene import Scene
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras
from clipmatrix.views.shots import Shots

_SHADES = (-2.2, 0.0, 1.8)
"""Logits tried for red, green and blue: dark, middle and bright, 27 colours in all."""

_BACKGROUND = 0.72
_FOLLOWERS = {"torso": ("arms", "hands"), "legs": ("feet",)}
"""Parts that take the colour of another one, unless a prompt speaks of them."""

_LEAST_GAIN = 0.02
"""By how much a colour must lower the loss to be taken."""

_BELIEF = 0.15
"""By how much worse than the best the colours that the words name may score, and are believed all the same."""


@dataclass(frozen=True, eq=False)
class Probed:
    """The logits that were added to each part, and the loss of the body in these plain colours."""

    tints: Float[Tensor, "p 3"]
    loss: float


def probe_colors(
    scene: Scene, parts: Parts, scorer: Scorer, config: RunConfig, generator: torch.Generator, outfit: str = MAIN
) -> Probed | None:
    """Give the body, then each part that a prompt speaks of, the plain colour that its pictures score best in.

    Near grey an encoder's slope may lead to the opposite hue, and no descent comes back from there. Writes into the
    texture's coarsest level and its parts' colours; returns what was found. None where nothing is tried: a
    texture that is not learnt or whose start was given, or prompts without one. ``outfit`` is the texture set. 28
    colours for the body and for each part, each in ``optimiser.probe`` views of the encoder's size: two to ten seconds
    with the embedded one.
    """
    texture, given = scene.textures()[outfit], config.parameters.texture
    named = [place_of(prompt, parts.body) for prompt in config.prompts if _paints(prompt, outfit) and prompt.weight > 0]
    if not config.optimiser.probe or not named or not texture.luma[0].requires_grad:
        return None
    if outfit == MAIN and (given.start_color is not None or given.start_image):
        return None
    names = [name for name in parts.body.regions if name != "whole"] if texture.part_maps is not None else []
    probe = _Probe(scene, parts, scorer, config, generator, outfit)
    tints = torch.zeros(max(1, len(names)), 3)
    best = probe.loss(tints)
    colors = [torch.tensor(color) for color in itertools.product(_SHADES, repeat=3)]
    groups = [list(range(len(tints)))]
    regions = [region for region in names if region in named]
    for region in regions:
        followers = [name for name in _FOLLOWERS.get(region, ()) if name in names and name not in named]
        groups.append([names.index(name) for name in (region, *followers)])
    rest = sorted(set(groups[0]) - {index for group in groups[1:] for index in group})
    if regions and rest:
        # The body's colour was a compromise with the parts'.
        groups.append(rest)
    for group in groups:
        for color in colors:
            tried = tints.clone()
            tried[group] = color
            loss = probe.loss(tried)
            if loss < best - _LEAST_GAIN:
                best, tints = loss, tried
    told = _told_tints(tints, [prompt for prompt in config.prompts if _paints(prompt, outfit)], names, groups)
    if told is not None and (loss := probe.loss(told)) < best + _BELIEF:
        best, tints = loss, told
    texture.shift(tints.to(texture.start_logit))
    return Probed(tints, best)


def _told_tints(
    found: Float[Tensor, "p 3"], prompts: list[Prompt], names: list[str], groups: list[list[int]]
) -> Float[Tensor, "p 3"] | None:
    """The colours that were found, with those that prompts about parts name in their place; None where none is named.

    An encoder hardly tells whose of two colours is whose: a shirt and trousers exchanged score as well.
    """
    tints, is_told = found.clone(), False
    for prompt in prompts:
        told = read_part(prompt.text, prompt.region) if prompt.region in names and prompt.weight > 0 else None
        if told is None or not told.colors or told.kinds:
            continue
        group = next(group for group in groups[1:] if group[0] == names.index(prompt.region))
        tints[group] = torch.logit(torch.tensor(told.colors[0]).clamp(0.03, 0.97))
        is_told = True
    return tints if is_told else None


class _Probe:
    """The same views for every colour, so that nothing but the colour tells losses apart."""

    def __init__(
        self,
        scene: Scene,
        parts: Parts,
        scorer: Scorer,
        config: RunConfig,
        generator: torch.Generator,
        outfit: str,
    ) -> None:
        self._parts, self._scorer = parts, scorer
        num = config.optimiser.probe
        with torch.no_grad():
            device = parts.device
            rotations = parts.poses.sample(num, generator).to(device)
            rest = RestBody(scene.deform.bare().vertices + scene.deform.offset(), scene.deform.bare().rig)
            vertices = scene.pose(rest, rotations).expand(num, -1, -1)
            shots = parts.shots.sample(vertices.cpu(), num, generator).to(device)
            is_textured = torch.tensor([_paints(prompt, outfit) for prompt in config.prompts], device=device)
            chosen = torch.nonzero(is_textured.index_select(0, shots.prompt_ids)).squeeze(1)
            vertices = alone(vertices, parts.stage, config.prompts, shots.prompt_ids)
            self._surface = scene.textured(vertices.index_select(0, chosen), outfit=outfit)
        self._shots = _shots_at(shots, chosen)
        texture = scene.textures()[outfit]
        maps = texture.part_maps
        self._maps = torch.ones(1, 8, 8, device=device) if maps is None else maps
        side = texture.start_logit.shape[-1] // self._maps.shape[-1]
        self._start = torch.nn.functional.avg_pool2d(texture.start_logit[None], side)[0]

    def loss(self, tints: Float[Tensor, "p 3"]) -> float:
        """The mean loss of the body with these logits added to its parts."""
        if not len(self._shots.prompt_ids):
            return math.inf
        size = self._parts.guidance.image_size
        with torch.no_grad():
            logit = self._start + torch.einsum("pc,phw->chw", tints.to(self._maps), self._maps)
            albedo = linear_from_srgb(torch.sigmoid(logit)).permute(1, 2, 0)
            surface = _painted(self._surface, albedo)
            images = render(surface, self._shots.cameras, ImageSize(size, size), rasterizer=self._parts.rasterizer)
            pictures = compose(images.rgb, images.alpha, images.alpha.new_full((1, 1, 1, 3), _BACKGROUND))
            embeddings = self._parts.guidance.encode_images(pictures)
            return float(self._scorer(embeddings, self._shots.prompt_ids, self._shots.azimuths).loss)


def _paints(prompt: Prompt, outfit: str) -> bool:
    return prompt.textured and prompt.texture == outfit


def _shots_at(shots: Shots, chosen: Tensor) -> Shots:
    cameras = Cameras(
        shots.cameras.view_from_world.index_select(0, chosen), shots.cameras.clip_from_view.index_select(0, chosen)
    )
    return Shots(cameras, shots.prompt_ids[chosen], shots.azimuths[chosen], shots.is_close_up[chosen])


def _painted(surface: Surface, albedo: Float[Tensor, "h w 3"]) -> Surface:
    lights = surface.lights
    return Surface(
        surface.vertices_world, surface.faces, surface.uvs, surface.face_uvs, albedo, surface.roughness,
        surface.metallic, Lights(lights.ambient, lights.key_direction, lights.key_color),
    )  # fmt: skip
