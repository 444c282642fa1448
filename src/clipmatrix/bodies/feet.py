"""Feet that stay where they stand: contact found in a movement, and legs bent so that it holds; knows no clip by name.

A foot touches the ground with the lowest part of its sole. While that part is low and slow it is taken to stand, and
whatever it still moves is taken out again: the ankle is shifted by the sum of the patch's own steps, so that a foot may
roll from heel to toe but not slide. Between two contacts the shift goes over from the one to the other smoothly.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from scipy import ndimage
from torch import Tensor

from clipmatrix.bodies.body import RestBody
from clipmatrix.bodies.joint_turns import joint_rotation
from clipmatrix.bodies.rig import Rig, skin, world_from_joint

# How near the ground and how slow the sole of a standing foot is; slower still once it stands.
_LOW_M, _SLOW_M_S = 0.035, 0.35
_UNEVEN = 0.6
_SHORTEST_S, _GAP_S = 0.1, 0.07
# A foot that goes farther than this in one contact slides on purpose.
_LONGEST_SHIFT_M = 0.15
_PATCH_M = 0.006
_TOUCHING_M, _LANDING_M_S, _WIDENED_S = 0.012, 1.5, 0.1
_GAIT_CLEARANCE_M = 0.035
"""Walkers' toes pass the ground at one or two centimetres; a bare toe that is stiff needs more to look lifted."""
_REACH = 0.998
_DEEPEST_M = 0.08
# A ball of the foot that is as low as this is on the ground, and as high as that is off it.
_BALL_DOWN_M, _BALL_UP_M = 0.025, 0.09
_MOST_FLEXED = math.radians(60)
_SIDES = ("l", "r")


@dataclass(frozen=True, eq=False)
class FootTrack:
    """One foot through a movement: the place of its lowest patch, the patch's own speed, and when it stands.

    ``lowest`` is the height of the sole's lowest point in metres. ``steps`` are how far the patch goes to the next
    frame, in metres, in the plane of the ground and relative to it.
    """

    lowest: Float[np.ndarray, "n"]
    steps: Float[np.ndarray, "n 2"]
    stands: Bool[np.ndarray, "n"]


def sliding_cm(tracks: Mapping[str, FootTrack], contacts: Mapping[str, FootTrack] | None = None) -> float:
    """How far feet slide in a contact on average, in centimetres: the length of the patch's way while it stands.

    ``contacts`` says when they stand, where it is not the tracks themselves: the same movement before it was changed.
    """
    ways = []
    for side, track in tracks.items():
        for first, last in _runs((contacts or tracks)[side].stands):
            if last > first:
                ways.append(float(np.linalg.norm(track.steps[first:last], axis=1).sum()))
    return 100.0 * sum(ways) / len(ways) if ways else 0.0


def track_feet(
    rest: RestBody,
    roles: Mapping[str, int],
    joint_rotations: Float[Tensor, "n j 3 3"],
    root_translation: Float[Tensor, "n 3"],
    fps: float,
    ground_speed: tuple[float, float] = (0.0, 0.0),
) -> dict[str, FootTrack]:
    """How both feet (``l`` and ``r``) meet the ground at y = 0.

    ``roles`` names the joints ``foot_l`` and ``foot_r``. ``ground_speed`` is the ground's own, along x and z in metres
    a second: that of a treadmill under a figure that walks in place.
    """
    frames = world_from_joint(rest.rig, joint_rotations, root_translation)
    tracks = {}
    for side in _SIDES:
        sole = _sole(rest, roles[f"foot_{side}"])
        points = _skin_some(rest, sole, frames).double().numpy()
        tracks[side] = _track(points, fps, np.array(ground_speed) / fps)
    return tracks


def ground_height(tracks: Mapping[str, FootTrack], fps: float) -> float:
    """The height at which the movement's feet stand, in metres: half of the lower soles that rest are below it."""
    lowest = np.stack([track.lowest for track in tracks.values()])
    speed = np.stack([np.linalg.norm(track.steps, axis=1) * fps for track in tracks.values()])
    lower = lowest.argmin(axis=0)
    frames = np.arange(lowest.shape[1])
    heights, slow = lowest[lower, frames], speed[lower, frames] < _SLOW_M_S
    return float(np.median(heights[slow])) if slow.any() else float(np.percentile(heights, 10.0))


