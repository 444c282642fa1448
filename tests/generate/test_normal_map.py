"""Runs that learn a normal map: it moves, is written out, and a stopped run goes on to the same bytes."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.generate.small_run import small_config, small_parts
from tests.glb_reader import read_glb

from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting
from clipmatrix.generate.events import Step
from clipmatrix.generate.loop import resume, stream
from clipmatrix.runs.directory import Run
from clipmatrix.scene.config import SceneConfig

SCENE = SceneConfig(texture_size=32, normal_map=True, relief=0.5)
CONFIG = dataclasses.replace(small_config(scene=SCENE, steps=6), save_every_s=0.0)


@pytest.fixture(autouse=True)
def _short_film() -> Iterator[None]:
    film = TurntableConfig(parts=(Part("poses", 0.1),), size=16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "film_config", lambda config: film)
        yield


@pytest.mark.slow
def test_it_learns_and_a_stopped_run_ends_the_same(tmp_path: Path) -> None:
    steps = [event for event in stream(CONFIG, tmp_path / "whole", small_parts(CONFIG)) if isinstance(event, Step)]
    assert steps[-1].losses.bumpiness > 0.0
    whole = Run(tmp_path / "whole")
    assert "normalTexture" in read_glb(whole.glb_path.read_bytes()).document["materials"][0]
    events = stream(CONFIG, tmp_path / "stopped", small_parts(CONFIG))
    for event in events:
        if isinstance(event, Step) and event.step == 3:
            events.close()
            break
    for _ in resume(tmp_path / "stopped", small_parts(CONFIG)):
        pass
    stopped = Run(tmp_path / "stopped")
    assert stopped.best_path.read_bytes() == whole.best_path.read_bytes()
    assert stopped.glb_path.read_bytes() == whole.glb_path.read_bytes()


def test_without_it_nothing_of_it_is_written(tmp_path: Path) -> None:
    config = small_config(steps=2)
    for _ in stream(config, tmp_path / "run", small_parts(config)):
        pass
    assert "normalTexture" not in read_glb(Run(tmp_path / "run").glb_path.read_bytes()).document["materials"][0]
