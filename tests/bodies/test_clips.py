"""Animation clips: closed loops that stand on the ground and move like what they are called."""

import dataclasses

import numpy as np
import pytest
import torch
from tests.support_body import build_support_body
from torch import Tensor

from clipmatrix.bodies.body import Body, RestBody
from clipmatrix.bodies.clips import FRAMES_PER_SECOND, Clip, build_clips
from clipmatrix.bodies.feet import track_feet, tread_speed
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.errors import BodyError

NAMES = ("idle", "walk", "run", "wave", "dance", "crouch", "turn", "jump", "poses")


@pytest.fixture(scope="module")
def body() -> Body:
    return build_support_body()


@pytest.fixture(scope="module")
def clips(body: Body) -> dict[str, Clip]:
    return {clip.name: clip for clip in build_clips(body)}


def posed(body: Body, clip: Clip) -> Tensor:
    frames = world_from_joint(body.rig, clip.joint_rotations, clip.root_translation)
    return skin(body.template.vertices, body.rig, frames)


def joint_places(body: Body, clip: Clip, role: str) -> Tensor:
    frames = world_from_joint(body.rig, clip.joint_rotations, clip.root_translation)
    return frames[:, body.humanoid[role], :3, 3]


def test_there_are_nine_clips(clips: dict[str, Clip]) -> None:
    assert tuple(clips) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_even_and_the_loop_closes(body: Body, clips: dict[str, Clip], name: str) -> None:
    clip = clips[name]
    wanted = torch.arange(clip.times.shape[0]) / FRAMES_PER_SECOND
    torch.testing.assert_close(clip.times, wanted)
    assert torch.equal(clip.joint_rotations[0], clip.joint_rotations[-1])
    assert torch.equal(clip.root_translation[0], clip.root_translation[-1])
    assert clip.joint_rotations.shape == (clip.times.shape[0], len(body.rig.parents), 3, 3)


@pytest.mark.parametrize("name", NAMES)
def test_the_seam_is_no_jump(body: Body, clips: dict[str, Clip], name: str) -> None:
    """The steps into and out of the seam are no longer than the longest within, and no vertex ever leaps."""
    vertices = posed(body, clips[name])
    steps = (vertices[1:] - vertices[:-1]).norm(dim=-1).amax(dim=1)
    assert float(max(steps[0], steps[-1])) <= float(steps[1:-1].max()) * 1.05 + 1e-6
    assert float(steps.max()) < 0.35
    assert float(steps.max()) > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_the_figure_stands_on_the_ground(body: Body, clips: dict[str, Clip], name: str) -> None:
    lowest = posed(body, clips[name])[..., 1].amin(dim=1)
    assert float(lowest.min()) == pytest.approx(0.0, abs=1e-5)
    # A runner leaves the ground by some centimetres, a jumper by more, nobody else does.
    highest = {"run": 0.05, "jump": 0.27}.get(name, 0.0)
    assert float(lowest.max()) == pytest.approx(highest, abs=0.02 if highest else 1e-5)


@pytest.mark.parametrize("name", ["walk", "run"])
def test_arms_swing_against_the_legs(body: Body, clips: dict[str, Clip], name: str) -> None:
    foot = joint_places(body, clips[name], "foot_l")[:-1, 2]
    hand = joint_places(body, clips[name], "hand_l")[:-1, 2]
    correlation = torch.corrcoef(torch.stack([foot, hand]))[0, 1]
    assert float(correlation) < -0.6


