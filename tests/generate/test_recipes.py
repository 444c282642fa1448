"""The recipes that ship: each is checked, and run for two steps at a tiny size; and what checking finds."""

import dataclasses
from pathlib import Path

import pytest

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.body import Body
from clipmatrix.config import RunConfig, load_config
from clipmatrix.config.resolving import resolve
from clipmatrix.errors import ConfigError
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting
from clipmatrix.generate.events import Done, Exported, Step
from clipmatrix.generate.loading import build_parts
from clipmatrix.generate.loop import stream
from clipmatrix.generate.recipes import check_recipe
from clipmatrix.guidance.fake import load_fake
from clipmatrix.procedural.search_config import SearchConfig

FOLDER = Path(__file__).parents[2] / "recipes"
RECIPES = sorted(FOLDER.glob("*.yaml"))
TINY_SEARCH = SearchConfig(
    num_sentences=6, num_sentence_rounds=0, num_candidates=4, num_rounds=0, num_variations=1, num_parents=1
)


@pytest.fixture(scope="module")
def body() -> Body:
    return load_anny()


@pytest.fixture(autouse=True)
def _short_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """No film, and no clips: they are the same for every recipe, and tested elsewhere."""
    film = TurntableConfig(parts=(Part("poses", 0.2),), size=16)
    monkeypatch.setattr(exporting, "film_config", lambda config: film)
    monkeypatch.setattr(exporting, "write_views", lambda path, character, *size, **_: path.touch())


def tiny(config: RunConfig) -> RunConfig:
    """Two steps with all that a recipe asks for, on small pictures."""
    return dataclasses.replace(
        config,
        clip="fake",
        steps=2,
        views=max(2, len(resolve(config).prompts)),
        resolution=32,
        preview_every=0,
        checkpoint_every=0,
        video_size=16,
        search=TINY_SEARCH,
        scene=dataclasses.replace(config.scene, texture_size=32),
        optimiser=dataclasses.replace(config.optimiser, probe=min(1, config.optimiser.probe)),
    )


def test_there_are_at_least_eight_with_the_papers_figures() -> None:
    names = {path.stem for path in RECIPES}
    assert len(names) >= 8
    assert {"figure1", "figure1_textured", "figure3"} <= names
    lines = [line for line in (FOLDER / "figure3.yaml").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) <= 10


def test_figure_3_is_the_papers() -> None:
    whole, head, bare = resolve(load_config(FOLDER / "figure3.yaml")).prompts
    assert head.text == "head of undead sorcerer."
    assert head.region == "head"
    assert head.cameras is not None
    assert head.cameras.grid == (3, 3)
    assert (whole.textured, head.textured, bare.textured) == (True, True, False)


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_runs(path: Path, tmp_path: Path, body: Body) -> None:
    check_recipe(path)
    config = tiny(load_config(path))
    events = list(stream(config, tmp_path / "run", build_parts(load_fake(), body, resolve(config))))
    steps = [event for event in events if isinstance(event, Step)]
    assert len(steps) == 2
    assert not any(step.is_skipped for step in steps)
    assert isinstance(events[-1], Done)
    exported = next(event for event in events if isinstance(event, Exported))
    assert exported.glb.is_file()
    sets = {prompt.texture for prompt in resolve(config).prompts if prompt.textured} - {"main"}
    assert {look.name for look in exported.looks} == sets
    assert all((look / "model.glb").is_file() and (look / "albedo.png").is_file() for look in exported.looks)
    assert load_config(tmp_path / "run" / "config.yaml") == config


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("prompts:\n  - text: a man\n    camera: {}", 3, 'unknown key "camera" in prompts[0]: did you mean "cameras"?'),
        ("prompts:\n  - {text: a man, region: haed}", 2, "did you mean 'head'?"),
        ("prompts:\n  - text: a man\n  - image: no.png\n", 3, "cannot be used (No such file or directory)"),
        ("steps: 3\n", 1, "a recipe needs prompts"),
        ("prompts: [{text: a}]\nclip: [mini, minni]", 2, "did you mean 'mini'?"),
        ("prompts: [{text: a}]\nwildness: 2", 2, "wildness must be from 0 to 1, not 2"),
        ("prompts: [{text: a}]\nparameters:\n  shape:\n    start: {hight: 1}", 3, 'did you mean "height"?'),
        ("prompts: [{text: a}]\nparameters:\n  offset: {mode: learnt}", 3, "mode must be one of learned, fixed"),
        ("prompts: [{text: a}]\nparameters:\n  offset: {mode: scheduled, begin: 0.6, end: 0.2}", 3, "begin and end"),
        ("prompts: [{text: a}]\nparameters:\n  lights: {start: {key: 2}}", 3, "key of the learnt light must be"),
        ("prompts: [{text: a}]\nbody: figure.glb", 2, "figure.glb"),
        (
            "prompts:\n- text: a\n  cameras:\n    azimuth_deg: [30, -30]",
            4,
            "azimuth_deg must be two numbers from -360 to 360, the smaller first",
        ),
        ("prompts:\n- text: a\n  light:\n    color: [1, 2, 3]", 4, "color must be red, green and blue from 0 to 1"),
        ("prompts:\n- text: a\n  textured: false\n  texture: gold", 4, "untextured, and cannot paint"),
        ("prompts:\n- text: a\n  texture: ../gold", 3, "must be a name of small letters"),
        ("prompts:\n- text: a\n  material: {}", 3, "only shown untextured"),
        ("scene: {smoothing_start: 3}\nprompts: [{text: a}]", 1, "smoothing_start must be 0, or from smoothing (12)"),
    ],
)
def test_mistakes_are_placed(text: str, line: int, message: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        check_recipe(path)
    found = str(caught.value)
    assert found.startswith(f"{path}:{line}: ")
    assert message in found
    assert "\n" not in found


def test_regions_that_a_mesh_lacks_are_placed(tmp_path: Path) -> None:
    (tmp_path / "box.obj").write_text(
        "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 3/3 2/2\nf 1/1 2/2 4/3\n"
        "f 1/1 4/3 3/2\nf 2/1 3/2 4/3\n"
    )
    path = tmp_path / "recipe.yaml"
    path.write_text(f"body: {tmp_path / 'box.obj'}\nprompts:\n  - text: a box\n    region: head\n")
    with pytest.raises(ConfigError, match=r'recipe.yaml:4: .* has no region "head"'):
        check_recipe(path)


def test_pictures_come_from_the_recipes_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    (tmp_path / "here").mkdir()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(tmp_path / "here" / "red.png")
    (tmp_path / "here" / "recipe.yaml").write_text("prompts: [{image: red.png}]")
    monkeypatch.chdir(tmp_path)
    recipe = check_recipe(tmp_path / "here" / "recipe.yaml")
    assert recipe.config.prompts[0].image == str(tmp_path / "here" / "red.png")
    assert recipe.prompts == ("+1.00  whole  texture main: picture red",)


def test_python_says_the_same_as_yaml() -> None:
    from clipmatrix import Prompt
    from clipmatrix.plans import CameraPlan

    grid = CameraPlan(grid=(3, 3), azimuth_deg=(-60.0, 60.0), elevation_deg=(-20.0, 20.0))
    prompts = (
        Prompt("an undead sorcerer"),
        Prompt("head of undead sorcerer.", region="head", cameras=grid),
        Prompt("a skeleton with long thin limbs", textured=False),
    )
    assert load_config(FOLDER / "figure3.yaml") == RunConfig(prompts=prompts)
