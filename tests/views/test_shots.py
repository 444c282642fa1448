"""Shots: the region is in the frame, over thousands of samples; prompts come by weight; the seed decides all."""

import math

import pytest
import torch
from torch import Tensor

from clipmatrix.errors import ConfigError
from clipmatrix.views.camera import Cameras
from clipmatrix.views.shots import ShotConfig, Shots, ShotSampler

NO_CLOSE_UPS = ShotConfig(close_up_probability=0.0)


def _figure(generator: torch.Generator, num: int = 1) -> Tensor:
    """Clouds of the size of a person, a little different in each pose: 1.7 m high, 0.6 wide, 0.3 deep."""
    cloud = torch.rand(num, 300, 3, generator=generator) - 0.5
    return cloud * torch.tensor([0.6, 1.7, 0.3]) + torch.tensor([0.1, 0.9, -0.05])


def _regions(vertices: Tensor) -> Tensor:
    """Everything; and softly the head, above 1.4 m."""
    height = vertices[0, :, 1]
    return torch.stack([torch.ones_like(height), ((height - 1.4) * 10 + 0.5).clamp(0, 1)])


def _ndc(cameras: Cameras, vertices: Tensor) -> Tensor:
    ones = torch.ones_like(vertices[..., :1])
    clip = torch.cat([vertices, ones], dim=-1).expand(cameras.view_from_world.shape[0], -1, -1)
    clip = clip @ cameras.clip_from_world.transpose(1, 2)
    assert (clip[..., 3] > 0.05).all()
    return clip[..., :3] / clip[..., 3:]


def _sampler(
    vertices: Tensor, config: ShotConfig = NO_CLOSE_UPS, weights: tuple[float, ...] = (1.0, 1.0)
) -> ShotSampler:
    return ShotSampler(config, _regions(vertices), torch.tensor(weights))


@pytest.mark.parametrize("aspect", [1.0, 0.6, 1.8])
def test_regions_are_inside_the_frame_and_fill_it(generator: torch.Generator, aspect: float) -> None:
    vertices = _figure(generator, 2000)
    sampler = _sampler(vertices)
    shots = sampler.sample(vertices, 2000, generator, aspect)
    ndc = _ndc(shots.cameras, vertices)
    member = sampler.region_weights[shots.prompt_ids] >= 0.5
    reach = torch.where(member, ndc[..., :2].abs().amax(dim=-1), 0.0).amax(dim=1)
    assert reach.max() <= 1 / 1.05 + 1e-4
    # The farthest vertex stands at the margin, and a jittered target never loses it: the frame is never empty.
    assert reach.min() >= 1 / 1.3 - 1e-4
    assert not shots.is_close_up.any()
    assert ndc[..., 2].abs().max() < 1


def test_close_ups_are_only_of_whole_bodies(generator: torch.Generator) -> None:
    vertices = _figure(generator)
    sampler = _sampler(vertices, ShotConfig(close_up_probability=0.5))
    shots = sampler.sample(vertices, 2000, generator)
    whole = shots.prompt_ids == 0
    assert 0.45 < shots.is_close_up[whole].float().mean() < 0.55
    assert not shots.is_close_up[~whole].any()
    clip = torch.cat([vertices, torch.ones_like(vertices[..., :1])], dim=-1) @ shots.cameras.clip_from_world.mT
    depth = clip[..., 3]
    off_axis = clip[..., :2].abs().amax(dim=-1) / depth.abs()
    is_framed = (off_axis <= 1) & (depth > 0)
    assert torch.equal((~is_framed).any(dim=1)[whole], shots.is_close_up[whole])
    # The place that a close-up is of stands in its middle, and the eye is in front of all that it shows of it.
    close_up = shots.is_close_up
    assert off_axis[close_up].amin(dim=1).max() < 1e-3
    assert torch.where(is_framed, depth, 9.0)[close_up].min() > 0.2


def test_prompts_come_by_weight_and_evenly(generator: torch.Generator) -> None:
    vertices = _figure(generator)
    sampler = _sampler(vertices, weights=(3.0, 1.0))
    for _ in range(20):
        counts = torch.bincount(sampler.sample(vertices, 8, generator).prompt_ids, minlength=2)
        assert counts.tolist() == [6, 2]
    # Single views have nothing to be even about: there the weight is a probability.
    ids = torch.cat([sampler.sample(vertices, 1, generator).prompt_ids for _ in range(600)])
    assert 0.68 < (ids == 0).float().mean() < 0.82
    # No place in the batch belongs to one prompt.
    first = {int(sampler.sample(vertices, 8, generator).prompt_ids[0]) for _ in range(40)}
    assert first == {0, 1}