def flex_toes(
    rest: RestBody,
    roles: Mapping[str, int],
    toes: Mapping[str, tuple[int, ...]],
    joint_rotations: Float[Tensor, "n j 3 3"],
    root_translation: Float[Tensor, "n 3"],
) -> Float[Tensor, "n j 3 3"]:
    """The rotations with toes bent up where the heel rises from the ball of a foot that is near y = 0.

    For movements whose skeleton has no toes. ``toes`` are the joints of each side (``l`` and ``r``).
    """
    frames = world_from_joint(rest.rig, joint_rotations, root_translation)
    bind = rest.rig.bind_from_joint
    rotations = joint_rotations.clone()
    for side in _SIDES:
        foot = roles[f"foot_{side}"]
        turn = frames[:, foot, :3, :3] @ bind[foot, :3, :3].T
        pitch = torch.asin((-turn[:, 1, 2]).clamp(-1.0, 1.0)).clamp(0.0, _MOST_FLEXED)
        for joint in toes[side]:
            height = frames[:, joint, 1, 3] - bind[joint, 1, 3]
            near = 1.0 - ((height - _BALL_DOWN_M) / (_BALL_UP_M - _BALL_DOWN_M)).clamp(0.0, 1.0)
            angle = pitch * near * near * (3.0 - 2.0 * near)
            axis = bind[joint, :3, :3].T @ bind.new_tensor([-1.0, 0.0, 0.0])
            rotations[:, joint] = _about(axis.expand(len(angle), 3), angle).to(rotations.dtype)
    return rotations


def lock_feet(
    rest: RestBody,
    roles: Mapping[str, int],
    joint_rotations: Float[Tensor, "n j 3 3"],
    root_translation: Float[Tensor, "n 3"],
    fps: float,
    ground_speed: tuple[float, float] = (0.0, 0.0),
    is_round: bool = False,
    clearance: float = 0.0,
) -> tuple[Float[Tensor, "n j 3 3"], Float[Tensor, "n 3"]]:
    """The movement with standing feet held in place and on y = 0, and no foot below it.

    One that ``is_round`` ends where it begins, and so do feet that stand throughout. Half way between two contacts a
    foot is at least ``clearance`` metres above the ground, so that none is dragged along it.

    ``roles`` names the joints upper_leg, lower_leg and foot of both sides. Only hips and knees turn differently, and
    the root sinks by some centimetres where a leg would be too short. Without gradients.
    """
    tracks = track_feet(rest, roles, joint_rotations, root_translation, fps, ground_speed)
    if is_round:
        tracks = {side: _widened(track, fps) for side, track in tracks.items()}
    shifts = {side: _shift(track, fps, is_round, clearance) for side, track in tracks.items()}
    frames = world_from_joint(rest.rig, joint_rotations, root_translation).double()
    targets = {
        side: frames[:, roles[f"foot_{side}"], :3, 3] + torch.from_numpy(shift) for side, shift in shifts.items()
    }
    drop = _drop(frames, roles, targets, {side: track.stands for side, track in tracks.items()}, fps)
    root_translation = root_translation.clone()
    root_translation[:, 1] -= drop.to(root_translation.dtype)
    rotations = joint_rotations.double()
    exact = Rig(
        rest.rig.joint_names, rest.rig.parents, rest.rig.joint_from_bind.double(), rest.rig.joint_ids,
        rest.rig.joint_weights,
    )  # fmt: skip
    # The second pass takes away what twisting joints between hip and knee put the ankle aside.
    for _ in range(2):
        frames = world_from_joint(exact, rotations, root_translation.double())
        for side in _SIDES:
            rotations = _bend_leg(exact, roles, side, rotations, frames, targets[side])
    return rotations.to(joint_rotations.dtype), root_translation


