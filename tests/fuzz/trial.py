"""One broken file given to its reader under watch: what must not happen, told in words; knows no format."""

import contextlib
import os
import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fuzz.readers import Reader

from clipmatrix.errors import ClipMatrixError

_WRITING = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "shutil.rmtree", "os.truncate")
_OUTWARD = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")


class TooLongError(BaseException):
    """The reader has used up its time; no reader catches this."""


class _Watch:
    """What the interpreter tells of while a file is read: files opened to be written, others' processes, networks."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None or threading.current_thread() is not threading.main_thread():
            return
        if event in _OUTWARD:
            self.seen.append(f"{event}{arguments[:1]}")
        elif event == "open" and isinstance(arguments[0], str | bytes):
            mode, flags = arguments[1], arguments[2]
            if any(letter in (mode or "") for letter in "wax+") or (not mode and flags & 3):
                self._place(event, arguments[0])
        elif event in _WRITING:
            self._place(event, arguments[0])

    def _place(self, event: str, place: Any) -> None:
        name = place.decode(errors="replace") if isinstance(place, bytes) else str(place)
        if self.folder is not None and not Path(name).resolve().is_relative_to(self.folder) and name != "/dev/null":
            self.seen.append(f"{event} {name}")


_watch: list[_Watch] = []


@contextlib.contextmanager
def _watched(folder: Path) -> Iterator[_Watch]:
    if not _watch:
        # An audit hook cannot be taken away again, so there is one for the whole process.
        _watch.append(_Watch())
    (watch,) = _watch
    watch.seen, watch.folder = [], folder.resolve()
    # Where torch's compiler keeps things, once a library asks for it.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "torch")
    try:
        yield watch
    finally:
        watch.folder = None


def find_fault(reader: Reader, data: bytes, folder: Path, seconds: float = 10.0) -> str | None:
    """What the reader did wrong with the file: one line and where, or None. ``seconds`` are of the processor."""
    path = folder / f"input{reader.suffix}"
    path.write_bytes(data)

    def stop(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    fault: str | None = None
    with _watched(folder) as watch:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader.read(path)
        except ClipMatrixError as error:
            if re.search(r"[\x00-\x1f\u202a-\u202e]", str(error)) or len(str(error)) > 600:
                fault = f"a text of {len(str(error))} characters, several lines or with controls: {str(error)!r:.200}"
        except TooLongError as error:
            fault = f"more than {seconds:g} s in {_place(error)}"
        except Exception as error:
            fault = f"{type(error).__name__} in {_place(error)}: {' '.join(str(error).split())[:100]}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            signal.signal(signal.SIGPROF, before)
    return fault or (f"reached outside: {watch.seen[0]}" if watch.seen else None)


def _place(error: BaseException) -> str:
    """The deepest line of ours that the error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, TooLongError):
        # The last one is that of the alarm.
        frames = frames[:-1]
    ours = [frame for frame in frames if "clipmatrix" in Path(frame.filename).parts]
    frame = (ours or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno} ({frames[-1].name})"
