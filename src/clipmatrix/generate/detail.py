"""How finely a descent may paint: everything, or the colours of whole parts alone; knows nothing of steps."""

from clipmatrix.config import RunConfig
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.panel import coarse_guidance
from clipmatrix.procedural.told import says_only_builds


def choose_detail(config: RunConfig, guidance: Guidance, plain_loss: float | None = None) -> float:
    """The share of the texture's rate at which its finer levels move, in [0, 1].

    What the config says, or else by the encoder: one with coarse slopes paints nothing over what a search has found,
    nor over plain colours (of loss ``plain_loss``) with which it is content, nor where only a build is asked for. It
    draws bands on them that raise its score, and that nobody has asked for.
    """
    if config.optimiser.detail is not None:
        return config.optimiser.detail
    coarse = coarse_guidance(guidance)
    if coarse is None:
        return 1.0
    is_content = plain_loss is not None and plain_loss <= coarse.enough
    is_content |= all(says_only_builds(prompt.text) for prompt in config.prompts)
    return 0.0 if config.is_refining or is_content else 1.0
