"""Which runs are chosen, of which none is nearly another, and what lies in the folder afterwards."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.studio.run_files import write_run

from clipmatrix.batch import selection
from clipmatrix.batch.selecting import Candidate, choose, chosen_names
from clipmatrix.batch.selection import SelectConfig, select
from clipmatrix.batch.sheet import CELL, MOST_IN_ROW, draw_sheet, front_view, rest_cells
from clipmatrix.cli.app import run as run_command
from clipmatrix.errors import ConfigError, RunError
from clipmatrix.export.images import contact_sheet
from clipmatrix.runs.directory import Run


def _candidate(name: str, score: float, angle: float, is_healthy: bool = True, prompt: str = "a man") -> Candidate:
    return Candidate(name, prompt, 0, score, is_healthy, np.array([np.cos(angle), np.sin(angle)]))


def test_healthy_ones_first_and_then_by_score() -> None:
    group = [
        _candidate("sick", 0.9, 0.0, is_healthy=False),
        _candidate("low", 0.1, 1.0),
        _candidate("high", 0.5, 2.0),
        _candidate("other", 0.2, 0.0, prompt="a statue"),
    ]
    ranking = choose(group, 2)
    assert [one.candidate.name for one in ranking["a man"]] == ["high", "low", "sick"]
    assert chosen_names(ranking) == ("high", "low", "other")
    assert chosen_names(choose(group[::-1], 2)) == ("high", "low", "other")
    assert chosen_names(choose(group, 9)) == ("high", "low", "sick", "other")


def test_twins_of_better_ones_are_passed_over() -> None:
    """1 - cos(0.1) is 0.005, 1 - cos(0.2) is 0.02."""
    group = [_candidate("a", 0.9, 0.0), _candidate("b", 0.8, 0.1), _candidate("c", 0.7, 0.2)]
    ranking = choose(group, 2, near=0.01)["a man"]
    assert [(one.is_chosen, one.twin) for one in ranking] == [(True, ""), (False, "a"), (True, "")]
    assert chosen_names({"a man": choose(group, 3, near=0.0)["a man"]}) == ("a", "b", "c")
    assert chosen_names({"a man": choose(group, 3, near=0.03)["a man"]}) == ("a",)


def _give_sheet(run: Run, color: tuple[int, int, int], width: int = 150) -> None:
    cell = np.full((384, 384, 3), 219, np.uint8)
    cell[40:350, 192 - width // 2 : 192 + width // 2] = color
    Image.fromarray(contact_sheet([cell] * 12, 6, [""] * 12)).save(run.views_path)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two prompts, one with twins, one unfinished run, and one whose sheet is broken."""
    folder = tmp_path / "runs"
    for name, text, seed, color in [
        ("red-0", "a red man", 0, (200, 20, 20)),
        ("red-1", "a red man", 1, (200, 20, 20)),
        ("red-2", "a red man", 2, (20, 200, 20)),
        ("blue-0", "a blue man", 0, (20, 20, 200)),
    ]:
        _give_sheet(write_run(folder, name, text, seed, has_files=True), color)
    write_run(folder, "cut", is_done=False)
    write_run(folder, "broken", "a red man", 9, has_files=True).views_path.write_bytes(b"no picture")
    return folder


def _patched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    judged: list[str] = []

    def judge(path: Path, *_: object) -> float:
        judged.append(path.name)
        return {"red-0": 0.4, "red-1": 0.6, "red-2": 0.2}.get(path.name, 0.5)

    monkeypatch.setattr(selection, "judge_run", judge)
    return judged


def test_the_chosen_ones_are_copied_and_all_are_shown(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, out, seen = _patched(monkeypatch), tmp_path / "best", []
    config = SelectConfig(best=2, judge="fake")
    made = select(runs, out, config, lambda done, total: seen.append((done, total)))
    assert made.chosen == ("blue-0", "red-1", "red-2")
    assert made.num_runs == 5
    assert seen[-1] == (5, 5)
    assert len(made.warnings) == 1
    assert made.warnings[0].startswith("broken is left out: ")
    assert sorted(path.name for path in out.iterdir()) == ["blue-0", "red-1", "red-2", "selection.json", "sheet.png"]
    assert (out / "red-1" / "result" / "model.glb").read_bytes() == Run(runs / "red-1").glb_path.read_bytes()
    record = json.loads((out / "selection.json").read_text())
    twins = {one["name"]: one["twin"] for one in record["prompts"]["a red man"]}
    assert twins == {"red-1": "", "red-0": "red-1", "red-2": ""}
    with Image.open(made.sheet) as sheet:
        assert sheet.width > 4 * CELL
    # Again: nothing is judged anew, and what is no longer chosen goes.
    before = len(judged)
    assert select(runs, out, SelectConfig(best=1, judge="fake")).chosen == ("blue-0", "red-1")
    assert len(judged) == before
    assert not (out / "red-2").exists()


def test_without_a_judge_the_own_score_counts(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = select(runs, tmp_path / "best", SelectConfig(best=1))
    assert made.chosen == ("blue-0", "red-0")
    assert run_command(["select", str(runs), "--out", str(tmp_path / "again")]) == 0
    assert capsys.readouterr().out.startswith("chosen         2 of 5, in ")


def test_folders_that_are_something_else_are_not_touched(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="the folder of the runs themselves"):
        select(runs, runs, SelectConfig())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    with pytest.raises(RunError, match="no selection"):
        select(runs, tmp_path / "other", SelectConfig())
    with pytest.raises(RunError, match="holds no finished run"):
        select(tmp_path / "other", tmp_path / "new", SelectConfig())
    assert not (tmp_path / "new").exists()
    with pytest.raises(ConfigError, match="--best must be at least 1"):
        SelectConfig(best=0)
    with pytest.raises(ConfigError, match="--near"):
        SelectConfig(near=-1.0)


def test_the_sheet_has_a_row_a_prompt_with_frames_around_the_chosen() -> None:
    group = [_candidate(f"run {number}", 1.0 - 0.05 * number, 0.4 * number) for number in range(MOST_IN_ROW + 3)]
    other = [_candidate("lone", 0.5, 0.0, is_healthy=False, prompt="word " * 60)]
    pictures = {one.name: np.full((CELL, CELL, 3), 100, np.uint8) for one in (*group, *other)}
    sheet = draw_sheet(choose([*group, *other], 2), pictures)
    assert sheet.shape == (2 * (CELL + 6) + 6, (MOST_IN_ROW + 1) * (CELL + 6) + 6, 3)
    first, third = sheet[6 + CELL // 2, 6 + CELL + 6], sheet[6 + CELL // 2, 6 + 3 * (CELL + 6)]
    assert first.tolist() == [34, 139, 70]
    assert third.tolist() == [185, 185, 185]


def test_a_sheets_first_row_is_the_bind_pose() -> None:
    cells = [np.full((384, 384, 3), 10 * number, np.uint8) for number in range(12)]
    sheet = contact_sheet(cells, 6, [""] * 12)
    assert [int(cell.mean()) for cell in rest_cells(sheet)] == [0, 10, 20, 30, 40, 50]
    assert front_view(sheet).shape == (CELL, CELL, 3)
    small = np.full((64, 64, 3), 7, np.uint8)
    assert len(rest_cells(small)) == 1
