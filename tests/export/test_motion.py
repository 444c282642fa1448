import math

import pytest
import torch
from tests.synthetic_character import build_clips, turn

from clipmatrix.bodies.clips import Clip
from clipmatrix.export.motion import blend, join, sample_clip, stand_still

AXIS = (0.3, -1.0, 0.5)


def _quarter_turn() -> Clip:
    """From no turn at 1 s to 90 degrees about AXIS at 3 s, moving one metre along x."""
    rotations = torch.stack([torch.eye(3), turn(AXIS, math.pi / 2)])[:, None]
    return Clip("turn", torch.tensor([1.0, 3.0]), rotations, torch.tensor([[0.0, 0, 0], [1.0, 0, 0]]))


@pytest.mark.parametrize(("time", "share"), [(0.0, 0.0), (1.0, 0.0), (1.5, 0.25), (2.0, 0.5), (3.0, 1.0), (9.0, 1.0)])
def test_turning_is_even_between_keys_and_still_outside(time: float, share: float) -> None:
    motion = sample_clip(_quarter_turn(), torch.tensor([time]))
    torch.testing.assert_close(motion.joint_rotations[0, 0], turn(AXIS, share * math.pi / 2), atol=1e-6, rtol=0)
    torch.testing.assert_close(motion.root_translation[0], torch.tensor([share, 0.0, 0.0]))


def test_at_the_keys_stand_the_keys() -> None:
    for clip in build_clips():
        motion = sample_clip(clip, clip.times)
        torch.testing.assert_close(motion.joint_rotations, clip.joint_rotations, atol=1e-6, rtol=0)
        torch.testing.assert_close(motion.root_translation, clip.root_translation)


def test_a_clip_of_one_key_is_that_key_always() -> None:
    clip = Clip("pose", torch.tensor([0.0]), turn(AXIS, 1.0)[None, None], torch.ones(1, 3))
    motion = sample_clip(clip, torch.tensor([0.0, 5.0]))
    torch.testing.assert_close(motion.joint_rotations[1, 0], turn(AXIS, 1.0), atol=1e-6, rtol=0)
    assert torch.equal(motion.root_translation, torch.ones(2, 3))


def test_blending_goes_from_start_to_end() -> None:
    wave, twist = (sample_clip(clip, torch.tensor([0.3, 0.4])) for clip in build_clips())
    mixed = blend(wave, twist, torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(mixed.joint_rotations[0], wave.joint_rotations[0], atol=1e-6, rtol=0)
    torch.testing.assert_close(mixed.joint_rotations[1], twist.joint_rotations[1], atol=1e-6, rtol=0)


def test_joined_moments_come_back_one_by_one() -> None:
    wave = sample_clip(build_clips()[0], torch.tensor([0.3, 0.4]))
    whole = join([stand_still(5), wave])
    assert torch.equal(whole.at(0).joint_rotations[0, 2], torch.eye(3))
    assert torch.equal(whole.at(2).joint_rotations, wave.joint_rotations[1:])
