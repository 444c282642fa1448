"""Prompts: what is refused and how, and how views are worded."""

import math
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmatrix.bodies.body import REGIONS as BODY_REGIONS
from clipmatrix.errors import PromptError
from clipmatrix.guidance.prompts import NEUTRAL_TEXTS, REGIONS, Prompt, contrast_texts, view_words, with_view


def test_regions_are_those_of_bodies() -> None:
    assert REGIONS == BODY_REGIONS


def test_defaults_and_outer_blanks() -> None:
    prompt = Prompt("  a zebra striped man\n")
    assert prompt == Prompt("a zebra striped man", 1.0, "whole", True)
    assert replace(prompt, region="head").text == prompt.text


@pytest.mark.parametrize("text", ["", "  ", "\n", "\u200b", "\u200b \u2060", "\u00a0", "\ufeff"])
def test_empty_prompts(text: str) -> None:
    with pytest.raises(PromptError, match="empty"):
        Prompt(text)


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\x00", "a\x1b[31mb", "a\x7fb", "bad \ud800 half"])
def test_control_characters(text: str) -> None:
    with pytest.raises(PromptError, match=r"control character U\+") as caught:
        Prompt(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["ein Löwe", "金の像", "👩‍🚀 astronaut", "!", "रंगीन", "a  b"])
def test_all_writing_is_welcome(text: str) -> None:
    assert Prompt(text).text == text


@pytest.mark.parametrize("weight", [0.0, math.nan, math.inf])
def test_weights(weight: float) -> None:
    with pytest.raises(PromptError, match="weight"):
        Prompt("a man", weight=weight)


@pytest.mark.parametrize(("region", "near"), [("haed", "'head'"), ("Legs", "'legs'"), ("hand", "'hands'"), ("xyz", "")])
def test_unknown_regions_suggest_the_nearest(region: str, near: str) -> None:
    with pytest.raises(PromptError, match=f"unknown region '{region}'") as caught:
        Prompt("a man", region=region)
    assert near in str(caught.value)
    assert "torso" in str(caught.value)


def test_wrong_types_are_told_to_users_whose_calls_nobody_checks() -> None:
    """In a process of its own, since the shape checker of these tests would speak up first."""
    code = """
from clipmatrix.errors import PromptError
from clipmatrix.guidance.prompts import Prompt
for wrong in ({"text": 5}, {"weight": "much"}, {"weight": True}, {"region": None}, {"textured": "no"}):
    try:
        Prompt(**{"text": "a man", **wrong})
    except PromptError as error:
        assert next(iter(wrong)).replace("text", "") in str(error), error
    else:
        raise SystemExit(f"{wrong} passed")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("degrees", "words"),
    [
        *[(degrees, "front") for degrees in (0, 59, -59, 361, 719)],
        *[(degrees, "side") for degrees in (61, 90, -90, 270)],
        *[(degrees, "back") for degrees in (121, 180, -180, 240)],
    ],
)
def test_view_words(degrees: float, words: str) -> None:
    assert view_words(math.radians(degrees)) == f"{words} view"
    assert with_view("a man", math.radians(degrees)) == f"{words} view of a man"


@given(st.floats(-50, 50))
def test_views_are_the_same_after_a_turn_and_in_a_mirror(azimuth: float) -> None:
    off_edge = min(abs(abs(math.remainder(azimuth, 2 * math.pi)) - math.radians(edge)) for edge in (60, 120))
    if off_edge > 1e-6:
        assert view_words(azimuth) == view_words(-azimuth) == view_words(azimuth + 2 * math.pi)


def test_contrast_texts_leave_out_the_text_itself() -> None:
    texts = contrast_texts("A  Person", ("a red man", "a RED man", "a person", "a blue man"))
    assert texts[:2] == ("a RED man", "a blue man")
    assert "a person" not in texts
    assert len(texts) == 2 + len(NEUTRAL_TEXTS) - 1
