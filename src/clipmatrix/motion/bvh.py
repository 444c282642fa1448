"""Reads BVH files (Biovision hierarchy: a skeleton, then one row of channels per frame); knows nothing of bodies.

Positions among the channels replace the joint's offset, as motion editors write them. Angles are in degrees, their
order is that of the channels. Any unit of length.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from clipmatrix.errors import MotionError, shown
from clipmatrix.intake import read_bounded
from clipmatrix.motion.source import SourceMotion, chain, check_finite

_AXES = "XYZ"
_MOST_CHANNELS = 12
_CHANNELS = {f"{axis}{kind}".lower() for axis in _AXES for kind in ("position", "rotation")}


@dataclass
class _Skeleton:
    """What the file's first part says, joint by joint."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)


class _Words:
    """The words of the text one after another, with the line that each stands on."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._words = self._split(text)
        self.line = 0

    @staticmethod
    def _split(text: str) -> Iterator[tuple[int, str]]:
        for number, line in enumerate(text.splitlines(), start=1):
            for word in line.split():
                yield number, word

    def next(self, wanted: str) -> str:
        found = next(self._words, None)
        if found is None:
            raise MotionError(f"{self._name} ends after line {self.line} where {wanted} was wanted: it is cut off")
        self.line, word = found
        return word

    def expect(self, *wanted: str) -> str:
        word = self.next(" or ".join(wanted))
        if word.upper() not in wanted:
            raise self.mistake(" or ".join(wanted), word)
        return word.upper()

    def number(self, wanted: str) -> float:
        word = self.next(wanted)
        try:
            return float(word)
        except ValueError:
            raise self.mistake(wanted, word) from None

    def mistake(self, wanted: str, found: str) -> MotionError:
        return MotionError(
            f'{self._name}, line {self.line}: wanted {wanted}, found "{shown(found, 40)}"; export the file again'
        )


def read_bvh(path: Path) -> SourceMotion:
    """The movement in a BVH file, frame by frame as it stands there.

    Raises:
        MotionError: the file cannot be read or is damaged; with the line.
    """
    try:
        text = read_bounded(path).decode("utf-8", errors="replace")
    except OSError as error:
        raise MotionError(f"{path} cannot be read ({error.strerror}): name a BVH file") from error
    head, mark, tail = text.partition("MOTION")
    if not text.lstrip().upper().startswith("HIERARCHY") or not mark:
        missing = "HIERARCHY at its beginning" if mark else "a MOTION part"
        raise MotionError(f"{path.name} is no whole BVH file, for want of {missing}: export it again")
    skeleton = _read_skeleton(_Words(head, path.name))
    frame_seconds, rows = _read_rows(tail, sum(len(c) for c in skeleton.channels), path.name, head.count("\n") + 1)
    rotations, offsets = _local_frames(skeleton, rows)
    rest_rotations = np.broadcast_to(np.eye(3), rotations[:1].shape)
    _, rest_positions = chain(skeleton.parents, rest_rotations, np.array(skeleton.offsets)[None])
    rotations, positions = chain(skeleton.parents, rotations, offsets)
    return check_finite(
        SourceMotion(
            name=path.stem,
            joint_names=tuple(skeleton.names),
            parents=tuple(skeleton.parents),
            rest_rotations=np.array(rest_rotations[0]),
            rest_positions=rest_positions[0],
            times=np.arange(len(rows)) * frame_seconds,
            rotations=rotations,
            positions=positions,
        ),
        path.name,
    )


def _read_skeleton(words: _Words) -> _Skeleton:
    skeleton = _Skeleton()
    words.expect("HIERARCHY")
    words.expect("ROOT")
    open_joints: list[int] = []
    _begin_joint(words, skeleton, -1, words.next("the root's name"))
    open_joints.append(0)
    while open_joints:
        joint = open_joints[-1]
        match words.expect("OFFSET", "CHANNELS", "JOINT", "END", "}"):
            case "OFFSET":
                skeleton.offsets[joint] = [words.number("a number of an offset") for _ in range(3)]
            case "CHANNELS":
                num = words.number("the number of channels")
                if num not in range(_MOST_CHANNELS + 1):
                    raise words.mistake(f"a number of channels up to {_MOST_CHANNELS}", f"{num:g}")
                for _ in range(int(num)):
                    word = words.next("a channel")
                    if word.lower() not in _CHANNELS:
                        raise words.mistake("a channel such as Xrotation", word)
                    skeleton.channels[joint].append(word.lower())
            case "JOINT":
                _begin_joint(words, skeleton, joint, words.next("a joint's name"))
                open_joints.append(len(skeleton.names) - 1)
            case "END":
                words.next("Site")
                _begin_joint(words, skeleton, joint, f"{skeleton.names[joint]}_end")
                open_joints.append(len(skeleton.names) - 1)
            case _:
                open_joints.pop()
    return skeleton


def _begin_joint(words: _Words, skeleton: _Skeleton, parent: int, name: str) -> None:
    # Names may hold spaces, which the brace ends.
    word = words.next("{")
    while word != "{":
        name = f"{name} {word}"
        word = words.next("{")
    skeleton.names.append(name)
    skeleton.parents.append(parent)
    skeleton.offsets.append([0.0, 0.0, 0.0])
    skeleton.channels.append([])


def _read_rows(text: str, num_channels: int, name: str, first_line: int) -> tuple[float, Float[np.ndarray, "n c"]]:
    """Seconds per frame, and the rows of channels; ``text`` is what stands behind the word MOTION."""
    lines = text.splitlines()
    header: dict[str, float] = {}
    place = 0
    while place < len(lines) and len(header) < 2:
        key, colon, value = lines[place].partition(":")
        if colon and key.strip().lower() in ("frames", "frame time"):
            try:
                header[key.strip().lower()] = float(value)
            except ValueError:
                line = first_line + place
                raise MotionError(f'{name}, line {line}: wanted a number, found "{value.strip()[:40]}"') from None
        elif lines[place].strip():
            break
        place += 1
    if len(header) < 2:
        raise MotionError(f'{name}: wanted "Frames:" and "Frame Time:" after MOTION, found neither or one of them')
    num_frames, frame_seconds = int(header["frames"]), header["frame time"]
    if num_frames < 1 or not 0.0 < frame_seconds < 10.0:
        raise MotionError(f"{name}: wanted frames and a frame time, found {num_frames} frames of {frame_seconds:g} s")
    rows = []
    for number, line in enumerate(lines[place:], start=first_line + place):
        values = line.split()
        if not values:
            continue
        if len(values) != num_channels:
            raise MotionError(
                f"{name}, line {number}: wanted {num_channels} values, found {len(values)}; export it again"
            )
        try:
            rows.append(np.array(values, dtype=np.float64))
        except ValueError:
            raise MotionError(f"{name}, line {number}: wanted numbers only; export the file again") from None
        if len(rows) == num_frames:
            break
    if len(rows) < num_frames:
        raise MotionError(f"{name}: wanted {num_frames} frames, found {len(rows)}: the file is cut off")
    table = np.stack(rows)
    if not np.isfinite(table).all():
        raise MotionError(f"{name} holds values that are no numbers (nan or infinite): export the movement again")
    return frame_seconds, table


def _local_frames(
    skeleton: _Skeleton, rows: Float[np.ndarray, "n c"]
) -> tuple[Float[np.ndarray, "n j 3 3"], Float[np.ndarray, "n j 3"]]:
    num = len(rows)
    rotations = np.broadcast_to(np.eye(3), (num, len(skeleton.names), 3, 3)).copy()
    offsets = np.broadcast_to(np.array(skeleton.offsets), (num, len(skeleton.names), 3)).copy()
    first = 0
    for joint, channels in enumerate(skeleton.channels):
        values = rows[:, first : first + len(channels)]
        first += len(channels)
        turns = [i for i, channel in enumerate(channels) if channel.endswith("rotation")]
        for i, channel in enumerate(channels):
            if channel.endswith("position"):
                offsets[:, joint, _AXES.index(channel[0].upper())] = values[:, i]
        if turns:
            order = "".join(channels[i][0].upper() for i in turns)
            rotations[:, joint] = _euler(order, values[:, turns])
    return rotations, offsets


def _euler(order: str, angles_deg: Float[np.ndarray, "n a"]) -> Float[np.ndarray, "n 3 3"]:
    total = Rotation.identity(len(angles_deg))
    for axis, column in zip(order, angles_deg.T, strict=True):
        total = total * Rotation.from_euler(axis, column[:, None], degrees=True)
    return total.as_matrix()
