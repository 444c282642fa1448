"""How finely a descent paints: what is coarse may tint and no more, and everything else is as it was."""

import dataclasses

import pytest
import torch
from tests.generate.small_run import small_config, small_parts

from clipmatrix.config import OptimiserConfig, RunConfig
from clipmatrix.errors import ConfigError
from clipmatrix.generate.detail import choose_detail
from clipmatrix.generate.score import Scorer
from clipmatrix.generate.stepper import Stepper
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.guidance.panel import build_panel, coarse_guidance
from clipmatrix.guidance.pictures import PicturedGuidance
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start


@pytest.fixture(scope="module")
def mini() -> Guidance:
    return load_guidance("mini", "cpu")


def _config(start: str = "search", detail: float | None = None, text: str = "a zebra") -> RunConfig:
    return RunConfig(prompts=(Prompt(text),), start=start, optimiser=OptimiserConfig(detail=detail))  # type: ignore[arg-type]


def test_only_an_encoder_with_coarse_slopes_is_held_back(mini: Guidance) -> None:
    assert choose_detail(_config(), mini) == 0.0
    assert choose_detail(_config(), load_fake()) == 1.0
    assert choose_detail(_config(), build_panel([mini, load_fake()])) == 1.0
    assert choose_detail(_config(), PicturedGuidance(mini, {})) == 0.0


def test_from_grey_plain_colours_decide(mini: Guidance) -> None:
    coarse = coarse_guidance(mini)
    assert coarse is not None
    assert choose_detail(_config("neutral"), mini, coarse.enough - 0.01) == 0.0
    assert choose_detail(_config("neutral"), mini, coarse.enough + 0.01) == 1.0
    assert choose_detail(_config("neutral"), mini, None) == 1.0


def test_from_grey_a_build_is_not_painted(mini: Guidance) -> None:
    assert choose_detail(_config("neutral", text="a very fat man"), mini, 9.0) == 0.0
    assert choose_detail(_config("neutral", text="a fat zebra striped man"), mini, 9.0) == 1.0
    assert choose_detail(_config("neutral", text="a very fat man"), load_fake(), 9.0) == 1.0


@pytest.mark.parametrize("detail", [0.0, 0.25, 1.0])
def test_the_config_has_the_last_word(mini: Guidance, detail: float) -> None:
    assert choose_detail(_config(detail=detail), mini) == detail
    assert choose_detail(_config(detail=detail), load_fake()) == detail


def test_a_share_beyond_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="detail must be from 0 to 1"):
        OptimiserConfig(detail=1.5)


def _moved(detail: float, learn_texture: bool = True) -> tuple[float, float]:
    """By how much the coarse and the fine levels have moved in two steps, at most."""
    config = small_config()
    config = dataclasses.replace(config, scene=dataclasses.replace(config.scene, learn_texture=learn_texture))
    parts = small_parts(config)
    scene = Scene(parts.body, neutral_start(parts.body), config.scene)
    scorer = Scorer(parts.guidance, config.prompts, config.score)
    stepper = Stepper(parts, scene, scorer, config, torch.Generator().manual_seed(0), detail)
    for index in range(2):
        stepper.step(index)
    fine = scene.texture.fine_levels()
    coarse = [p for p in scene.texture.parameters() if not any(p is level for level in fine)]
    return tuple(max(float(level.detach().abs().max()) for level in levels) for levels in (coarse, fine))  # type: ignore[return-value]


def test_what_is_only_tinted_keeps_its_texels() -> None:
    coarse, fine = _moved(0.0)
    assert coarse > 0.0
    assert fine == 0.0


def test_fine_levels_move_at_their_share() -> None:
    whole, share = _moved(1.0)[1], _moved(0.25)[1]
    assert 0.0 < share < 0.5 * whole


def test_a_frozen_texture_stays_frozen() -> None:
    assert _moved(1.0, learn_texture=False) == (0.0, 0.0)
