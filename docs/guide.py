"""Makes the before and after pictures of guide.md: ``python docs/guide.py [NAME ...]``; some minutes for each.

Every picture is a row of cells. A cell is either a short run, shown from the front, or one of the training views that
a run would look at. Knows nothing of the text around the pictures.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from clipmatrix import Prompt, preset, stream
from clipmatrix.bodies.loading import load_body
from clipmatrix.bodies.poses import key_poses
from clipmatrix.colour import srgb_from_linear
from clipmatrix.config import RunConfig, load_config
from clipmatrix.config.parameters import (
    Distribution,
    Learning,
    MaterialLearning,
    ParametersConfig,
    ShapeLearning,
    TextureLearning,
)
from clipmatrix.config.resolving import resolve
from clipmatrix.generate.blank import blank_scene
from clipmatrix.generate.cuts import Cut
from clipmatrix.generate.distributions import Distributions
from clipmatrix.generate.events import Checkpoint
from clipmatrix.generate.loading import build_parts
from clipmatrix.generate.staging import Staging
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.prompts import view_words
from clipmatrix.plans import CameraPlan, LightPlan, MaterialPlan
from clipmatrix.procedural.search_config import SearchConfig
from clipmatrix.render.pipeline import composite, rasterizer_for, render
from clipmatrix.render.surface import Surface
from clipmatrix.scene.checkpoint import restore_scene
from clipmatrix.scene.config import SceneConfig
from clipmatrix.scene.lights import plain_lights
from clipmatrix.scene.scene import Scene
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras
from clipmatrix.views.framing import contact_cameras

FOLDER = Path(__file__).parent / "images" / "guide"
CELL, SHARPER, BAND = 224, 2, 22
GREY = 0.72
SEARCH = SearchConfig(num_sentences=2048, num_sentence_rounds=2, num_candidates=96, num_rounds=3, num_variations=32)
Cell = tuple[str, np.ndarray]


def base(*prompts: Prompt, **changes: object) -> RunConfig:
    """A run of the prompts that is shorter than a draft."""
    draft = dataclasses.replace(
        preset("draft"), prompts=prompts, steps=60, preview_every=0, checkpoint_every=0, search=SEARCH
    )
    return dataclasses.replace(draft, **changes)  # pyright: ignore[reportArgumentType]


def scene_of(config: RunConfig) -> Scene:
    """The scene at the end of a run."""
    with tempfile.TemporaryDirectory() as folder:
        for event in stream(config, Path(folder) / "run"):
            if isinstance(event, Checkpoint) and event.is_last:
                break
        data = (Path(folder) / "run" / "checkpoints" / "best.safetensors").read_bytes()
    scene = blank_scene(load_body(config.body), config)
    restore_scene(scene, data, "best")
    return scene


def seen(surface: Surface, cameras: Cameras) -> np.ndarray:
    """One picture in sRGB over grey, supersampled."""
    size = ImageSize(CELL * SHARPER, CELL * SHARPER)
    with torch.no_grad():
        images = render(surface, cameras, size, rasterizer=rasterizer_for(torch.device("cpu")))
        linear = composite(images, torch.full((1, 1, 1, 3), GREY**2.2))
        small = torch.nn.functional.avg_pool2d(linear.permute(0, 3, 1, 2), SHARPER).permute(0, 2, 3, 1)
    return (srgb_from_linear(small[0]).clamp(0, 1) * 255).byte().numpy()


def front(scene: Scene, outfit: str = "main", is_plain: bool = False) -> np.ndarray:
    """The character standing, a little from the side."""
    with torch.no_grad():
        pose = key_poses(scene.body)["a_pose"]
        vertices = scene.pose(scene.deform(), pose[None])
        views = contact_cameras(vertices, 16)
        cameras = Cameras(views.view_from_world[1:2], views.clip_from_view[1:2])
        surface = scene.plain(vertices, plain_lights()) if is_plain else scene.textured(vertices, outfit=outfit)
    return seen(surface, cameras)


def training_views(config: RunConfig, scene: Scene, index: int = 0, labels: Callable | None = None) -> list[Cell]:
    """What a step of a run would look at, for that scene."""
    resolved = resolve(config)
    parts = build_parts(load_fake(), scene.body, resolved)
    generator = torch.Generator().manual_seed(config.seed)
    source = Distributions(parts, scene, resolved)
    cells: list[Cell] = [("", np.zeros(0))] * config.views
    with torch.no_grad():
        rotations = source.poses(index, generator)
        vertices = scene.pose(scene.deform(), rotations)
        shots = source.shots(index, vertices, generator)
        for staged in Staging(scene, resolved).surfaces(vertices, shots.prompt_ids, Cut(), None, generator):
            for row, view in enumerate(staged.views.tolist()):
                one = torch.tensor([row])
                surface = staged.surface
                lights = type(surface.lights)(
                    surface.lights.ambient[one], surface.lights.key_direction[one], surface.lights.key_color[one]
                )
                alone = dataclasses.replace(surface, vertices_world=surface.vertices_world[one], lights=lights)
                cameras = Cameras(
                    shots.cameras.view_from_world[view : view + 1], shots.cameras.clip_from_view[view : view + 1]
                )
                label = "" if labels is None else labels(shots, view)
                cells[view] = (label, seen(alone, cameras))
    return cells


def join(cells: list[Cell], path: Path) -> None:
    """The cells side by side, with their labels under them, as a small JPEG."""
    font = ImageFont.load_default(13)
    sheet = Image.new("RGB", (CELL * len(cells), CELL + BAND), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (label, picture) in enumerate(cells):
        sheet.paste(Image.fromarray(picture), (column * CELL, 0))
        draw.text((column * CELL + CELL // 2, CELL + BAND // 2), label, "black", font, anchor="mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, quality=82, optimize=True)


def wildness() -> list[Cell]:
    return _dialled("a spiky lava demon with horns")


def wildness_limbs() -> list[Cell]:
    return _dialled("a tree monster with long thin limbs")


def _dialled(text: str) -> list[Cell]:
    prompt = Prompt(text, twin=1.0)
    return [(f"wildness: {dial:g}", front(scene_of(base(prompt, wildness=dial)))) for dial in (0.0, 0.5, 1.0)]


def outfits() -> list[Cell]:
    texts = {
        "a king in a red robe": "a king in a red robe",
        "a cowboy": "a cowboy",
        "a top hat, a black suit": "a man in a top hat and a black suit",
        "a blue dress, a red cape": "a woman in a blue dress with a red cape",
        "barefoot, in a straw hat": "a barefoot girl in a straw hat and a yellow dress",
    }
    return [(label, front(scene_of(base(Prompt(text))))) for label, text in texts.items()]


def people() -> list[Cell]:
    texts = ("a pharaoh", "a nun", "a punk", "a centurion", "a wooden buddha")
    return [(text, front(scene_of(base(Prompt(text))))) for text in texts]


def regions() -> list[Cell]:
    whole = Prompt("a mossy stone statue")
    both = base(whole, Prompt("a golden head", 0.6, "head"))
    return [("a mossy stone statue", front(scene_of(base(whole)))), ("+ a golden head", front(scene_of(both)))]


def weights() -> list[Cell]:
    striped = Prompt("a striped person")
    cells = [("a striped person", front(scene_of(base(striped))))]
    avoided = base(striped, Prompt("a green person", -1.0), Prompt("a blue person", -1.0))
    return [*cells, ("not green, not blue (-1)", front(scene_of(avoided)))]


def untextured() -> list[Cell]:
    statue = Prompt("a golden statue", twin=0.0)
    fat = base(statue, Prompt("a very fat man", textured=False))
    return [("one prompt", front(scene_of(base(statue)))), ("+ a very fat man, plain", front(scene_of(fat)))]


def looks() -> list[Cell]:
    config = base(*load_config(Path(__file__).parents[1] / "recipes" / "wardrobe.yaml").prompts)
    scene = scene_of(config)
    return [(name if name != "main" else "gold", front(scene, name)) for name in scene.textures()]


def pictures() -> list[Cell]:
    path = Path(__file__).parents[1] / "recipes" / "pictures" / "lava.jpg"
    given = np.asarray(Image.open(path).convert("RGB").resize((CELL, CELL), Image.Resampling.LANCZOS))
    prompts = Prompt(image=str(path)), Prompt("a tall man", 0.3, textured=False)
    return [("image: lava.jpg", given), ("the figure", front(scene_of(base(*prompts))))]


def starts() -> list[Cell]:
    prompt = Prompt("a zebra striped man")
    given = (("weight", 1.0), ("muscle", 0.1), ("age", 0.9))
    old = ParametersConfig(
        shape=ShapeLearning("fixed", start=given), material=MaterialLearning("fixed", start_roughness=0.15)
    )
    return [
        ("as searched", front(scene_of(base(prompt)))),
        ("shape and material given", front(scene_of(base(prompt, parameters=old)))),
    ]


def texture_start() -> list[Cell]:
    prompt = Prompt("a striped person")
    blue = ParametersConfig(texture=TextureLearning(start_color=(0.1, 0.2, 0.7)))
    held = ParametersConfig(texture=TextureLearning("fixed", start_color=(0.1, 0.2, 0.7)), offset=Learning("fixed"))
    return [
        ("start_color blue", front(scene_of(base(prompt, start="neutral", parameters=blue)))),
        ("and mode: fixed", front(scene_of(base(prompt, start="neutral", parameters=held)))),
    ]


def smoothing() -> list[Cell]:
    prompts = (Prompt("a spiky monster with horns", twin=1.0),)
    quick = ParametersConfig(offset=Learning(rate=0.03))
    cells = []
    for label, strength, begin in (
        ("smoothing: 1", 1.0, 1.0),
        ("12, the default", 12.0, 12.0),
        ("from 384 down to 12", 12.0, 384.0),
    ):
        # The dial would start coarse by itself.
        scene = SceneConfig(texture_size=512, smoothing=strength, smoothing_start=begin)
        config = base(*prompts, start="neutral", wildness=1.0, scene=scene, parameters=quick)
        cells.append((label, front(scene_of(config), is_plain=True)))
    return cells


def guidance() -> list[Cell]:
    config = base(Prompt("a leopard spotted woman"), start="neutral")
    choices = {
        "as it is": {}, "contrast_weight: 0": {"contrast_weight": 0.0}, "pooling: max": {"pooling": "max"},
        "delta_weight: 1": {"delta_weight": 1.0},
    }  # fmt: skip
    return [
        (label, front(scene_of(dataclasses.replace(config, score=dataclasses.replace(config.score, **changes)))))
        for label, changes in choices.items()
    ]


def twins() -> list[Cell]:
    quick = ParametersConfig(shape=ShapeLearning(rate=0.2))
    prompts = [(weight, Prompt("a very fat stone man", twin=weight)) for weight in (0.0, 2.0)]
    return [
        (f"twin: {weight:g}", front(scene_of(base(prompt, start="neutral", parameters=quick)), is_plain=True))
        for weight, prompt in prompts
    ]


_DRESSED: list[Scene] = []


def _dressed() -> Scene:
    if not _DRESSED:
        _DRESSED.append(scene_of(base(Prompt("a zebra striped man", twin=0.0), steps=1)))
    return _DRESSED[0]


def cameras() -> list[Cell]:
    scene = _dressed()
    cells = training_views(base(Prompt("a man", twin=0.0), views=2, seed=3), scene)
    grid = CameraPlan(grid=(3, 3), azimuth_deg=(-60, 60), elevation_deg=(-20, 20))
    around = base(Prompt("a head", region="head", cameras=grid, twin=0.0), views=2, seed=2)
    flat = CameraPlan(azimuth_deg=(-49, 49), both_sides=True, projection="orthographic", close_ups=0.0)
    later = base(Prompt("a man", cameras=flat, twin=0.0), views=1, seed=1)
    cells = [("default", picture) for _, picture in cells]
    cells += [("grid around the head", picture) for _, picture in training_views(around, scene)]
    return cells + [("orthographic, both_sides", picture) for _, picture in training_views(later, scene)]


def lights() -> list[Cell]:
    scene = _dressed()
    fire = LightPlan(ambient=0.12, key=1.2, color=(1.0, 0.55, 0.25), azimuth_deg=-80, elevation_deg=0)
    front_on = CameraPlan(azimuth_deg=(15, 15), elevation_deg=(5, 5), close_ups=0.0)
    gold = MaterialPlan(color=(0.9, 0.7, 0.3), roughness=0.3, metallic=0.8)
    still = dataclasses.replace(base().scene, light_turn_deg=0.0, light_change=0.0)
    cells = []
    for label, prompt in (
        ("default", Prompt("a man", cameras=front_on, twin=0.0)),
        ("its own light", Prompt("a man", cameras=front_on, light=fire, twin=0.0)),
        ("textured: false", Prompt("a man", cameras=front_on, textured=False)),
        ("its own material", Prompt("a man", cameras=front_on, textured=False, material=gold)),
    ):
        cells += [(label, training_views(base(prompt, views=1, scene=still, seed=4), scene)[0][1])]
    return cells


def words() -> list[Cell]:
    config = base(Prompt("a man", view_words=True, twin=0.0, cameras=CameraPlan(close_ups=0.0)), views=4, seed=11)
    return training_views(
        config, _dressed(), labels=lambda shots, view: f"{view_words(float(shots.azimuths[view]))} of a man"
    )


def widening() -> list[Cell]:
    parameters = ParametersConfig(cameras=Distribution("scheduled"), poses=Distribution("scheduled"))
    config = base(Prompt("a man", twin=0.0), views=2, seed=5, parameters=parameters)
    scene = _dressed()
    first = [("the first step", picture) for _, picture in training_views(config, scene, 0)]
    return first + [("half way", picture) for _, picture in training_views(config, scene, config.steps // 2)]


PICTURES: dict[str, Callable[[], list[Cell]]] = {
    function.__name__: function
    for function in (
        cameras, lights, words, widening, wildness, wildness_limbs, outfits, people, regions, weights, untextured,
        looks, pictures, starts, texture_start, smoothing, guidance, twins,
    )
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PICTURES, []], help="which pictures; all by default")
    for name in parser.parse_args().names or PICTURES:
        join(PICTURES[name](), FOLDER / f"{name}.jpg")


if __name__ == "__main__":
    main()
