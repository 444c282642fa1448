"""A prompt's own cameras: spans, grids, both sides, distances, no perspective; over thousands of samples."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from clipmatrix.errors import ConfigError
from clipmatrix.plans import CameraPlan
from clipmatrix.views.camera import Cameras
from clipmatrix.views.shots import ShotConfig, Shots, ShotSampler

DEGREE = math.pi / 180


def _figure(generator: torch.Generator) -> Tensor:
    """A cloud of the size of a person: 1.7 m high, 0.6 wide, 0.3 deep."""
    cloud = torch.rand(1, 300, 3, generator=generator) - 0.5
    return cloud * torch.tensor([0.6, 1.7, 0.3]) + torch.tensor([0.1, 0.9, -0.05])


def _head(vertices: Tensor) -> Tensor:
    return (vertices[0, :, 1] > 1.4).float()


def _shots(plan: CameraPlan | None, generator: torch.Generator, num: int = 3000, **changes: float) -> tuple:
    vertices = _figure(generator)
    regions = torch.stack([torch.ones(300), _head(vertices)])
    sampler = ShotSampler(ShotConfig(**changes), regions, torch.tensor([1.0, 1.0]), (plan, plan))
    return vertices, sampler, sampler.sample(vertices, num, generator)


def _ndc(cameras: Cameras, vertices: Tensor) -> Tensor:
    clip = torch.cat([vertices, torch.ones_like(vertices[..., :1])], dim=-1) @ cameras.clip_from_world.mT
    return clip[..., :3] / clip[..., 3:]


def _elevations(shots: Shots) -> Tensor:
    return torch.asin(shots.cameras.view_from_world[:, 2, 1])


def test_without_plans_nothing_changes(generator: torch.Generator) -> None:
    vertices = _figure(generator)
    regions = torch.stack([torch.ones(300), _head(vertices)])
    bare = ShotSampler(ShotConfig(), regions, torch.tensor([1.0, 1.0]))
    found = [
        sampler.sample(vertices, 50, torch.Generator().manual_seed(3)).cameras.clip_from_world
        for sampler in (bare, replace(bare, plans=(None, None)), replace(bare, plans=(CameraPlan(), None)))
    ]
    assert torch.equal(found[0], found[1])
    assert torch.allclose(found[0], found[2], atol=1e-5)


def test_spans_are_kept_and_used(generator: torch.Generator) -> None:
    plan = CameraPlan(
        azimuth_deg=(20.0, 70.0), elevation_deg=(-10.0, 30.0), fov_deg=(10.0, 20.0), margin=(1.2, 1.5), close_ups=0.0
    )
    vertices, sampler, shots = _shots(plan, generator)
    azimuths, elevations = shots.azimuths / DEGREE, _elevations(shots) / DEGREE
    assert 20 - 1e-3 <= azimuths.min() < 21
    assert 69 < azimuths.max() <= 70 + 1e-3
    assert -10 - 1e-2 <= elevations.min() < -9
    assert 29 < elevations.max() <= 30 + 1e-2
    fov = 2 * torch.atan(1 / shots.cameras.clip_from_view[:, 1, 1]) / DEGREE
    assert 10 - 1e-3 <= fov.min() < fov.max() <= 20 + 1e-3
    reach = torch.where(
        sampler.region_weights[shots.prompt_ids] > 0.5, _ndc(shots.cameras, vertices)[..., :2].abs().amax(-1), 0.0
    )
    assert reach.amax(1).max() <= 1 / 1.2 + 1e-4
    assert not shots.is_close_up.any()


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
@pytest.mark.parametrize(
    "plan", [CameraPlan(), CameraPlan(grid=(3, 3)), CameraPlan(both_sides=True, azimuth_deg=(-49.0, 49.0))]
)
def test_the_region_is_always_inside_the_frame(plan: CameraPlan, projection, generator: torch.Generator) -> None:
    plan = replace(plan, projection=projection)
    vertices, sampler, shots = _shots(plan, generator, close_up_probability=0.0)
    ndc = _ndc(shots.cameras, vertices)
    inside = ndc.abs().amax(dim=-1) <= 1.0 + 1e-5
    member = sampler.region_weights[shots.prompt_ids] > 0.5
    assert bool((inside | ~member).all())
    # It also fills the frame: the nearest to the edge is no farther from it than the widest margin says.
    reach = torch.where(member, ndc[..., :2].abs().amax(dim=-1), 0.0).amax(dim=1)
    assert reach.min() >= 1 / 1.3 - 1e-4


def test_a_grid_has_fixed_cameras_that_are_all_used(generator: torch.Generator) -> None:
    plan = CameraPlan(
        grid=(3, 2), azimuth_deg=(-60.0, 60.0), elevation_deg=(-20.0, 20.0), fov_deg=(30.0, 30.0), margin=(1.1, 1.1)
    )
    _, _, shots = _shots(plan, generator)
    for prompt in (0, 1):
        rows = shots.prompt_ids == prompt
        places = torch.stack([shots.azimuths[rows] / DEGREE, _elevations(shots)[rows] / DEGREE], dim=1).round()
        assert {tuple(place) for place in places.int().tolist()} == {(a, e) for a in (-60, 0, 60) for e in (-20, 20)}
        eyes = shots.cameras.positions_world[rows]
        assert len(torch.unique((eyes * 1000).round(), dim=0)) <= 12


def test_both_sides_never_shows_a_pure_side(generator: torch.Generator) -> None:
    _, _, shots = _shots(CameraPlan(azimuth_deg=(-49.0, 49.0), both_sides=True), generator)
    off = shots.azimuths.abs() / DEGREE
    assert bool(((off <= 49.01) | (off >= 130.99)).all())
    assert 0.4 < float((off > 90).float().mean()) < 0.6


def test_a_distance_is_kept_and_may_cut_the_region(generator: torch.Generator) -> None:
    vertices, _, shots = _shots(CameraPlan(distance_m=(0.8, 0.9), fov_deg=(30.0, 30.0)), generator, num=400)
    whole = shots.prompt_ids == 0
    eyes = shots.cameras.positions_world[whole]
    apart = (eyes - torch.tensor([0.1, 0.9, -0.05])).norm(dim=1)
    assert bool(((apart > 0.75) & (apart < 0.95)).all())
    assert bool((_ndc(shots.cameras, vertices)[whole][..., :2].abs().amax(-1) > 1).any())


def test_no_perspective_means_parallel_rays(generator: torch.Generator) -> None:
    """A point moved along the view's axis stays at its pixel."""
    vertices, _, shots = _shots(CameraPlan(projection="orthographic"), generator, num=40)
    along = shots.cameras.view_from_world[:, 2, :3]
    moved = vertices + 0.2 * along[:, None]
    assert torch.allclose(_ndc(shots.cameras, vertices)[..., :2], _ndc(shots.cameras, moved)[..., :2], atol=1e-5)


