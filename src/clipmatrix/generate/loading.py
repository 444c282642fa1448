"""The parts of a run out of its settings, and what to tell the user about them; knows nothing of steps."""

from collections.abc import Sequence

import torch

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.body import Body
from clipmatrix.bodies.poses import PoseSampler
from clipmatrix.config import RunConfig
from clipmatrix.generate.parts import BatchedPoses, Parts, PoseSource, RestPoses
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.render.rasterize_cpu import CpuRasterizer
from clipmatrix.views.shots import ShotSampler

_SHOWN = 40


def load_parts(config: RunConfig) -> Parts:
    """The body, the encoder and the samplers; some seconds.

    Raises:
        ModelError: the encoder is missing or broken.
    """
    # The encoder first: it is what most often cannot be loaded.
    return build_parts(load_guidance(config.clip, "cpu"), load_anny(), config)


def build_parts(guidance: Guidance, body: Body, config: RunConfig) -> Parts:
    """The parts around a given encoder and body."""
    poses: PoseSource = BatchedPoses(PoseSampler(body, config.poses)) if body.humanoid else RestPoses(body)
    shots = ShotSampler(
        config=config.shots,
        region_weights=torch.stack([body.regions[prompt.region] for prompt in config.prompts]),
        prompt_weights=torch.tensor([float(prompt.weight) for prompt in config.prompts]),
    )
    return Parts(body, guidance, CpuRasterizer(), poses, shots)


def text_warnings(guidance: Guidance, texts: Sequence[str]) -> tuple[str, ...]:
    """One line for each text that is longer than the encoder reads: where it is cut, and what is lost."""
    warnings = []
    for text in texts:
        kept = guidance.fit_text(text)
        lost = text[len(kept) :].strip()
        if lost:
            start = kept.strip() if len(kept.strip()) <= _SHOWN else "…" + kept.strip()[-_SHOWN:]
            end = lost if len(lost) <= _SHOWN else lost[:_SHOWN] + "…"
            warnings.append(f'the prompt is too long for {guidance.name}: cut after "{start}", not read: "{end}"')
    return tuple(warnings)