def lock_loop(
    rest: RestBody,
    roles: Mapping[str, int],
    joint_rotations: Float[Tensor, "n j 3 3"],
    root_translation: Float[Tensor, "n 3"],
    fps: float,
    is_gait: bool = False,
) -> tuple[Float[Tensor, "n j 3 3"], Float[Tensor, "n 3"]]:
    """``lock_feet`` for a loop whose last frame is its first; feet may stand across the seam.

    Under a gait in place the ground is taken to go back as fast as ``tread_speed`` says.
    """
    ground = (0.0, 0.0)
    if is_gait:
        ground = tread_speed(track_feet(rest, roles, joint_rotations, root_translation, fps), fps)
    num = len(root_translation) - 1
    # Three rounds, of which the middle one knows what comes before it and after.
    rotations = torch.cat([joint_rotations[:-1].repeat(3, 1, 1, 1), joint_rotations[-1:]])
    shift = torch.cat([root_translation[:-1].repeat(3, 1), root_translation[-1:]])
    clearance = _GAIT_CLEARANCE_M if is_gait else 0.0
    rotations, shift = lock_feet(rest, roles, rotations, shift, fps, ground, is_round=True, clearance=clearance)
    return rotations[num : 2 * num + 1].clone(), shift[num : 2 * num + 1].clone()


def tread_speed(tracks: Mapping[str, FootTrack], fps: float) -> tuple[float, float]:
    """The speed along x and z in metres a second at which the lower foot goes on average while it is down."""
    lowest = np.stack([track.lowest for track in tracks.values()])
    steps = np.stack([track.steps for track in tracks.values()])[:, :-1]
    lower = lowest[:, :-1].argmin(axis=0)
    frames = np.arange(steps.shape[1])
    speeds = steps[lower, frames][lowest[lower, frames] < _LOW_M / 3] * fps
    if not len(speeds):
        return 0.0, 0.0
    usual = float(np.median(speeds[:, 1]))
    # Without the frames in which the lower foot is one that swings.
    return 0.0, float(np.mean(speeds[speeds[:, 1] * np.sign(usual) >= abs(usual) / 2, 1]))


def _sole(rest: RestBody, foot: int) -> Int64[Tensor, "_"]:
    """The ids of the vertices of a foot and its toes that are near its lowest point in the bind pose."""
    members = {foot}
    for joint, parent in enumerate(rest.rig.parents):
        if parent in members:
            members.add(joint)
    is_member = torch.zeros(len(rest.rig.parents), dtype=torch.bool)
    is_member[list(members)] = True
    weight = (rest.rig.joint_weights * is_member[rest.rig.joint_ids]).sum(dim=1)
    heights = rest.vertices[:, 1].detach()
    is_foot = weight > 0.8
    if not bool(is_foot.any()):
        is_foot = weight >= weight.max()
    lowest = heights[is_foot].min()
    return torch.nonzero(is_foot & (heights < lowest + 0.03)).squeeze(1)


def _skin_some(rest: RestBody, ids: Int64[Tensor, "s"], frames: Float[Tensor, "n j 4 4"]) -> Float[Tensor, "n s 3"]:
    rig = rest.rig
    part = Rig(rig.joint_names, rig.parents, rig.joint_from_bind, rig.joint_ids[ids], rig.joint_weights[ids])
    return skin(rest.vertices[ids].detach(), part, frames)


def _track(points: Float[np.ndarray, "n s 3"], fps: float, ground_step: Float[np.ndarray, "2"]) -> FootTrack:
    heights = points[..., 1]
    lowest = heights.min(axis=1)
    steps = np.zeros((len(points), 2))
    if len(points) > 1:
        # The patch that bears the foot in both frames, softly chosen, so that rolling changes it without jumps.
        weight = np.exp(-np.maximum(heights[:-1] - lowest[:-1, None], heights[1:] - lowest[1:, None]) / _PATCH_M)
        moved = points[1:, :, [0, 2]] - points[:-1, :, [0, 2]]
        steps[:-1] = (weight[..., None] * moved).sum(axis=1) / weight.sum(axis=1)[:, None] - ground_step
    speed = ndimage.uniform_filter1d(np.linalg.norm(steps, axis=1), 3, mode="nearest") * fps
    # On a moving ground a drawn gait is as uneven as it is fast.
    slow = _SLOW_M_S + _UNEVEN * float(np.linalg.norm(ground_step)) * fps
    stands = (lowest < _LOW_M) & (speed < slow)
    stands = ndimage.binary_closing(np.pad(stands, 3, mode="edge"), np.ones(2 * max(round(_GAP_S * fps / 2), 1) + 1))[
        3:-3
    ]
    for first, last in _runs(stands):
        if last - first + 1 < _SHORTEST_S * fps and len(points) > 3:
            stands[first : last + 1] = False
    return FootTrack(lowest, steps, stands)


