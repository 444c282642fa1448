"""How fast things move at each step; knows nothing of what moves."""

import math

from clipmatrix.config import OptimiserConfig


def rate_factors(index: int, num_steps: int, config: OptimiserConfig) -> tuple[float, float]:
    """The factors of the rates at step ``index`` (from 0) for the look and for the form.

    Both rise linearly over the warm-up, so that the first steps refine the start instead of jumping off it, and fall
    along half a cosine to ``final``. The form's begin after its delay.

    References: Loshchilov, Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, eq. 5.
    """
    place = index / num_steps
    cosine = config.final + (1.0 - config.final) * 0.5 * (1.0 + math.cos(math.pi * place))
    return cosine * _rise(place, 0.0, config, num_steps), cosine * _rise(place, config.form_delay, config, num_steps)


def tint_deviation(index: int, num_steps: int, config: OptimiserConfig) -> float:
    """How strong the passing tint is at step ``index`` (from 0), in logits: it fades linearly."""
    if config.tint_until == 0.0:
        return 0.0
    return config.tint * max(0.0, 1.0 - index / (num_steps * config.tint_until))


def _rise(place: float, begin: float, config: OptimiserConfig, num_steps: int) -> float:
    """From nothing before ``begin`` to one after the warm-up; the first step moves already."""
    if place < begin:
        return 0.0
    if config.warm_up == 0.0:
        return 1.0
    return min(1.0, (place - begin + 1.0 / num_steps) / config.warm_up)
