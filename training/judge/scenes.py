"""The judge's scenes: bodies in poses out of clips, its own cameras, lights and backgrounds; knows no words.

What a look may be is drawn as for the encoder (``sample_look``): both must know the same things. Its colours are moved
in OKLab, its patterns lie in spaces of their own, and a tenth of the bodies is left in plain grey.
"""

from dataclasses import replace

import numpy as np
import torch

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.clips import build_clips
from clipmatrix.procedural import primitives as P
from clipmatrix.procedural.looks import Layer, Layout, Look, Role, sample_build, sample_look
from clipmatrix.procedural.tables import oklab_from_srgb
from clipmatrix.render.posed_bodies import pose_bodies, shape_from_phenotypes
from training.batches import plain_twin
from training.finishing import finish_randomly
from training.judge.render import JudgeViews
from training.judge.texture import sample_space, srgb_from_oklab
from training.scenes import FRAME_SLOTS, FRAMES, Bank, figure_of, pick_shape

_FRAME_SHARES = np.array([0.68, 0.13, 0.12, 0.07])
_PLAIN_SHARE = 0.1
_REDRAWN_SHARE = 0.25
"""How many of the looks that are one thing all over are drawn again: parts that differ are what a judge must tell."""


def build_clip_bank(body: Body, num_shapes: int, poses_per_shape: int, seed: int) -> Bank:
    """Random builds, each in a few moments of the body's clips (walk, run, wave, dance, idle, a tour of poses)."""
    rng = np.random.default_rng((5, seed))
    moments = torch.cat([clip.joint_rotations for clip in build_clips(body)])
    phenotypes = np.stack([sample_build(rng, 0.6)[0] for _ in range(num_shapes)])
    shapes = torch.stack([shape_from_phenotypes(body, row) for row in phenotypes])
    chosen = torch.from_numpy(rng.integers(0, len(moments), (num_shapes, poses_per_shape)))
    return Bank(pose_bodies(body, shapes, moments[chosen]), phenotypes, poses_per_shape, figure_of(body))


def move_colors(rng: np.random.Generator, look: Look) -> Look:
    """The look with each layer's colours moved a little in OKLab, by less than what would give them another name."""
    moved: dict[int, Layer] = {}

    def move(layer: Layer) -> Layer:
        if id(layer) not in moved:
            params = layer.params.copy()
            shift = np.clip(rng.normal(size=3) * np.array([0.02, 0.01, 0.01]), -0.035, 0.035)
            for column in (P.COLOR_A, P.COLOR_B, P.COLOR_C):
                own = shift + np.clip(rng.normal(size=3) * 0.006, -0.012, 0.012)
                params[column : column + 3] = srgb_from_oklab(oklab_from_srgb(params[column : column + 3]) + own)
            params[P.GRAIN] = 0.0
            moved[id(layer)] = replace(layer, params=params)
        return moved[id(layer)]

    role = look.role and Role(look.role.name, tuple(move(layer) for layer in look.role.layers))
    return replace(look, layers=tuple(move(layer) for layer in look.layers), role=role)


def sample_camera(rng: np.random.Generator) -> np.ndarray:
    """As ``JudgeViews.cameras``: from all around, oftenest half turned, longer lenses than the encoder's."""
    draw = rng.random()
    azimuth = rng.uniform(0, 2 * np.pi) if draw < 0.5 else rng.choice([-0.5, 0.5]) + rng.normal() * 0.35
    return np.array(
        [
            azimuth, rng.uniform(-0.2, 0.4), rng.uniform(0.25, 0.7), rng.normal() * 0.04, rng.uniform(0.85, 1.2),
            rng.normal() * 0.04, rng.normal() * 0.04,
        ]
    )  # fmt: skip


def sample_light(rng: np.random.Generator) -> np.ndarray:
    """As ``JudgeViews.lights``: sky and ground nearly grey, a key from above, a weak fill from the other side."""
    sky, ground = rng.uniform(0.25, 0.6), rng.uniform(0.1, 0.4)
    key = rng.uniform(0.95, 1.25) - sky
    direction = np.array([rng.normal(), rng.uniform(0.2, 1.2), rng.normal() + 0.5])
    direction /= np.linalg.norm(direction)
    fill = np.array([-direction[0], 0.2, rng.normal()])
    tint = 1.0 + rng.normal(size=3) * 0.02
    return np.concatenate(
        [
            sky * tint, ground * (1.0 + rng.normal(size=3) * 0.02), direction, key / tint,
            fill / np.linalg.norm(fill), [rng.uniform(0.0, 0.4)],
        ]
    )  # fmt: skip


def sample_background(rng: np.random.Generator) -> np.ndarray:
    """As ``JudgeViews.backgrounds``: half of them greys, a third of them light as a studio's."""
    kind = rng.choice(5, p=[0.45, 0.12, 0.13, 0.15, 0.15])
    first, second = rng.random(3), rng.random(3)
    if rng.random() < 0.6:
        first = np.full(3, rng.uniform(0.75, 1.0) if rng.random() < 0.5 else rng.random())
        second = np.clip(first + rng.uniform(-0.3, 0.3), 0, 1)
    return np.concatenate([[float(kind)], first, second, [rng.uniform(2, 12), float(rng.integers(1, 9999))]])


def sample_judge_look(rng: np.random.Generator) -> Look:
    """A look with moved colours; more of several parts and more plain bodies than ``sample_look`` draws."""
    look = sample_look(rng)
    if look.layout is Layout.UNIFORM and rng.random() < _REDRAWN_SHARE:
        look = sample_look(rng)
    if rng.random() < _PLAIN_SHARE:
        look = replace(plain_twin(look, int(rng.integers(1 << 20))), role=None)
    return move_colors(rng, look)


def sample_judge_scenes(bank: Bank, count: int, seed: int) -> tuple[JudgeViews, list[Look], np.ndarray]:
    """Random scenes, the same for the same seed: rows for the renderer, their looks and what each camera frames."""
    rng = np.random.default_rng((13, seed))
    views, looks, frames = JudgeViews.empty(count), [], np.empty(count, np.int64)
    for row in range(count):
        look = sample_judge_look(rng)
        shape = pick_shape(rng, bank, look)
        look = replace(look, phenotypes=bank.phenotypes[shape])
        frame = int(rng.choice(len(FRAMES), p=_FRAME_SHARES)) if look.layout is not Layout.PLAIN else 0
        drawn, look = finish_randomly(rng, look, bank.figure)
        distinct = {id(layer): layer for layer in drawn.layers}
        spaces = {
            key: sample_space(rng, P.Primitive(int(layer.params[P.PRIMITIVE]))) for key, layer in distinct.items()
        }
        views.pose_ids[row] = shape * bank.poses_per_shape + int(rng.integers(bank.poses_per_shape))
        views.layers[row] = drawn.layer_params
        views.spaces[row] = np.stack([spaces[id(layer)] for layer in drawn.layers])
        views.changes[row] = drawn.changes
        views.seeds[row] = look.seed & 0xFFFF
        views.materials[row] = np.clip(look.roughness + rng.normal() * 0.05, 0.05, 1.0), look.metallic
        views.frame_slots[row] = FRAME_SLOTS[frame]
        views.cameras[row], views.lights[row] = sample_camera(rng), sample_light(rng)
        views.backgrounds[row] = sample_background(rng)
        looks.append(look)
        frames[row] = frame
    return views, looks, frames
