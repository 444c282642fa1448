"""Scores, the best state and events as records."""

import json
import math
from pathlib import Path

import pytest
import torch
from tests.toy_body import build_toy_body

from clipmatrix.generate.best import BestState
from clipmatrix.generate.events import Exported, Losses, Seconds, Step, event_record
from clipmatrix.generate.loading import text_warnings
from clipmatrix.generate.score import OTHER_LOOKS, Scorer, rival_embeddings
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.guidance.scoring import ScoreConfig
from clipmatrix.scene.config import SceneConfig
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start


def test_scores_are_cosines_to_the_pictures_own_prompt() -> None:
    guidance = load_fake()
    prompts = (Prompt("a red person"), Prompt("a blue person"))
    scorer = Scorer(guidance, prompts, ScoreConfig(contrast_weight=0.0))
    embeddings = guidance.encode_texts(["a red person", "a red person", "a blue person"])
    scores = scorer(embeddings, torch.tensor([0, 1, 1]))
    assert scores.cosines[[0, 2]].tolist() == pytest.approx([1.0, 1.0], abs=1e-6)
    assert scores.cosines[1].item() < 0.9
    assert scores.loss.item() == pytest.approx(-scores.cosines.mean().item(), abs=1e-6)


def test_contrast_punishes_what_could_be_a_rival() -> None:
    guidance = load_fake()
    prompts = (Prompt("a red person"),)
    own, rival = guidance.encode_texts(["a red person", "a blue person"])
    losses = []
    for weight in (0.0, 1.0):
        scorer = Scorer(guidance, prompts, ScoreConfig(contrast_weight=weight))
        ids = torch.zeros(1, dtype=torch.int64)
        losses.append([scorer(x[None], ids).loss.item() for x in (own, rival)])
    assert losses[1][1] - losses[1][0] > losses[0][1] - losses[0][0] + 1.0


def test_the_nearest_other_looks_are_no_rivals() -> None:
    guidance = load_fake()
    rivals = rival_embeddings(guidance, "a crimson person")
    near = guidance.encode_texts(OTHER_LOOKS) @ guidance.encode_texts(["a crimson person"])[0]
    nearest = guidance.encode_texts([OTHER_LOOKS[int(near.argmax())]])[0]
    farthest = guidance.encode_texts([OTHER_LOOKS[int(near.argmin())]])[0]
    distances = [(rivals - look).norm(dim=1).min().item() for look in (nearest, farthest)]
    assert distances[0] > 1e-3
    assert distances[1] < 1e-6


def test_the_best_state_comes_back_and_a_better_end_stays() -> None:
    body = build_toy_body()
    scene = Scene(body, neutral_start(body), SceneConfig(texture_size=16))
    best = BestState(scene, num_steps=40)
    for step in range(1, 41):
        with torch.no_grad():
            scene.material.change.fill_(float(step))
        best.see(step, 1.0 if 15 <= step <= 30 else 0.0)
    assert best.score < 0.5
    best.restore()
    assert scene.material.change[0].item() == 30.0
    rising = BestState(scene, num_steps=20)
    for step in range(1, 21):
        rising.see(step, step / 20)
    scene.material.change.data.fill_(-1.0)
    rising.restore()
    assert scene.material.change[0].item() == -1.0


def test_records_are_json_with_relative_paths_and_no_infinities() -> None:
    step = Step(3, 9, math.nan, Losses(guidance=0.1234567891), Seconds(1.0, 2.0, 3.0, 4.0), is_skipped=True)
    record = json.loads(json.dumps(event_record(step, Path("runs/a"))))
    assert record["event"] == "step"
    assert record["score"] is None
    assert record["losses"]["guidance"] == 0.123457
    names = ("model.glb", "albedo.png", "views.png", "turntable.mp4")
    exported = Exported(*(Path("runs/a/result") / name for name in names))
    assert event_record(exported, Path("runs/a"))["glb"] == "result/model.glb"


def test_warnings_show_where_a_text_is_cut() -> None:
    """The fake encoder reads forty words."""
    guidance = load_fake()
    assert text_warnings(guidance, ["a short text", " spaces around "]) == ()
    (warning,) = text_warnings(guidance, [" ".join(f"word{index}" for index in range(50))])
    assert 'word39", not read: "word40' in warning
    assert "\n" not in warning
    assert len(warning) < 180
