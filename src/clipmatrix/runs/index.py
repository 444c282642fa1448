"""An index of a folder of runs in SQLite, made from their records and kept true to them; knows nothing of terminals.

It lies in DIR/.runs.sqlite, or in memory where the folder cannot be written to. It can be removed at any time: all of
it can be made again from the run directories.
"""

import functools
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from clipmatrix.errors import RunError
from clipmatrix.intake import read_bounded
from clipmatrix.runs.directory import Run
from clipmatrix.runs.queries import COLUMNS, JSON_COLUMNS, Condition, Order
from clipmatrix.runs.summaries import Summary, is_name, read_summary

INDEX_NAME = ".runs.sqlite"
_VERSION = 1
_SECONDS_TO_WAIT = 30.0
_PUT_AT_ONCE = 500
_LARGEST_SETTINGS = 1_000_000
_OUTERMOST = re.compile(r"^(?=\w+:)", re.MULTILINE)
_ANCHOR = re.compile(r"[&*]\w")

Row = dict[str, Any]


@dataclass(frozen=True)
class Refreshed:
    """What a look at the folder came to: how many runs there are, and how many records were read anew."""

    num_runs: int
    num_read: int


class RunIndex:
    """The index of the runs directly in the folder ``runs``. To be closed, or used as a context."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._base = _open(runs / INDEX_NAME)

    def __enter__(self) -> "RunIndex":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets the file go."""
        self._base.close()

    def rebuild(self, on_progress: Callable[[int, int], None] | None = None) -> Refreshed:
        """Forgets everything, and reads all records anew.

        Raises:
            RunError: the folder cannot be read, or the index cannot be written.
        """
        with _database_errors(self._runs), self._base:
            self._base.execute("DELETE FROM runs")
        return self.refresh(on_progress)

    def refresh(self, on_progress: Callable[[int, int], None] | None = None) -> Refreshed:
        """Reads the records that changed since they were last read, by the time and the length of their logs.

        Raises:
            RunError: the folder cannot be read, or the index cannot be written.
        """
        with _database_errors(self._runs):
            known = {
                name: (mtime, size) for name, mtime, size in self._base.execute("SELECT name, mtime, size FROM runs")
            }
            found = dict(self._scan())
            changed = [name for name, stamp in found.items() if known.get(name) != stamp]
            for first in range(0, len(changed), _PUT_AT_ONCE):
                rows = [self._row(name, found[name]) for name in changed[first : first + _PUT_AT_ONCE]]
                self._put([row for row in rows if row is not None])
                if on_progress is not None:
                    on_progress(min(first + _PUT_AT_ONCE, len(changed)), len(changed))
            gone = [(name,) for name in known if name not in found]
            if gone:
                with self._base:
                    self._base.executemany("DELETE FROM runs WHERE name = ?", gone)
        return Refreshed(len(found), len(changed))

    def find(
        self, conditions: Sequence[Condition] = (), order: Order | None = None, limit: int | None = None
    ) -> list[Row]:
        """The runs for which all conditions hold, the newest first where no other order is given.

        Raises:
            RunError: the index cannot be read.
        """
        where = " AND ".join(condition.sql for condition in conditions) or "1"
        values = [value for condition in conditions for value in condition.values]
        values += order.values if order else []
        by = f"{order.sql}, name" if order else "made DESC, name"
        names = ", ".join(COLUMNS)
        text = f"SELECT {names} FROM runs WHERE {where} ORDER BY {by} LIMIT ?"
        with _database_errors(self._runs):
            found = self._base.execute(text, [*values, -1 if limit is None else limit])
            return [_plain(dict(zip(COLUMNS, row, strict=True))) for row in found]

    def settings(self, name: str) -> Row:
        """The settings of one run; empty where they cannot be read."""
        with _database_errors(self._runs):
            row = self._base.execute("SELECT settings FROM runs WHERE name = ?", [name]).fetchone()
        return json.loads(row[0]) if row else {}

    def summaries(self) -> list[Summary]:
        """All runs, the newest first; whether they have files is looked up now, since logs do not tell of removals."""
        return [_summary(row, Run(self._runs / row["name"])) for row in self.find()]

    def _scan(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """The names of all runs, each with the time and the length of its log."""
        try:
            entries = [entry.name for entry in os.scandir(self._runs) if is_name(entry.name)]
        except OSError as error:
            raise RunError(f"{self._runs} cannot be read ({error.strerror}): name a folder of runs") from error
        for name in entries:
            with suppress(OSError):
                stat = os.stat(f"{self._runs}/{name}/events.jsonl")
                yield name, (stat.st_mtime_ns, stat.st_size)

    def _row(self, name: str, stamp: tuple[int, int]) -> tuple[Any, ...] | None:
        run = Run(self._runs / name)
        try:
            summary = read_summary(run, stamp[0] / 1e9)
        except OSError:
            return None
        values = {column: getattr(summary, column, None) for column in COLUMNS}
        values["prompt"] = summary.title if summary.prompts else ""
        for column in JSON_COLUMNS:
            values[column] = json.dumps(values[column], ensure_ascii=False)
        return (*values.values(), json.dumps(_read_settings(run), ensure_ascii=False), *stamp)

    def _put(self, rows: list[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * (len(COLUMNS) + 3))
        with self._base:
            self._base.executemany(f"INSERT OR REPLACE INTO runs VALUES ({marks})", rows)


def _open(path: Path) -> sqlite3.Connection:
    """The database at ``path``, made anew where it is damaged or of another version; in memory if it cannot be made."""
    for is_second in (False, True):
        try:
            base = sqlite3.connect(path, timeout=_SECONDS_TO_WAIT, check_same_thread=False)
        except sqlite3.Error:
            break
        try:
            _prepare(base)
            return base
        except sqlite3.OperationalError:
            # Not ours to write, or not there.
            base.close()
            break
        except sqlite3.DatabaseError:
            base.close()
            if not is_second:
                with suppress(OSError):
                    path.unlink()
    base = sqlite3.connect(":memory:", check_same_thread=False)
    _prepare(base)
    return base


def _prepare(base: sqlite3.Connection) -> None:
    version = base.execute("PRAGMA user_version").fetchone()[0]
    with base:
        # Also tells whether the file can be written to.
        base.execute("BEGIN IMMEDIATE")
        if version != _VERSION:
            base.execute("DROP TABLE IF EXISTS runs")
            columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            base.execute(
                f"CREATE TABLE runs ({columns}, settings TEXT, mtime INTEGER, size INTEGER, PRIMARY KEY (name))"
            )
            base.execute(f"PRAGMA user_version = {_VERSION}")


class _database_errors:
    """Turns the database's complaints into one line."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            place = self._runs / INDEX_NAME
            raise RunError(f"the index {place} cannot be used ({error}): remove it, and call again") from error


def _read_settings(run: Run) -> Row:
    """The run's settings as they were written down; empty where they cannot be read."""
    try:
        text = read_bounded(run.config_path, _LARGEST_SETTINGS).decode("utf-8")
        found = parts_of(text) or parse(text)
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def parts_of(text: str) -> Row | None:
    """The settings of a record, each outermost key for itself; None where they do not stand so.

    Runs differ in few settings, and reading the others again and again would take most of an index's time.
    """
    if _ANCHOR.search(text):
        return None
    found: Row = {}
    for part in filter(None, _OUTERMOST.split(text)):
        try:
            value = _parse_remembered(part)
        except yaml.YAMLError:
            return None
        if not isinstance(value, dict) or len(value) != 1:
            return None
        found |= value
    return found


def parse(text: str) -> Any:
    """The text as YAML."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


_parse_remembered = functools.lru_cache(2000)(parse)


def _plain(row: Row) -> Row:
    """The row with lists and truth values as such."""
    for column in JSON_COLUMNS:
        row[column] = json.loads(row[column])
    for column, kind in COLUMNS.items():
        if kind == "BOOLEAN" and row[column] is not None:
            row[column] = bool(row[column])
    return row


def _summary(row: Row, run: Run) -> Summary:
    values: Row = {name: row[name] for name in Summary.__dataclass_fields__}
    values |= {name: tuple(row[name]) for name in JSON_COLUMNS}
    values |= {"has_model": run.glb_path.is_file(), "has_film": run.turntable_path.is_file()}
    return Summary(**values)
