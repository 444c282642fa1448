"""Where a step looks from and how the body stands: fixed, widening, or learnt; knows no pictures and no losses."""

import math

import torch
from jaxtyping import Float, Int64
from scipy.spatial.transform import Rotation
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.jitter import rotations_from_vectors
from clipmatrix.bodies.poses import key_poses
from clipmatrix.config import RunConfig
from clipmatrix.config.parameters import Distribution
from clipmatrix.errors import ConfigError
from clipmatrix.generate.parts import Parts
from clipmatrix.scene.habits import Habit
from clipmatrix.scene.scene import Scene
from clipmatrix.views.shots import Shots, ShotSampler

NUM_SIDES = 12
"""Equal parts of the cameras' range of azimuths that are learnt apart."""

_NARROWEST = 0.1
"""The share of its full width at which a scheduled distribution begins."""

_TRIES = 4
"""Poses drawn for each one that is taken, where they are learnt."""


def build_habits(body: Body, config: RunConfig) -> dict[str, Habit]:
    """What the scene has to remember for distributions that are learnt.

    Raises:
        ConfigError: poses are to be learnt of a body that has no key poses.
    """
    habits = {}
    if config.parameters.cameras.mode == "learned":
        habits["cameras"] = Habit(NUM_SIDES)
    if config.parameters.poses.mode == "learned":
        if not body.humanoid:
            raise ConfigError(f"poses of {body.name} cannot be learned, since it is no humanoid: use scheduled")
        habits["poses"] = Habit(len(key_poses(body)))
    return habits


class Distributions:
    """Draws poses and shots as the config's parameters say."""

    def __init__(self, parts: Parts, scene: Scene, config: RunConfig) -> None:
        self._parts, self._config = parts, config
        self._cameras, self._poses = config.parameters.cameras, config.parameters.poses
        habits = dict(scene.habits.items())
        self._sides, self._stands = habits.get("cameras"), habits.get("poses")
        self._keys: Tensor | None = None
        if self._stands is not None:
            self._keys = torch.stack(list(key_poses(parts.body).values()))
        shots = parts.shots
        self._own = torch.tensor([])
        if isinstance(shots, ShotSampler):
            # A prompt's own cameras stay where it wants them.
            self._own = torch.tensor([plan is not None for plan in shots.plans] or [False] * len(config.prompts))

    @property
    def is_learning(self) -> bool:
        """Whether ``see`` has anything to take note of."""
        return self._sides is not None or self._stands is not None

    def poses(self, index: int, generator: torch.Generator) -> Float[Tensor, "b j 3 3"]:
        """The joint rotations of one pose per view at step ``index``."""
        num = self._config.views
        if self._keys is not None and isinstance(self._stands, Habit):
            drawn = self._parts.poses.sample(_TRIES * num, generator)
            weights = self._stands.weights()[self._nearest(drawn)]
            return drawn[torch.multinomial(weights, num, generator=generator)]
        drawn = self._parts.poses.sample(num, generator)
        share = width(self._poses, index / self._config.steps)
        return drawn if share == 1.0 else _towards_rest(drawn, share)

    def shots(self, index: int, vertices_world: Float[Tensor, "b v 3"], generator: torch.Generator) -> Shots:
        """One shot per view of the posed bodies at step ``index``."""
        num, sampler = self._config.views, self._parts.shots
        share = width(self._cameras, index / self._config.steps)
        if isinstance(sampler, ShotSampler) and isinstance(self._sides, Habit):
            return sampler.sample(vertices_world, num, generator, place=self._sides.place)
        if isinstance(sampler, ShotSampler) and share != 1.0:
            return sampler.sample(vertices_world, num, generator, spread=share)
        return sampler.sample(vertices_world, num, generator)

    def see(self, shots: Shots, joint_rotations: Float[Tensor, "b j 3 3"], cosines: Float[Tensor, "b"]) -> None:
        """Takes note of how well each view fitted its text."""
        if isinstance(self._stands, Habit):
            self._stands.see(self._nearest(joint_rotations), cosines)
        if isinstance(self._sides, Habit):
            wide = math.radians(self._config.shots.azimuth_range_deg)
            place = (shots.azimuths / max(wide, 1e-6) + 1.0) / 2.0
            sides = (place * NUM_SIDES).long().clamp(0, NUM_SIDES - 1)
            free = ~self._own.index_select(0, shots.prompt_ids)
            self._sides.see(sides[free], cosines[free])

    def _nearest(self, joint_rotations: Float[Tensor, "n j 3 3"]) -> Int64[Tensor, "n"]:
        """The key pose that each pose is most like, or whose mirror image it is."""
        assert self._keys is not None
        return torch.cdist(joint_rotations.flatten(1), self._keys.flatten(1)).argmin(dim=1)


def width(distribution: Distribution, place: float) -> float:
    """How wide the distribution is at that share of the run, from a tenth of its full width to all of it."""
    if distribution.mode != "scheduled":
        return 1.0
    share = (place - distribution.begin) / (distribution.end - distribution.begin)
    return _NARROWEST + (1.0 - _NARROWEST) * min(max(share, 0.0), 1.0)


def _towards_rest(joint_rotations: Float[Tensor, "b j 3 3"], share: float) -> Float[Tensor, "b j 3 3"]:
    """Each joint turned about the same axis by that share of its angle."""
    flat = joint_rotations.reshape(-1, 3, 3).double().numpy()
    vectors = torch.from_numpy(Rotation.from_matrix(flat).as_rotvec()).to(joint_rotations)
    return rotations_from_vectors(share * vectors.reshape(*joint_rotations.shape[:2], 3))
