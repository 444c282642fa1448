import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.synthetic_character import build_tube_character

from clipmatrix.export.character import Character, pose_vertices
from clipmatrix.export.images import (
    FOV_Y,
    SHEET_GAP_PX,
    contact_sheet,
    display,
    framing,
    render_views,
    studio_lights,
    write_views,
)
from clipmatrix.export.motion import sample_clip
from clipmatrix.render.surface import Images
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import orbit


@pytest.fixture(scope="module")
def character() -> Character:
    return build_tube_character()


def test_framing_keeps_everything_in_sight_and_no_farther_than_needed(character: Character) -> None:
    posed = pose_vertices(character, sample_clip(character.clips[0], torch.linspace(0, 1.25, 6)))
    azimuth = torch.linspace(0, 6, 7)
    elevation = torch.linspace(-1, 1, 7)
    target, distances = framing(posed, azimuth, elevation)
    cameras = orbit(target.expand(7, 3), azimuth, elevation, distances, torch.full((7,), FOV_Y))
    points = torch.nn.functional.pad(posed.reshape(-1, 3), (0, 1), value=1.0)
    clip = points @ cameras.clip_from_world.transpose(1, 2)
    farthest = (clip[..., :2] / clip[..., 3:]).abs().amax(dim=(1, 2))
    torch.testing.assert_close(farthest, torch.full((7,), 0.94), atol=1e-3, rtol=0)


def test_display_puts_the_background_behind() -> None:
    """Half-covering white over 0.86 grey: sRGB 0.86 is 0.7106 linear, the mix 0.8553, which is sRGB 0.9334 or 238."""
    rgb = torch.tensor([0.0, 0.5, 9.0])[None, None, :, None].expand(1, 1, 3, 3)
    alpha = torch.tensor([0.0, 0.5, 1.0])[None, None, :, None]
    assert display(Images(rgb, alpha))[0, 0, :, 0].tolist() == [219, 238, 255]


def test_views_show_the_body_on_grey(character: Character) -> None:
    motion = sample_clip(character.clips[0], torch.tensor([0.0, 0.5]))
    azimuth = torch.tensor([0.0, math.pi])
    target, distances = framing(pose_vertices(character, motion), azimuth, torch.zeros(2))
    cameras = orbit(target.expand(2, 3), azimuth, torch.zeros(2), distances, torch.full((2,), FOV_Y))
    pictures = render_views(character, cameras, studio_lights(azimuth), motion, ImageSize(48, 48))
    assert pictures.shape == (2, 48, 48, 3)
    assert (pictures[:, [0, -1]] == 219).all()
    coloured = np.ptp(pictures.astype(int), axis=-1) > 20
    assert (coloured.mean(axis=(1, 2)) > 0.1).all()
    assert (pictures[0] != pictures[1]).any()


def test_the_sheet_places_pictures_row_by_row() -> None:
    pictures = [np.full((20, 30, 3), 40 * index, dtype=np.uint8) for index in range(5)]
    sheet = contact_sheet(pictures, columns=3)
    gap = SHEET_GAP_PX
    assert sheet.shape == (2 * 20 + 3 * gap, 3 * 30 + 4 * gap, 3)
    for index in range(5):
        top, left = gap + index // 3 * (20 + gap), gap + index % 3 * (30 + gap)
        assert (sheet[top : top + 20, left : left + 30] == 40 * index).all()
    assert (sheet[gap + 20 + gap :, gap + 2 * (30 + gap) :] == 255).all()


def test_labels_are_drawn_in_their_own_cells() -> None:
    pictures = [np.full((40, 60, 3), 200, dtype=np.uint8)] * 2
    plain, labelled = contact_sheet(pictures, 2), contact_sheet(pictures, 2, ["", "walk"])
    changed = np.argwhere((plain != labelled).any(axis=-1))
    assert len(changed) > 10
    assert changed[:, 1].min() >= SHEET_GAP_PX * 2 + 60


def test_the_sheet_of_views_has_twelve_of_them(tmp_path: Path, character: Character) -> None:
    write_views(tmp_path / "views.png", character, ImageSize(32, 32))
    sheet = np.asarray(Image.open(tmp_path / "views.png"))
    step = 32 + SHEET_GAP_PX
    assert sheet.shape == (2 * step + SHEET_GAP_PX, 6 * step + SHEET_GAP_PX, 3)
    cells = [
        sheet[SHEET_GAP_PX + row * step :, SHEET_GAP_PX + column * step :][:32, :32]
        for row in range(2)
        for column in range(6)
    ]
    assert all((np.ptp(cell.astype(int), axis=-1) > 20).mean() > 0.05 for cell in cells)
    assert len({cell.tobytes() for cell in cells}) == 12
