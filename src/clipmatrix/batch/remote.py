"""Results at an address such as s3://bucket/runs, through ``fsspec``; knows neither clusters nor how a job is done.

ADDRESS/NAME/ is a run as ``create`` leaves it, its log written last: where there is one, the run is whole.
ADDRESS/.batch/NAME.json is what came of a job that failed.
"""

import hashlib
import importlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipmatrix.errors import ClipMatrixError, ConfigError, RunError
from clipmatrix.runs.directory import Run

_LOG = "events.jsonl"
_RECORDS = ("config.yaml", "environment.json", "result/health.json", _LOG)
_EXTRAS = {"s3": "s3", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}


def is_address(out: str) -> bool:
    """Whether it names a place by a scheme, and not a folder."""
    return "://" in out


@dataclass(frozen=True)
class Store:
    """The runs at an address; ``options`` are those of its fsspec file system."""

    address: str
    options: tuple[tuple[str, Any], ...] = ()

    def done(self) -> set[str]:
        """The names of the runs that are whole.

        Raises:
            RunError: the address does not answer.
        """
        files, root = self._open()
        with _store_errors(self.address):
            files.invalidate_cache()
            found = files.glob(f"{root}/*/{_LOG}")
        return {str(path).split("/")[-2] for path in found}

    def put_run(self, run: Run) -> None:
        """Copies a finished run there, its log last.

        Raises:
            RunError: the address does not answer.
        """
        files, root = self._open()
        target = f"{root}/{run.path.name}"
        local = [path for path in sorted(run.path.rglob("*")) if path.is_file() and path.name != _LOG]
        with _store_errors(self.address):
            for path in local:
                _put(files, path, f"{target}/{path.relative_to(run.path).as_posix()}")
            _put(files, run.events_path, f"{target}/{_LOG}")

    def put_failure(self, name: str, reason: str) -> None:
        """Writes down why a job has failed; an empty reason takes that back.

        Raises:
            RunError: the address does not answer.
        """
        files, root = self._open()
        path = f"{root}/.batch/{name}.json"
        with _store_errors(self.address):
            if reason:
                files.makedirs(f"{root}/.batch", exist_ok=True)
                files.pipe_file(path, json.dumps({"reason": reason}).encode())
            elif files.exists(path):
                files.rm_file(path)

    def failures(self) -> dict[str, str]:
        """Why jobs have failed, by name."""
        files, root = self._open()
        with _store_errors(self.address):
            files.invalidate_cache()
            found = files.glob(f"{root}/.batch/*.json")
            return {Path(str(path)).stem: str(json.loads(files.cat_file(path))["reason"]) for path in found}

    def fetch_records(self, folder: Path) -> None:
        """Copies what an index needs of all whole runs to a folder: settings, logs, health; only what has changed.

        Raises:
            RunError: the address does not answer, or the folder cannot be written to.
        """
        files, root = self._open()
        names = self.done()
        with _store_errors(self.address):
            for name in sorted(names):
                size = files.size(f"{root}/{name}/{_LOG}")
                log = folder / name / _LOG
                if log.is_file() and log.stat().st_size == size:
                    continue
                for part in _RECORDS:
                    target = folder / name / part
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with suppress(FileNotFoundError):
                        target.write_bytes(files.cat_file(f"{root}/{name}/{part}"))

    def cache_folder(self) -> Path:
        """Where this user's copy of its records lies."""
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clipmatrix"
        folder = base / f"records-{hashlib.sha256(self.address.encode()).hexdigest()[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _open(self) -> tuple[Any, str]:
        try:
            fsspec = importlib.import_module("fsspec")
            files, root = fsspec.core.url_to_fs(self.address, **dict(self.options))
        except ImportError as error:
            scheme = self.address.split("://")[0]
            extra = _EXTRAS.get(scheme, scheme)
            name = f"'clipmatrix[{extra}]'" if extra == "s3" else extra
            raise ConfigError(f"{self.address} needs a package that is not here: pip install {name}") from error
        except ValueError as error:
            raise ConfigError(
                f"{self.address} is no address that is known: use a folder, or s3://bucket/folder"
            ) from error
        return files, str(root).rstrip("/")


@dataclass(frozen=True)
class AddressWork:
    """A job whose run is made in a scratch folder of whichever machine, and then copied to the store."""

    store: Store
    call: str
    yamls: tuple[tuple[str, str], ...]

    def __call__(self, name: str) -> str:
        from clipmatrix.batch.places import Places
        from clipmatrix.batch.ray_crew import process_shelf
        from clipmatrix.batch.worker import Shift, do_job

        with tempfile.TemporaryDirectory(prefix="clipmatrix-") as scratch:
            places = Places(Path(scratch))
            places.prepare_texts({name: dict(self.yamls)[name]}, self.call)
            outcome = do_job(Shift(places, self.call, lambda *_: None, lambda: False), name, process_shelf())
            if outcome == "done":
                self.store.put_run(places.run(name))
                self.store.put_failure(name, "")
            elif outcome == "failed":
                self.store.put_failure(name, places.read(name).reason)
        return outcome


def _put(files: Any, path: Path, target: str) -> None:
    files.makedirs(target.rpartition("/")[0], exist_ok=True)
    files.put_file(str(path), target)


@contextmanager
def _store_errors(address: str) -> Iterator[None]:
    try:
        yield
    except ClipMatrixError:
        raise
    except Exception as error:
        # Each kind of store has errors of its own beside those of the system.
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"{address} cannot be used ({reason}): look at its name, and whether you may write there"
        ) from error
