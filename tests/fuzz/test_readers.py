"""Broken files end in one clean line, whoever reads them; ``benchmarks/fuzz.py`` tries many thousands more."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fuzz.mutations import mutate
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.trial import find_fault

_QUICK, _LONG = 8, 200


def _mutated(name: str, seeds: list[bytes], number: int) -> bytes:
    rng = random.Random(f"{name}/{number}")
    return mutate(rng.choice(seeds), rng)


@pytest.mark.parametrize("name", READERS)
def test_sound_files_are_read(name: str, tmp_path: Path) -> None:
    """Otherwise all that follows would test one refusal only. A run that is finished is refused by what reads it."""
    reader = READERS[name]
    refused = {"run log", "environment"}
    for seed in reader.seeds(tmp_path):
        path = tmp_path / f"input{reader.suffix}"
        path.write_bytes(seed)
        if name not in refused:
            reader.read(path)
        assert find_fault(reader, seed, tmp_path) is None


@pytest.mark.parametrize("name", READERS)
def test_broken_files_are_refused_or_read(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    seeds = reader.seeds(tmp_path)
    for number in range(_QUICK):
        assert find_fault(reader, _mutated(name, seeds, number), tmp_path) is None, number


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_many_broken_files_are_refused_or_read(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    seeds = reader.seeds(tmp_path)
    for number in range(_QUICK, _LONG):
        assert find_fault(reader, _mutated(name, seeds, number), tmp_path) is None, number


def _reader(read: Callable[[Path], object]) -> Reader:
    return Reader(".bin", lambda _: [b""], read)


def _raise(_: Path) -> object:
    raise KeyError("x")


def _write_outside(path: Path) -> object:
    return (path.parent.parent / "outside").write_text("x")


def _loop(_: Path) -> object:
    while True:
        pass


@pytest.mark.parametrize(
    ("read", "fault"),
    [
        (_raise, "KeyError in test_readers.py"),
        (_write_outside, "reached outside: open"),
        (_loop, r"more than 0.1 s in test_readers.py"),
        (lambda _: None, None),
    ],
)
def test_the_watch_itself_sees_faults(read: Callable[[Path], object], fault: str | None, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    found = find_fault(_reader(read), b"", folder, seconds=0.1)
    assert found is None if fault is None else found is not None and found.startswith(fault)


@pytest.mark.parametrize("name", ["settings", "glb body", "smplx", "checkpoint"])
def test_the_same_seed_breaks_files_the_same_way(name: str, tmp_path: Path) -> None:
    seeds = READERS[name].seeds(tmp_path)
    some = [_mutated(name, seeds, number) for number in range(12)]
    assert some == [_mutated(name, seeds, number) for number in range(12)]
    assert sum(data not in seeds for data in some) > 6