def test_angles_follow_the_config(generator: torch.Generator) -> None:
    vertices = _figure(generator)
    config = ShotConfig(
        azimuth_range_deg=120.0,
        front_share=0.5,
        front_range_deg=20.0,
        elevation_mean_deg=10.0,
        elevation_spread_deg=5.0,
        roll_spread_deg=0.0,
        look_at_jitter=0.0,
    )
    shots = _sampler(vertices, config).sample(vertices, 4000, generator)
    degrees = shots.azimuths.rad2deg()
    assert degrees.abs().max() <= 120.001
    # Half of the views, and a sixth of the other half: 0.5 + 0.5 * 20 / 120.
    assert (degrees.abs() <= 20).float().mean().item() == pytest.approx(0.5 + 0.5 / 6, abs=0.03)
    back = shots.cameras.view_from_world[:, 2, :3]
    assert torch.allclose(torch.atan2(back[:, 0], back[:, 2]), shots.azimuths, atol=1e-4)
    elevation = torch.asin(back[:, 1]).rad2deg()
    assert elevation.mean().item() == pytest.approx(10, abs=0.5)
    assert elevation.min() >= -0.01
    assert elevation.max() <= 20.01
    # Without roll the horizon is level.
    assert shots.cameras.view_from_world[:, 0, 1].abs().max() < 1e-5
    fov = 2 * torch.atan(1 / shots.cameras.clip_from_view[:, 1, 1]).rad2deg()
    assert fov.min() >= 24.99
    assert fov.max() <= 50.01


def test_the_eye_stands_in_front_at_azimuth_zero(generator: torch.Generator) -> None:
    vertices = _figure(generator)
    still = ShotConfig(azimuth_range_deg=0.0, elevation_mean_deg=0.0, elevation_spread_deg=0.0, roll_spread_deg=0.0)
    shots = _sampler(vertices, still).sample(vertices, 3, generator)
    center = vertices.mean(dim=1)
    assert (shots.cameras.positions_world[:, 2] > 1.0).all()
    assert (shots.cameras.positions_world[:, 0] - center[:, 0]).abs().max() < 0.2


def test_the_seed_decides_all(generator: torch.Generator) -> None:
    vertices = _figure(generator)
    sampler = _sampler(vertices, ShotConfig())

    def draw(seed: int) -> Shots:
        return sampler.sample(vertices, 16, torch.Generator().manual_seed(seed))

    first, again, other = draw(5), draw(5), draw(6)
    assert torch.equal(first.cameras.clip_from_world, again.cameras.clip_from_world)
    assert torch.equal(first.prompt_ids, again.prompt_ids)
    assert not torch.equal(first.cameras.clip_from_world, other.cameras.clip_from_world)


def test_one_pose_for_all_is_the_same_as_its_copies(generator: torch.Generator) -> None:
    vertices = _figure(generator)
    sampler = _sampler(vertices, ShotConfig())
    one = sampler.sample(vertices, 6, torch.Generator().manual_seed(1))
    copies = sampler.sample(vertices.repeat(6, 1, 1), 6, torch.Generator().manual_seed(1))
    assert torch.equal(one.cameras.clip_from_world, copies.cameras.clip_from_world)


def test_cameras_take_no_gradient(generator: torch.Generator) -> None:
    vertices = _figure(generator).requires_grad_()
    shots = ShotSampler(NO_CLOSE_UPS, _regions(vertices.detach()), torch.ones(2)).sample(vertices, 4, generator)
    assert not shots.cameras.clip_from_world.requires_grad


def test_a_flat_or_single_point_region_keeps_its_distance(generator: torch.Generator) -> None:
    vertices = torch.zeros(1, 1, 3)
    shots = ShotSampler(NO_CLOSE_UPS, torch.ones(1, 1), torch.ones(1)).sample(vertices, 50, generator)
    assert (shots.cameras.positions_world.norm(dim=1) >= 0.149).all()
    assert shots.cameras.clip_from_world.isfinite().all()


def test_regions_without_vertices_and_weights_of_zero() -> None:
    with pytest.raises(ConfigError, match="no vertices"):
        ShotSampler(NO_CLOSE_UPS, torch.zeros(1, 5), torch.ones(1))
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ConfigError, match="weights"):
            ShotSampler(NO_CLOSE_UPS, torch.ones(1, 5), torch.tensor([wrong]))


@pytest.mark.parametrize(
    "setting",
    [
        {"margin_min": 0.9},
        {"margin_max": 1.0},
        {"fov_min_deg": 0.0},
        {"fov_max_deg": 10.0},
        {"front_share": 1.5},
        {"azimuth_range_deg": 200.0},
        {"elevation_spread_deg": -1.0},
        {"close_up_max": 0.1},
        {"look_at_jitter": math.nan},
    ],
)
def test_settings_that_make_no_sense(setting: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        ShotConfig(**setting)
