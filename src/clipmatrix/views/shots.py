"""Random cameras that frame what a prompt speaks of; knows prompts only as weights over vertices."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from clipmatrix.errors import ConfigError
from clipmatrix.plans import CameraPlan
from clipmatrix.views.camera import Cameras, fit_distance, look_at, orthographic, perspective
from clipmatrix.views.draws import Draw, choose, narrowed, read, throw
from clipmatrix.views.framing import camera_axes, extents, frame_distance, frame_half_height
from clipmatrix.views.shot_config import ShotConfig

__all__ = ["ShotConfig", "ShotSampler", "Shots"]

_MEMBER = 0.5
"""Region weight from which a vertex must be in the frame."""

_STAND_OFF = 0.5
"""How far in front of the body an eye without perspective stands, in metres: it matters to nothing but clipping."""


@dataclass(frozen=True, eq=False)
class Shots:
    """Cameras, the prompt that each one serves, and how each one looks at it.

    ``azimuths`` are in radians within [-pi, pi], 0 at the figure's front, as view words need them.
    """

    cameras: Cameras
    prompt_ids: Int64[Tensor, "b"]
    azimuths: Float[Tensor, "b"]
    is_close_up: Bool[Tensor, "b"]

    def to(self, device: torch.device) -> "Shots":
        """The shots with their tensors on a device."""
        cameras = Cameras(self.cameras.view_from_world.to(device), self.cameras.clip_from_view.to(device))
        return Shots(cameras, self.prompt_ids.to(device), self.azimuths.to(device), self.is_close_up.to(device))


@dataclass(frozen=True, eq=False)
class ShotSampler:
    """Draws shots for prompts.

    ``region_weights`` holds for each prompt the membership of every vertex in [0, 1]; ``prompt_weights`` how often
    each prompt is served, relative to the others. ``plans`` are the prompts' own cameras; without any, all None.

    Raises: ConfigError when a region has no vertices, or the weights are not above zero.
    """

    config: ShotConfig
    region_weights: Float[Tensor, "p v"]
    prompt_weights: Float[Tensor, "p"]
    plans: tuple[CameraPlan | None, ...] = ()

    def __post_init__(self) -> None:
        if bool((self.region_weights.amax(dim=1) < _MEMBER).any()):
            raise ConfigError("a prompt's region has no vertices on this body; give it another region")
        if not bool((self.prompt_weights > 0).all() & self.prompt_weights.isfinite().all()):
            raise ConfigError("prompt weights must be above zero; remove the prompts that should not count")

    def sample(
        self,
        vertices_world: Float[Tensor, "#b v 3"],
        num_views: int,
        generator: torch.Generator,
        aspect: float = 1.0,
        spread: float = 1.0,
        place: Callable[[Float[Tensor, "b"]], Float[Tensor, "b"]] | None = None,
    ) -> Shots:
        """``num_views`` shots of the posed vertices: one pose for all views, or one per view.

        Every vertex of the prompt's region lies in the frame, except in close-ups and where a plan fixes the distance.
        Prompts come in proportion to their weights, as evenly as whole numbers allow. Cameras are constants: no
        gradient reaches the vertices. A ``spread`` under 1 narrows where cameras stand; ``place`` puts the even numbers
        of [0, 1), which azimuths come from, elsewhere in [0, 1). Prompts with a plan have their own places.
        """
        device = vertices_world.device
        poses = vertices_world.detach().expand(num_views, *vertices_world.shape[1:])
        prompt_ids = self._sample_prompts(num_views, generator)
        draw = self._draw(num_views, prompt_ids, generator, spread, place)
        is_whole = (self.region_weights.amin(dim=1) >= _MEMBER).to(prompt_ids.device)
        is_close_up = draw.is_close_up & is_whole.index_select(0, prompt_ids)
        axes = camera_axes(draw.azimuth, draw.elevation, draw.roll).to(device)
        fov = draw.fov.to(device)
        targets, distances, lenses = [], [], []
        for i, prompt in enumerate(prompt_ids.tolist()):
            member_ids = torch.nonzero(self.region_weights[prompt] >= _MEMBER).squeeze(1).to(device)
            points = poses[i].index_select(0, member_ids)
            frame = _close_up if bool(is_close_up[i]) else _full_frame
            target, distance = frame(points, axes[i], fov[i], draw, i, aspect)
            if bool(draw.is_flat[i]):
                lens, distance = _flat_lens(points, poses[i], target, axes[i], fov[i], distance, draw, i, aspect)
                lenses.append(lens)
            targets.append(target)
            distances.append(distance)
        target = torch.stack(targets)
        eye = target + torch.stack(distances)[:, None] * axes[:, 2]
        clip_from_view = perspective(fov, aspect)
        if lenses:
            clip_from_view = clip_from_view.index_copy(0, torch.nonzero(draw.is_flat).squeeze(1), torch.stack(lenses))
        cameras = Cameras(look_at(eye, target, draw.roll.to(device)), clip_from_view)
        return Shots(cameras, prompt_ids.to(device), draw.azimuth.to(device), is_close_up.to(device))

    def _draw(
        self,
        num_views: int,
        prompt_ids: Int64[Tensor, "b"],
        generator: torch.Generator,
        spread: float,
        place: Callable[[Float[Tensor, "b"]], Float[Tensor, "b"]] | None,
    ) -> Draw:
        """The numbers of all shots: by the settings, and by a prompt's own plan at the views that serve it."""
        dice = throw(num_views, generator)
        config = self.config if spread == 1.0 else narrowed(self.config, spread)
        draw = read(dice, config)
        if place is not None:
            # Where learnt, all azimuths come from the whole range: the front's share would be counted twice.
            placed = replace(dice, azimuth=place(dice.azimuth), front=torch.ones_like(dice.front))
            draw = read(placed, config)
        for prompt, plan in enumerate(self.plans):
            if plan is not None:
                draw = choose(prompt_ids == prompt, read(dice, config, plan), draw)
        return draw

    def _sample_prompts(self, num_views: int, generator: torch.Generator) -> Int64[Tensor, "b"]:
        """Prompt ids by weight: one random offset for equal steps, so that counts never differ by more than one."""
        weights = self.prompt_weights.to(generator.device, torch.float64)
        edges = weights.cumsum(0) / weights.sum()
        offset = torch.rand(1, generator=generator, device=generator.device, dtype=torch.float64)
        steps = (torch.arange(num_views, device=generator.device) + offset) / num_views
        ids = torch.searchsorted(edges, steps, right=True).clamp_max(len(weights) - 1)
        return ids.index_select(0, torch.randperm(num_views, generator=generator, device=generator.device))


