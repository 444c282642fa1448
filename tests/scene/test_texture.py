"""The pyramid texture: its start, its levels, its slope and its fast doubling."""

import pytest
import torch

from clipmatrix.colour import linear_from_srgb
from clipmatrix.scene.texture import CONTRAST, Texture, resize
from clipmatrix.scene.upsample import double


@pytest.mark.parametrize("shape", [(1, 2, 2), (2, 5, 3), (3, 8, 8)])
def test_double_equals_torchs_bilinear(shape: tuple[int, int, int]) -> None:
    image = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    wanted = torch.nn.functional.interpolate(image[None], scale_factor=2, mode="bilinear")[0]
    torch.testing.assert_close(double(image), wanted)
    assert torch.autograd.gradcheck(double, (image,))


def test_texture_begins_as_the_start() -> None:
    start = torch.rand(32, 32, 3, generator=torch.Generator().manual_seed(1)) * 0.9 + 0.05
    texture = Texture(start, 32, 0.55)
    torch.testing.assert_close(texture.srgb(), start, atol=1e-6, rtol=0)
    torch.testing.assert_close(texture(), linear_from_srgb(start), atol=1e-6, rtol=0)


def test_gradient_of_the_fused_curve_equals_autograds() -> None:
    """Above the knee exactly; below it the slope is the power's at the knee, 1.7 % larger."""
    start = torch.linspace(0.05, 1.0, 16 * 16 * 3).reshape(16, 16, 3)
    weight = torch.randn(16, 16, 3, generator=torch.Generator().manual_seed(2))
    texture = Texture(start, 16, 0.55)
    (texture() * weight).sum().backward()
    fast = [parameter.grad.clone() for parameter in texture.parameters()]
    texture.zero_grad()
    (linear_from_srgb(texture.srgb()) * weight).sum().backward()
    for mine, parameter in zip(fast, texture.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad, atol=1e-5, rtol=1e-4)


def test_brightness_levels_weigh_the_same_and_colour_levels_fade() -> None:
    """A constant level survives doubling, so it moves the logit by gain times contrast times its colour axis."""
    texture = Texture(torch.full((8, 8, 3), 0.5), 64, 0.5)
    moves = []
    for levels in (texture.luma, texture.chroma):
        moves.append([])
        for level in levels:
            with torch.no_grad():
                level.fill_(0.1)
            moves[-1].append(texture.logit().detach().abs().max().item())
            with torch.no_grad():
                level.zero_()
    assert moves[0] == pytest.approx([0.1 * CONTRAST] * 7, rel=1e-5)
    ratios = [after / before for before, after in zip(moves[1], moves[1][1:], strict=False)]
    assert ratios == pytest.approx([1.0, 1.0, 1.0, 0.5, 0.5], rel=1e-5)


def test_colour_levels_leave_mean_logit_alone() -> None:
    texture = Texture(torch.full((8, 8, 3), 0.5), 32, 0.55)
    with torch.no_grad():
        for level in texture.chroma:
            level.normal_(generator=torch.Generator().manual_seed(3))
    assert texture.logit().detach().mean(dim=0).abs().max().item() < 5e-4
    assert texture.logit().detach().abs().max().item() > 0.5


def test_starts_of_other_sizes_are_resized() -> None:
    """Four quarters of one colour each: halves of 4x4 to 2x2 give the quarters, and growing keeps flat areas flat."""
    quarters = torch.tensor([[0.2, 0.8], [0.4, 0.6]]).repeat_interleave(2, 0).repeat_interleave(2, 1)[..., None]
    assert resize(torch.full((4, 6, 3), 0.25), 16).unique().tolist() == [0.25]
    assert torch.equal(resize(quarters, 4), quarters)
    assert resize(quarters, 2).mean().item() == pytest.approx(0.5)


def test_black_and_white_starts_keep_a_gradient() -> None:
    start = torch.zeros(16, 16, 3)
    start[8:] = 1.0
    texture = Texture(start, 16, 0.55)
    texture().sum().backward()
    gradient = texture.luma[-1].grad
    assert gradient is not None
    assert gradient.min().item() > 1e-3


def test_colours_below_the_knee_follow_the_straight_part() -> None:
    """sRGB 0.03, the darkest start: 0.03 / 12.92 = 0.002322."""
    texture = Texture(torch.zeros(16, 16, 3), 16, 0.55)
    assert texture().mean().item() == pytest.approx(0.03 / 12.92, rel=1e-5)
    texture().sum().backward()
    gradient = texture.luma[-1].grad
    assert gradient is not None
    exact = 3 * CONTRAST * 0.03 * 0.97 / 12.92
    assert gradient.mean().item() == pytest.approx(exact, rel=0.02)


def test_a_parts_colour_reaches_all_of_its_islands_and_nothing_else() -> None:
    parts = torch.zeros(2, 8, 8)
    parts[0, :, :2] = parts[0, :, 6:] = 1.0
    parts[1, :, 2:6] = 1.0
    texture = Texture(torch.full((32, 32, 3), 0.5), 32, 0.55, parts)
    assert texture.part_colors is not None
    with torch.no_grad():
        texture.part_colors[:, 0] = torch.tensor([0.2, 0.5, 0.0])
    srgb = texture.srgb()
    first, last, middle = srgb[:, :4], srgb[:, -4:], srgb[:, 13:19]
    torch.testing.assert_close(first, last.flip(1))
    assert (first[..., 0] > 0.7).all()
    torch.testing.assert_close(middle, torch.full_like(middle, 0.5))


@pytest.mark.parametrize("has_parts", [False, True])
def test_compiled_levels_equal_their_twin(has_parts: bool) -> None:
    generator = torch.Generator().manual_seed(4)
    parts = torch.rand(2, 8, 8, generator=generator) if has_parts else None
    texture = Texture(torch.full((8, 8, 3), 0.5), 32, 0.55, parts)
    with torch.no_grad():
        for parameter in texture.parameters():
            parameter.normal_(generator=generator)
    weight = torch.randn(3, 16, 16, generator=generator)
    results = []
    for coarse in (texture._coarse, texture.coarse_reference):
        texture.zero_grad()
        total = coarse()
        (total * weight).sum().backward()
        gradients = [parameter.grad for parameter in texture.parameters() if parameter.grad is not None]
        results.append([total.detach(), *(gradient.clone() for gradient in gradients)])
    assert len(results[0]) == len(results[1]) == 1 + 5 + 5 + has_parts
    for mine, wanted in zip(*results, strict=True):
        torch.testing.assert_close(mine, wanted, atol=1e-5, rtol=1e-5)
