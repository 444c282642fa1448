"""The learnable normal map: flat at first, bounded, differentiable, absent unless asked for."""

import dataclasses

import pytest
import torch
from tests.toy_body import build_toy_body

from clipmatrix.errors import ConfigError, RunError
from clipmatrix.losses.bumpiness import bumpiness_loss
from clipmatrix.scene.checkpoint import dump_scene, restore_scene
from clipmatrix.scene.config import SceneConfig
from clipmatrix.scene.normal_map import STEEPEST, NormalMap, bytes_from_normals, relief_slope
from clipmatrix.scene.scene import Scene, snapshot
from clipmatrix.scene.start import neutral_start

CONFIG = SceneConfig(texture_size=32)


def test_begins_flat_and_stays_within_bounds() -> None:
    model = NormalMap(32)
    assert torch.equal(model(), torch.tensor([0.0, 0.0, 1.0]).expand(32, 32, 3))
    with torch.no_grad():
        for level in model.slopes:
            level.fill_(50.0)
    assert model.slope().abs().max() <= STEEPEST
    torch.testing.assert_close(model().norm(dim=-1), torch.ones(32, 32))


def test_gradients() -> None:
    model = NormalMap(16).double()
    draw = torch.Generator().manual_seed(0)
    levels = [torch.randn(level.shape, dtype=torch.float64, generator=draw).mul(0.2) for level in model.slopes]
    names = [name for name, _ in model.named_parameters()]

    def loss(*values: torch.Tensor) -> torch.Tensor:
        return bumpiness_loss(torch.func.functional_call(model, dict(zip(names, values, strict=True)), ()))

    assert torch.autograd.gradcheck(loss, [level.requires_grad_() for level in levels])


def test_bumpiness_is_the_squared_slope() -> None:
    """A map that leans by a slope of 0.5 along u and of 1 up the picture: 0.25 + 1."""
    vector = torch.nn.functional.normalize(torch.tensor([-0.5, -1.0, 1.0]), dim=0)
    assert bumpiness_loss(vector.repeat(4, 4, 1)).item() == pytest.approx(1.25, rel=1e-6)
    assert bumpiness_loss(NormalMap(16)()).item() == 0.0


def test_relief_stands_out_where_the_texture_is_bright() -> None:
    """A bright column on dark: the surface rises towards it from either side, and lies flat far away."""
    albedo = torch.full((64, 64, 3), 0.2)
    albedo[:, 28:36] = 0.8
    slope = relief_slope(albedo, 64, 1.0)
    assert slope is not None
    assert float(slope[0, 32, 27]) > 0.1
    assert float(slope[0, 32, 36]) == pytest.approx(-float(slope[0, 32, 27]), rel=1e-4)
    assert not slope[1, 8:-8].abs().gt(1e-6).any()
    assert not slope[:, :, :20].any()
    assert relief_slope(albedo, 64, 0.0) is None
    model = NormalMap(64, slope)
    assert float(bumpiness_loss(model(), model()).detach()) == 0.0
    assert float(model()[32, 27, 0].detach()) < -0.05
    with pytest.raises(ConfigError, match="add normal_map: true"):
        SceneConfig(relief=0.5)


def test_bytes_are_those_that_viewers_read() -> None:
    vectors = torch.tensor([[[0.0, 0.0, 1.0], [1.0, -1.0, 0.0]]])
    assert bytes_from_normals(vectors).tolist() == [[[128, 128, 255], [255, 0, 128]]]


def test_scene_has_one_only_where_asked_for() -> None:
    body = build_toy_body()
    plain, bumpy = (
        Scene(body, neutral_start(body), dataclasses.replace(CONFIG, normal_map=on)) for on in (False, True)
    )
    assert plain.normal_map is None
    assert "normals" not in plain.parameter_groups()
    assert plain.surface().normal_map is None
    assert len(bumpy.parameter_groups()["normals"]) == 3
    surface = bumpy.surface()
    assert surface.normal_map is not None
    assert surface.normal_map.shape == (32, 32, 3)
    lights = bumpy.lights()
    assert bumpy.plain(bumpy.pose(bumpy.deform()), lights).normal_map is None


def test_checkpoint_keeps_it() -> None:
    body = build_toy_body()
    config = dataclasses.replace(CONFIG, normal_map=True, normal_map_size=64)
    scene, other = (Scene(body, neutral_start(body), config) for _ in range(2))
    assert scene.normal_map is not None
    assert other.normal_map is not None
    with torch.no_grad():
        scene.normal_map.slopes[-1].normal_(generator=torch.Generator().manual_seed(2))
    data = dump_scene(snapshot(scene), 3)
    restore_scene(other, data, "x")
    assert torch.equal(other.normal_map(), scene.normal_map())
    with pytest.raises(RunError, match="checkpoint"):
        restore_scene(Scene(body, neutral_start(body), CONFIG), data, "x")


def test_size_is_checked() -> None:
    with pytest.raises(ConfigError, match="normal_map_size must be 0 or a power of two"):
        SceneConfig(normal_map_size=100)
