"""One step of the descent, from poses to moved parameters; knows nothing of events, files or previous steps."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.bodies.body import RestBody
from clipmatrix.config import RunConfig
from clipmatrix.generate.cuts import Cut, Stopwatch, ThinLeaf
from clipmatrix.generate.events import Losses, Seconds, Step
from clipmatrix.generate.figures import alone
from clipmatrix.generate.optimizers import Firmness, SceneOptimiser, Shares
from clipmatrix.generate.parts import Parts
from clipmatrix.generate.regularise import Regulariser, Terms
from clipmatrix.generate.schedule import tint_deviation
from clipmatrix.generate.score import Scorer, Scores
from clipmatrix.generate.silhouette import silhouette_term
from clipmatrix.guidance.augment import look
from clipmatrix.losses.bumpiness import bumpiness_loss
from clipmatrix.losses.texture_change import thin_out
from clipmatrix.render.pipeline import render
from clipmatrix.render.surface import Images, Lights, Surface
from clipmatrix.scene.lights import plain_lights, vary_lights
from clipmatrix.scene.scene import Scene
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras


@dataclass(frozen=True, eq=False)
class _Form:
    """The body of this step: bare, its offsets, and posed once per view."""

    bare: RestBody
    joint_rotations: Float[Tensor, "b j 3 3"]
    offset: Float[Tensor, "v 3"]
    vertices_world: Float[Tensor, "b v 3"]


class Stepper:
    """Renders a few random views, asks the guidance, and moves the scene's parameters.

    Everything random is drawn from one generator, so that a seed decides the whole run.
    """

    def __init__(
        self, parts: Parts, scene: Scene, scorer: Scorer, config: RunConfig, generator: torch.Generator
    ) -> None:
        self._parts, self._scene, self._scorer, self._config = parts, scene, scorer, config
        self._generator = generator
        self._is_textured = torch.tensor([prompt.textured for prompt in config.prompts])
        self._size = ImageSize(config.resolution, config.resolution)
        with torch.no_grad():
            found = scene.texture() if config.is_refining else None
        self._regularise = Regulariser(parts.body, scene.deform.start_offset, config.losses, found)
        scale = config.optimiser.refine if config.is_refining else 1.0
        self.optimiser = SceneOptimiser(scene, config.optimiser, config.steps, scale)
        with torch.no_grad():
            self._start_normals = None if scene.normal_map is None else scene.normal_map()
        self._plain_lights = plain_lights(config.scene.key_shadow)

    def step(self, index: int, place: int | None = None) -> Step:
        """The report on step ``index``, counted from 0, after the parameters have moved.

        Rates and tint are those of step ``place`` where one is given.

        If any gradient is not finite, nothing moves and the report says so.
        """
        place = index if place is None else place
        watch = Stopwatch()
        self.optimiser.clear()
        scene_cut, image_cut = Cut(), Cut()

        form = self._form()
        shots = self._parts.shots.sample(form.vertices_world.detach(), self._config.views, self._generator)
        form = replace(form, vertices_world=self._alone(form.vertices_world, shots.prompt_ids))
        surfaces = self._surfaces(form, shots.prompt_ids, scene_cut, self._tint(place))
        body = watch.lap()
        pictures = [
            render(surface, _cameras_at(shots.cameras, views), self._size, rasterizer=self._parts.rasterizer)
            for surface, views in surfaces
        ]
        seconds_render = watch.lap()
        images = _join(pictures, image_cut)
        order = torch.cat([views for _, views in surfaces])
        scores = self._judge(images, shots.prompt_ids.index_select(0, order))
        area = self._area(images, form, _cameras_at(shots.cameras, order), order)
        loss = scores.loss + area
        if loss.requires_grad:
            loss.backward()
        encoder = watch.lap()
        image_cut.backward()
        seconds_render += watch.lap()
        shown = next((surface.albedo for surface, _ in surfaces if surface.albedo.requires_grad), None)
        firmness = self.optimiser.firmness
        terms = self._terms(form, shown, firmness)
        bumps = self._bumps(surfaces)
        scene_cut.backward(terms.form())
        body += watch.lap()
        is_finite = bool(torch.isfinite(loss)) and self.optimiser.is_finite()
        shares = self.optimiser.step(index, place) if is_finite else Shares()
        seconds = Seconds(body, seconds_render, encoder, watch.lap())
        return Step(
            step=index + 1,
            steps=self._config.steps,
            score=float(scores.cosines.mean()),
            losses=_losses(scores, area, terms, bumps),
            seconds=seconds,
            is_skipped=not is_finite,
            form_share=shares.form,
            look_share=shares.look,
            form_firmness=firmness.form,
            look_firmness=firmness.look,
        )

    def _terms(self, form: _Form, albedo: Float[Tensor, "th tw 3"] | None, firmness: Firmness) -> Terms:
        """The regularisers; the gradients of those of the look have reached ``albedo``, which is a leaf, if any."""
        texels = None if albedo is None else ThinLeaf(albedo, thin_out)
        terms = self._regularise(form.bare.vertices, form.offset, albedo, texels.leaf if texels else None, firmness)
        if texels is not None and terms.look().requires_grad:
            terms.look().backward()
            texels.hand_back()
        return terms

    def _bumps(self, surfaces: list[tuple[Surface, Int64[Tensor, "_"]]]) -> float:
        """The weighed term of the normal map, whose gradient has reached it; zero where there is none."""
        normal_map = next((surface.normal_map for surface, _ in surfaces if surface.normal_map is not None), None)
        weight = self._config.losses.bumpiness
        if normal_map is None or not weight:
            return 0.0
        term = weight * bumpiness_loss(normal_map, self._start_normals)
        term.backward()
        return float(term.detach())

    def _form(self) -> _Form:
        rotations = self._parts.poses.sample(self._config.views, self._generator)
        bare, offset = self._scene.deform.bare(), self._scene.deform.offset()
        rest = RestBody(bare.vertices + offset, bare.rig)
        return _Form(bare, rotations, offset, self._scene.pose(rest, rotations))

    def _alone(self, vertices_world: Float[Tensor, "b v 3"], prompt_ids: Int64[Tensor, "b"]) -> Float[Tensor, "b v 3"]:
        return alone(vertices_world, self._parts.body, self._config.prompts, prompt_ids)

    def _tint(self, index: int) -> Float[Tensor, "3"] | None:
        """The passing colour of this step; none from a searched start, or where it has faded."""
        deviation = tint_deviation(index, self._config.steps, self._config.optimiser)
        if self._config.is_refining or deviation == 0.0:
            return None
        return deviation * torch.randn(3, generator=self._generator)

    def _surfaces(
        self, form: _Form, prompt_ids: Int64[Tensor, "b"], cut: Cut, tint: Float[Tensor, "3"] | None
    ) -> list[tuple[Surface, Int64[Tensor, "_"]]]:
        """The textured and the plain surface with the views that each serves; one without views is left out."""
        scene, settings = self._scene, self._config.scene
        turn, change = settings.light_turn, settings.light_change
        lights = vary_lights(scene.lights(), len(prompt_ids), turn, change, self._generator)
        plain = vary_lights(self._plain_lights, len(prompt_ids), turn, change, self._generator)
        vertices = cut(form.vertices_world)
        is_textured = self._is_textured.index_select(0, prompt_ids)
        surfaces = []
        textured_ids, plain_ids = torch.nonzero(is_textured).squeeze(1), torch.nonzero(~is_textured).squeeze(1)
        if len(textured_ids):
            seen = vertices.index_select(0, textured_ids)
            surface = scene.textured(seen, _lights_at(lights, textured_ids), tint)
            surfaces.append((_cut_look(surface, cut), textured_ids))
        if len(plain_ids):
            seen = vertices.index_select(0, plain_ids)
            surfaces.append((scene.plain(seen, _lights_at(plain, plain_ids)), plain_ids))
        return surfaces

    def _judge(self, images: Images, prompt_ids: Int64[Tensor, "b"]) -> Scores:
        """The scores of all looks of all pictures."""
        settings, guidance = self._config.augment, self._parts.guidance
        looks = look(images.rgb, images.alpha, guidance.image_size, settings, self._generator)
        return self._scorer(guidance.encode_images(looks), prompt_ids.repeat_interleave(settings.num_looks))

    def _area(self, images: Images, form: _Form, cameras: Cameras, order: Int64[Tensor, "b"]) -> Float[Tensor, ""]:
        """The weighed silhouette term; zero, and for nothing, where it has no weight."""
        weight = self._config.losses.silhouette_area
        if not weight:
            return images.alpha.new_zeros(())
        with torch.no_grad():
            bare_world = self._scene.pose(form.bare, form.joint_rotations).index_select(0, order)
        faces = self._parts.body.template.faces
        return weight * silhouette_term(images, bare_world, faces, cameras, self._parts.rasterizer)


def _join(pictures: list[Images], cut: Cut) -> Images:
    """All pictures in one batch, cut off from the renderer."""
    rgb = torch.cat([images.rgb for images in pictures])
    return Images(cut(rgb), cut(torch.cat([images.alpha for images in pictures])))


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


def _cameras_at(cameras: Cameras, views: Int64[Tensor, "n"]) -> Cameras:
    return Cameras(cameras.view_from_world.index_select(0, views), cameras.clip_from_view.index_select(0, views))


def _lights_at(lights: Lights, views: Int64[Tensor, "n"]) -> Lights:
    return Lights(
        lights.ambient.index_select(0, views),
        lights.key_direction.index_select(0, views),
        lights.key_color.index_select(0, views),
        lights.shadow,
    )


def _losses(scores: Scores, area: Float[Tensor, ""], terms: Terms, bumps: float) -> Losses:
    return Losses(
        guidance=float(scores.loss.detach()),
        offset_size=float(terms.offset_size.detach()),
        laplacian=float(terms.laplacian.detach()),
        edge_length=float(terms.edge_length.detach()),
        normal_consistency=float(terms.normal_consistency.detach()),
        silhouette_area=float(area.detach()),
        total_variation=float(terms.total_variation.detach()),
        texture_change=float(terms.texture_change.detach()),
        symmetry=float(terms.symmetry.detach()),
        bumpiness=bumps,
    )
