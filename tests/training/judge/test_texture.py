"""The judge's pattern spaces and colours."""

import numpy as np
import pytest

from clipmatrix.procedural.looks import build_layer
from clipmatrix.procedural.primitives import FREQUENCY, LAYER_WIDTH, PRIMITIVE, Primitive
from clipmatrix.procedural.tables import colors, oklab_from_srgb, surfaces
from clipmatrix.procedural.truth import SAME_COLOR
from training.judge.scenes import move_colors, sample_judge_look
from training.judge.texture import gradient_noise, judge_color, sample_space, srgb_from_oklab


def test_oklab_is_inverted() -> None:
    rgb = colors().rgb
    np.testing.assert_allclose(srgb_from_oklab(oklab_from_srgb(rgb)), rgb, atol=1e-4)


def test_gradient_noise_vanishes_at_lattice_points_and_not_between() -> None:
    assert gradient_noise(3.0, -2.0, 7.0, 5) == 0.0
    between = [gradient_noise(3.5 + i, -2.4, 7.3, 5) for i in range(50)]
    assert np.std(between) > 0.1
    assert max(map(abs, between)) <= 1.1


@pytest.mark.parametrize("primitive", [Primitive.SPOTS, Primitive.BANDS, Primitive.SPLIT])
def test_spaces_keep_what_a_pattern_means(primitive: Primitive) -> None:
    rng = np.random.default_rng(1)
    spaces = np.stack([sample_space(rng, primitive) for _ in range(200)])
    matrices = spaces[:, :12].reshape(-1, 3, 4)[:, :, :3]
    scale = np.abs(np.linalg.det(matrices)) ** (1 / 3)
    upright = matrices[:, 1, 1] / scale
    if primitive == Primitive.SPLIT:
        np.testing.assert_allclose(scale, 1.0, atol=1e-9)
        assert (spaces[:, [3, 7, 11]] == 0.0).all()
    else:
        assert 0.55 < scale.min() < 0.85
        assert 1.2 < scale.max() < 1.8
    assert (upright.min() < -0.5) == (primitive == Primitive.SPOTS)


def test_every_surface_gives_colours() -> None:
    rng = np.random.default_rng(2)
    out = np.empty(3)
    for surface in surfaces().values():
        layer = build_layer(rng, surface).params
        space = sample_space(rng, Primitive(int(layer[PRIMITIVE])))
        for point in rng.uniform(-1, 1, (5, 3)):
            judge_color(layer, space, *point, out)
            assert np.isfinite(out).all(), surface.name
            assert (out >= 0).all(), surface.name
            assert (out <= 1).all(), surface.name


def test_bands_cover_their_share() -> None:
    layer, space, out = np.zeros(LAYER_WIDTH), np.zeros(16), np.empty(3)
    layer[PRIMITIVE], layer[FREQUENCY], layer[11], layer[12], layer[14] = Primitive.BANDS, 5.0, 0.3, 0.01, 1.0
    layer[4:7] = 1.0
    space[[0, 5, 10]] = 1.0
    shares = []
    for y in np.linspace(0, 8, 4001):
        judge_color(layer, space, 0.1, y, 0.2, out)
        shares.append(out[0])
    assert 0.27 < np.mean(shares) < 0.33


def test_moved_colours_keep_their_names() -> None:
    rng = np.random.default_rng(4)
    for _ in range(50):
        look = sample_judge_look(rng)
        moved = move_colors(rng, look)
        for old, new in zip(look.layers, moved.layers, strict=True):
            gap = np.linalg.norm(oklab_from_srgb(old.rgb(0)) - oklab_from_srgb(new.rgb(0)))
            assert gap < SAME_COLOR
        assert moved.exchanged == look.exchanged
