"""Solid textures: closed forms, determinism, and every primitive really mixes its colours."""

import numpy as np
import pytest

from clipmatrix.procedural import primitives as P
from clipmatrix.procedural.noise import cells, fractal_noise, value_noise
from clipmatrix.procedural.patterns import paint_points


def layer(primitive: P.Primitive, **columns: float) -> np.ndarray:
    row = np.zeros(P.LAYER_WIDTH)
    row[P.PRIMITIVE] = primitive
    row[P.COLOR_A : P.COLOR_A + 3] = (1.0, 0.0, 0.0)
    row[P.COLOR_B : P.COLOR_B + 3] = (0.0, 0.0, 1.0)
    row[P.COLOR_C : P.COLOR_C + 3] = (0.0, 1.0, 0.0)
    row[P.AXIS + 1] = 1.0
    row[P.FREQUENCY], row[P.SHARE], row[P.SOFTNESS], row[P.SEED] = 8.0, 0.45, 0.05, 3.0
    for name, value in columns.items():
        row[getattr(P, name)] = value
    return row


def points(count: int = 4000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform((-0.4, 0, -0.15), (0.4, 1.7, 0.15), (count, 3))


def paint(row: np.ndarray, where: np.ndarray) -> np.ndarray:
    return paint_points(row[None], np.zeros(len(where), np.int64), where)


def test_solid_is_its_base_colour_everywhere() -> None:
    assert np.array_equal(paint(layer(P.Primitive.SOLID), points()), np.tile([1.0, 0.0, 0.0], (4000, 1)).astype("f4"))


def test_bands_repeat_with_their_frequency_along_their_axis() -> None:
    row, where = layer(P.Primitive.BANDS), points()
    shifted = where + np.array([0.0, 1.0 / 8.0, 0.0])
    assert np.allclose(paint(row, where), paint(row, shifted), atol=1e-5)
    # Across the axis nothing changes.
    assert np.allclose(paint(row, where), paint(row, where + np.array([0.1, 0.0, 0.2])), atol=1e-5)


def test_bands_give_the_second_colour_its_share() -> None:
    blue = paint(layer(P.Primitive.BANDS, SHARE=0.3), points(40_000))[:, 2].mean()
    assert blue == pytest.approx(0.3, abs=0.02)


def test_checks_alternate_from_cell_to_cell() -> None:
    row, where = layer(P.Primitive.CHECKS), points()
    here, there = paint(row, where), paint(row, where + np.array([1.0 / 8.0, 0.0, 0.0]))
    assert np.allclose(here + there, np.array([1.0, 0.0, 1.0]))


def test_split_divides_the_body_in_two_at_its_share() -> None:
    row, where = layer(P.Primitive.SPLIT, FREQUENCY=1.0, SHARE=0.9, SOFTNESS=0.01), points()
    painted = paint(row, where)
    assert np.allclose(painted[where[:, 1] < 0.88], (1.0, 0.0, 0.0))
    assert np.allclose(painted[where[:, 1] > 0.92], (0.0, 0.0, 1.0))


@pytest.mark.parametrize("primitive", [P.Primitive.STARS, P.Primitive.HEARTS, P.Primitive.CROSSES])
def test_printed_figures_repeat_from_row_to_row(primitive: P.Primitive) -> None:
    row, where = layer(primitive, SHARE=0.4), points()
    shifted = where + np.array([0.5 / 8.0, 1.0 / 8.0, 0.0])
    agree = np.abs(paint(row, where) - paint(row, shifted)).max(1) < 1e-6
    assert agree.mean() > 0.999


@pytest.mark.parametrize("primitive", [p for p in P.Primitive if p is not P.Primitive.SOLID])
def test_every_primitive_shows_more_than_one_colour_and_stays_in_range(primitive: P.Primitive) -> None:
    painted = paint(layer(primitive, FREQUENCY=2.0 if primitive is P.Primitive.RAINBOW else 9.0), points())
    assert painted.min() >= 0.0
    assert painted.max() <= 1.0
    assert painted.std(0).max() > 0.02


def test_painting_is_repeatable_and_the_seed_matters() -> None:
    where = points()
    first, again = paint(layer(P.Primitive.SPOTS), where), paint(layer(P.Primitive.SPOTS), where)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, paint(layer(P.Primitive.SPOTS, SEED=4.0), where))


def test_noise_is_continuous_and_within_its_range() -> None:
    where = np.random.default_rng(1).uniform(-5, 5, (500, 3))
    for x, y, z in where:
        here, there = value_noise(x, y, z, 2), value_noise(x + 1e-4, y, z, 2)
        assert 0.0 <= here <= 1.0
        assert abs(here - there) < 1e-3
        assert 0.0 <= fractal_noise(x, y, z, 2, 4) <= 1.0
        near, second, _ = cells(x, y, z, 2)
        assert 0.0 <= near <= second
