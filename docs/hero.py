"""Joins runs into one picture: two rows of characters, each in a key pose of its own, its prompt under it."""

import math
import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from clipmatrix import open_run
from clipmatrix.bodies.loading import load_body
from clipmatrix.bodies.poses import key_poses
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.config import load_config
from clipmatrix.config.resolving import resolve
from clipmatrix.export.images import display, studio_lights
from clipmatrix.render.pipeline import downsample, render
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.scene.checkpoint import restore_scene
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import orbit

WIDTH, HEIGHT, CAPTION, COLUMNS = 300, 400, 30, 5
POSES = ("contrapposto", "wave", "hands_on_hips", "guard", "warrior", "dance", "point", "walk_left", "shrug", "think")
TURNS_DEG = (20, -15, 25, -25, 20, -20, 15, -10, 20, -20)
FOV_Y, DISTANCE_M, LOOK_AT_M = math.radians(28), 4.9, 1.1


def picture(folder: Path, pose: str, turn_deg: float) -> tuple[Image.Image, str]:
    """The run's character in that pose, and its prompt."""
    run = open_run(folder)
    config = resolve(load_config(run.config_path))
    body = load_body(config.body)
    scene = Scene(body, neutral_start(body), config.scene)
    restore_scene(scene, run.best_path.read_bytes(), str(run.best_path))
    with torch.no_grad():
        rest = scene.deform()
        vertices = skin(rest.vertices, rest.rig, world_from_joint(rest.rig, key_poses(body)[pose][None]))
        vertices = vertices - torch.stack([vertices[0, :, 0].mean(), vertices[0, :, 1].min(), vertices[0, :, 2].mean()])
        azimuth, one = torch.tensor([math.radians(turn_deg)]), torch.ones(1)
        target = torch.tensor([[0.0, LOOK_AT_M, 0.0]])
        cameras = orbit(target, azimuth, 0.06 * one, DISTANCE_M * one, FOV_Y * one, aspect=WIDTH / HEIGHT)
        surface = scene.textured(vertices, studio_lights(azimuth))
        images = render(surface, cameras, ImageSize(2 * HEIGHT, 2 * WIDTH), rasterizer=CpuRasterizer())
        return Image.fromarray(display(downsample(images, 2))[0]), config.prompts[0].text


def main() -> None:
    """The command line: a folder of runs, and the picture to write."""
    folders = sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir())
    target = Path(sys.argv[2])
    rows = math.ceil(len(folders) / COLUMNS)
    sheet = Image.new("RGB", (WIDTH * COLUMNS, (HEIGHT + CAPTION) * rows), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (folder, pose, turn) in enumerate(zip(folders, POSES, TURNS_DEG, strict=False)):
        x, y = i % COLUMNS * WIDTH, i // COLUMNS * (HEIGHT + CAPTION)
        shown, text = picture(folder, pose, turn)
        sheet.paste(shown, (x, y))
        width = draw.textlength(text, font_size=16)
        draw.text((x + (WIDTH - width) / 2, y + HEIGHT + 5), text, fill="black", font_size=16)
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target)


if __name__ == "__main__":
    main()
