"""What is known of runs in a folder, however they were left."""

import os
import time
from pathlib import Path

import pytest
from tests.studio.run_files import write_run

from clipmatrix.errors import RunError
from clipmatrix.gallery.library import Library, is_name


def test_runs_are_told_by_their_logs(tmp_path: Path) -> None:
    write_run(tmp_path, "done", has_files=True)
    write_run(tmp_path, "cut", is_done=False, seed=4)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    found = {summary.name: summary for summary in Library(tmp_path).summaries()}
    assert set(found) == {"done", "cut"}
    done, cut = found["done"], found["cut"]
    assert (done.title, done.quality, done.encoder, done.body) == ("a zebra striped man", "draft", "fake", "anny")
    assert (done.step, done.steps, done.score, done.seconds, done.state) == (3, 3, 0.3, 12.0, "done")
    assert (done.is_healthy, done.has_model, done.has_film) == (True, True, True)
    assert (cut.state, cut.seed, cut.is_healthy, cut.has_model) == ("unfinished", 4, None, False)
    assert cut.score == pytest.approx(0.3)


@pytest.mark.parametrize(
    "log", [b"", b"\n\n", b"\xff\x00{", b"[1, 2]\n", b'{"event": "started", "prompts": 7}\n', b"x" * 50_000]
)
def test_damaged_logs_are_runs_without_words(tmp_path: Path, log: bytes) -> None:
    run = write_run(tmp_path, "odd")
    run.events_path.write_bytes(log)
    (summary,) = Library(tmp_path).summaries()
    assert (summary.title, summary.state) == ("odd", "unfinished")


def test_what_has_changed_is_read_anew_and_nothing_else(tmp_path: Path) -> None:
    run = write_run(tmp_path, "run", is_done=False)
    library = Library(tmp_path)
    before = library.summaries()[0]
    assert library.summaries()[0] is before
    with run.events_path.open("a") as log:
        log.write('{"event": "done", "step": 3, "score": 0.5, "seconds": 1.0, "is_stopped": true}\n')
    after = library.summaries()[0]
    assert (before.state, after.state) == ("unfinished", "stopped")


def test_thousands_are_listed_quickly(tmp_path: Path) -> None:
    write_run(tmp_path, "run")
    events, config = ((tmp_path / "run" / name).read_bytes() for name in ("events.jsonl", "config.yaml"))
    for index in range(2000):
        folder = tmp_path / f"run-{index}"
        folder.mkdir()
        (folder / "events.jsonl").write_bytes(events)
        (folder / "config.yaml").write_bytes(config)
    library = Library(tmp_path)
    began = time.process_time()
    assert len(library.summaries()) == 2001
    first = time.process_time() - began
    began = time.process_time()
    library.summaries()
    again = time.process_time() - began
    assert first < 3.0
    assert again < 0.5 * first


@pytest.mark.parametrize("name", ["", ".", "..", ".studio", "a/b", "a\\b", "a\x00", "a\n", "x" * 256, "ü" * 200])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    assert not is_name(name)
    with pytest.raises(RunError, match="there is no run of that name"):
        Library(tmp_path).open(name)


def test_links_to_elsewhere_are_no_runs(tmp_path: Path) -> None:
    write_run(tmp_path, "secret")
    runs = tmp_path / "runs"
    run = write_run(runs, "mine")
    os.symlink(tmp_path / "secret", runs / "link")
    with pytest.raises(RunError, match="there is no run 'link' here"):
        Library(runs).open("link")
    assert Library(runs).open("mine").path == run.path
