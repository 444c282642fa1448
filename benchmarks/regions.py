"""Whether each of two prompts on two regions colours its own: ``python benchmarks/regions.py`` prints a table.

For each pair a draft run with default settings; then the texture's mean colour over the vertices of each region, and
how far it is from the colour asked for there and from the other one, in OKLab. A pair is right where both regions are
nearer to their own colour. Knows nothing of how the colours come about.
"""

import argparse
import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from clipmatrix import Prompt, stream
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.loading import load_body
from clipmatrix.colour import linear_from_srgb
from clipmatrix.config import RunConfig, preset
from clipmatrix.generate.events import Checkpoint

PAIRS = (
    ("a red head", "head", "green legs", "legs", (0.80, 0.10, 0.10), (0.15, 0.55, 0.20)),
    ("a blue head", "head", "a yellow upper body", "torso", (0.10, 0.20, 0.80), (0.92, 0.85, 0.20)),
    ("purple legs", "legs", "a white upper body", "torso", (0.45, 0.15, 0.60), (0.93, 0.93, 0.93)),
    ("orange arms", "arms", "black legs", "legs", (0.92, 0.50, 0.10), (0.06, 0.06, 0.06)),
    ("a green head", "head", "red arms", "arms", (0.15, 0.55, 0.20), (0.80, 0.10, 0.10)),
    ("a golden upper body", "torso", "blue legs", "legs", (0.80, 0.62, 0.20), (0.10, 0.20, 0.80)),
    ("pink feet", "feet", "a brown upper body", "torso", (0.93, 0.55, 0.72), (0.42, 0.27, 0.15)),
    ("a white head", "head", "red legs", "legs", (0.93, 0.93, 0.93), (0.80, 0.10, 0.10)),
)
_LMS = torch.tensor(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
_LAB = torch.tensor(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


def oklab(srgb: torch.Tensor) -> torch.Tensor:
    """OKLab coordinates of sRGB colours (Ottosson, "A perceptual color space for image processing", 2020)."""
    return (linear_from_srgb(srgb) @ _LMS.T).clamp_min(0.0) ** (1 / 3) @ _LAB.T


def region_color(body: Body, region: str, albedo: np.ndarray) -> torch.Tensor:
    """The mean sRGB colour of the texture at the uv points of a region's vertices."""
    corners = torch.stack([body.template.faces.flatten(), body.template.face_uvs.flatten()])
    member = body.regions[region][corners[0]] > 0.8
    uvs = body.template.uvs[corners[1][member]]
    size = albedo.shape[0]
    places = (uvs * size).long().clamp(0, size - 1)
    return torch.from_numpy(albedo[places[:, 1], places[:, 0]] / 255.0).float().mean(0)


def finished(config: RunConfig, folder: Path) -> np.ndarray:
    """The texture of a finished run; the film is left out."""
    for event in stream(config, folder):
        if isinstance(event, Checkpoint) and event.is_last:
            break
    from clipmatrix.generate.exporting import srgb_bytes
    from clipmatrix.scene.checkpoint import restore_scene
    from clipmatrix.scene.scene import Scene
    from clipmatrix.scene.start import neutral_start

    body = load_body(config.body)
    scene = Scene(body, neutral_start(body), config.scene)
    restore_scene(scene, (folder / "checkpoints" / "best.safetensors").read_bytes(), "best")
    return srgb_bytes(scene.texture.srgb().detach())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the textures")
    parser.add_argument("--pairs", type=int, default=len(PAIRS))
    arguments = parser.parse_args()
    body = load_body("anny")
    num_right = 0
    print("| prompts | measured | own, other (first) | own, other (second) | right |")
    print("|---|---|---|---|---|")
    for first, region_a, second, region_b, color_a, color_b in PAIRS[: arguments.pairs]:
        prompts = (Prompt(first, region=region_a), Prompt(second, region=region_b))
        config = dataclasses.replace(preset("draft"), prompts=prompts, seed=arguments.seed)
        with tempfile.TemporaryDirectory() as folder:
            albedo = finished(config, Path(folder) / "run")
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            Image.fromarray(albedo).save(arguments.keep / f"{first} {second}.png".replace(" ", "_"))
        found = [region_color(body, region, albedo) for region in (region_a, region_b)]
        wanted = oklab(torch.tensor([color_a, color_b]))
        apart = torch.cdist(oklab(torch.stack(found)), wanted)
        is_right = bool(apart[0, 0] < apart[0, 1]) and bool(apart[1, 1] < apart[1, 0])
        num_right += is_right
        shown = ", ".join("(" + " ".join(f"{value:.2f}" for value in color.tolist()) + ")" for color in found)
        near = f"{apart[0, 0]:.2f}, {apart[0, 1]:.2f} | {apart[1, 1]:.2f}, {apart[1, 0]:.2f}"
        print(f"| {first} / {second} | {shown} | {near} | {'yes' if is_right else 'NO'} |", flush=True)
    print(f"\n{num_right} of {min(arguments.pairs, len(PAIRS))} pairs right")


if __name__ == "__main__":
    main()
