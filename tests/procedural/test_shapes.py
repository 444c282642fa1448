"""Surface changes do what they are named for, on a sphere where it can be computed."""

import numpy as np

from clipmatrix.procedural.shapes import displace
from clipmatrix.procedural.tables import CHANGES, SLOTS


def sphere(count: int = 3000) -> np.ndarray:
    """Points spread evenly over the unit sphere by the golden angle."""
    k = np.arange(count) + 0.5
    y = 1 - 2 * k / count
    angle = np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - y * y)
    return np.stack([ring * np.cos(angle), y, ring * np.sin(angle)], 1).astype(np.float32)


def offsets(change: str, value: float, slot: str = "torso") -> np.ndarray:
    points = sphere()
    slots = np.zeros((len(points), len(SLOTS)), np.float32)
    slots[:, SLOTS.index(slot)] = 1.0
    changes = np.zeros(len(CHANGES))
    changes[CHANGES.index(change)] = value
    out = np.empty_like(points)
    displace(points, points, points, slots, changes, 5, out)
    return out


def test_no_change_is_no_offset() -> None:
    assert not offsets("spikes", 0.0).any()


def test_inflation_pushes_everything_out_along_the_normal_and_gauntness_pulls_in() -> None:
    points = sphere()
    assert ((offsets("inflation", 1.0) * points).sum(1) > 0.05).all()
    assert ((offsets("inflation", -1.0) * points).sum(1) < -0.01).all()


def test_spikes_are_few_and_far_out() -> None:
    out = (offsets("spikes", 1.0) * sphere()).sum(1)
    assert out.max() > 0.06
    assert np.median(out) < 0.02


def test_a_head_grows_about_its_own_centre() -> None:
    out, points = offsets("head_size", 1.0, "head"), sphere()
    assert np.abs((points + out).mean(0)).max() < 0.02
    assert np.linalg.norm(points + out, axis=1).mean() > 1.7


def test_drips_only_fall() -> None:
    out = offsets("drips", 1.0)
    assert (out[:, 1] <= 0).all()
    assert out[:, 1].min() < -0.02


def test_every_change_moves_a_body_smoothly_at_both_ends() -> None:
    """On a whole figure no change tears the surface: offsets are finite and bounded."""
    rng = np.random.default_rng(4)
    points = rng.uniform((-0.6, 0.0, -0.12), (0.6, 1.7, 0.12), (4000, 3)).astype(np.float32)
    slots = np.zeros((len(points), len(SLOTS)), np.float32)
    x, y = np.abs(points[:, 0]), points[:, 1]
    slot = np.select([y > 1.45, (x > 0.5), (x > 0.2) & (y > 0.8), y > 0.8, y > 0.1], [0, 3, 2, 1, 4], 5)
    slots[np.arange(len(points)), slot] = 1.0
    normals = points / np.linalg.norm(points, axis=1, keepdims=True)
    out = np.empty_like(points)
    for i, name in enumerate(CHANGES):
        for end in (1.0, -1.0):
            changes = np.zeros(len(CHANGES))
            changes[i] = end
            displace(points, points, normals, slots, changes, 5, out)
            assert np.isfinite(out).all(), name
            assert 0.003 < np.abs(out).max() < 1.2, (name, end)
