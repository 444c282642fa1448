"""Random cameras that frame what a prompt speaks of; knows prompts only as weights over vertices."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from clipmatrix.errors import ConfigError
from clipmatrix.views.camera import Cameras, fit_distance, look_at, perspective
from clipmatrix.views.framing import camera_axes, extents, frame_distance

_MEMBER = 0.5
"""Region weight from which a vertex must be in the frame."""


@dataclass(frozen=True)
class ShotConfig:
    """Where the cameras may stand.

    Azimuths lie within ``azimuth_range_deg`` of the front, evenly; a share ``front_share`` of the views within
    ``front_range_deg``. Elevations are normal, cut at twice their spread. ``margin_min`` to ``margin_max`` is the
    frame's size over the region's, at least 1. The target moves by up to ``look_at_jitter`` of the region's half
    height. Whole-body prompts take close-ups with ``close_up_probability``, of ``close_up_min`` to ``close_up_max``
    of the body's half height: the only shots that cut the region.
    """

    azimuth_range_deg: float = 180.0
    front_share: float = 0.35
    front_range_deg: float = 40.0
    elevation_mean_deg: float = 5.0
    elevation_spread_deg: float = 12.0
    margin_min: float = 1.05
    margin_max: float = 1.3
    fov_min_deg: float = 25.0
    fov_max_deg: float = 50.0
    look_at_jitter: float = 0.08
    roll_spread_deg: float = 3.0
    close_up_probability: float = 0.15
    close_up_min: float = 0.25
    close_up_max: float = 0.5

    def __post_init__(self) -> None:
        _require_between("azimuth_range_deg", self.azimuth_range_deg, 0.0, 180.0)
        _require_between("front_range_deg", self.front_range_deg, 0.0, 180.0)
        _require_between("elevation_mean_deg", self.elevation_mean_deg, -80.0, 80.0)
        _require_between("elevation_spread_deg", self.elevation_spread_deg, 0.0, 40.0)
        _require_between("roll_spread_deg", self.roll_spread_deg, 0.0, 180.0)
        for name in ("front_share", "close_up_probability", "look_at_jitter"):
            _require_between(name, getattr(self, name), 0.0, 1.0)
        for low, high, least, most in (
            ("margin_min", "margin_max", 1.0, 10.0),
            ("fov_min_deg", "fov_max_deg", 5.0, 120.0),
            ("close_up_min", "close_up_max", 0.05, 1.0),
        ):
            _require_between(low, getattr(self, low), least, most)
            _require_between(high, getattr(self, high), getattr(self, low), most)


@dataclass(frozen=True, eq=False)
class Shots:
    """Cameras, the prompt that each one serves, and how each one looks at it.

    ``azimuths`` are in radians within [-pi, pi], 0 at the figure's front, as view words need them.
    """

    cameras: Cameras
    prompt_ids: Int64[Tensor, "b"]
    azimuths: Float[Tensor, "b"]
    is_close_up: Bool[Tensor, "b"]


@dataclass(frozen=True, eq=False)
class ShotSampler:
    """Draws shots for prompts.

    ``region_weights`` holds for each prompt the membership of every vertex in [0, 1]; ``prompt_weights`` how often
    each prompt is served, relative to the others.

    Raises: ConfigError when a region has no vertices, or the weights are not above zero.
    """

    config: ShotConfig
    region_weights: Float[Tensor, "p v"]
    prompt_weights: Float[Tensor, "p"]

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
    ) -> Shots:
        """``num_views`` shots of the posed vertices: one pose for all views, or one per view.

        Every vertex of the prompt's region lies in the frame, except in close-ups. Prompts come in proportion to
        their weights, as evenly as whole numbers allow. Cameras are constants: no gradient reaches the vertices.
        """
        device = vertices_world.device
        poses = vertices_world.detach().expand(num_views, *vertices_world.shape[1:])
        prompt_ids = self._sample_prompts(num_views, generator)
        draw = _draw(self.config, num_views, generator)
        is_whole = (self.region_weights.amin(dim=1) >= _MEMBER).to(prompt_ids.device)
        is_close_up = draw.is_close_up & is_whole.index_select(0, prompt_ids)
        axes = camera_axes(draw.azimuth, draw.elevation, draw.roll).to(device)
        fov = draw.fov.to(device)
        targets, distances = [], []
        for i, prompt in enumerate(prompt_ids.tolist()):
            member_ids = torch.nonzero(self.region_weights[prompt] >= _MEMBER).squeeze(1).to(device)
            points = poses[i].index_select(0, member_ids)
            place = _close_up if bool(is_close_up[i]) else _full_frame
            target, distance = place(points, axes[i], fov[i], draw, i, aspect)
            targets.append(target)
            distances.append(distance)
        target = torch.stack(targets)
        eye = target + torch.stack(distances)[:, None] * axes[:, 2]
        cameras = Cameras(look_at(eye, target, draw.roll.to(device)), perspective(fov, aspect))
        return Shots(cameras, prompt_ids.to(device), draw.azimuth.to(device), is_close_up.to(device))

    def _sample_prompts(self, num_views: int, generator: torch.Generator) -> Int64[Tensor, "b"]:
        """Prompt ids by weight: one random offset for equal steps, so that counts never differ by more than one."""
        weights = self.prompt_weights.to(generator.device, torch.float64)
        edges = weights.cumsum(0) / weights.sum()
        offset = torch.rand(1, generator=generator, device=generator.device, dtype=torch.float64)
        steps = (torch.arange(num_views, device=generator.device) + offset) / num_views
        ids = torch.searchsorted(edges, steps, right=True).clamp_max(len(weights) - 1)
        return ids.index_select(0, torch.randperm(num_views, generator=generator, device=generator.device))


@dataclass(frozen=True, eq=False)
class _Draw:
    """The random numbers of a batch of shots; angles in radians, ``shift`` and ``pick`` in [-1, 1] and [0, 1)."""

    azimuth: Float[Tensor, "b"]
    elevation: Float[Tensor, "b"]
    roll: Float[Tensor, "b"]
    fov: Float[Tensor, "b"]
    margin: Float[Tensor, "b"]
    shift: Float[Tensor, "b 2"]
    is_close_up: Bool[Tensor, "b"]
    close_up: Float[Tensor, "b"]
    pick: Float[Tensor, "b"]


def _draw(config: ShotConfig, num: int, generator: torch.Generator) -> _Draw:
    """All random numbers, always as many: what one view draws does not depend on another's kind of shot."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(num, *shape, generator=generator, device=generator.device)
        return low + (high - low) * drawn

    def normal(spread: float) -> Tensor:
        return spread * torch.randn(num, generator=generator, device=generator.device).clamp(-2.0, 2.0)

    front = math.radians(min(config.front_range_deg, config.azimuth_range_deg))
    wide = math.radians(config.azimuth_range_deg)
    is_front = uniform(0.0, 1.0) < config.front_share
    azimuth = uniform(-1.0, 1.0) * torch.where(is_front, front, wide)
    elevation = math.radians(config.elevation_mean_deg) + normal(math.radians(config.elevation_spread_deg))
    return _Draw(
        azimuth=azimuth,
        elevation=elevation.clamp(-math.radians(85), math.radians(85)),
        roll=normal(math.radians(config.roll_spread_deg)),
        fov=uniform(math.radians(config.fov_min_deg), math.radians(config.fov_max_deg)),
        margin=uniform(config.margin_min, config.margin_max),
        shift=config.look_at_jitter * uniform(-1.0, 1.0, 2),
        is_close_up=uniform(0.0, 1.0) < config.close_up_probability,
        close_up=uniform(config.close_up_min, config.close_up_max),
        pick=uniform(0.0, 1.0),
    )


