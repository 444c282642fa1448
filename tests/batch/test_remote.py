"""Results at an address: whole runs only, failures with their reasons, and records that an index is made from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.batch.small_batch import small_jobs, write_matrix
from tests.studio.run_files import write_run

from clipmatrix.batch.remote import AddressWork, Store, is_address
from clipmatrix.cli.app import run as run_command
from clipmatrix.errors import ConfigError, RunError
from clipmatrix.export.turntable import Part, TurntableConfig
from clipmatrix.generate import exporting
from clipmatrix.runs.index import RunIndex


@pytest.fixture
def store() -> Iterator[Store]:
    """A store in this process's memory."""
    fsspec = pytest.importorskip("fsspec")
    yield Store("memory://bucket/runs")
    files = fsspec.filesystem("memory")
    if files.exists("/bucket"):
        files.rm("/bucket", recursive=True)


def _check(store: Store, folder: Path) -> None:
    run = write_run(folder / "runs", "zebra-0", has_files=True)
    assert store.done() == set()
    store.put_run(run)
    assert store.done() == {"zebra-0"}
    store.put_failure("other", "no room")
    assert store.failures() == {"other": "no room"}
    store.put_failure("other", "")
    store.put_failure("never", "")
    assert store.failures() == {}
    store.fetch_records(folder / "copy")
    with RunIndex(folder / "copy") as index:
        assert index.refresh().num_runs == 1
        assert index.find()[0]["prompt"] == "a zebra striped man"
    before = (folder / "copy" / "zebra-0" / "events.jsonl").stat().st_mtime_ns
    store.fetch_records(folder / "copy")
    assert (folder / "copy" / "zebra-0" / "events.jsonl").stat().st_mtime_ns == before


def test_what_is_put_is_found(store: Store, tmp_path: Path) -> None:
    _check(store, tmp_path)


def test_a_log_is_the_last_to_come(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed while copying leaves nothing that looks like a run."""
    from clipmatrix.batch import remote

    put: list[str] = []
    real = remote._put
    monkeypatch.setattr(remote, "_put", lambda files, path, target: (put.append(path.name), real(files, path, target)))
    store.put_run(write_run(tmp_path, "zebra-0", has_files=True))
    assert put[-1] == "events.jsonl"
    assert "model.glb" in put


def test_a_job_is_made_and_brought_there(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = TurntableConfig(parts=(Part("poses", 0.1),), size=16)
    monkeypatch.setattr(exporting, "film_config", lambda config: film)
    good = small_jobs(tmp_path, ["a red person"], steps=2)[0]
    bad = good.yaml.replace("tube.obj", "none.obj")
    work = AddressWork(store, "call", ((good.name, good.yaml), ("bad", bad)))
    assert work(good.name) == "done"
    assert store.done() == {good.name}
    assert work("bad") == "failed"
    assert "none.obj" in store.failures()["bad"]


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert is_address("s3://bucket/runs")
    assert not is_address("runs")
    with pytest.raises(ConfigError, match="no address that is known"):
        Store("nothing://bucket").done()
    with pytest.raises(RunError, match="cannot be used"):
        Store("file:///dev/null/runs").put_failure("a", "b")
    matrix = write_matrix(tmp_path, ["a red person"])
    assert run_command(["batch", str(matrix), "--out", "memory://bucket/runs"]) == 2
    assert "add --ray ADDRESS, or --ray local" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::Warning")
def test_the_same_at_an_s3_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that speaks S3, on this machine."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        import fsspec

        fsspec.filesystem("s3").mkdir("bucket")
        _check(Store("s3://bucket/runs"), tmp_path)
    finally:
        server.stop()
