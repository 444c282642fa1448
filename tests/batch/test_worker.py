"""One process that does job after job: what it makes, leaves, gives up, and leaves to others."""

import dataclasses
from pathlib import Path

import pytest
from tests.batch.small_batch import small_jobs

from clipmatrix.batch import worker
from clipmatrix.batch.places import MOST_TRIES, JobRecord, Places
from clipmatrix.batch.plan import Job
from clipmatrix.batch.worker import Shift, do_job, is_ended, work
from clipmatrix.errors import RunError
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting, loop
from clipmatrix.generate.loading import load_parts
from clipmatrix.generate.sharing import PartsShelf
from clipmatrix.runs.directory import Run

CALL = "call"


@pytest.fixture(autouse=True)
def _short_film(monkeypatch: pytest.MonkeyPatch) -> None:
    film = TurntableConfig(parts=(Part("poses", 0.1),), size=16)
    monkeypatch.setattr(exporting, "film_config", lambda config: film)


class _Teller:
    """Keeps what it is told, and says that the shift is over after so many tellings."""

    def __init__(self, most: int = 10**9) -> None:
        self.told: list[tuple[str, str]] = []
        self.asked, self._most = 0, most

    def __call__(self, name: str, state: str, share: float) -> None:
        assert 0.0 <= share <= 1.0
        if (name, state) not in self.told:
            self.told.append((name, state))

    def is_over(self) -> bool:
        self.asked += 1
        return self.asked > self._most


def _shift(out: Path, jobs: tuple[Job, ...], teller: _Teller, call: str = CALL) -> Shift:
    places = Places(out)
    places.prepare(jobs, call)
    return Shift(places, call, teller, teller.is_over)


def _files(run: Run) -> dict[str, bytes]:
    last = run.latest_checkpoint()
    assert last is not None
    return {path.name: path.read_bytes() for path in (last, run.best_path, run.glb_path, run.albedo_path)}


@pytest.mark.slow
def test_jobs_end_with_the_bytes_of_single_runs(tmp_path: Path) -> None:
    """Also the second of a process, which takes over body, encoder and poses of the first."""
    jobs = small_jobs(tmp_path, ["a red person", "a blue person"])
    teller = _Teller()
    work(_shift(tmp_path / "out", jobs, teller), PartsShelf())
    assert [state for _, state in teller.told] == ["running", "done", "running", "done"]
    for job in jobs:
        for _ in loop.stream(job.config, tmp_path / "single", load_parts(job.config)):
            pass
        assert _files(Run(tmp_path / "out" / job.name)) == _files(Run(tmp_path / "single"))


def test_done_jobs_are_left_as_they_are(tmp_path: Path) -> None:
    jobs = small_jobs(tmp_path, ["a red person"])
    shift = _shift(tmp_path / "out", jobs, _Teller())
    work(shift, PartsShelf())
    before = Run(tmp_path / "out" / jobs[0].name).events_path.stat().st_mtime_ns
    teller = _Teller()
    work(_shift(tmp_path / "out", jobs, teller, "another"), PartsShelf())
    assert teller.told == []
    assert Run(tmp_path / "out" / jobs[0].name).events_path.stat().st_mtime_ns == before


def test_who_leaves_is_gone_on_with_to_the_same_bytes(tmp_path: Path) -> None:
    jobs = tuple(
        dataclasses.replace(job, yaml=job.yaml.replace("save_every_s: 1.0", "save_every_s: 0.0"))
        for job in small_jobs(tmp_path, ["a red person"], steps=8)
    )
    teller = _Teller(most=6)
    work(_shift(tmp_path / "out", jobs, teller), PartsShelf())
    run = Run(tmp_path / "out" / jobs[0].name)
    assert teller.told[-1] == (jobs[0].name, "left")
    assert run.state_path.is_file()
    assert not run.glb_path.exists()
    work(_shift(tmp_path / "out", jobs, _Teller(), "second"), PartsShelf())
    steps = [record["step"] for record in run.read_events() if record["event"] == "step"]
    assert steps == list(range(1, 9))
    single = dataclasses.replace(jobs[0].config, save_every_s=0.0)
    for _ in loop.stream(single, tmp_path / "single", load_parts(single)):
        pass
    assert _files(run)["best.safetensors"] == _files(Run(tmp_path / "single"))["best.safetensors"]