Placement = tuple[Float[Tensor, "3"], Float[Tensor, ""]]
"""A target in world space, and the eye's distance from it in metres."""


def _full_frame(
    points_world: Float[Tensor, "n 3"],
    axes: Float[Tensor, "3 3"],
    fov: Float[Tensor, ""],
    draw: Draw,
    view: int,
    aspect: float,
) -> Placement:
    """The whole region in the frame, near its middle."""
    low, high = extents(points_world, axes)
    half_height = ((high - low) / 2)[:2].amax()
    target = ((low + high) / 2) @ axes + half_height * draw.shift[view].to(axes) @ axes[:2]
    if float(draw.distance[view]) > 0.0:
        return target, draw.distance[view].to(axes)
    return target, frame_distance(points_world, target, axes, fov, draw.margin[view].to(axes), aspect)


def _close_up(
    points_world: Float[Tensor, "n 3"],
    axes: Float[Tensor, "3 3"],
    fov: Float[Tensor, ""],
    draw: Draw,
    view: int,
    aspect: float,
) -> Placement:
    """Some place of the region, and a sphere around what is seen there that fills the frame's height.

    All heights are equally likely, however densely their vertices lie: a face or a foot has as many as all the rest.
    The place may be hidden, a hand behind the back: the target is as near to the eye as anything in that direction.
    """
    height = points_world @ axes[1]
    wanted = torch.lerp(height.amin(), height.amax(), draw.pick[view].to(height))
    pick = int((height - wanted).abs().argmin())
    radius = draw.close_up[view].to(axes) * _half_height(points_world, axes)
    from_pick = (points_world - points_world[pick]) @ axes.T
    is_in_line = from_pick[:, :2].norm(dim=1) <= radius
    nearest = torch.where(is_in_line, from_pick[:, 2], 0.0).amax()
    return points_world[pick] + nearest * axes[2], fit_distance(radius[None], fov[None])[0]


def _flat_lens(
    points_world: Float[Tensor, "n 3"],
    body_world: Float[Tensor, "v 3"],
    target: Float[Tensor, "3"],
    axes: Float[Tensor, "3 3"],
    fov: Float[Tensor, ""],
    distance: Float[Tensor, ""],
    draw: Draw,
    view: int,
    aspect: float,
) -> tuple[Float[Tensor, "4 4"], Float[Tensor, ""]]:
    """A lens without perspective that frames what one with perspective would, and an eye in front of the whole body."""
    if bool(draw.is_close_up[view]) or float(draw.distance[view]) > 0.0:
        half = distance * torch.tan(fov / 2)
    else:
        half = frame_half_height(points_world, target, axes, draw.margin[view].to(axes), aspect)
    depth = (body_world - target) @ axes[2]
    return orthographic(half[None], aspect)[0], depth.amax() + _STAND_OFF


def _half_height(points_world: Float[Tensor, "n 3"], axes: Float[Tensor, "3 3"]) -> Float[Tensor, ""]:
    """Half the points' larger extent across the view, in metres."""
    low, high = extents(points_world, axes[:2])
    return ((high - low) / 2).amax()
