from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from tests.synthetic_character import build_tube_character

from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character, pose_vertices
from clipmatrix.export.motion import sample_clip
from clipmatrix.export.turntable import Part, TurntableConfig, choreography, film_seconds, turntable
from clipmatrix.export.video import write_turntable, write_video

SHORT = TurntableConfig(parts=(Part("wave", 0.5), Part("missing", 4.0), Part("twist", 0.5)), fps=12, size=64)


@pytest.fixture(scope="module")
def character() -> Character:
    return build_tube_character()


def _sliding_colours(num: int, height: int, width: int) -> Iterator[np.ndarray]:
    for index in range(num):
        rows, columns = np.mgrid[0:height, 0:width]
        yield np.stack([rows * 255 // height, columns * 255 // width, rows * 0 + 20 * index], -1).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (63, 95)])
def test_a_film_comes_back_with_its_colours(tmp_path: Path, height: int, width: int) -> None:
    write_video(tmp_path / "film.mp4", _sliding_colours(10, height, width), fps=12)
    with av.open(str(tmp_path / "film.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.height, stream.width) == (64, 96)
        assert stream.average_rate == 12
        assert int(stream.codec_context.colorspace) == 1
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(frames) == 10
    for decoded, original in zip(frames, _sliding_colours(10, height, width), strict=True):
        assert np.abs(decoded[:height, :width].astype(int) - original).mean() < 4


def test_a_film_starts_before_it_is_loaded_whole(tmp_path: Path) -> None:
    write_video(tmp_path / "film.mp4", _sliding_colours(3, 32, 32))
    data = (tmp_path / "film.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_no_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="at least one frame"):
        write_video(tmp_path / "film.mp4", iter(()))
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ExportError, match="choose a folder"):
        write_video(tmp_path / "file" / "film.mp4", _sliding_colours(1, 32, 32))


def test_a_film_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def breaking() -> Iterator[np.ndarray]:
        yield from _sliding_colours(2, 32, 32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "film.mp4", breaking())
    assert list(tmp_path.iterdir()) == []


def test_the_turntable_is_written_with_its_progress(tmp_path: Path, character: Character) -> None:
    calls: list[tuple[int, int]] = []
    write_turntable(tmp_path / "turntable.mp4", character, SHORT, lambda done, whole: calls.append((done, whole)))
    assert calls == [(index + 1, 12) for index in range(12)]
    with av.open(str(tmp_path / "turntable.mp4")) as container:
        assert (container.streams.video[0].width, container.streams.video[0].frames) == (64, 12)


def test_the_last_frame_leads_on_to_the_first(character: Character) -> None:
    smooth = replace(SHORT, parts=(Part("twist", 1.0),), fps=24)
    frames = np.stack(list(turntable(character, smooth))).astype(int)
    steps = np.abs(np.roll(frames, -1, axis=0) - frames).mean(axis=(1, 2, 3))
    assert steps.min() > 0.1
    assert steps[-1] < 1.5 * steps[:-1].max()


def test_nothing_touches_the_edge_of_the_picture(character: Character) -> None:
    frames = np.stack(list(turntable(character, SHORT)))
    edge = np.concatenate([frames[:, [0, -1]].reshape(-1, 3), frames[:, :, [0, -1]].reshape(-1, 3)])
    assert (edge == 219).all()


def test_parts_play_their_clips_and_melt_into_each_other(character: Character) -> None:
    """Before the melting begins the pose is the clip's own; in its middle it lies strictly between two clips."""
    config = replace(SHORT, parts=(Part("wave", 1.0, speed=0.5), Part("twist", 1.0)), blend_seconds=0.2)
    assert film_seconds(character, config) == 2.0
    motion = choreography(character, config, torch.tensor([0.6, 1.5, 0.999]))
    wave = sample_clip(character.clips[0], torch.tensor([0.3]))
    twist = sample_clip(character.clips[1], torch.tensor([0.5, 0.0]))
    torch.testing.assert_close(motion.joint_rotations[0], wave.joint_rotations[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(motion.joint_rotations[1], twist.joint_rotations[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(motion.joint_rotations[2], twist.joint_rotations[1], atol=2e-2, rtol=0)


def test_without_clips_the_body_stands_still(character: Character) -> None:
    alone = replace(character, clips=())
    assert film_seconds(alone, SHORT) == 5.0
    motion = choreography(alone, SHORT, torch.tensor([0.0, 2.0]))
    posed = pose_vertices(alone, motion)
    torch.testing.assert_close(posed[1], character.mesh.vertices, atol=1e-6, rtol=0)
