"""What is known of runs in a folder, however they were left."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.studio.run_files import write_run

from clipmatrix.errors import RunError
from clipmatrix.gallery.library import Library, is_name
from clipmatrix.runs import index
from clipmatrix.runs.directory import Run
from clipmatrix.runs.summaries import Summary, read_summary


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


def test_what_has_changed_is_read_anew_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def watched(run: Run, made: float) -> Summary:
        read.append(run.path.name)
        return read_summary(run, made)

    monkeypatch.setattr(index, "read_summary", watched)
    run = write_run(tmp_path, "run", is_done=False)
    write_run(tmp_path, "other")
    library = Library(tmp_path)
    before = {summary.name: summary for summary in library.summaries()}
    assert {summary.name: summary for summary in library.summaries()} == before
    with run.events_path.open("a") as log:
        log.write('{"event": "done", "step": 3, "score": 0.5, "seconds": 1.0, "is_stopped": true}\n')
    after = {summary.name: summary for summary in library.summaries()}
    assert (before["run"].state, after["run"].state) == ("unfinished", "stopped")
    assert sorted(read) == ["other", "run", "run"]


def test_an_index_lost_or_damaged_meanwhile_is_made_anew(tmp_path: Path) -> None:
    write_run(tmp_path, "run")
    library = Library(tmp_path)
    assert len(library.summaries()) == 1
    (tmp_path / index.INDEX_NAME).write_bytes(b"no database" * 1000)
    write_run(tmp_path, "second")
    assert len(library.summaries()) == 2
    (tmp_path / index.INDEX_NAME).unlink()
    assert len(library.summaries()) == 2


def test_a_folder_may_come_later(tmp_path: Path) -> None:
    library = Library(tmp_path / "runs")
    assert library.summaries() == []
    write_run(tmp_path / "runs", "run")
    assert [summary.name for summary in library.summaries()] == ["run"]


def test_many_threads_may_look_at_once(tmp_path: Path) -> None:
    for number in range(20):
        write_run(tmp_path, f"run-{number}")
    library = Library(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: len(library.summaries()), range(40)))
    assert counts == [20] * 40


def test_thousands_are_listed_quickly(tmp_path: Path) -> None:
    write_run(tmp_path, "run")
    events, config = ((tmp_path / "run" / name).read_bytes() for name in ("events.jsonl", "config.yaml"))
    for number in range(2000):
        folder = tmp_path / f"run-{number}"
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
