"""Films of every kind: their shape, their shadow, and files that appear whole or not at all."""

import math
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from tests.synthetic_character import build_tube_character

from clipmatrix.errors import ExportError
from clipmatrix.export.film import Look, clip_take, shoot
from clipmatrix.export.ground import cast_shadow
from clipmatrix.export.video import write_film
from clipmatrix.shapes import ImageSize


def _frames(look: Look) -> list[np.ndarray]:
    character = build_tube_character()
    take = clip_take(character, character.clips[0], 6, 0.3, 0.5, 0.15, look.size.width / look.size.height)
    return list(shoot(character, take, look))


def test_bands_and_supersampling_show_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    look = Look(ImageSize(60, 80), supersampling=2)
    whole = _frames(look)[0].astype(int)
    monkeypatch.setattr("clipmatrix.export.film._BAND_PIXELS", 80 * 4 * 7)
    banded = _frames(look)[0].astype(int)
    assert np.abs(whole - banded).mean() < 0.2
    assert np.abs(whole - banded).max() < 40


def test_transparent_frames_have_the_figure_and_nothing_else() -> None:
    frame = _frames(Look(ImageSize(64, 64), is_transparent=True))[0]
    assert frame.shape == (64, 64, 4)
    assert frame[0, 0, 3] == 0
    assert frame[..., 3].max() == 255


def test_a_plate_hides_the_sky_below_it() -> None:
    """The form factor of a wide plate near the floor is one; far from it none; of a square 2a wide at height h, below
    its middle: 4 / pi * s / sqrt(1 + s^2) * atan(s / sqrt(1 + s^2)), s = a / h."""

    def below(height: float) -> float:
        corners = torch.tensor([[-0.5, height, -0.5], [0.5, height, -0.5], [0.5, height, 0.5], [-0.5, height, 0.5]])
        shadow, _, _ = cast_shadow(corners, torch.tensor([[0, 1, 2], [0, 2, 3]]))
        middle = len(shadow) // 2
        assert shadow[0, 0] < 0.1
        return float(shadow[middle, middle])

    assert below(0.005) > 0.9
    s = 0.5 / 0.425
    t = s / math.sqrt(1 + s * s)
    assert below(0.425) == pytest.approx(4 / math.pi * t * math.atan(t), abs=0.04)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif", "a"])
def test_every_kind_of_file_holds_all_frames(tmp_path: Path, name: str) -> None:
    frames = _frames(Look(ImageSize(32, 48)))
    path = tmp_path / name
    write_film(path, iter(frames), 6)
    if name == "a":
        assert len(list(path.glob("*.png"))) == len(frames)
        with Image.open(path / "0001.png") as picture:
            assert np.array_equal(np.asarray(picture), frames[0])
    elif name == "a.gif":
        with Image.open(path) as film:
            assert getattr(film, "n_frames", 1) >= len(frames) - 1
    else:
        with av.open(str(path)) as container:
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(decoded) == len(frames)
        assert np.abs(decoded[0].astype(int) - frames[0]).mean() < 6
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    clear = np.zeros((16, 16, 4), np.uint8)
    for path, frames, said in (
        (tmp_path / "a.mp4", [clear], "transparent"),
        (tmp_path / "a.avi", [clear], "ends in"),
        (tmp_path / "a.webm", [], "at least one frame"),
    ):
        with pytest.raises(ExportError, match=said):
            write_film(path, iter(frames), 6)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match="new or empty"):
        write_film(tmp_path / "full", iter([clear]), 6)
