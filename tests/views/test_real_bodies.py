"""Thousands of shots of the real body in sampled poses: what a prompt speaks of is in the frame, by any cameras."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.poses import PoseSampler
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.plans import CameraPlan
from clipmatrix.views.shots import ShotConfig, Shots, ShotSampler

REGIONS = ("whole", "head", "torso", "arms", "hands", "legs", "feet")
PLANS = {
    "none": None,
    "grid": CameraPlan(grid=(3, 3), azimuth_deg=(-60.0, 60.0), elevation_deg=(-20.0, 20.0)),
    "single": CameraPlan(grid=(1, 1)),
    "spans": CameraPlan((-180.0, 180.0), (-85.0, 85.0), (5.0, 120.0), (1.0, 1.1), roll_deg=(-180.0, 180.0)),
    "later": CameraPlan((-49.0, 49.0), (-15.0, 15.0), both_sides=True, projection="orthographic"),
}
NUM_POSES = 40


@pytest.fixture(scope="module")
def body() -> Body:
    return load_anny()


@pytest.fixture(scope="module")
def poses(body: Body) -> Tensor:
    rotations = PoseSampler(body).sample(NUM_POSES, torch.Generator().manual_seed(5))
    return skin(body.template.vertices, body.rig, world_from_joint(body.rig, rotations))


def _sampler(body: Body, config: ShotConfig, plan: CameraPlan | None) -> ShotSampler:
    weights = torch.stack([body.regions[name] for name in REGIONS])
    return ShotSampler(config, weights, torch.ones(len(REGIONS)), (plan,) * len(REGIONS))


def _reach(body: Body, sampler: ShotSampler, shots: Shots, vertices: Tensor) -> Tensor:
    """How far from the middle each shot's region reaches, 1 at the frame's edge, in both directions and in depth."""
    clip = torch.cat([vertices, torch.ones_like(vertices[..., :1])], dim=-1) @ shots.cameras.clip_from_world.mT
    member = sampler.region_weights[shots.prompt_ids] >= 0.5
    # Close-ups may have something of the body behind their eye.
    assert bool((clip[..., 3] > 0)[member & ~shots.is_close_up[:, None]].all())
    ndc = clip[..., :3] / clip[..., 3:].clamp_min(1e-6)
    return torch.where(member, ndc.abs().amax(dim=-1), 0.0).amax(dim=1)


def _sampled(body: Body, poses: Tensor, config: ShotConfig, plan: CameraPlan | None, rounds: int) -> tuple:
    sampler = _sampler(body, config, plan)
    generator = torch.Generator().manual_seed(20210927)
    reaches, all_shots = [], []
    for _ in range(rounds):
        shots = sampler.sample(poses, NUM_POSES, generator)
        reaches.append(_reach(body, sampler, shots, poses))
        all_shots.append(shots)
    return torch.cat(reaches), all_shots


@pytest.mark.parametrize("rounds", [2, pytest.param(75, marks=pytest.mark.slow)], ids=["some", "thousands"])
@pytest.mark.parametrize("name", PLANS)
def test_the_region_is_inside_the_frame(body: Body, poses: Tensor, name: str, rounds: int) -> None:
    reach, _ = _sampled(body, poses, ShotConfig(close_up_probability=0.0), PLANS[name], rounds)
    assert float(reach.max()) <= 1.0 + 1e-4
    assert float(reach.min()) > 0.5


@pytest.mark.parametrize("rounds", [4, pytest.param(75, marks=pytest.mark.slow)], ids=["some", "thousands"])
def test_only_close_ups_of_whole_bodies_cut_it(body: Body, poses: Tensor, rounds: int) -> None:
    reach, shots = _sampled(body, poses, ShotConfig(close_up_probability=0.5), None, rounds)
    is_close_up = torch.cat([one.is_close_up for one in shots])
    whole = torch.cat([one.prompt_ids for one in shots]) == 0
    assert bool((reach[~is_close_up] <= 1.0 + 1e-4).all())
    assert bool(is_close_up[whole].any())
    assert not bool(is_close_up[~whole].any())


def test_a_grids_own_close_ups_are_only_those_asked_for(body: Body, poses: Tensor) -> None:
    """A grid is exact by itself, whatever the run's share of close-ups; its own share counts all the same."""
    often = ShotConfig(close_up_probability=1.0)
    _, shots = _sampled(body, poses, often, PLANS["grid"], 2)
    assert not bool(torch.cat([one.is_close_up for one in shots]).any())
    plan = PLANS["grid"]
    assert plan is not None
    _, shots = _sampled(body, poses, often, replace(plan, close_ups=1.0), 2)
    ids = torch.cat([one.prompt_ids for one in shots])
    assert bool(torch.cat([one.is_close_up for one in shots])[ids == 0].all())
