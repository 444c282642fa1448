"""The commands on many runs: what they list, and mistakes as one line with nothing written."""

from pathlib import Path

import pytest

from clipmatrix.cli.app import run


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Two prompts."""
    path = tmp_path / "prompts.txt"
    path.write_text("a zebra striped man\na golden statue\n", encoding="utf-8")
    return path


def _mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err.removeprefix("clipmatrix: error: ").strip()


def test_a_dry_run_lists_and_writes_nothing(prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(["batch", str(prompts), "--out", str(out), "--quality", "draft", "--seeds", "0,3-4", "--dry-run"]) == 0
    names = capsys.readouterr().out.split()
    assert len(names) == len(set(names)) == 6
    assert [name.rsplit("-", 1)[0] for name in names[:3]] == [f"a-zebra-striped-man-{seed}" for seed in (0, 3, 4)]
    assert not out.exists()


def test_mistakes_of_a_batch(prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    begin = ("batch", str(prompts), "--out", out)
    assert "cannot be read" in _mistake(capsys, "batch", str(tmp_path / "none.txt"), "--out", out)
    assert "seeds are whole numbers" in _mistake(capsys, *begin, "--seeds", "some")
    assert "did you mean" in _mistake(capsys, *begin, "--quality", "draftt")
    assert "--memory must be" in _mistake(capsys, *begin, "--memory", "0")
    assert "--best must be at least 1" in _mistake(capsys, *begin, "--best", "0")
    assert "say how many of each prompt" in _mistake(capsys, *begin, "--judge", "mini")
    assert "--workers must be at least 1" in _mistake(capsys, *begin, "--workers", "0")
    assert "clipmatrix select" in _mistake(capsys, *begin[:2], "--out", "memory://a", "--best", "1", "--ray", "local")
    (tmp_path / "file").write_text("")
    assert "is a file" in _mistake(capsys, *begin[:2], "--out", str(tmp_path / "file"), "--quality", "draft")
    assert not (tmp_path / "out").exists()


def test_mistakes_of_selections_and_searches(prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert "is no folder" in _mistake(capsys, "select", str(tmp_path / "none"), "--out", out)
    assert "--best must be" in _mistake(capsys, "select", str(tmp_path), "--out", out, "--best", "0")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("quality: draft\n")
    begin = ("tune", str(recipe), "--out", out, "--space")
    assert "has no prompt" in _mistake(capsys, *begin, str(recipe))
    recipe.write_text("quality: draft\nprompts: [{text: a man}]\n")
    assert "recipe.yaml:1: quality must hold" in _mistake(capsys, *begin, str(recipe))
    assert "--trials must be" in _mistake(capsys, *begin, str(recipe), "--trials", "0")
    assert not (tmp_path / "out").exists()