@pytest.mark.parametrize("name", ["walk", "run"])
def test_the_right_leg_does_what_the_left_one_did_half_a_stride_ago(
    body: Body, clips: dict[str, Clip], name: str
) -> None:
    clip = clips[name]
    num = clip.times.shape[0] - 1
    left = joint_places(body, clip, "foot_l")[:-1] - joint_places(body, clip, "hips")[:-1]
    right = joint_places(body, clip, "foot_r")[:-1] - joint_places(body, clip, "hips")[:-1]
    later = torch.roll(right, num // 2, dims=0) * torch.tensor([-1.0, 1.0, 1.0])
    # An odd number of frames puts half a stride between two of them.
    slack = 1e-4 if num % 2 == 0 else 0.09
    torch.testing.assert_close(later, left, atol=slack, rtol=0)


def test_a_walkers_standing_foot_goes_back_evenly(anny_body: Body) -> None:
    """In place, the foot on the ground must move back at one speed: it does, to a quarter, from 15 to 45 percent."""
    walk = next(clip for clip in build_clips(anny_body) if clip.name == "walk")
    foot = joint_places(anny_body, walk, "foot_l")[:, 2]
    num = walk.times.shape[0] - 1
    speed = (foot[1:] - foot[:-1])[round(0.15 * num) : round(0.45 * num)] * FRAMES_PER_SECOND
    assert float(speed.max()) < -0.8
    assert float(speed.std() / speed.mean().abs()) < 0.25


@pytest.mark.parametrize(("name", "most_cm"), [("walk", 10.0), ("turn", 10.0), ("run", 6.0)])
def test_no_foot_is_dragged_along_the_ground(anny_body: Body, name: str, most_cm: float) -> None:
    """How far a sole goes over the ground in a step while its lowest point is less than 3 mm above it."""
    clip = next(clip for clip in build_clips(anny_body) if clip.name == name)
    rest, roles = RestBody(anny_body.template.vertices, anny_body.rig), anny_body.humanoid
    plain = track_feet(rest, roles, clip.joint_rotations, clip.root_translation, float(FRAMES_PER_SECOND))
    ground = (0.0, 0.0) if name == "turn" else tread_speed(plain, float(FRAMES_PER_SECOND))
    tracks = track_feet(rest, roles, clip.joint_rotations, clip.root_translation, float(FRAMES_PER_SECOND), ground)
    num_steps = 4 if name == "turn" else 1
    for track in tracks.values():
        is_down = (track.lowest[:-1] < 0.003) & (track.lowest[1:] < 0.003)
        way = np.linalg.norm(track.steps[:-1], axis=1)[is_down].sum()
        assert 100 * way / num_steps < most_cm
        assert float(track.lowest.max()) > 0.025


def test_the_wave_is_over_the_shoulder_and_goes_side_to_side(body: Body, clips: dict[str, Clip]) -> None:
    hand = joint_places(body, clips["wave"], "hand_r")
    shoulder = joint_places(body, clips["wave"], "upper_arm_r")
    middle = slice(len(hand) * 3 // 10, len(hand) * 7 // 10)
    assert bool((hand[middle, 1] > shoulder[middle, 1]).all())
    turns = (hand[middle, 0].diff().sign().diff() != 0).sum()
    assert int(turns) >= 4


def test_another_shape_stands_on_the_ground_too(body: Body) -> None:
    rest = body.rest(torch.tensor([1.0, 0.0]))
    for clip in build_clips(body, rest):
        if clip.name in ("run", "jump"):
            continue
        frames = world_from_joint(rest.rig, clip.joint_rotations, clip.root_translation)
        lowest = skin(rest.vertices, rest.rig, frames)[..., 1].amin(dim=1)
        torch.testing.assert_close(lowest, torch.zeros_like(lowest), atol=1e-5, rtol=0)


def test_clips_are_the_same_every_time(body: Body, clips: dict[str, Clip]) -> None:
    for clip in build_clips(body):
        assert torch.equal(clip.joint_rotations, clips[clip.name].joint_rotations)
        assert torch.equal(clip.root_translation, clips[clip.name].root_translation)


def test_a_body_that_is_no_humanoid_is_refused(body: Body) -> None:
    with pytest.raises(BodyError, match="humanoid"):
        build_clips(dataclasses.replace(body, humanoid={}))
