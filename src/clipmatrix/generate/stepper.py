"""One step of the descent, from poses to moved parameters; knows nothing of events, files or previous steps."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.bodies.body import RestBody
from clipmatrix.config import RunConfig
from clipmatrix.config.parameters import LEARNT
from clipmatrix.generate.cuts import Cut, Stopwatch, ThinLeaf
from clipmatrix.generate.detail import choose_detail
from clipmatrix.generate.distributions import Distributions
from clipmatrix.generate.events import Losses, Seconds, Step
from clipmatrix.generate.figures import alone
from clipmatrix.generate.optimizers import Firmness, SceneOptimiser, Shares
from clipmatrix.generate.parts import Parts
from clipmatrix.generate.regularise import Regulariser, Shown, Terms
from clipmatrix.generate.schedule import smoothing_strength, tint_deviation
from clipmatrix.generate.score import Scorer, Scores
from clipmatrix.generate.silhouette import silhouette_term
from clipmatrix.generate.staging import Staged, Staging
from clipmatrix.guidance.augment import look
from clipmatrix.losses.bumpiness import bumpiness_loss
from clipmatrix.losses.texture_change import thin_out
from clipmatrix.render.pipeline import render
from clipmatrix.render.surface import Images
from clipmatrix.scene.lights import plain_lights
from clipmatrix.scene.scene import Scene
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras
from clipmatrix.views.shots import Shots


@dataclass(frozen=True, eq=False)
class _Form:
    """The body of this step: bare, its offsets, and posed once per view."""

    bare: RestBody
    joint_rotations: Float[Tensor, "b j 3 3"]
    offset: Float[Tensor, "v 3"]
    vertices_world: Float[Tensor, "b v 3"]


class Stepper:
    """Renders a few random views, asks the guidance, and moves the scene's parameters.

    Everything random is drawn from one generator, so that a seed decides the whole run. ``detail`` is how finely it
    paints, see ``choose_detail``; None is as for a start that was not probed.
    """

    def __init__(
        self,
        parts: Parts,
        scene: Scene,
        scorer: Scorer,
        config: RunConfig,
        generator: torch.Generator,
        detail: float | None = None,
    ) -> None:
        self._detail = choose_detail(config, parts.guidance) if detail is None else detail
        if not self._detail:
            scene.freeze_detail()
        self._parts, self._scene, self._scorer, self._config = parts, scene, scorer, config
        self._generator, self._device = generator, parts.device
        # What is drawn for every pixel is drawn where the pixels are.
        self._look_generator = look_generator(generator, parts.device)
        self._size = ImageSize(config.resolution, config.resolution)
        with torch.no_grad():
            is_found = config.is_refining
            found = {name: texture() for name, texture in scene.textures().items()} if is_found else None
            self._start_normals = None if scene.normal_map is None else scene.normal_map()
        self._regularise = Regulariser(parts.stage, scene.deform.start_offset, config.losses, found)
        scale = config.optimiser.refine if config.is_refining else 1.0
        windows = {name: getattr(config.parameters, name).window for name in LEARNT}
        self.optimiser = SceneOptimiser(scene, config.optimiser, config.steps, scale, windows, self._detail)
        self._staging = Staging(scene, config)
        self._distributions = Distributions(parts, scene, config)

    @property
    def look_generator(self) -> torch.Generator:
        """Where what is drawn for every pixel comes from: part of what a resumed run goes on with."""
        return self._look_generator

    def step(self, index: int, place: int | None = None) -> Step:
        """The report on step ``index``, counted from 0, after the parameters have moved.

        Rates and tint are those of step ``place`` where one is given.

        If any gradient is not finite, nothing moves and the report says so.
        """
        place = index if place is None else place
        watch = Stopwatch()
        self.optimiser.clear()
        scene_cut, image_cut = Cut(), Cut()

        self._scene.deform.change_strength(smoothing_strength(place, self._config.steps, self._config.scene))
        form = self._form(index)
        drawn = self._distributions.shots(index, form.vertices_world.detach().cpu(), self._generator)
        shots = drawn.to(self._device)
        form = replace(form, vertices_world=self._alone(form.vertices_world, shots.prompt_ids))
        tint = self._tint(place)
        staged = self._staging.surfaces(form.vertices_world, shots.prompt_ids, scene_cut, tint, self._generator)
        body = watch.lap()
        pictures = [
            render(one.surface, _cameras_at(shots.cameras, one.views), self._size, rasterizer=self._parts.rasterizer)
            for one in staged
        ]
        seconds_render = watch.lap()
        images = _join(pictures, image_cut)
        order = torch.cat([one.views for one in staged])
        cameras = _cameras_at(shots.cameras, order)
        scores, by_view = self._judge(images, form, shots, cameras, order)
        if self._distributions.is_learning:
            self._distributions.see(drawn, form.joint_rotations.cpu(), by_view.cpu())
        area = self._area(images, form, cameras, order)
        loss = scores.loss + area
        if loss.requires_grad:
            loss.backward()
        encoder = watch.lap()
        image_cut.backward()
        seconds_render += watch.lap()
        firmness = self.optimiser.firmness
        terms = self._terms(form, staged, firmness)
        bumps = self._bumps(staged)
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

    def _terms(self, form: _Form, staged: list[Staged], firmness: Firmness) -> Terms:
        """The regularisers; the gradients of those of the looks have reached the albedos, which are leaves."""
        leaves = {
            one.outfit: (one.surface.albedo, ThinLeaf(one.surface.albedo, thin_out))
            for one in staged
            if one.outfit is not None and one.surface.albedo.requires_grad
        }
        shown = {name: Shown(albedo, texels.leaf) for name, (albedo, texels) in leaves.items()}
        terms = self._regularise(form.bare.vertices, form.offset, shown, firmness)
        if terms.look().requires_grad:
            terms.look().backward()
            for _, texels in leaves.values():
                texels.hand_back()
        return terms

    def _bumps(self, staged: list[Staged]) -> float:
        """The weighed term of the normal map, whose gradient has reached it; zero where there is none."""
        normal_map = next((one.surface.normal_map for one in staged if one.surface.normal_map is not None), None)
        weight = self._config.losses.bumpiness
        if normal_map is None or not weight:
            return 0.0
        term = weight * bumpiness_loss(normal_map, self._start_normals)
        term.backward()
        return float(term.detach())

    def _form(self, index: int) -> _Form:
        rotations = self._distributions.poses(index, self._generator).to(self._device)
        bare, offset = self._scene.deform.bare(), self._scene.deform.offset()
        rest = RestBody(bare.vertices + offset, bare.rig)
        return _Form(bare, rotations, offset, self._scene.pose(rest, rotations))

    def _alone(self, vertices_world: Float[Tensor, "b v 3"], prompt_ids: Int64[Tensor, "b"]) -> Float[Tensor, "b v 3"]:
        return alone(vertices_world, self._parts.body, self._config.prompts, prompt_ids)

    def _tint(self, index: int) -> Float[Tensor, "3"] | None:
        """The passing colour of this step; none from a searched start, on plain colours, or where it has faded."""
        deviation = tint_deviation(index, self._config.steps, self._config.optimiser)
        if self._config.is_refining or not self._detail or deviation == 0.0:
            return None
        return deviation * torch.randn(3, generator=self._generator).to(self._device)

    def _judge(
        self, images: Images, form: _Form, shots: Shots, cameras: Cameras, order: Int64[Tensor, "b"]
    ) -> tuple[Scores, Float[Tensor, "b"]]:
        """The scores of all looks of all pictures, which come in that order of the shots; the mean cosine of each."""
        settings, guidance = self._config.augment, self._parts.guidance
        state = self._look_generator.get_state()
        looks = look(images.rgb, images.alpha, guidance.image_size, settings, self._look_generator)
        prompt_ids = shots.prompt_ids.index_select(0, order)
        bare = None
        if self._scorer.wants_bare:
            # The same windows and backgrounds, so that nothing but the figure differs.
            again = torch.Generator(self._device).manual_seed(0).set_state(state)
            bare_images = self._bare(form, cameras, order)
            bare = guidance.encode_images(
                look(bare_images.rgb, bare_images.alpha, guidance.image_size, settings, again)
            )
        num = settings.num_looks
        scores = self._scorer(
            guidance.encode_images(looks),
            prompt_ids.repeat_interleave(num),
            shots.azimuths.index_select(0, order).repeat_interleave(num),
            bare,
        )
        by_picture = scores.cosines.reshape(len(order), num).mean(1)
        return scores, torch.zeros_like(by_picture).index_copy(0, order, by_picture)

    @torch.no_grad()
    def _bare(self, form: _Form, cameras: Cameras, order: Int64[Tensor, "b"]) -> Images:
        """Pictures of the body's neutral shape in plain grey, in the same poses and views."""
        body = self._parts.stage
        vertices = self._scene.pose(body.rest(body.neutral_shape), form.joint_rotations).index_select(0, order)
        surface = self._scene.plain(vertices, plain_lights(device=self._device))
        return render(surface, cameras, self._size, rasterizer=self._parts.rasterizer)

    def _area(self, images: Images, form: _Form, cameras: Cameras, order: Int64[Tensor, "b"]) -> Float[Tensor, ""]:
        """The weighed silhouette term; zero, and for nothing, where it has no weight."""
        weight = self._config.losses.silhouette_area
        if not weight:
            return images.alpha.new_zeros(())
        with torch.no_grad():
            bare_world = self._scene.pose(form.bare, form.joint_rotations).index_select(0, order)
        faces = self._parts.stage.template.faces
        return weight * silhouette_term(images, bare_world, faces, cameras, self._parts.rasterizer)


