"""Options about bodies: their mistakes are one line, exit code 2, and nothing is written."""

from pathlib import Path

import pytest

from clipmatrix.cli.app import run


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["a knight", "--up", "x"], 'up must be one of y, z, not "x"'),
        (["a knight", "--subdivide", "9"], "subdivide must be from 0 to 3, not 9"),
        (["--beside", "a dragon"], "--beside adds a figure beside the first"),
        (["a knight", "--beside", ""], "the prompt is empty"),
        (["a knight", *("--beside", "a dragon") * 4], "must be from 1 to 4, or 0 for all, not 5"),
        (["a knight", "--body", "anny:local:x"], "write anny, or anny:local"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    out = tmp_path / "run"
    assert run(["create", *options, "--out", str(out)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert words in lines[0]
    assert not out.exists()


def test_too_fine_a_body_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "fine.yaml"
    config.write_text("clip: fake\nsubdivide: 3\nprompts: [{text: a knight}]\n")
    assert run(["create", "--config", str(config), "--out", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert "use --subdivide 2" in message
    assert not (tmp_path / "run").exists()
