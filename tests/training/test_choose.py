"""A checkpoint is chosen by what it draws; here drawing is pretended."""

import json
from pathlib import Path

import pytest

from clipmatrix.procedural.tables import colors
from training import choose
from training.benchmark import load_benchmark
from training.choose import DRAWN, Drawing, best, draw


def test_the_one_that_meets_most_is_best_and_of_equals_the_first() -> None:
    a, b, c = Path("a"), Path("b"), Path("c")
    assert best({a: Drawing(5, 10, 2), b: Drawing(7, 10, 2), c: Drawing(7, 10, 1)}) == b
    assert best({a: Drawing(5, 10, 2), b: Drawing(5, 10, 2)}) == a
    assert best({a: Drawing(5, 10, 2), b: Drawing(5, 10, 3)}) == b


def test_prompts_are_none_of_the_benchmarks_and_expect_something() -> None:
    rows, benchmark = load_benchmark(DRAWN).prompts, load_benchmark()
    known = {row["text"] for part in (benchmark.prompts, benchmark.binding, benchmark.hues) for row in part}
    assert not [row["text"] for row in rows if row["text"] in known]
    for row in rows:
        assert set(row) & {"colors", "contrast", "bands", "volume", "height"}, row
        assert set(row.get("colors", {}).values()) <= set(colors().ids), row


def test_what_was_drawn_is_counted_and_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def pretend(body, guidance, texels, row, config, path: Path) -> None:
        calls.append((config.start, config.steps))
        is_right = row["text"] == "a"
        path.with_suffix(".json").write_text(json.dumps({"verdicts": {"one": True, "two": is_right}}))

    for name in ("load_anny", "load_guidance", "find_texels"):
        monkeypatch.setattr(choose, name, lambda *args: None)
    monkeypatch.setattr(choose, "load_anny", lambda: type("B", (), {"template": None}))
    monkeypatch.setattr(choose, "run_one", pretend)
    rows, ticks = [{"text": "a"}, {"text": "b"}], []
    first = draw(tmp_path, rows, tmp_path / "out", 7, lambda: ticks.append(1))
    again = draw(tmp_path, rows, tmp_path / "out", 7)
    assert first == again == Drawing(3, 4, 1)
    assert first.share == 0.75
    assert calls == [("neutral", 7)] * 2
    assert len(ticks) == 2