def look_generator(generator: torch.Generator, device: torch.device) -> torch.Generator:
    """The run's own generator on the CPU; on another device one of its own, seeded alike."""
    if device.type == generator.device.type:
        return generator
    return torch.Generator(device).manual_seed(generator.initial_seed())


def _join(pictures: list[Images], cut: Cut) -> Images:
    """All pictures in one batch, cut off from the renderer."""
    rgb = torch.cat([images.rgb for images in pictures])
    return Images(cut(rgb), cut(torch.cat([images.alpha for images in pictures])))


def _cameras_at(cameras: Cameras, views: Int64[Tensor, "n"]) -> Cameras:
    return Cameras(cameras.view_from_world.index_select(0, views), cameras.clip_from_view.index_select(0, views))


def _losses(scores: Scores, area: Float[Tensor, ""], terms: Terms, bumps: float) -> Losses:
    tensors = {
        "guidance": scores.loss,
        "offset_size": terms.offset_size,
        "laplacian": terms.laplacian,
        "edge_length": terms.edge_length,
        "normal_consistency": terms.normal_consistency,
        "silhouette_area": area,
        "total_variation": terms.total_variation,
        "texture_change": terms.texture_change,
        "symmetry": terms.symmetry,
    }
    # One look at the device for all of them.
    values = torch.stack([tensor.detach().double() for tensor in tensors.values()]).tolist()
    return Losses(**dict(zip(tensors, values, strict=True)), bumpiness=bumps)
