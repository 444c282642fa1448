"""A search as a stream: its progress while it runs, its result at the end; knows nothing of what is searched."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

import torch

_Result = TypeVar("_Result")


class _Stopped(Exception):
    """The consumer no longer wants the result."""


class ProgressStream(Generic[_Result]):
    """Runs a function that calls back in a thread of its own, and yields what it calls back with.

    ``yield from`` it to get the function's result. When the consumer ends early, the function is ended at its next
    call back, and waited for.
    """

    def __init__(self, work: Callable[[Callable[[int], None]], _Result]) -> None:
        self._work = work

    def __iter__(self) -> Generator[int, None, _Result]:
        messages: queue.Queue[int | None] = queue.Queue()
        is_wanted = threading.Event()
        is_wanted.set()
        outcome: list[_Result | BaseException] = []
        num_threads = torch.get_num_threads()

        def on_progress(count: int) -> None:
            if not is_wanted.is_set():
                raise _Stopped
            messages.put(count)

        def run() -> None:
            # A new thread begins with torch's default number of threads, and results may depend on it.
            torch.set_num_threads(num_threads)
            try:
                outcome.append(self._work(on_progress))
            except BaseException as error:
                outcome.append(error)
            messages.put(None)

        thread = threading.Thread(target=run, name="clipmatrix-search")
        thread.start()
        try:
            while (count := messages.get()) is not None:
                yield count
        finally:
            is_wanted.clear()
            thread.join()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]
