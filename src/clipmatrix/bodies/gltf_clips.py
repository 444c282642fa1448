"""The clips of a glTF file as poses of its body, for pictures and films; the file's own keys are written by others."""

import numpy as np
import torch

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.clips import FRAMES_PER_SECOND, Clip
from clipmatrix.bodies.gltf_body import rigid
from clipmatrix.bodies.gltf_nodes import moving_frames, walk

_LONGEST_S = 60.0


def source_clips(body: Body) -> tuple[Clip, ...]:
    """The clips of the file that the body came from, 30 frames a second, a minute of each at most; else none.

    Rotations and shifts of the joints are as in the file. Animated scales move the joints below, but do not scale
    what hangs on the joint itself.
    """
    source = body.source
    if source is None:
        return ()
    tree = walk(source.nodes, source.roots)
    parents = body.rig.parents
    bind = body.rig.bind_from_joint.double().numpy()
    above = np.stack([bind[parent] if parent >= 0 else np.eye(4) for parent in parents])
    rest = np.linalg.inv(above) @ bind
    clips = []
    for index, animation in enumerate(source.animations):
        end = min(max(float(track.times[-1]) for track in animation.tracks), _LONGEST_S)
        times = np.linspace(0.0, max(end, 1e-3), max(round(end * FRAMES_PER_SECOND), 1) + 1)
        moving = moving_frames(source.nodes, tree, animation, times)
        frames = np.stack([np.broadcast_to(moving[node], (len(times), 4, 4)) for node in source.joint_nodes], axis=1)
        world = rigid(frames, body.placement)
        base = np.stack([world[:, p] if p >= 0 else np.broadcast_to(np.eye(4), world[:, 0].shape) for p in parents], 1)
        local = np.linalg.inv(base) @ world
        turns = rest[None, :, :3, :3].transpose(0, 1, 3, 2) @ local[..., :3, :3]
        clips.append(
            Clip(
                name=animation.name or f"clip {index + 1}",
                times=torch.from_numpy(times).float(),
                joint_rotations=torch.from_numpy(turns).float(),
                root_translation=torch.zeros(len(times), 3),
                joint_shift=torch.from_numpy(local[..., :3, 3] - rest[None, :, :3, 3]).float(),
            )
        )
    return tuple(clips)
