"""How many workers a machine bears."""

import dataclasses

import pytest

from clipmatrix.batch.sizing import Machine, job_bytes, num_workers, this_machine
from clipmatrix.config import RunConfig, preset
from clipmatrix.errors import ConfigError

GB = 10**9


def test_one_a_processor_as_far_as_the_memory_goes() -> None:
    assert num_workers(Machine(8, 64 * GB), GB, None, 100) == 8
    # 0.85 of 4 GB are 3.4, of which 0.35 are shared: three of 1 GB fit.
    assert num_workers(Machine(8, 4 * GB), GB, None, 100) == 3
    assert num_workers(Machine(8, GB // 2), GB, None, 100) == 1
    assert num_workers(Machine(8, None), GB, None, 100) == 8
    assert num_workers(Machine(8, 64 * GB), GB, None, 3) == 3
    assert num_workers(Machine(2, 64 * GB), GB, 6, 100) == 6


def test_what_cannot_be() -> None:
    with pytest.raises(ConfigError, match="at least 1, not 0"):
        num_workers(Machine(8, GB), GB, 0, 9)
    with pytest.raises(ConfigError, match=r"5 workers need about 5.0 GB, and 4.0 GB are free: use --workers 3"):
        num_workers(Machine(8, 4 * GB), GB, 5, 9)


def test_larger_textures_and_more_views_take_more() -> None:
    base = preset("draft")
    large = dataclasses.replace(base, scene=dataclasses.replace(base.scene, texture_size=4096))
    bumpy = dataclasses.replace(large, scene=dataclasses.replace(large.scene, normal_map=True))
    assert job_bytes([base]) < job_bytes([preset("fine")]) < job_bytes([large]) < job_bytes([bumpy])
    assert job_bytes([base, large]) == job_bytes([large])
    assert 0.3 * GB < job_bytes([RunConfig()]) < 1.5 * GB


def test_this_machine_has_something() -> None:
    machine = this_machine()
    assert machine.processors >= 1
    assert machine.free_bytes is None or machine.free_bytes > 0
