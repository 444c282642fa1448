"""Broken files for every reader: ``python benchmarks/fuzz.py [--inputs 20000] [--out faults]``.

Spreads the inputs over all readers of files and texts that come from outside. Each is a sound file with one to four
things wrong with it. A fault is anything but a result or one clean line: a traceback, more than ten seconds of the
processor, more memory than the bound, a crash, a place outside that was written to or asked. Inputs with faults are
kept in ``--out``. The same seed gives the same inputs.
"""

import argparse
import collections
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.fuzz.mutations import mutate
from tests.fuzz.readers import READERS
from tests.fuzz.trial import find_fault

from clipmatrix.cli.process import silence_libraries

_STUCK_S = 300.0


def virtual_bytes() -> int:
    """The address space of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def work(name: str, numbers: range, folder: Path, arguments: argparse.Namespace) -> None:
    """Reads the inputs of these numbers, in a process of its own; the last line of the report is where it is."""
    reader = READERS[name]
    seeds = reader.seeds(folder)
    for seed in seeds:
        # Whatever is compiled or loaded once is so before memory is bounded.
        find_fault(reader, seed, folder)
    bound = virtual_bytes() + arguments.megabytes * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    with (folder / "report.jsonl").open("a") as report:
        for number in numbers:
            rng = random.Random(f"{arguments.seed}/{name}/{number}")
            data = mutate(rng.choice(seeds), rng)
            report.write(json.dumps({"number": number}) + "\n")
            report.flush()
            fault = find_fault(reader, data, folder)
            if fault:
                report.write(json.dumps({"number": number, "fault": fault}) + "\n")
                keep(arguments.out, name, number, data)


def keep(out: Path | None, name: str, number: int, data: bytes) -> None:
    """Writes an input with a fault where it can be looked at."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name.replace(' ', '-')}-{number}{READERS[name].suffix}").write_bytes(data)


def watch(name: str, numbers: range, folder: Path, arguments: argparse.Namespace) -> tuple[int, list[str]]:
    """How far a process with these inputs came, and the faults that it met, its own end among them."""
    report = folder / "report.jsonl"
    report.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            work(name, numbers, folder, arguments)
            os._exit(0)
        except BaseException as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            os._exit(3)
    status = None
    while status is None:
        time.sleep(0.2)
        done, code = os.waitpid(child, os.WNOHANG)
        status = code if done else None
        is_stuck = report.exists() and time.time() - report.stat().st_mtime > _STUCK_S
        if status is None and is_stuck:
            os.kill(child, signal.SIGKILL)
    lines = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
    faults = [line["fault"] for line in lines if "fault" in line]
    last = lines[-1]["number"] if lines else numbers.start
    if status != 0:
        is_killed = os.WIFSIGNALED(status)
        faults.append(f"ended by signal {os.WTERMSIG(status)}" if is_killed else "ended by an error of its own")
        rng = random.Random(f"{arguments.seed}/{name}/{last}")
        keep(arguments.out, name, last, mutate(rng.choice(READERS[name].seeds(folder)), rng))
    return (last + 1 if status != 0 else numbers.stop), faults


def main() -> None:
    """Reads, counts and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--only", nargs="+", choices=list(READERS), default=list(READERS))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.out is not None:
        arguments.out = arguments.out.absolute()
    silence_libraries()
    share = -(-arguments.inputs // len(arguments.only))
    total = 0
    print("| reader | inputs | faults | seconds |\n|---|---|---|---|", flush=True)
    for name in arguments.only:
        began, place, faults = time.monotonic(), arguments.first, []
        end = arguments.first + share
        while place < end:
            with tempfile.TemporaryDirectory() as folder:
                place, found = watch(name, range(place, end), Path(folder), arguments)
            faults += found
        total += len(faults)
        print(f"| {name} | {share} | {len(faults)} | {time.monotonic() - began:.0f} |", flush=True)
        for fault, count in collections.Counter(faults).most_common(20):
            print(f"  {count} x {fault}", file=sys.stderr, flush=True)
    print(f"{share * len(arguments.only)} inputs, {total} faults")
    sys.exit(0 if total == 0 else 1)


if __name__ == "__main__":
    main()
