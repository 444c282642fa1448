"""The live picture: fresh, cheap, and without any influence on the run."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.generate.small_run import small_config, small_parts
from tests.toy_body import build_toy_body

from clipmatrix.generate import live, loop
from clipmatrix.generate.events import Step
from clipmatrix.generate.live import LONGEST_SHARE, LivePicture
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.runs.directory import Run
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start


def _scene() -> Scene:
    body = build_toy_body()
    return Scene(body, neutral_start(body), small_config().scene)


def test_the_picture_shows_the_body_and_turns(tmp_path: Path) -> None:
    picture = LivePicture(tmp_path / "live.jpg", CpuRasterizer())
    scene = _scene()
    front, side = (Image.open(io.BytesIO(picture._draw(scene, turn))).convert("L") for turn in (0.0, 0.8))
    share = (np.abs(np.asarray(front).astype(int) - 219) > 8).mean()
    assert 0.02 < share < 0.9
    assert np.abs(np.asarray(front).astype(int) - np.asarray(side)).mean() > 0.2


def test_it_is_drawn_once_a_second_and_less_often_where_it_is_dear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, drawn = [100.0], []
    monkeypatch.setattr(live.time, "monotonic", lambda: clock[0])
    picture = LivePicture(tmp_path / "live.jpg", CpuRasterizer())

    def draw(_scene: Scene, _turn: float) -> bytes:
        drawn.append(clock[0])
        clock[0] += 0.06
        return b"jpeg"

    monkeypatch.setattr(picture, "_draw", draw)
    scene = _scene()
    for _ in range(1000):
        picture.see(lambda: scene)
        clock[0] += 0.01
    gaps = np.diff(drawn)
    # 0.06 s are two hundredths of 3 s.
    assert np.allclose(gaps, 0.06 / LONGEST_SHARE, atol=0.011)
    assert (tmp_path / "live.jpg").read_bytes() == b"jpeg"
    assert [path.name for path in tmp_path.iterdir()] == ["live.jpg"]


def test_a_place_that_cannot_be_written_does_not_stop_the_run(tmp_path: Path) -> None:
    LivePicture(tmp_path / "nowhere" / "live.jpg", CpuRasterizer()).see(_scene)


@pytest.mark.slow
def test_a_watched_run_ends_with_the_same_bytes(tmp_path: Path) -> None:
    config = small_config(steps=4)
    for name, path in (("alone", None), ("watched", Run(tmp_path / "watched").live_path)):
        torch.manual_seed(0)
        for event in loop.stream(config, tmp_path / name, small_parts(config), live=path):
            if isinstance(event, Step) and path is not None:
                assert path.is_file()
    alone, watched = (Run(tmp_path / name).best_path.read_bytes() for name in ("alone", "watched"))
    assert alone == watched
    assert not Run(tmp_path / "alone").live_path.exists()
