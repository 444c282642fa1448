"""What is different about scenes of several figures: their starts, and pictures of one of them alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.clones import joined_textures
from clipmatrix.config import RunConfig
from clipmatrix.generate.search import SearchResult, search_start
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.scene.start import Start, neutral_start


def search_figures(
    body: Body, guidance: Guidance, config: RunConfig, on_progress: Callable[[int], None] = lambda count: None
) -> SearchResult:
    """The search's start: for several figures each is searched alone, by its own prompts and those for all of them.

    A figure of which nothing is wanted stays plain.
    """
    settings = config.search, config.scene.texture_size, config.seed, on_progress
    if body.base is None:
        return search_start(body, config.prompts, guidance, *settings)
    plain = neutral_start(body.base)
    starts, found = [], []
    for figure in range(1, body.num_figures + 1):
        prompts = prompts_of(config.prompts, figure)
        if any(prompt.weight > 0 for prompt in prompts):
            found.append(search_start(body.base, prompts, guidance, *settings))
            starts.append(found[-1].start)
        else:
            starts.append(plain)
    return SearchResult(
        joined_starts(starts, config.scene.texture_size),
        "; ".join(result.caption for result in found),
        np.concatenate([result.candidates for result in found]),
    )


def prompts_of(prompts: tuple[Prompt, ...], figure: int) -> tuple[Prompt, ...]:
    """The prompts that speak of that figure, counted from 1, as if it were the only one."""
    own = tuple(replace(prompt, figure=0) for prompt in prompts if prompt.figure == figure)
    return own or tuple(prompt for prompt in prompts if prompt.figure == 0)


def place_of(prompt: Prompt, body: Body) -> str:
    """The body's region that the prompt speaks of: with the figure's number where there are several."""
    return prompt.region if body.base is None or prompt.figure == 0 else f"{prompt.region} {prompt.figure}"


def joined_starts(starts: list[Start], side: int) -> Start:
    """One start for all figures; they share one material, the mean of theirs."""
    return Start(
        shape=torch.cat([start.shape for start in starts]),
        offset=torch.cat([start.offset for start in starts]),
        albedo_srgb=joined_textures([start.albedo_srgb for start in starts], side),
        roughness=float(np.mean([start.roughness for start in starts])),
        metallic=float(np.mean([start.metallic for start in starts])),
    )


def alone(
    vertices_world: Float[Tensor, "b v 3"], body: Body, prompts: tuple[Prompt, ...], prompt_ids: Int64[Tensor, "b"]
) -> Float[Tensor, "b v 3"]:
    """The vertices with those figures put out of sight that a view's prompt does not speak of.

    Theirs all go to one point inside the other one: faces without area are never seen, and get no gradient.
    """
    if body.base is None:
        return vertices_world
    num = len(body.base.template.vertices)
    device = prompt_ids.device
    wanted = torch.tensor([prompt.figure for prompt in prompts], device=device).index_select(0, prompt_ids)
    owner = torch.arange(body.num_figures, device=device).repeat_interleave(num) + 1
    is_hidden = (wanted[:, None] > 0) & (owner[None] != wanted[:, None])
    first = (wanted - 1).clamp_min(0) * num
    inside = torch.stack(
        [
            points[start : start + num].detach().mean(0)
            for points, start in zip(vertices_world, first.tolist(), strict=True)
        ]
    )
    return torch.where(is_hidden[..., None], inside[:, None], vertices_world)
