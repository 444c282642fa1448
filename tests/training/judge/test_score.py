"""R-precision of runs, from what the benchmark leaves in its folder; the judge here only knows colours."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import clipmatrix
from clipmatrix.errors import ConfigError
from training.benchmark import load_benchmark, run_name
from training.evaluate import write_table
from training.judge.score import Verdict, alike, judge_runs, rank, read_views, write_judge_table

_ROWS = [
    {"text": "red", "band": "captioned"}, {"text": "green", "band": "synonyms"}, {"text": "blue", "band": "synonyms"}
]  # fmt: skip
_AXES = {"red": 0, "green": 1, "blue": 2}


class ColorJudge:
    """A text is a colour, and a picture its mean colour."""

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.eye(3)[[_AXES[text] for text in texts]]

    def encode_images(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(images.mean((2, 3)), dim=-1)


def save_round(path: Path, start: tuple[int, int, int], end: tuple[int, int, int]) -> None:
    rows = [np.broadcast_to(np.array(color, np.uint8), (16, 128, 3)) for color in (start, end)]
    Image.fromarray(np.concatenate(rows)).save(path.with_suffix(".views.png"))
    Image.fromarray(np.zeros((20, 120, 3), np.uint8)).save(path)


def save_sheet(path: Path, start: tuple[int, int, int], end: tuple[int, int, int]) -> None:
    cells = [np.broadcast_to(np.array(color, np.uint8), (20, 60, 3)) for color in (start, end)]
    Image.fromarray(np.concatenate(cells, axis=1)).save(path)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    save_round(tmp_path / f"{run_name(_ROWS[0], 'search', 0)}.png", (90, 100, 80), (200, 50, 50))
    save_sheet(tmp_path / f"{run_name(_ROWS[1], 'search', 0)}.png", (50, 200, 50), (90, 100, 120))
    return tmp_path


def test_starts_and_ends_are_ranked_and_scored(runs: Path) -> None:
    verdicts = judge_runs(ColorJudge(), runs, _ROWS)
    assert set(verdicts) == {"red-search-0", "green-search-0"}
    red, green = verdicts["red-search-0"], verdicts["green-search-0"]
    assert (red.start_rank, red.end_rank) == (2, 1)
    assert (green.start_rank, green.end_rank) == (1, 2)
    assert red.end_score == pytest.approx(200 / np.linalg.norm((200, 50, 50)), abs=1e-3)
    assert red.end_score > red.start_score
    assert green.end_score < green.start_score


def test_views_are_cut_in_order(tmp_path: Path) -> None:
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:16, 16:32], pixels[16:, 48:] = 255, 255
    Image.fromarray(pixels).save(tmp_path / "a.views.png")
    bright = read_views(tmp_path / "a.png").mean((2, 3, 4))
    assert bright.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]


def test_a_picture_that_is_no_round_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((20, 55, 3), np.uint8)).save(tmp_path / "a.views.png")
    with pytest.raises(ConfigError, match="two rows of square views"):
        read_views(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match="found no picture"):
        read_views(tmp_path / "b.png")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"found none; run: python -m training\.evaluate"):
        judge_runs(ColorJudge(), tmp_path, _ROWS)


def test_alike_texts_leave_the_ranking() -> None:
    scores = np.array([0.3, 0.9, 0.5, 0.1])
    assert rank(scores, 0, np.zeros(4, bool)) == 3
    assert rank(scores, 0, np.array([False, True, False, False])) == 2


def test_alike_texts_are_the_benchmarks_and_few() -> None:
    texts = [row["text"] for row in load_benchmark().prompts]
    found = alike(texts)
    assert not found.diagonal().any()
    assert found[texts.index("a lanky guy"), texts.index("a towering figure")]
    assert not found[texts.index("a towering figure"), texts.index("a lanky guy")]
    assert found.sum(1).max() <= 4
    # At least a hundred candidates are left to every prompt.
    assert len(texts) - found.sum(1).max() >= 101


def test_a_stranger_among_the_alike_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "alike.yaml"
    path.write_text("same:\n- [a red person, a person in red]\nalso: {}\n")
    with pytest.raises(ConfigError, match="'a person in red'"):
        alike(["a red person"], path)


def test_the_table_counts_by_band() -> None:
    verdicts = {
        "red-search-0": Verdict(0.2, 0.5, 3, 1), "red-search-1": Verdict(0.4, 0.3, 1, 7),
        "green-neutral-0": Verdict(0.0, 0.6, 50, 4),
    }  # fmt: skip
    lines = write_judge_table(verdicts, _ROWS).splitlines()
    assert "| captioned | search | 2 | 50 % | 50 % | 50 % | 0.30 | 0.40 | 50 % |" in lines
    assert "| synonyms | neutral | 1 | 0 % | 0 % | 100 % | 0.00 | 0.60 | 100 % |" in lines
    assert "| all | search | 2 | 50 % | 50 % | 50 % | 0.30 | 0.40 | 50 % |" in lines


def test_the_benchmarks_table_takes_the_judges_columns(tmp_path: Path) -> None:
    record = {"score_first": 0.1, "score_last": 0.5, "verdicts_before": {"a": False}, "verdicts": {"a": True}}
    (tmp_path / "red-search-0.json").write_text(json.dumps(record))
    verdicts = {"red-search-0": Verdict(0.2, 0.5, 3, 1)}
    lines = write_table(_ROWS, 1, tmp_path, "table.md", verdicts).splitlines()
    assert "| red | search | 0/1 | 1/1 | 0.10 | 0.50 | 0.20 | 0.50 | 0/1 | 1/1 |" in lines
    assert "| **captioned** | search | 0/1 | 1/1 | | | 0.20 | 0.50 | 0/1 | 1/1 |" in lines
    assert len({line.count("|") for line in lines}) == 1


def test_the_package_never_imports_the_training() -> None:
    root = Path(clipmatrix.__file__).parent
    pattern = re.compile(r"^\s*(?:from|import)\s+training\b", re.MULTILINE)
    assert not [path.name for path in root.rglob("*.py") if pattern.search(path.read_text(encoding="utf-8"))]
