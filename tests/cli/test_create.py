"""The command line: mistakes are one line and exit code 2, and leave nothing behind."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from clipmatrix.cli.app import run
from clipmatrix.cli.create import follow
from clipmatrix.cli.process import Interrupts
from clipmatrix.cli.progress import build_reporter
from clipmatrix.generate.events import (
    Checkpoint,
    Chosen,
    Done,
    Event,
    Exported,
    Losses,
    SearchProgress,
    Seconds,
    Started,
    Step,
    Tried,
)


def _mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The line after the program's name, of a call that must fail."""
    assert run(["create", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if not line.startswith("loading")]
    assert len(lines) == 1
    assert lines[0].startswith("clipmatrix: error: ")
    return lines[0].removeprefix("clipmatrix: error: ")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs in an empty folder, in which nothing may be left behind but what the test put there."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("prompt", ["", "   ", "\t\n"])
def test_empty_prompts(capsys: pytest.CaptureFixture[str], prompt: str) -> None:
    assert _mistake(capsys, prompt) == (
        'the prompt is empty; say what the figure should be, such as "a zebra striped man"'
    )


def test_no_prompt_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert _mistake(capsys) == (
        'there is no prompt: say what to create, as in: clipmatrix create "a zebra striped man"'
    )


def test_senseless_tries_and_judges(capsys: pytest.CaptureFixture[str]) -> None:
    assert _mistake(capsys, "a man", "--tries", "0") == (
        "the number of tries must be from 1 to 100, not 0: use for instance 4"
    )
    assert _mistake(capsys, "a man", "--judge", "mini") == (
        "--judge scores the tries of --tries: say how many, as in --tries 4"
    )
    assert _mistake(capsys, "--resume", "run", "--tries", "3") == (
        "--resume takes everything from run: leave out the prompt and all other options"
    )


@pytest.mark.parametrize("steps", ["0", "-5"])
def test_zero_and_negative_steps(capsys: pytest.CaptureFixture[str], steps: str) -> None:
    assert _mistake(capsys, "a man", "--steps", steps) == (
        f"steps must be from 1 to 1e+06, not {steps}: use for instance 600"
    )


def test_steps_that_are_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert _mistake(capsys, "a man", "--steps", "many") == "Invalid value for '--steps': 'many' is not a valid integer."


def test_unknown_models(capsys: pytest.CaptureFixture[str]) -> None:
    message = _mistake(capsys, "a man", "--clip", "minni")
    assert message.startswith("no encoder 'minni': did you mean 'mini'?")


def test_folders_that_are_no_checkpoint(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    message = _mistake(capsys, "a man", "--clip", str(tmp_path / "photos"))
    assert "photos" in message
    assert "config.json" in message


def test_unknown_qualities_and_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert _mistake(capsys, "a man", "--quality", "fien") == 'there is no quality "fien": did you mean "fine"?'
    assert _mistake(capsys, "a man", "--start", "middle") == 'start must be one of search, neutral, not "middle"'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("ani", 'there is no body "ani" (.glb, .gltf, .obj and .ply can be read): did you mean "anny"?'),
        ("dog.glb", "dog.glb, which cannot be read (No such file or directory): name a .glb, .gltf, .obj or .ply file"),
        ("", "body must not be empty: name anny, smplx:FILE.npz or a mesh file"),
        ("smplx:model.pkl", "model.pkl cannot be read (No such file or directory): name a model file"),
        ("model.pkl", "model.pkl may be an SMPL-X model: write smplx:model.pkl as the body"),
    ],
)
def test_bodies_that_cannot_be_used(capsys: pytest.CaptureFixture[str], body: str, message: str) -> None:
    assert _mistake(capsys, "a man", "--clip", "fake", "--body", body) == message


