"""A real cluster of several nodes on this machine: one is killed in the middle, the client is killed and comes back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.batch.quick_work import hand_out
from tests.batch.small_batch import small_jobs

from clipmatrix.batch.batch import BatchConfig, run_batch
from clipmatrix.batch.ray_crew import RayCrew, run_ray
from clipmatrix.batch.watching import Watch
from clipmatrix.errors import ConfigError
from clipmatrix.runs.directory import Run
from clipmatrix.runs.index import RunIndex

PATIENCE = 240.0
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.filterwarnings("ignore::Warning")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head that does nothing, and two nodes with one processor each."""
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield made
    made.shutdown()


def _until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.05)


def _lines(folder: Path, ending: str) -> dict[str, int]:
    return {path.stem: len(path.read_text().splitlines()) for path in folder.glob(f"*.{ending}")}


@pytest.mark.slow
def test_all_jobs_end_once_though_a_node_is_killed(cluster: Any, tmp_path: Path) -> None:
    import threading

    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]

    def kill() -> None:
        _until(lambda: len(_lines(tmp_path, "begun")) >= 3, "work")
        cluster.remove_node(nodes[0], allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    lost = hand_out(cluster.address, tmp_path, 12)
    killer.join()
    assert lost == {}
    assert _lines(tmp_path, "done") == {f"job-{number:02d}": 1 for number in range(12)}
    # One that was under way on the killed node was begun twice; none else was.
    assert sum(_lines(tmp_path, "begun").values()) <= 12 + 2


@pytest.mark.slow
@pytest.mark.long
def test_a_client_that_is_killed_comes_back_to_what_is_missing(cluster: Any, tmp_path: Path) -> None:
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    call = f"hand_out({cluster.address!r}, pathlib.Path({str(tmp_path)!r}), 12)"
    code = f"import pathlib; from tests.batch.quick_work import hand_out; {call}"
    client = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL)
    _until(lambda: len(_lines(tmp_path, "done")) >= 3, "three jobs")
    client.send_signal(signal.SIGKILL)
    client.wait()
    before = _lines(tmp_path, "done")
    assert len(before) < 12
    assert hand_out(cluster.address, tmp_path, 12) == {}
    assert _lines(tmp_path, "done") == {f"job-{number:02d}": 1 for number in range(12)}


@pytest.mark.slow
@pytest.mark.long
def test_runs_of_a_cluster_are_those_of_this_machine(cluster: Any, tmp_path: Path) -> None:
    """The same bytes, each once in the index, and nothing is made again."""
    cluster.add_node(num_cpus=1)
    jobs = small_jobs(tmp_path, ["a red person", "a blue person"], steps=4)
    config = BatchConfig(memory_bytes=10**7, ray=cluster.address)
    outcome = run_batch(jobs, tmp_path / "cluster", config, lambda standing: None)
    assert (outcome.done, outcome.failures) == (2, {})
    run_batch(jobs, tmp_path / "local", BatchConfig(1, 10**7), lambda standing: None)
    for job in jobs:
        runs = [Run(tmp_path / place / job.name) for place in ("cluster", "local")]
        assert runs[0].glb_path.read_bytes() == runs[1].glb_path.read_bytes()
        assert runs[0].best_path.read_bytes() == runs[1].best_path.read_bytes()
    with RunIndex(tmp_path / "cluster") as index:
        index.refresh()
        assert sorted(row["name"] for row in index.find()) == sorted(job.name for job in jobs)


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    watch = Watch(lambda name: False, ("a",), lambda standing: None)
    with pytest.raises(ConfigError, match=r"pip install 'clipmatrix\[ray\]'"):
        run_ray(str, ("a",), RayCrew("local", 1), watch, lambda name: False, lambda *_: None, lambda: False)
