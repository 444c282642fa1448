"""How fast things move at each step; knows nothing of what moves."""

import math

from clipmatrix.config import OptimiserConfig
from clipmatrix.scene.config import SceneConfig


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


def smoothing_strength(index: int, num_steps: int, config: SceneConfig) -> float:
    """The strength of the offsets' smoothing at step ``index`` (from 0): halved in equal stages down to its end.

    References: coarse to fine, Nicolet, Jacobson, Jakob, "Large Steps in Inverse Rendering of Geometry", SIGGRAPH Asia
    2021, section 4.3 (there by remeshing).
    """
    begin, end = config.smoothing_start, config.smoothing
    place = index / (num_steps * config.smoothing_until)
    if begin <= end or place >= 1.0:
        return end
    num_stages = max(1, math.ceil(math.log2(begin / max(end, 1.0))))
    return max(end, begin * 0.5 ** math.floor(place * num_stages))


def _rise(place: float, begin: float, config: OptimiserConfig, num_steps: int) -> float:
    """From nothing before ``begin`` to one after the warm-up; the first step moves already."""
    if place < begin:
        return 0.0
    if config.warm_up == 0.0:
        return 1.0
    return min(1.0, (place - begin + 1.0 / num_steps) / config.warm_up)
