"""Jobs on the disk: their order, their names, and what a restart finds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from clipmatrix.errors import RunError
from clipmatrix.studio.jobs import MOST_WAITING, Queue, QueueFullError


def test_jobs_are_taken_in_their_order_and_survive_a_restart(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    first, second = queue.add("a zebra", 1, "seed: 1"), queue.add("a zebra", 2, "seed: 2")
    third = queue.put_first(queue.add("a giant", 3, "seed: 3"))
    assert [job.number for job in queue.waiting()] == [third.number, first.number, second.number]
    again = Queue(tmp_path)
    assert again.waiting() == queue.waiting()
    assert again.config_path(second).read_text() == "seed: 2"


def test_names_are_free_and_harmless(tmp_path: Path) -> None:
    (tmp_path / "a-zebra-1").mkdir()
    queue = Queue(tmp_path)
    names = [queue.add(text, 1, "").name for text in ("a zebra", "A  Zebra!", "../../etc/passwd", "..", "x" * 900)]
    assert names[:3] == ["a-zebra-1-2", "a-zebra-1-3", "etc-passwd-1"]
    assert names[3] == "run-1"
    assert all("/" not in name and not name.startswith(".") and len(name.encode()) < 250 for name in names)


def test_a_full_queue_takes_no_more_and_a_batch_fits_whole_or_not_at_all(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    for seed in range(MOST_WAITING - 2):
        queue.add("a zebra", seed, "")
    with pytest.raises(QueueFullError, match=f"{MOST_WAITING - 2} jobs wait already"):
        queue.add("a batch", 0, "", num_more=2)
    queue.add("a zebra", 100, "")
    queue.add("a zebra", 101, "")
    with pytest.raises(QueueFullError, match=f"the queue holds {MOST_WAITING}"):
        queue.add("a zebra", 102, "")
    assert len(queue.waiting()) == MOST_WAITING


def test_removed_jobs_leave_no_files_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    job = queue.add("a zebra", 1, "seed: 1")
    queue.log_path(job).write_text("hm")
    queue.remove(job)
    assert list((tmp_path / ".studio" / "queue").iterdir()) == []
    for seed in range(40):
        queue.put(replace(queue.add("a zebra", seed, ""), state="done"))
    assert len(queue.jobs()) == 31
    assert min(job.seed for job in queue.jobs()) == 9


def test_damaged_records_are_passed_over(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    kept = queue.add("a zebra", 1, "")
    folder = tmp_path / ".studio" / "queue"
    (folder / "000007.json").write_text('{"number": 7, "na')
    (folder / "000008.json").write_text("[]")
    (folder / "000009.json").write_text('{"number": 9}')
    stranger = {"number": 10, "name": "../elsewhere", "title": "x", "seed": 0}
    (folder / "000010.json").write_text(json.dumps(stranger))
    (folder / "000011.json").write_text(json.dumps({**stranger, "number": "11", "name": "x"}))
    assert Queue(tmp_path).jobs() == [kept]


def test_a_run_is_resumed_once(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    waiting = queue.add("a zebra", 1, "")
    job = queue.resume("a-giant-3", "a giant", 3)
    assert job.is_resumed
    assert queue.waiting() == [job, waiting]
    with pytest.raises(RunError, match="in the queue already"):
        queue.resume("a-giant-3", "a giant", 3)


def test_folders_that_cannot_be_made_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="cannot be written"):
        Queue(tmp_path / "file")
