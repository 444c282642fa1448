"""Whole runs on bodies out of files: what they lack is done without, and what they bring is kept."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.bodies.gltf_files import write_figure
from tests.bodies.smplx_files import write_smplx
from tests.bodies.test_mesh_body import write_obj
from tests.generate.small_run import small_config, small_parts
from tests.geometry.test_welds import BOX, CORNERS
from tests.glb_reader import read_glb

from clipmatrix.bodies.loading import load_body
from clipmatrix.config import default_prompts, load_config
from clipmatrix.errors import PromptError
from clipmatrix.export.turntable import TurntableConfig
from clipmatrix.generate import exporting
from clipmatrix.generate.events import Exported, Started
from clipmatrix.generate.loading import load_parts
from clipmatrix.generate.loop import stream
from clipmatrix.generate.search import search_start
from clipmatrix.guidance.mini import load_mini
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.procedural.search_config import SearchConfig
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start

pytest.importorskip("trimesh")
pytest.importorskip("xatlas")
SMALL = SearchConfig(num_sentences=300, num_sentence_rounds=1, num_candidates=24, num_rounds=1, num_variations=16)


@pytest.fixture(autouse=True)
def _short_film(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second at four frames; a body's own clips are shown for two seconds each."""
    film = TurntableConfig(parts=TurntableConfig().parts[:1], fps=4, size=16)
    monkeypatch.setattr(exporting, "film_config", lambda config: film)


@pytest.fixture(params=["box.obj", "figure.glb", "smplx"])
def body_name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "box.obj":
            return str(write_obj(tmp_path / "box.obj", 40 * CORNERS, BOX))
        case "figure.glb":
            return str(write_figure(tmp_path / "figure.glb"))
        case _:
            return f"smplx:{write_smplx(tmp_path / 'model.npz')}"


@pytest.mark.slow
def test_a_run_goes_through_and_its_record_names_the_body(body_name: str, tmp_path: Path) -> None:
    config = dataclasses.replace(small_config(steps=2), body=body_name)
    events = list(stream(config, tmp_path / "run", small_parts(config, load_body(body_name))))
    (started,) = [event for event in events if isinstance(event, Started)]
    assert started.body == load_body(body_name).name
    assert load_config(tmp_path / "run" / "config.yaml").body == body_name
    (exported,) = [event for event in events if isinstance(event, Exported)]
    document = read_glb(exported.glb.read_bytes()).document
    if body_name.endswith("figure.glb"):
        assert [clip["name"] for clip in document["animations"]] == ["stretch"]
    elif body_name.endswith("box.obj"):
        assert "animations" not in document
        positions = read_glb(exported.glb.read_bytes()).attributes["POSITION"]
        np.testing.assert_allclose(np.ptp(positions, axis=0), 40, rtol=0.05)
    else:
        assert {"idle", "walk"} <= {clip["name"] for clip in document["animations"]}
    record = json.loads((tmp_path / "run" / "events.jsonl").read_text().splitlines()[0])
    assert record["body"] == started.body


def test_a_region_that_the_body_lacks_is_one_line(tmp_path: Path) -> None:
    name = str(write_obj(tmp_path / "box.obj", CORNERS, BOX))
    config = dataclasses.replace(small_config(Prompt("a blue head", region="head")), body=name)
    with pytest.raises(PromptError) as caught:
        load_parts(config)
    assert str(caught.value) == ("box.obj has no region 'head', which 'a blue head' asks for: its regions are whole")


def test_a_bare_prompt_asks_for_no_part_that_is_not_there() -> None:
    text = "a red box with a blue head"
    assert {prompt.region for prompt in default_prompts(text)} > {"whole", "head"}
    assert {prompt.region for prompt in default_prompts(text, ("whole",))} == {"whole"}


def test_offsets_leave_no_gaps(tmp_path: Path) -> None:
    """The vertices of a place are moved as one, whatever the optimiser does to each."""
    body = load_body(str(write_obj(tmp_path / "box.obj", CORNERS, BOX)))
    config = dataclasses.replace(small_config(), start="neutral")
    scene = Scene(body, neutral_start(body), config.scene)
    with torch.no_grad():
        scene.deform.differential.normal_()
        offset = scene.deform.offset()
    assert body.welds is not None
    assert torch.equal(offset, offset[body.welds.first_ids])
    assert float(offset.abs().max()) > 0


def test_the_search_dresses_a_body_without_parts_as_one(tmp_path: Path) -> None:
    body = load_body(str(write_obj(tmp_path / "box.obj", CORNERS, BOX)))
    found = search_start(body, (Prompt("a spiky red ball with a blue head"),), load_mini(), SMALL, 64, 0)
    assert found.start.shape.shape == (0,)
    assert found.start.albedo_srgb.shape == (64, 64, 3)
    assert body.welds is not None
    offset = found.start.offset
    torch.testing.assert_close(offset, offset[body.welds.first_ids], atol=1e-6, rtol=0)
