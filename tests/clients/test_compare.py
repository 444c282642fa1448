"""The asset is the preview: GLBs rendered by three.js and by Blender against our own pictures of them.

Same pose, camera and light, 512 x 512, averaged from twice the size in linear light.
"""

import base64
import io
import json
import math
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image
from tests.clients.conftest import Sample

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.clips import build_clips
from clipmatrix.colour import linear_from_srgb, srgb_from_linear
from clipmatrix.export.character import (
    Character,
    Extras,
    expressed,
    linear_albedo,
    pose_vertices,
    posed_surface,
)
from clipmatrix.export.gltf import write_glb
from clipmatrix.export.images import BACKGROUND_SRGB, FOV_Y, framing, studio_lights
from clipmatrix.export.motion import sample_clip, stand_still
from clipmatrix.export.textures import pad_islands, uv_coverage
from clipmatrix.render.pipeline import render, render_buffers
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.render.surface import Surface
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras, orbit

SIDE = 512
LARGE = ImageSize(2 * SIDE, 2 * SIDE)
SHOTS: tuple[tuple[str | None, float, float], ...] = (
    (None, 0.0, 30),
    ("walk", 0.31, -50),
    ("dance", 1.0, 80),
    ("wave", 1.2, 160),
)
"""Clip, second, and degrees from the front."""
Mode = Literal["plain", "lit"]


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The whole body in a busy texture of smooth colours, fine stripes and hard edges, half glossy."""
    body = load_anny()
    y, x = np.mgrid[0:1024, 0:1024]
    waves = [
        np.sin(x / 37) + np.cos(y / 53),
        np.sin(x / 91 + 1) + np.sin(y / 29),
        np.cos((x + y) / 61) + np.sin(x / 17),
    ]
    colours = np.stack([128 + 50 * wave for wave in waves], -1)
    colours[(x // 64 + y // 64) % 5 == 0] *= 0.4
    albedo = pad_islands(colours.astype(np.uint8), uv_coverage(body.template, ImageSize(1024, 1024)))
    clips = tuple(clip for clip in build_clips(body) if clip.name in ("walk", "dance", "wave"))
    extras = Extras(("a painted person",), 0, "ClipMatrix test", body.licence)
    character = Character(body.template, body.rig, albedo, 0.5, 0.1, clips, extras, morphs=body.morphs())
    path = tmp_path_factory.mktemp("painted") / "model.glb"
    write_glb(path, character)
    return Sample(path, character, tuple((clip, time) for clip, time, _ in SHOTS))


def _camera(character: Character, vertices: torch.Tensor, turn_deg: float) -> Cameras:
    azimuth, elevation = torch.tensor([math.radians(turn_deg)]), torch.tensor([math.radians(8)])
    target, distance = framing(vertices, azimuth, elevation)
    return orbit(target[None], azimuth, elevation, distance, torch.tensor([FOV_Y]))


def _scene(character: Character, clip: str | None, time: float, turn_deg: float) -> tuple[Surface, Cameras]:
    clips = {one.name: one for one in character.clips}
    motion = stand_still(len(character.rig.parents)) if clip is None else sample_clip(clips[clip], torch.tensor([time]))
    vertices = pose_vertices(character, motion)
    azimuth = torch.tensor([math.radians(turn_deg)])
    surface = posed_surface(character, vertices, linear_albedo(character), studio_lights(azimuth))
    return surface, _camera(character, vertices, turn_deg)


def _ours(surface: Surface, camera: Cameras, mode: Mode) -> np.ndarray:
    """Our picture in sRGB, 0 to 255."""
    background = linear_from_srgb(torch.tensor(BACKGROUND_SRGB))
    with torch.no_grad():
        if mode == "lit":
            images = render(surface, camera, LARGE, rasterizer=CpuRasterizer())
            linear = images.rgb[0] + (1 - images.alpha[0]) * background
        else:
            buffers = render_buffers(surface, camera, LARGE, rasterizer=CpuRasterizer())
            linear = torch.where((buffers.face_ids[0] < 0)[..., None], background, buffers.albedo[0])
    return _shown(linear)


def _shown(linear: torch.Tensor) -> np.ndarray:
    mean = torch.nn.functional.avg_pool2d(linear.clamp(0, 1).permute(2, 0, 1)[None], linear.shape[0] // SIDE)[0]
    return 255 * srgb_from_linear(mean.permute(1, 2, 0)).numpy()


def _theirs(data: bytes) -> np.ndarray:
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(np.float32) / 255
    return _shown(linear_from_srgb(torch.from_numpy(picture)))


def _shot(surface: Surface, camera: Cameras, clip: str | None, time: float, mode: Mode) -> dict[str, Any]:
    return {
        "clip": clip,
        "time": time,
        "isLit": mode == "lit",
        "viewFromWorld": camera.view_from_world[0].tolist(),
        "clipFromView": camera.clip_from_view[0].tolist(),
        "ambient": float(surface.lights.ambient[0, 0]),
        "key": float(surface.lights.key_color[0, 0]),
        "keyDirection": surface.lights.key_direction[0].tolist(),
    }


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Decibels, of values from 0 to 255, over the pixels in which either shows the figure."""
    is_figure = np.maximum(*(np.abs(one - 255 * BACKGROUND_SRGB).max(-1) for one in (first, second))) > 1.0
    return 10 * math.log10(255**2 / float(np.square(first - second)[is_figure].mean()))


def test_psnr_of_a_known_difference() -> None:
    """A difference of 25.5 where the figure is, a tenth of the range, is 20 dB, however large the background."""
    first, second = (np.full((8, 8, 3), 255 * BACKGROUND_SRGB) for _ in range(2))
    first[2:4, 2:4], second[2:4, 2:4] = 100.0, 125.5
    assert psnr(first, second) == pytest.approx(20.0)