def test_a_narrow_spread_stays_in_front_and_places_are_followed(generator: torch.Generator) -> None:
    vertices = _figure(generator)
    sampler = ShotSampler(ShotConfig(), torch.ones(1, 300), torch.ones(1))
    narrow = sampler.sample(vertices, 500, generator, spread=0.1)
    assert float(narrow.azimuths.abs().max()) <= 18.01 * DEGREE
    behind = sampler.sample(vertices, 500, generator, place=lambda even: 0.95 + 0.05 * even)
    assert float(behind.azimuths.min()) >= 160 * DEGREE


@pytest.mark.parametrize(
    "wrong",
    [
        {"azimuth_deg": (10.0, -10.0)}, {"elevation_deg": (0.0, 89.0)}, {"margin": (0.9, 1.0)}, {"grid": (0, 3)},
        {"distance_m": (0.0, 1.0)}, {"close_ups": 1.5}, {"fov_deg": (1.0, 20.0)},
    ],
)  # fmt: skip
def test_plans_that_make_no_sense(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CameraPlan(**wrong)


def test_a_single_place_is_one_camera(generator: torch.Generator) -> None:
    """A grid of one, and spans of one value: every view is the same picture."""
    plan = CameraPlan((20.0, 20.0), (10.0, 10.0), (30.0, 30.0), (1.2, 1.2), grid=(1, 1))
    _, _, shots = _shots(plan, generator, num=200, close_up_probability=1.0)
    for prompt in (0, 1):
        views = shots.cameras.clip_from_world[shots.prompt_ids == prompt]
        assert torch.allclose(views, views[:1].expand_as(views), atol=1e-5)
