"""AdamUniform, the schedule, the cuts and the progress stream, each by itself."""

import dataclasses

import pytest
import torch

from clipmatrix.config import OptimiserConfig
from clipmatrix.generate.cuts import Cut
from clipmatrix.generate.optimizers import AdamUniform
from clipmatrix.generate.schedule import rate_factors
from clipmatrix.generate.searching import ProgressStream


def test_first_step_of_adam_uniform_moves_the_largest_element_by_the_rate() -> None:
    """m = g after bias correction and the divisor is max |g| = 4: moves of 1/4, 1 and 1/2 of the rate."""
    parameter = torch.nn.Parameter(torch.zeros(3))
    parameter.grad = torch.tensor([1.0, -4.0, 2.0])
    AdamUniform([parameter], lr=0.1).step()
    torch.testing.assert_close(parameter.detach(), torch.tensor([-0.025, 0.1, -0.05]))


def test_adam_uniform_equals_adam_on_a_single_number() -> None:
    mine, theirs = (torch.nn.Parameter(torch.tensor([0.3])) for _ in range(2))
    uniform = AdamUniform([mine], lr=0.01, betas=(0.9, 0.99), eps=1e-8)
    adam = torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.99), eps=1e-8)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        gradient = torch.randn(1, generator=generator)
        mine.grad, theirs.grad = gradient.clone(), gradient.clone()
        uniform.step()
        adam.step()
    torch.testing.assert_close(mine.detach(), theirs.detach(), atol=1e-6, rtol=1e-5)


def test_adam_uniform_without_gradients_moves_nothing() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = AdamUniform([parameter], lr=1.0)
    optimizer.step()
    parameter.grad = torch.zeros(2)
    optimizer.step()
    assert parameter.tolist() == [1.0, 1.0]


def test_rates_rise_and_fall_and_the_form_comes_later() -> None:
    config = OptimiserConfig(warm_up=0.1, form_delay=0.2, final=0.1)
    look, form = zip(*(rate_factors(index, 100, config) for index in range(100)), strict=True)
    assert look[0] == pytest.approx(0.1, rel=0.01)
    assert max(look) == look[9]
    assert look[99] == pytest.approx(0.1, rel=0.05)
    assert form[:20] == (0.0,) * 20
    assert 0.0 < form[20] < form[25] < form[29]
    assert form[40:] == look[40:]


@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_the_shortest_runs_move_from_their_first_step(num_steps: int) -> None:
    assert rate_factors(0, num_steps, OptimiserConfig())[0] > 0.5
    still = dataclasses.replace(OptimiserConfig(), warm_up=0.0, form_delay=0.0)
    assert rate_factors(0, num_steps, still) == (1.0, 1.0)


def test_cutting_the_graph_changes_no_gradient() -> None:
    """d/dx of (x^2)^3 + 2 x^2 at 1.5 is 6 x^5 + 4 x."""
    x = torch.tensor(1.5, requires_grad=True)
    square, cut = x * x, Cut()
    (cut(square) ** 3).backward()
    assert x.grad is None
    cut.backward(2 * square)
    assert x.grad is not None
    assert x.grad.item() == pytest.approx(6 * 1.5**5 + 4 * 1.5)


def test_cuts_pass_constants_through_and_may_be_empty() -> None:
    cut = Cut()
    constant = torch.tensor(1.0)
    assert cut(constant) is constant
    cut.backward(constant)


def test_progress_streams_end_with_the_result() -> None:
    def work(tell):
        for count in (1, 2, 3):
            tell(count)
        return "found"

    results = []

    def consume():
        results.append((yield from ProgressStream(work)))

    assert list(consume()) == [1, 2, 3]
    assert results == ["found"]


def test_progress_streams_pass_errors_on() -> None:
    def work(tell):
        tell(1)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(ProgressStream(work))


def test_closing_a_progress_stream_ends_the_work() -> None:
    calls = []

    def work(tell):
        for count in range(10_000_000):
            calls.append(count)
            tell(1)

    steps = iter(ProgressStream(work))
    next(steps)
    steps.close()
    assert 0 < len(calls) < 10_000_000