@pytest.mark.client
@pytest.mark.slow
@pytest.mark.parametrize(("mode", "smallest"), [("plain", 30.0), ("lit", 24.0)])
def test_three_js_shows_what_we_show(
    painted: Sample, run_three: Callable[..., Any], mode: Mode, smallest: float, record_property: Callable[..., None]
) -> None:
    scenes = [_scene(painted.character, *shot) for shot in SHOTS]
    shots = [_shot(*scene, clip, time, mode) for scene, (clip, time, _) in zip(scenes, SHOTS, strict=True)]
    asked = {"size": LARGE.width, "background": BACKGROUND_SRGB, "shots": shots}
    found = run_three(painted.path, asked, "compare_page.mjs")
    assert found["complaints"] == []
    values = []
    for index, (scene, url) in enumerate(zip(scenes, found["pictures"], strict=True)):
        ours, theirs = _ours(*scene, mode), _theirs(base64.b64decode(url.partition(",")[2]))
        _keep(painted.path.parent / f"three-{mode}-{index}.png", ours, theirs)
        values.append(psnr(ours, theirs))
    record_property("psnr_db", values)
    assert min(values) >= smallest, values


@pytest.mark.client
@pytest.mark.slow
def test_three_js_reads_the_normal_map_as_we_do(painted: Sample, run_three: Callable[..., Any], tmp_path: Path) -> None:
    y, x = np.mgrid[0:1024, 0:1024]
    normal = np.stack([0.4 * np.sin(x / 9), 0.4 * np.sin(y / 13), np.ones((1024, 1024))], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    bumps = np.rint(127.5 * (normal + 1)).astype(np.uint8)
    character = replace(painted.character, normal_map=bumps, roughness=0.7)
    write_glb(tmp_path / "bumpy.glb", character)
    shot = SHOTS[1]
    surface, camera = _scene(character, *shot)
    asked = {"size": LARGE.width, "background": BACKGROUND_SRGB, "shots": [_shot(surface, camera, *shot[:2], "lit")]}
    found = run_three(tmp_path / "bumpy.glb", asked, "compare_page.mjs")
    assert found["complaints"] == []
    ours, theirs = _ours(surface, camera, "lit"), _theirs(base64.b64decode(found["pictures"][0].partition(",")[2]))
    _keep(painted.path.parent / "three-bumpy.png", ours, theirs)
    flat, _ = _scene(replace(character, normal_map=None), *shot)
    assert psnr(ours, theirs) >= 24.0
    assert psnr(ours, theirs) > psnr(_ours(flat, camera, "lit"), theirs) + 3.0


@pytest.mark.client
@pytest.mark.slow
def test_three_js_makes_the_face_that_we_make(painted: Sample, run_three: Callable[..., Any]) -> None:
    face = {"jawOpen": 0.7, "browInnerUp": 1.0, "eyeBlinkLeft": 1.0, "mouthSmileRight": 1.0}
    character = expressed(painted.character, face)
    vertices = character.mesh.vertices[None]
    is_head = vertices[0, :, 1] > 1.45
    camera = _camera(character, vertices[:, is_head], 20.0)
    surface = posed_surface(character, vertices, linear_albedo(character), studio_lights(torch.zeros(1)))
    shot = {**_shot(surface, camera, None, 0.0, "lit"), "face": face}
    asked = {"size": LARGE.width, "background": BACKGROUND_SRGB, "shots": [shot]}
    found = run_three(painted.path, asked, "compare_page.mjs")
    ours, theirs = _ours(surface, camera, "lit"), _theirs(base64.b64decode(found["pictures"][0].partition(",")[2]))
    _keep(painted.path.parent / "three-face.png", ours, theirs)
    still = posed_surface(painted.character, painted.character.mesh.vertices[None], surface.albedo, surface.lights)
    assert psnr(ours, theirs) >= 24.0
    assert psnr(ours, theirs) > psnr(_ours(still, camera, "lit"), theirs) + 3.0


@pytest.mark.client
@pytest.mark.slow
def test_blender_shows_the_base_colour_that_we_show(
    painted: Sample, blender_python: str, tmp_path: Path, record_property: Callable[..., None]
) -> None:
    # Blender interpolates the four numbers of a quaternion one by one: only the keys are everybody's.
    moments = painted.at_keys().moments
    scenes = [
        _scene(painted.character, clip, time, turn) for (clip, time), (_, _, turn) in zip(moments, SHOTS, strict=True)
    ]
    shots = [_shot(*scene, clip, time, "plain") for scene, (clip, time) in zip(scenes, moments, strict=True)]
    asked = {"size": SIDE, "background": BACKGROUND_SRGB, "shots": shots}
    (tmp_path / "shots.json").write_text(json.dumps(asked))
    done = subprocess.run(
        [
            blender_python,
            str(Path(__file__).parent / "blender_render.py"),
            str(painted.path),
            str(tmp_path / "shots.json"),
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    values = []
    for index, scene in enumerate(scenes):
        ours, theirs = _ours(*scene, "plain"), _theirs((tmp_path / f"{index}.png").read_bytes())
        _keep(painted.path.parent / f"blender-{index}.png", ours, theirs)
        values.append(psnr(ours, theirs))
    record_property("psnr_db", values)
    assert min(values) >= 30.0, values


def _keep(path: Path, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Both pictures and their difference side by side, to be looked at when a comparison fails."""
    row = np.concatenate([ours, theirs, 128 + (ours - theirs)], axis=1)
    Image.fromarray(row.clip(0, 255).astype(np.uint8)).save(path)
