"""Random scenes for training: a look, a body, a camera, a light and a background each; knows no words."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.poses import PoseConfig, PoseSampler
from clipmatrix.generate.finishing import Figure, measure_figure
from clipmatrix.procedural.characters import characters
from clipmatrix.procedural.looks import Layout, Look, sample_build, sample_look
from clipmatrix.procedural.tables import PHENOTYPES
from clipmatrix.render.looks_cpu import LookViews, PosedBodies
from clipmatrix.render.posed_bodies import pose_bodies, shape_from_phenotypes
from training.finishing import finish_randomly

FRAMES = ("whole", "head", "torso", "legs")
"""What a training camera frames."""

FRAME_SLOTS = np.array([[1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0], [0.6, 1, 0.3, 0, 0, 0], [0, 0, 0, 0, 1, 1]], np.float64)
_FRAME_SHARES = np.array([0.6, 0.16, 0.14, 0.10])


@dataclass(frozen=True, eq=False)
class Bank:
    """Bodies to dress: arrays for the renderer, the phenotypes (n 6) of each shape, and where head and limbs lie."""

    bodies: PosedBodies
    phenotypes: np.ndarray
    poses_per_shape: int
    figure: Figure


def build_bank(body: Body, num_shapes: int, poses_per_shape: int, seed: int) -> Bank:
    """Random builds in random poses; two thirds of the builds are unusual."""
    rng = np.random.default_rng(seed)
    sampler = PoseSampler(body, PoseConfig())
    generator = torch.Generator().manual_seed(seed)
    phenotypes = np.stack([sample_build(rng, 0.65)[0] for _ in range(num_shapes)])
    shapes = torch.stack([shape_from_phenotypes(body, row) for row in phenotypes])
    rotations = sampler.sample(num_shapes * poses_per_shape, generator).unflatten(0, (num_shapes, poses_per_shape))
    return Bank(pose_bodies(body, shapes, rotations), phenotypes, poses_per_shape, figure_of(body))


def figure_of(body: Body) -> Figure:
    """Where head and limbs of a body that has all parts lie."""
    figure = measure_figure(body)
    assert figure is not None
    return figure


def sample_camera(rng: np.random.Generator) -> np.ndarray:
    """Azimuth, elevation, field of view, roll, margin and shift; the front is seen more often than the back."""
    azimuth = rng.uniform(0, 2 * np.pi) if rng.random() < 0.6 else rng.normal() * 0.6
    return np.array(
        [
            azimuth, np.clip(rng.normal() * 0.2, -0.5, 0.6), rng.uniform(0.4, 0.85), rng.normal() * 0.05,
            rng.uniform(0.75, 1.08), rng.normal() * 0.05, rng.normal() * 0.05,
        ]
    )  # fmt: skip


def sample_light(rng: np.random.Generator) -> np.ndarray:
    """Ambient, direction and key colour: from soft to hard, nearly white, mostly from above and the front."""
    direction = rng.normal(size=3)
    direction[1] = abs(direction[1]) + 0.2
    direction[2] += 0.4
    direction /= np.linalg.norm(direction)
    ambient = rng.uniform(0.3, 0.75)
    tint = 1.0 + rng.normal(size=3) * 0.02
    key = (rng.uniform(0.9, 1.3) - ambient) * (1.0 + rng.normal(size=3) * 0.02)
    return np.concatenate([ambient * tint, direction, np.maximum(key, 0.1)])


def sample_background(rng: np.random.Generator) -> np.ndarray:
    """Plain, gradient, checks or noise, in any colours, often greys."""
    kind = rng.choice(5, p=[0.45, 0.15, 0.12, 0.14, 0.14])
    first, second = rng.random(3), rng.random(3)
    if rng.random() < 0.5:
        first = np.full(3, rng.choice([0.0, 0.5, 1.0, rng.random()]))
        second = np.clip(first + rng.uniform(-0.4, 0.4), 0, 1)
    return np.concatenate([[float(kind)], first, second, [rng.uniform(3, 14), float(rng.integers(1, 9999))]])


def fill_view(rng: np.random.Generator, views: LookViews, row: int, look: Look, pose: int, frame: int) -> None:
    """Write one scene into a row of the batch."""
    views.pose_ids[row] = pose
    views.layers[row] = look.layer_params
    views.changes[row] = look.changes
    views.seeds[row] = look.seed & 0xFFFF
    views.roughness[row], views.metallic[row] = look.roughness, look.metallic
    views.frame_slots[row] = FRAME_SLOTS[frame]
    views.cameras[row] = sample_camera(rng)
    views.lights[row] = sample_light(rng)
    views.backgrounds[row] = sample_background(rng)


def pick_shape(rng: np.random.Generator, bank: Bank, look: Look) -> int:
    """A random shape of the bank; for a character one of those that come nearest to its build."""
    cues = characters()[look.role.name].cues if look.role else {}
    asked = [i for i, name in enumerate(PHENOTYPES) if name in cues]
    if not asked:
        return int(rng.integers(len(bank.phenotypes)))
    gaps = np.abs(bank.phenotypes[:, asked] - look.phenotypes[asked]).sum(1)
    nearest = np.argsort(gaps, kind="stable")[: max(2, len(gaps) // 24)]
    return int(nearest[rng.integers(len(nearest))])


def sample_scenes(bank: Bank, count: int, seed: int) -> tuple[LookViews, list[Look], np.ndarray]:
    """Random scenes, the same for the same seed: rows for the renderer, their looks and what each camera frames.

    A look's phenotypes are those of the body that it was put on.
    """
    rng = np.random.default_rng(seed)
    views, looks, frames = LookViews.empty(count), [], np.empty(count, np.int64)
    for row in range(count):
        look = sample_look(rng)
        shape = pick_shape(rng, bank, look)
        pose = shape * bank.poses_per_shape + int(rng.integers(bank.poses_per_shape))
        frames[row] = rng.choice(len(FRAMES), p=_FRAME_SHARES) if look.layout is not Layout.PLAIN else 0
        look = replace(look, phenotypes=bank.phenotypes[shape])
        drawn, look = finish_randomly(rng, look, bank.figure)
        fill_view(rng, views, row, drawn, pose, int(frames[row]))
        looks.append(look)
    return views, looks, frames
