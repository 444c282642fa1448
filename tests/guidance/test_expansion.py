"""Prompts that stand for several: untextured twins, and parts; what comes out stays as it is."""

from dataclasses import replace

import pytest

from clipmatrix.guidance.prompts import TWIN, Prompt, expand_prompts
from clipmatrix.plans import CameraPlan, LightPlan


def test_twins_are_made_unless_somebody_spoke_of_the_shape() -> None:
    giant = Prompt("a giant", 2.0)
    written, twin = expand_prompts((giant,))
    assert written == replace(giant, twin=0.0)
    assert (twin.text, twin.textured, twin.weight) == ("a giant", False, pytest.approx(2.0 * TWIN))
    shaped = (giant, Prompt("a fat man", textured=False))
    assert len(expand_prompts(shaped)) == 2
    assert len(expand_prompts((replace(giant, twin=0.0),))) == 1
    # Who asks for a twin gets it, whatever else is there.
    assert len(expand_prompts((replace(giant, twin=1.5), shaped[1]))) == 3


@pytest.mark.parametrize(
    "prompt",
    [Prompt("a red head", region="head"), Prompt("grey", -1.0), Prompt(image="a.png")],
    ids=["part", "not", "im"],
)
def test_only_wishes_about_the_whole_body_have_twins_by_themselves(prompt: Prompt) -> None:
    assert expand_prompts((prompt,)) == (replace(prompt, twin=0.0),)
    assert len(expand_prompts((replace(prompt, twin=1.0),))) == 2


def test_a_twin_keeps_the_cameras_and_loses_texture_and_light() -> None:
    prompt = Prompt("gold", cameras=CameraPlan(margin=(1.1, 1.2)), light=LightPlan(), texture="gold", twin=1.0)
    twin = expand_prompts((prompt,))[1]
    assert (twin.cameras, twin.light, twin.texture, twin.weight) == (prompt.cameras, None, "main", 1.0)


def test_parts_are_written_out_with_half_the_weight() -> None:
    found = expand_prompts((Prompt("a knight", 2.0, parts=True, twin=0.0),))
    assert [(one.text, one.region, one.weight) for one in found] == [
        ("a knight", "whole", 2.0),
        ("the head of a knight", "head", 1.0),
        ("the upper body of a knight", "torso", 1.0),
        ("the legs of a knight", "legs", 1.0),
    ]


def test_what_is_written_out_stays_as_it_is() -> None:
    once = expand_prompts((Prompt("a knight", parts=True), Prompt("grey", -0.5)))
    assert expand_prompts(once) == once