def test_a_failure_is_tried_again_after_the_others_and_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = small_jobs(tmp_path, ["a red person", "a blue person"])
    bad, good = jobs
    real, begun = loop.stream, []

    def stream(config, out, parts=None, **rest):
        begun.append(out.name)
        if out.name == bad.name:
            raise RunError("no room\non the disk: make some")
        return real(config, out, parts, **rest)

    monkeypatch.setattr(worker.loop, "stream", stream)
    teller = _Teller()
    shift = _shift(tmp_path / "out", jobs, teller)
    work(shift, PartsShelf())
    assert begun == [bad.name, good.name, bad.name]
    assert shift.places.failures([bad.name, good.name]) == {bad.name: "no room on the disk: make some"}
    assert shift.places.is_done(good.name)
    monkeypatch.setattr(worker.loop, "stream", real)
    work(_shift(tmp_path / "out", jobs, _Teller(), "later"), PartsShelf())
    assert shift.places.failures([bad.name, good.name]) == {}
    assert shift.places.is_done(bad.name)


def test_an_error_that_nobody_foresaw_ends_its_own_job_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = small_jobs(tmp_path, ["a red person"])

    def stream(*_args, **_kwargs):
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(worker.loop, "stream", stream)
    shift = _shift(tmp_path / "out", jobs, _Teller())
    work(shift, PartsShelf())
    reason = shift.places.failures([jobs[0].name])[jobs[0].name]
    assert reason.startswith("ZeroDivisionError: by zero; see ")
    assert "in stream" in shift.places.error_path(jobs[0].name).read_text()


def test_a_job_that_kills_its_process_is_given_up(tmp_path: Path) -> None:
    jobs = small_jobs(tmp_path, ["a red person"])
    shift = _shift(tmp_path / "out", jobs, _Teller())
    record = JobRecord()
    for _ in range(MOST_TRIES):
        record = record.begun(CALL)
    shift.places.write(jobs[0].name, record)
    work(shift, PartsShelf())
    assert "killed 2 times" in shift.places.failures([jobs[0].name])[jobs[0].name]
    assert is_ended(shift.places, jobs[0].name, CALL)
    assert not is_ended(shift.places, jobs[0].name, "a later call")


def test_a_job_that_another_process_holds_is_not_touched(tmp_path: Path) -> None:
    jobs = small_jobs(tmp_path, ["a red person"])
    shift = _shift(tmp_path / "out", jobs, _Teller())
    theirs = shift.places.lock(jobs[0].name)
    assert theirs.acquire()
    assert do_job(shift, jobs[0].name, PartsShelf()) == "taken"
    assert not (tmp_path / "out" / jobs[0].name).exists()
    theirs.release()
    assert do_job(shift, jobs[0].name, PartsShelf()) == "done"


def test_what_holds_no_state_is_made_again(tmp_path: Path) -> None:
    """As a killed run of an older version leaves it: steps in the log, and nothing to go on from."""
    jobs = small_jobs(tmp_path, ["a red person"])
    shift = _shift(tmp_path / "out", jobs, _Teller())
    run = Run(tmp_path / "out" / jobs[0].name)
    run.path.mkdir()
    run.config_path.write_text(jobs[0].yaml, encoding="utf-8")
    run.events_path.write_text('{"event": "step", "step": 3}\n', encoding="utf-8")
    assert do_job(shift, jobs[0].name, PartsShelf()) == "done"
    assert run.glb_path.is_file()


def test_damaged_records_are_no_obstacle(tmp_path: Path) -> None:
    jobs = small_jobs(tmp_path, ["a red person"])
    places = Places(tmp_path / "out")
    places.prepare(jobs, CALL)
    for text in ("", "[]", '{"state": 3, "tries": [1]}', '{"colour": "red"}'):
        (tmp_path / "out" / ".batch" / "jobs" / f"{jobs[0].name}.json").write_text(text)
        assert places.read(jobs[0].name) == JobRecord()


def test_many_calls_are_forgotten() -> None:
    record = JobRecord()
    for number in range(50):
        record = record.begun(f"call {number}")
    assert len(record.tries) < 12
    assert record.tries["call 49"] == 1
