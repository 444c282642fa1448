"""The index of runs: true to the records whatever happens to it, and what may be asked of it."""

import csv
import json
import os
import shutil
import sqlite3
import sys
import time
from pathlib import Path

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st
from tests.runs.record_files import write_records

from clipmatrix.cli.app import run as run_command
from clipmatrix.errors import ConfigError, RunError
from clipmatrix.runs.index import INDEX_NAME, Refreshed, RunIndex, parse, parts_of
from clipmatrix.runs.queries import COLUMNS, parse_condition, parse_order
from clipmatrix.runs.summaries import Summary
from clipmatrix.runs.tables import write_csv, write_parquet

NUM = 40


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Forty records."""
    write_records(tmp_path / "runs", NUM)
    return tmp_path / "runs"


def _names(index: RunIndex, *conditions: str, order: str | None = None) -> list[str]:
    rows = index.find([parse_condition(text) for text in conditions], parse_order(order) if order else None)
    return [row["name"] for row in rows]


def test_it_knows_what_the_records_say(runs: Path) -> None:
    with RunIndex(runs) as index:
        assert index.refresh() == Refreshed(NUM, NUM)
        row = next(row for row in index.find() if row["name"] == "run-00005")
        assert row["prompts"] == ["a wooden puppet"]
        assert (row["seed"], row["steps"], row["state"], row["is_healthy"]) == (5, 150, "done", False)
        assert row["complaints"] == ["folds: 3 % of the faces are turned inside out"]
        assert index.settings("run-00005")["seed"] == 5
        assert index.settings("nothing") == {}
        assert set(Summary.__dataclass_fields__) <= set(COLUMNS)
        assert sorted(summary.name for summary in index.summaries()) == sorted(_names(index))


def test_conditions_against_the_records_one_by_one(runs: Path) -> None:
    """Each condition picks exactly those rows of which it holds in Python."""
    cases = {
        "score>=0.5": lambda row: row["score"] is not None and row["score"] >= 0.5,
        "prompt~STATUE": lambda row: "statue" in row["prompt"],
        "prompt!~statue": lambda row: "statue" not in row["prompt"],
        "prompt=a lava demon": lambda row: row["prompt"] == "a lava demon",
        "seed = 3..8": lambda row: 3 <= row["seed"] <= 8,
        "settings.seed<4": lambda row: row["seed"] < 4,
        "scene.texture_size=512": lambda row: False,
        "scene.texture_size=1024": lambda row: True,
        "scene.normal_map=false": lambda row: True,
        "state!=done": lambda row: row["state"] != "done",
        "healthy": lambda row: row["is_healthy"] is True,
        "!healthy": lambda row: row["is_healthy"] is False,
        "healthy=no": lambda row: row["is_healthy"] is False,
        "complaints~folds": lambda row: bool(row["complaints"]),
        "prompt~%": lambda row: "%" in row["prompt"],
        "prompt~'; DROP TABLE runs; --": lambda row: False,
    }
    with RunIndex(runs) as index:
        index.refresh()
        rows = index.find()
        for text, holds in cases.items():
            assert set(_names(index, text)) == {row["name"] for row in rows if holds(row)}, text
        assert set(_names(index, "healthy", "seed<20")) == {
            row["name"] for row in rows if row["is_healthy"] and row["seed"] < 20
        }
        scores = [row["score"] for row in index.find((), parse_order("-score"))]
        assert scores == sorted(scores, reverse=True)
        assert len(index.find((), parse_order("settings.seed"), 3)) == 3
        # What has no value comes last, either way.
        assert index.find((), parse_order("seconds"))[-1]["seconds"] is None
        assert index.find((), parse_order("-seconds"))[-1]["seconds"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scor>1", 'runs have no "scor": did you mean "score"?'),
        ("score", "a condition is KEY, an operator and a value"),
        ("score>high", 'score is a number, and "high" is none'),
        ("seed=3..x", 'seed is a number, and "x" is none'),
        ("runs); DELETE", "a condition is KEY"),
    ],
)
def test_conditions_that_make_no_sense(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.split("?")[0].replace("(", r"\(")):
        parse_condition(text)
    with pytest.raises(ConfigError, match="runs have no"):
        parse_order("-scores")


def test_it_reads_only_what_changed(runs: Path) -> None:
    with RunIndex(runs) as index:
        index.refresh()
        assert index.refresh() == Refreshed(NUM, 0)
    with RunIndex(runs) as index:
        assert index.refresh().num_read == 0
        log = runs / "run-00007" / "events.jsonl"
        log.write_text(log.read_text() + '{"event": "done", "step": 150, "score": 0.5, "is_stopped": true}\n')
        shutil.rmtree(runs / "run-00000")
        assert index.refresh() == Refreshed(NUM - 1, 1)
        assert _names(index, "state=stopped") == ["run-00007"]
        assert "run-00000" not in _names(index)
        assert index.rebuild() == Refreshed(NUM - 1, NUM - 1)


def test_it_is_made_again_where_it_is_damaged_or_of_another_version(runs: Path) -> None:
    for damage in (b"", b"no database at all, but long enough to be looked at" * 40):
        (runs / INDEX_NAME).write_bytes(damage)
        with RunIndex(runs) as index:
            assert index.refresh().num_runs == NUM
            assert len(index.find()) == NUM
    base = sqlite3.connect(runs / INDEX_NAME)
    with base:
        base.execute("ALTER TABLE runs DROP COLUMN prompt")
        base.execute("PRAGMA user_version = 99")
    base.close()
    with RunIndex(runs) as index:
        assert index.refresh() == Refreshed(NUM, NUM)


def test_two_may_keep_it_at_once(runs: Path) -> None:
    with RunIndex(runs) as first, RunIndex(runs) as second:
        assert first.refresh().num_read == NUM
        assert second.refresh().num_read == 0
        assert len(first.find()) == len(second.find()) == NUM


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_folders_that_cannot_be_written_are_indexed_in_memory(runs: Path) -> None:
    runs.chmod(0o555)
    try:
        with RunIndex(runs) as index:
            assert index.refresh().num_runs == NUM
    finally:
        runs.chmod(0o755)


def test_records_without_settings_or_start_are_no_obstacle(runs: Path) -> None:
    (runs / "run-00001" / "config.yaml").write_text("a: [", encoding="utf-8")
    (runs / "run-00002" / "events.jsonl").write_text("", encoding="utf-8")
    (runs / "run-00003" / "config.yaml").unlink()
    with RunIndex(runs) as index:
        index.refresh()
        assert index.settings("run-00001") == {}
        assert "run-00003" not in _names(index)
        assert _names(index, "state=unfinished", "prompt=") == ["run-00002"]


_TEXTS = st.sampled_from(["", "a: b", "a\nb: c\n", "  b: 1", "&x y", "*", "# no", "- 1", "é: ü", "'", '"', "x" * 200])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS | st.text(max_size=9),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(_TEXTS | st.text(max_size=5), some, max_size=3),
    max_leaves=12,
)


@hypothesis.given(st.dictionaries(_TEXTS | st.sampled_from(["seed", "prompts", "scene"]), _VALUES, max_size=4))
@hypothesis.settings(max_examples=300, deadline=None)
def test_settings_are_read_in_parts_as_they_are_in_whole(values: dict) -> None:
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
    assert (parts_of(text) or parse(text)) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        'a: "x\nb: y"\nc: 1\n',
        "a: &id001 [1]\nb: *id001\n",
        "# said\na: 1\nb:\n- 1\n- 2\n",
        "a: |\n  b: 1\n\n  c: 2\nd: 3\n",
        "a: 1\na: 2\n",
        "{a: 1,\nb: 2}\n",
        "---\na: 1\n",
    ],
)
def test_settings_written_by_hand(text: str) -> None:
    assert (parts_of(text) or parse(text)) == yaml.safe_load(text)


def test_csv_and_parquet_say_the_same(runs: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with RunIndex(runs) as index:
        index.refresh()
        rows = index.find((), parse_order("name"))
    write_csv(tmp_path / "runs.csv", rows)
    write_parquet(tmp_path / "runs.parquet", rows)
    with (tmp_path / "runs.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert parquet.read_table(tmp_path / "runs.parquet").to_pylist() == rows
    assert [line["name"] for line in lines] == [row["name"] for row in rows]
    assert [float(line["score"]) for line in lines] == [row["score"] for row in rows]


def test_without_pyarrow_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(RunError, match=r"pip install 'clipmatrix\[table\]', or use --csv"):
        write_parquet(tmp_path / "runs.parquet", [])


def test_the_command_lists_filters_and_exports(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["runs", str(runs), "--where", "seed<3", "--sort", "seed"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["name", "score", "health", "state", "seed", "steps", "seconds", "made", "prompt"]
    assert [line.split()[0] for line in out[1:-1]] == ["run-00000", "run-00001", "run-00002"]
    assert out[-1] == "3 runs"
    assert run_command(["runs", str(runs), "-w", "seed<3", "--json", "--rebuild"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert run_command(["runs", str(runs), "--csv", str(tmp_path / "a.csv"), "--limit", "5"]) == 0
    assert capsys.readouterr().out == "rows           5\n"
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 6


def test_mistakes_are_one_line(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["runs", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.endswith("none is no folder: name the folder that holds the runs\n")
    assert run_command(["runs", str(runs), "--limit", "-1"]) == 2
    assert "--limit must be at least 0" in capsys.readouterr().err
    assert run_command(["runs", str(runs), "--where", "score"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_filters_take_time_by_the_thousand_runs(tmp_path: Path) -> None:
    """A thousand records in a tenth of the three tenths of a second that ten thousand may take, with room to spare."""
    write_records(tmp_path, 1000)
    with RunIndex(tmp_path) as index:
        index.refresh()
        began = time.process_time()
        index.refresh()
        _names(index, "healthy", "prompt~statue", "optimiser.refine<0.2", order="-score")
        assert time.process_time() - began < 0.15