def _runs(flags: Bool[np.ndarray, "n"]) -> list[tuple[int, int]]:
    """First and last index of each stretch of true values."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))


def _shift(track: FootTrack, fps: float, is_round: bool, clearance: float) -> Float[np.ndarray, "n 3"]:
    """How far the ankle must be moved at each frame."""
    num = len(track.lowest)
    shift = np.zeros((num, 3))
    held = np.zeros(num, dtype=bool)
    for first, last in _runs(track.stands):
        plane = -np.concatenate([np.zeros((1, 2)), np.cumsum(track.steps[first:last], axis=0)])
        if is_round and first == 0 and last == num - 1:
            # A foot that always stands drifts by rounding only: what is left at the end goes out evenly.
            plane -= np.linspace(0.0, 1.0, num)[:, None] * plane[-1]
        plane -= (plane.min(axis=0) + plane.max(axis=0)) / 2
        if np.abs(plane).max() <= _LONGEST_SHIFT_M:
            shift[first : last + 1, 0], shift[first : last + 1, 2] = plane[:, 0], plane[:, 1]
        shift[first : last + 1, 1] = -track.lowest[first : last + 1]
        held[first : last + 1] = True
    if not held.any():
        shift[:, 1] = np.maximum(-track.lowest, 0.0)
        return shift
    places, height = np.flatnonzero(held), np.zeros(num)
    after = np.searchsorted(places, np.arange(num)).clip(0, len(places) - 1)
    upper = places[after]
    lower = places[np.maximum(after - 1, 0)]
    for frame in np.flatnonzero(~held):
        low, high = lower[frame], upper[frame]
        if frame < places[0] or frame > places[-1]:
            # Before the first and after the last contact the shift fades within a quarter of a second.
            edge = places[0] if frame < places[0] else places[-1]
            shift[frame] = shift[edge] * _smooth(1.0 - abs(frame - edge) / (0.25 * fps))
        else:
            share = (frame - low) / (high - low)
            shift[frame] = shift[low] + (shift[high] - shift[low]) * _smooth(share)
            height[frame] = clearance * math.sin(math.pi * share) ** 2
    floating = ~held
    shift[floating, 1] = np.maximum(shift[floating, 1], (height - track.lowest)[floating])
    return shift


def _widened(track: FootTrack, fps: float) -> FootTrack:
    """The track with each contact begun earlier and ended later, by some frames in which the foot is all but down.

    So that a drawn foot, whose movement has no impact in it, goes over to its next place in the air.
    """
    stands, speed = track.stands.copy(), np.linalg.norm(track.steps, axis=1) * fps
    is_near = (track.lowest < _TOUCHING_M) & (speed < _LANDING_M_S)
    for _ in range(max(round(_WIDENED_S * fps), 1)):
        beside = np.convolve(stands, [1, 0, 1], mode="same") > 0
        stands |= beside & is_near
    return FootTrack(track.lowest, track.steps, stands)


def _smooth(x: float) -> float:
    t = min(max(x, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def _drop(
    frames: Float[Tensor, "n j 4 4"],
    roles: Mapping[str, int],
    targets: Mapping[str, Float[Tensor, "n 3"]],
    stands: Mapping[str, Bool[np.ndarray, "n"]],
    fps: float,
) -> Float[Tensor, "n"]:
    """How far the root must sink in metres so that standing feet are within reach; changes gently."""
    needed = np.zeros(frames.shape[0])
    for side in _SIDES:
        hip, knee, ankle = (frames[:, roles[f"{role}_{side}"], :3, 3] for role in ("upper_leg", "lower_leg", "foot"))
        length = _REACH * ((knee - hip).norm(dim=1) + (ankle - knee).norm(dim=1))
        across = targets[side] - hip
        flat = across[:, [0, 2]].square().sum(dim=1)
        missing = -across[:, 1] - torch.sqrt((length.square() - flat).clamp_min(0.0))
        needed = np.maximum(needed, np.where(stands[side], missing.numpy(), 0.0))
    needed = needed.clip(0.0, _DEEPEST_M)
    width = max(round(0.1 * fps), 1)
    wide = ndimage.maximum_filter1d(needed, 2 * width + 1, mode="nearest")
    return torch.from_numpy(ndimage.gaussian_filter1d(wide, width / 2, mode="nearest"))


def _bend_leg(
    rig: Rig,
    roles: Mapping[str, int],
    side: str,
    rotations: Float[Tensor, "n j 3 3"],
    frames: Float[Tensor, "n j 4 4"],
    target: Float[Tensor, "n 3"],
) -> Float[Tensor, "n j 3 3"]:
    """The rotations with hip and knee turned so that the ankle is at ``target``; the foot keeps its direction."""
    upper, lower, foot = (roles[f"{role}_{side}"] for role in ("upper_leg", "lower_leg", "foot"))
    hip, knee, ankle = (frames[:, joint, :3, 3] for joint in (upper, lower, foot))
    thigh, shin, reach = knee - hip, ankle - knee, target - hip
    a, b = thigh.norm(dim=1), shin.norm(dim=1)
    wanted = torch.minimum(torch.maximum(reach.norm(dim=1), (a - b).abs() + 1e-3), 0.9998 * (a + b))
    cosine = ((a.square() + b.square() - wanted.square()) / (2 * a * b)).clamp(-1.0, 1.0)
    bend_after = math.pi - torch.acos(cosine)
    cross = torch.linalg.cross(thigh, shin)
    bend_before = torch.atan2(cross.norm(dim=1), (thigh * shin).sum(dim=1))
    turn = frames[:, upper, :3, :3] @ rig.joint_from_bind[upper, :3, :3]
    # Where the leg is all but straight its plane is lost in noise: a knee then bends about the thigh's own side axis.
    sideways = turn[:, :, 0] - (turn[:, :, 0] * thigh).sum(dim=1, keepdim=True) * thigh / a[:, None].square()
    axis = torch.nn.functional.normalize(cross / (a * b)[:, None] + 0.05 * sideways, dim=1)
    knee_turn = _about(axis, bend_after - bend_before)
    bent = thigh + (knee_turn @ shin[..., None]).squeeze(-1)
    hip_turn = _shortest(bent, reach)
    rotations = rotations.clone()
    world = frames[..., :3, :3]
    for joint, before in ((upper, None), (lower, hip_turn), (foot, hip_turn @ knee_turn)):
        parent = rig.parents[joint]
        above = None if parent < 0 else world[:, parent] if before is None else before @ world[:, parent]
        own = {upper: hip_turn, lower: hip_turn @ knee_turn}.get(joint)
        rotations[:, joint] = joint_rotation(
            rig, joint, above, world[:, joint] if own is None else own @ world[:, joint]
        )
    return rotations


def _about(axis: Float[Tensor, "n 3"], angle: Float[Tensor, "n"]) -> Float[Tensor, "n 3 3"]:
    """Rotations about unit axes."""
    x, y, z = axis.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)
    eye = torch.eye(3, dtype=axis.dtype)
    s, c = torch.sin(angle)[:, None, None], torch.cos(angle)[:, None, None]
    return eye + s * cross + (1 - c) * (cross @ cross)


def _shortest(source: Float[Tensor, "n 3"], target: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """The rotations without twist from the direction of ``source`` to that of ``target``."""
    cross = torch.linalg.cross(source, target)
    angle = torch.atan2(cross.norm(dim=1), (source * target).sum(dim=1))
    return _about(torch.nn.functional.normalize(cross, dim=1, eps=1e-12), angle)
