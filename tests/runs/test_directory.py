"""The run directory: layout, refusals, whole writes and names."""

import json
import signal
from pathlib import Path

import pytest

from clipmatrix.errors import RunError
from clipmatrix.runs import directory
from clipmatrix.runs.directory import begin_run, check_target, free_path, open_run, slug
from clipmatrix.runs.environment import describe_environment, differences
from clipmatrix.runs.files import file_errors, write_whole


def _begin(path: Path) -> None:
    begin_run(path, "seed: 1\n", {"python": "3"})


def test_a_begun_run_has_its_layout_and_opens_again(tmp_path: Path) -> None:
    _begin(tmp_path / "a" / "b")
    names = sorted(item.name for item in (tmp_path / "a" / "b").iterdir())
    assert names == ["checkpoints", "config.yaml", "environment.json", "events.jsonl", "previews", "result"]
    assert open_run(tmp_path / "a" / "b").config_path.read_text() == "seed: 1\n"


def test_an_earlier_run_is_replaced_and_other_files_in_it_are_kept(tmp_path: Path) -> None:
    _begin(tmp_path)
    (tmp_path / "result" / "model.glb").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    _begin(tmp_path)
    assert not (tmp_path / "result" / "model.glb").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_folders_of_something_else_are_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match="no run of clipmatrix"):
        _begin(tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.tex"]


def test_files_as_targets_or_above_them_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(RunError, match="is a file"):
        check_target(file)
    with pytest.raises(RunError, match="cannot be made"):
        check_target(file / "below")


def test_checking_writes_nothing(tmp_path: Path) -> None:
    check_target(tmp_path / "new" / "run")
    assert list(tmp_path.iterdir()) == []


def test_opening_nothing_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no config\.yaml"):
        open_run(tmp_path)
    with pytest.raises(RunError, match="is no folder"):
        open_run(tmp_path / "none")


def test_events_are_lines_and_a_cut_last_line_is_left_out(tmp_path: Path) -> None:
    run = begin_run(tmp_path, "", {})
    run.write_event({"event": "step", "text": "ä\nb"})
    run.write_event({"event": "done"})
    with run.events_path.open("a") as log:
        log.write('{"event": "st')
    assert run.read_events() == [{"event": "step", "text": "ä\nb"}, {"event": "done"}]


def test_latest_checkpoint_is_the_one_with_most_steps(tmp_path: Path) -> None:
    run = begin_run(tmp_path, "", {})
    assert run.latest_checkpoint() is None
    for step in (9, 100, 20):
        run.write_checkpoint(step, b"x")
    assert run.latest_checkpoint() == run.checkpoint_path(100)


def test_a_failed_write_leaves_the_old_file_and_no_scratch(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"old")
    (tmp_path / "b").mkdir()
    with pytest.raises(RunError, match="cannot be written"):
        write_whole(tmp_path / "b", b"new")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a", "b"]


def test_system_errors_become_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="No space left") as caught, file_errors(tmp_path):
        raise OSError(28, "No space left on device")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A zebra-striped man!", "a-zebra-striped-man"),
        ("../../etc/passwd", "etc-passwd"),
        ("¿?", "run"),
        ("Größe_10", "größe-10"),
        ("word " * 40, "word-" * 11 + "word"),
    ],
)
def test_slugs(text: str, name: str) -> None:
    assert slug(text) == name


def test_slugs_of_any_script_fit_a_file_system(tmp_path: Path) -> None:
    (tmp_path / f"{slug('龍' * 300)}-0").mkdir()
    (tmp_path / f"{slug('𠮷' * 300)}-0").mkdir()


def test_free_paths_count_up(tmp_path: Path) -> None:
    paths = []
    for _ in range(3):
        paths.append(free_path(tmp_path, "a b", 5))
        paths[-1].mkdir()
    assert [path.name for path in paths] == ["a-b-5", "a-b-5-2", "a-b-5-3"]


def test_environment_is_json_and_names_the_versions() -> None:
    record = json.loads(json.dumps(describe_environment()))
    assert record["packages"]["clipmatrix"].count(".") == 2


def test_environment_differences_are_named_and_older_records_are_no_difference() -> None:
    here = describe_environment()
    assert differences(here, here) == ""
    assert differences({}, here) == ""
    other = {**here, "packages": {**here["packages"], "torch": "1.0"}, "variables": {"OMP_NUM_THREADS": "77"}}
    assert differences(other, here) == f"torch 1.0, here {here['packages']['torch']}"


def test_encoders_are_told_by_a_digest_of_their_weights() -> None:
    assert len(describe_environment("mini")["encoder"]) == 16
    assert describe_environment("fake")["encoder"] is None
    assert describe_environment("no/such-encoder")["encoder"] is None


def test_full_disks_are_told_before_anything_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "free_bytes", lambda path: 3e6)
    check_target(tmp_path, 2_000_000)
    with pytest.raises(RunError, match="needs about 80 MB, and 3 MB are free"):
        check_target(tmp_path, 80_000_000)


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on the size of files makes the system itself refuse, as a full disk does."""
    resource = pytest.importorskip("resource")
    write_whole(tmp_path / "state", b"old")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        with pytest.raises(RunError, match="make room on that disk"):
            write_whole(tmp_path / "state", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, handler)
    assert [(item.name, item.read_bytes()) for item in tmp_path.iterdir()] == [("state", b"old")]


def test_what_a_kill_leaves_of_a_begun_run_can_be_begun_again(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / ".config.yaml.123").write_text("se")
    check_target(tmp_path)
    (tmp_path / "checkpoints" / "mine").write_text("x")
    with pytest.raises(RunError, match="no run of clipmatrix"):
        check_target(tmp_path)


def test_cutting_the_log_keeps_whole_lines(tmp_path: Path) -> None:
    run = begin_run(tmp_path, "", {})
    run.write_event({"event": "step", "step": 1})
    length = run.log_bytes()
    run.write_event({"event": "step", "step": 2})
    run.cut_log(length + 5)
    assert run.read_events() == [{"event": "step", "step": 1}]
    run.cut_log(10**9)
    assert run.log_bytes() == length


def test_damaged_records_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    run = begin_run(tmp_path, "", {})
    run.events_path.write_bytes(b'{"event": "step"}\n[1]\n\xff\xfe\x00')
    assert run.read_events() == [{"event": "step"}]
    run.environment_path.write_text("[]")
    assert run.read_environment() == {}
    run.environment_path.unlink()
    assert run.read_environment() == {}


def test_the_result_is_made_from_the_best_checkpoint(tmp_path: Path) -> None:
    run = begin_run(tmp_path, "", {})
    assert run.result_checkpoint() is None
    run.write_checkpoint(3, b"x")
    assert run.result_checkpoint() == run.checkpoint_path(3)
    run.best_path.write_bytes(b"x")
    assert run.result_checkpoint() == run.best_path
