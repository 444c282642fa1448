"""The fast pictures of looks against the differentiable renderer: the same look, body, camera and light."""

import numpy as np
import pytest
import torch

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.poses import key_poses
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.colour import linear_from_srgb, srgb_from_linear
from clipmatrix.procedural.looks import sample_look
from clipmatrix.procedural.tables import SLOTS
from clipmatrix.render.bake import bake_albedo, bake_offset, find_texels
from clipmatrix.render.looks_cpu import LookViews, PosedBodies, render_looks
from clipmatrix.render.pipeline import render
from clipmatrix.render.posed_bodies import pose_bodies, shape_from_phenotypes
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.surface import Lights, Surface
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import fit_distance, orbit

SIZE = 112
LIGHT = (0.5, 0.5, 0.5, 0.37, 0.55, 0.75, 0.6, 0.6, 0.6)


def fast_picture(bodies: PosedBodies, look, camera: tuple[float, ...]) -> np.ndarray:
    views = LookViews.empty(1)
    views.layers[0], views.changes[0], views.seeds[0] = look.layer_params, look.changes, look.seed & 0xFFFF
    views.roughness[0], views.metallic[0] = look.roughness, look.metallic
    views.frame_slots[0] = np.ones(len(SLOTS))
    views.cameras[0], views.lights[0] = camera, LIGHT
    views.lights[0, 3:6] /= np.linalg.norm(views.lights[0, 3:6])
    views.backgrounds[0, 1:4] = 0.5
    return render_looks(bodies, views, SIZE)[0] / 255.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 3, 8])
def test_fast_and_differentiable_pictures_agree(seed: int) -> None:
    body = load_anny()
    look = sample_look(np.random.default_rng(seed))
    shape = shape_from_phenotypes(body, look.phenotypes)
    rotation = key_poses(body)["walk_left"]
    bodies = pose_bodies(body, shape[None], rotation[None, None])
    fast = fast_picture(bodies, look, (0.5, 0.1, 0.6, 0.0, 1.0, 0.0, 0.0))

    rest = body.rest(shape)
    bind = rest.vertices + bake_offset(look, body, shape)
    vertices = skin(bind, rest.rig, world_from_joint(rest.rig, rotation[None]))
    low, high = vertices[0].amin(0), vertices[0].amax(0)
    fov = torch.tensor([0.6])
    cameras = orbit(
        ((low + high) / 2)[None], torch.tensor([0.5]), torch.tensor([0.1]),
        fit_distance(((high - low).norm() / 2)[None], fov), fov,
    )  # fmt: skip
    direction = torch.nn.functional.normalize(torch.tensor([LIGHT[3:6]]), dim=1)
    lights = Lights(torch.tensor([LIGHT[:3]]), direction, torch.tensor([LIGHT[6:]]))
    mesh = body.template
    albedo = linear_from_srgb(bake_albedo(look, body, find_texels(mesh, 1024)))
    surface = Surface(
        vertices, mesh.faces, mesh.uvs, mesh.face_uvs, albedo,
        torch.tensor(look.roughness), torch.tensor(look.metallic), lights,
    )  # fmt: skip
    images = render(surface, cameras, ImageSize(2 * SIZE, 2 * SIZE), rasterizer=CpuRasterizer())
    linear = images.rgb + (1 - images.alpha) * linear_from_srgb(torch.tensor(0.5))
    linear = torch.nn.functional.avg_pool2d(linear.permute(0, 3, 1, 2), 2)[0].permute(1, 2, 0)
    slow = srgb_from_linear(linear.clamp(0, 1)).numpy()

    covered = np.abs(fast - 0.5).max(-1) > 0.02
    assert covered.mean() > 0.05
    error = np.sqrt(((fast - slow) ** 2)[covered].mean())
    assert error < 0.06
    assert np.abs(fast - slow).mean() < 0.006
    # The comparison is not blind: another look is far off.
    other = fast_picture(bodies, sample_look(np.random.default_rng(seed + 100)), (0.5, 0.1, 0.6, 0.0, 1.0, 0.0, 0.0))
    assert np.sqrt(((other - slow) ** 2)[covered].mean()) > 2 * error