def test_places_that_cannot_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    message = _mistake(capsys, "a man", "--clip", "fake", "--out", str(tmp_path / "file"))
    assert message == f"{tmp_path / 'file'} is a file, and a run needs a folder: choose another --out"
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("mine")
    message = _mistake(capsys, "a man", "--clip", "fake", "--out", str(tmp_path / "thesis"))
    assert "no run of clipmatrix" in message
    message = _mistake(capsys, "a man", "--clip", "fake", "--out", "/proc/new/run")
    assert message.startswith("/proc/new/run cannot be ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz: 3", 'bad.yaml:1: unknown key "stepz" in the file: did you mean "steps"?'),
        ("seed: 1\nsteps: 0", "bad.yaml:2: steps must be from 1 to 1e+06, not 0: use for instance 600"),
        ("prompts: [", r"bad.yaml:\d: no valid YAML: .+"),
        ("prompts:\n  - text: ''", r"bad.yaml:2: the prompt is empty; .+"),
    ],
)
def test_broken_configs(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    found = _mistake(capsys, "a man", "--config", "bad.yaml")
    assert found == message or re.fullmatch(message, found)


def test_missing_configs(capsys: pytest.CaptureFixture[str]) -> None:
    assert _mistake(capsys, "a man", "--config", "no.yaml") == (
        "no.yaml cannot be read (No such file or directory): name a YAML file"
    )


def test_prompts_in_two_places(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("prompts:\n  - text: a woman")
    assert _mistake(capsys, "a man", "--config", "run.yaml") == (
        "prompts stand both on the command line and in run.yaml: keep them in one place"
    )


def test_unknown_options_and_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert _mistake(capsys, "a man", "--colour", "red") == "No such option '--colour'. Did you mean '--out'?"
    assert run(["crate"]) == 2
    assert capsys.readouterr().err.startswith("clipmatrix: error: No such command 'crate'.")


def test_version_by_both_doors() -> None:
    code = [sys.executable, "-m", "clipmatrix", "--version"]
    done = subprocess.run(code, capture_output=True, text=True, check=True)
    assert done.stdout == "clipmatrix 0.1.0\n"


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["create", "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("--out", "--seed", "--quality", "--steps", "--clip", "--body", "--start", "--config"):
        assert option in text


def _step(step: int, steps: int) -> Step:
    return Step(step, steps, 0.5, Losses(), Seconds(0.1, 0.1, 0.1, 0.1))


def _whole_run(place: Path, is_stopped: bool) -> list[Event]:
    files = [place / name for name in ("model.glb", "albedo.png", "views.png", "turntable.mp4")]
    return [
        Started(place, ("a man",), "mini", 0, 2, ("the prompt is too long",)),
        SearchProgress(10, 10),
        _step(1, 2),
        _step(2, 2),
        Checkpoint(2, place / "x", is_last=True),
        Exported(*files),
        Done(2, 0.5, 12.3, 0, is_stopped),
    ]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_reports_say_where_the_files_are(capsys: pytest.CaptureFixture[str], tmp_path: Path, is_terminal: bool) -> None:
    reporter = build_reporter(is_terminal)
    reporter.begin("mini")
    for event in _whole_run(tmp_path / "out", is_stopped=False):
        reporter.show(event)
    reporter.end()
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines() if "out/" in line]
    assert [line[-1] for line in lines] == ["out/model.glb", "out/turntable.mp4", "out/views.png", "out/albedo.png"]
    assert "clipmatrix: warning: the prompt is too long" in err
    assert "2 steps in 12 s, score 0.500" in out + err


def test_plain_reports_are_few_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    reporter = build_reporter(is_terminal=False)
    reporter.begin("mini")
    for step in range(1, 601):
        reporter.show(_step(step, 600))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[-1].startswith("step 600/600  score 0.500")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_reports_say_what_came_of_the_tries(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, is_terminal: bool
) -> None:
    reporter = build_reporter(is_terminal)
    reporter.begin("mini")
    for seed, score in ((3, 0.25), (4, 0.5)):
        reporter.show(_step(2, 20))
        reporter.show(Tried(tmp_path / "tries" / f"seed-{seed}", seed, score, seed == 4, "mini itself"))
    reporter.show(Chosen(tmp_path, 4, tmp_path / "tries" / "tries.png"))
    reporter.end()
    out, err = capsys.readouterr()
    assert "seed 3: 0.250 by mini itself, not healthy" in out + err
    assert "seed 4: 0.500 by mini itself, healthy" in out + err
    assert "seed 4 is the best, see tries/tries.png" in out + err


@pytest.mark.parametrize("is_terminal", [True, False])
def test_reports_say_once_that_a_run_ends_early(capsys: pytest.CaptureFixture[str], is_terminal: bool) -> None:
    reporter = build_reporter(is_terminal)
    reporter.begin("mini")
    for step in range(1, 31):
        reporter.show(_step(step, 600 if step < 20 else 30))
    reporter.end()
    out, err = capsys.readouterr()
    assert (out + err).count("the score no longer rises: cooling down, to end after step 30 of 600") == 1


def test_ctrl_c_is_handed_to_the_run_between_two_events(tmp_path: Path) -> None:
    def events() -> Iterator[Event]:
        yield Started(tmp_path, (), "x", 0, 9)
        try:
            for step in range(1, 10):
                yield _step(step, 9)
                if step == 3:
                    signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            yield Done(step, 0.0, 0.0, 0, True)

    seen = list(follow(events()))
    assert isinstance(seen[-1], Done)
    assert seen[-1].step == 4
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_ctrl_c_interrupts_at_once() -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        assert interrupts.is_wanted
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_interrupts_while_loading_exit_with_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Command, "invoke", interrupted)
    assert run(["create", "a man"]) == 130
    assert capsys.readouterr().err.strip() == "clipmatrix: stopped"
