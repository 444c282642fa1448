"""The scene on a small body: bounds, freezing, rest-pose offsets, lights and checkpoints."""

import dataclasses
import math

import pytest
import torch
from tests.toy_body import build_toy_body

from clipmatrix.bodies.body import RestBody
from clipmatrix.errors import ConfigError, RunError
from clipmatrix.scene.checkpoint import dump_scene, restore_scene
from clipmatrix.scene.config import SceneConfig
from clipmatrix.scene.lights import LightRig, plain_lights, vary_lights
from clipmatrix.scene.materials import Material
from clipmatrix.scene.scene import Scene, snapshot
from clipmatrix.scene.start import Start, neutral_start

SMALL = SceneConfig(texture_size=32)


@pytest.fixture
def scene() -> Scene:
    body = build_toy_body()
    return Scene(body, neutral_start(body), SMALL)


def test_bind_pose_of_the_neutral_start_is_the_template(scene: Scene) -> None:
    surface = scene.surface()
    torch.testing.assert_close(surface.vertices_world[0], scene.body.template.vertices)
    assert surface.albedo.shape == (32, 32, 3)
    assert surface.roughness.item() == pytest.approx(0.7, abs=1e-6)


def test_shape_stays_within_its_bounds_however_far_the_parameter_goes(scene: Scene) -> None:
    for push in (-1e4, 1e4):
        with torch.no_grad():
            scene.deform.shape_change.fill_(push)
        bound = scene.body.shape_bounds[:, 0 if push < 0 else 1]
        torch.testing.assert_close(scene.deform.shape(), bound)


def test_a_start_on_a_bound_can_still_leave_it() -> None:
    body = build_toy_body()
    start = dataclasses.replace(neutral_start(body), shape=body.shape_bounds[:, 1].clone())
    scene = Scene(body, start, SMALL)
    scene.deform.shape().sum().backward()
    gradient = scene.deform.shape_change.grad
    assert gradient is not None
    assert (gradient > 1e-3).all()


def test_offsets_are_added_before_skinning(scene: Scene) -> None:
    """Turning the root by a quarter about +Y sends an offset along +Z to +X."""
    with torch.no_grad():
        scene.deform.differential[:, 2] = 0.1
    rest = scene.deform()
    plain = RestBody(rest.vertices - scene.deform.offset(), rest.rig)
    turn = torch.eye(3).repeat(1, 3, 1, 1)
    turn[0, 0] = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    moved = scene.pose(rest, turn) - scene.pose(plain, turn)
    expected = scene.deform.offset()[:, 2]
    torch.testing.assert_close(moved[0, :, 0], expected, atol=1e-5, rtol=1e-4)
    assert moved[0, :, 1:].abs().max().item() < 1e-5


def test_head_moves_half_as_far_and_eyes_not_at_all() -> None:
    body = dataclasses.replace(build_toy_body(), humanoid={"eye_l": 2})
    mobility = Scene(body, neutral_start(body), SMALL).deform.mobility[:, 0]
    eye = body.rig.joint_weights[:, 2]
    torch.testing.assert_close(mobility, (1 - 0.5 * body.regions["head"]) * (1 - eye))


def test_gradients_of_a_plain_surface_reach_the_form_only(scene: Scene) -> None:
    surface = scene.plain(scene.pose(scene.deform()), plain_lights())
    (surface.vertices_world.square().sum() + surface.albedo.sum()).backward()
    moved = {name for name, group in scene.parameter_groups().items() if any(p.grad is not None for p in group)}
    assert moved == {"shape", "offset"}


@pytest.mark.parametrize("group", ["shape", "offset", "texture", "material", "lights"])
def test_frozen_groups_have_neither_gradient_nor_group(group: str) -> None:
    body = build_toy_body()
    scene = Scene(body, neutral_start(body), dataclasses.replace(SMALL, **{f"learn_{group}": False}))
    assert group not in scene.parameter_groups()
    assert len(scene.parameter_groups()) == 4
    learnt = {id(p) for parameters in scene.parameter_groups().values() for p in parameters}
    assert {id(p) for p in scene.parameters() if p.requires_grad} == learnt


def test_material_stays_in_range_and_begins_at_the_start() -> None:
    material = Material(roughness=0.4, metallic=0.6)
    roughness, metallic = material()
    assert (roughness.item(), metallic.item()) == (pytest.approx(0.4), pytest.approx(0.6))
    with torch.no_grad():
        material.change.copy_(torch.tensor([-100.0, 100.0]))
    roughness, metallic = material()
    assert (roughness.item(), metallic.item()) == (pytest.approx(0.08), pytest.approx(1.0))


def test_light_cannot_stand_in_for_colour() -> None:
    lights = LightRig()
    with torch.no_grad():
        lights.tint.copy_(torch.tensor([[100.0, -100.0, -100.0]] * 2))
        lights.strength.fill_(100.0)
    red = lights()
    assert (red.ambient.amax() / red.ambient.amin()).item() == pytest.approx(1.12 / 0.88, rel=1e-4)
    assert (red.ambient + red.key_color).max().item() < 1.75


def test_varied_lights_stay_unit_and_within_their_cone(generator: torch.Generator) -> None:
    base = plain_lights()
    lights = vary_lights(base, 64, math.radians(40), 0.2, generator)
    cosine = (lights.key_direction * base.key_direction).sum(dim=1)
    torch.testing.assert_close(lights.key_direction.norm(dim=1), torch.ones(64))
    assert cosine.min().item() >= math.cos(math.radians(40)) - 1e-5
    assert cosine.min().item() < 0.9
    assert (lights.ambient / base.ambient).amin().item() >= 0.8 - 1e-6
    assert (lights.key_color / base.key_color).amax().item() <= 1.2 + 1e-6


def test_checkpoints_are_the_same_bytes_and_restore_the_scene(scene: Scene) -> None:
    with torch.no_grad():
        scene.texture.luma[1].normal_(generator=torch.Generator().manual_seed(4))
        scene.deform.differential.normal_(generator=torch.Generator().manual_seed(5))
    data = dump_scene(snapshot(scene), 7)
    assert data == dump_scene(snapshot(scene), 7)
    other = Scene(scene.body, neutral_start(scene.body), SMALL)
    restore_scene(other, data, "step-7")
    assert torch.equal(other.surface().albedo, scene.surface().albedo)
    assert torch.equal(other.surface().vertices_world, scene.surface().vertices_world)


def test_checkpoints_of_another_texture_size_and_broken_ones_are_refused(scene: Scene) -> None:
    big = Scene(scene.body, neutral_start(scene.body), SceneConfig(texture_size=64))
    for data in (dump_scene(snapshot(big), 1), b"not a checkpoint"):
        with pytest.raises(RunError, match="is no checkpoint of this body"):
            restore_scene(scene, data, "broken.safetensors")


def test_offsets_of_the_start_are_kept() -> None:
    body = build_toy_body()
    offset = torch.full_like(body.template.vertices, 0.01)
    start = Start(body.neutral_shape, offset, torch.full((8, 8, 3), 0.3), 0.5, 0.5)
    scene = Scene(body, start, SMALL)
    torch.testing.assert_close(scene.surface().vertices_world[0], body.template.vertices + 0.01)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("texture_size", 1000),
        ("chroma_gain", 1.5),
        ("smoothing", -1.0),
        ("light_change", 1.0),
        ("light_turn_deg", 200.0),
    ],
)
def test_senseless_settings_are_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{field} must be"):
        dataclasses.replace(SMALL, **{field: value})
