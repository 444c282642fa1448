"""The studio's command: where it listens, who may come in, and what it says when its extra is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from clipmatrix.cli.app import run
from clipmatrix.errors import ConfigError
from clipmatrix.studio.server import ServerConfig


def test_other_hosts_and_shares_want_a_password(tmp_path: Path) -> None:
    for given in ({"host": "0.0.0.0"}, {"is_shared": True}, {"host": "192.168.1.7"}):
        with pytest.raises(ConfigError, match="lets others in, and wants a password"):
            ServerConfig(tmp_path, **given)
        with pytest.raises(ConfigError, match="the password has 5 characters: use 8 or more"):
            ServerConfig(tmp_path, password="short", **given)
        ServerConfig(tmp_path, password="long enough", **given)
    ServerConfig(tmp_path)
    ServerConfig(tmp_path, host="localhost")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 lets others in, and wants a password"),
        (["--share"], "--share lets others in, and wants a password"),
        (["--port", "0"], "port must be from 1 to 65535, not 0"),
        (["--port", "99999"], "port must be from 1 to 65535, not 99999"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.delenv("CLIPMATRIX_STUDIO_PASSWORD", raising=False)
    assert run(["studio", "--runs", str(tmp_path / "runs"), *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"clipmatrix: error: {message}")
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_without_its_extra_it_says_how_to_install_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['gradio'] = None\n"
        "from clipmatrix.cli.app import run\n"
        f"sys.exit(run(['studio', '--runs', {str(tmp_path / 'runs')!r}, '--no-browser']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "clipmatrix: error: the studio needs Gradio, which is an extra: pip install 'clipmatrix[studio]'\n"
    )
    assert not (tmp_path / "runs").exists()


def test_workers_say_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".studio").mkdir()
    assert run(["studio-worker", str(tmp_path), "7"]) == 2
    assert "has no job 7" in capsys.readouterr().err
    assert "studio-worker" not in _help(capsys)


def _help(capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["--help"]) == 0
    return capsys.readouterr().out