Placement = tuple[Float[Tensor, "3"], Float[Tensor, ""]]
"""A target in world space, and the eye's distance from it in metres."""


def _full_frame(
    points_world: Float[Tensor, "n 3"],
    axes: Float[Tensor, "3 3"],
    fov: Float[Tensor, ""],
    draw: _Draw,
    view: int,
    aspect: float,
) -> Placement:
    """The whole region in the frame, near its middle."""
    low, high = extents(points_world, axes)
    half_height = ((high - low) / 2)[:2].amax()
    target = ((low + high) / 2) @ axes + half_height * draw.shift[view].to(axes) @ axes[:2]
    return target, frame_distance(points_world, target, axes, fov, draw.margin[view].to(axes), aspect)


def _close_up(
    points_world: Float[Tensor, "n 3"],
    axes: Float[Tensor, "3 3"],
    fov: Float[Tensor, ""],
    draw: _Draw,
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


def _half_height(points_world: Float[Tensor, "n 3"], axes: Float[Tensor, "3 3"]) -> Float[Tensor, ""]:
    """Half the points' larger extent across the view, in metres."""
    low, high = extents(points_world, axes[:2])
    return ((high - low) / 2).amax()


def _require_between(name: str, value: float, low: float, high: float) -> None:
    """Raises: ConfigError when the value is outside."""
    if not low <= value <= high:
        raise ConfigError(f"{name} must be from {low:g} to {high:g}, not {value:g}")
